#!/usr/bin/python3
"""A control client for Strata in one file: asks, watches and steers running jobs and runs behind `strata serve`.

    with Client("RUN") as client:             # or Client(endpoint="tcp://ADDRESS:PORT", keys="anna")
        print(client.status().fraction)
        for item in client.events():          # a Sync to begin with, then every event, none missed
            ...

or, as a command, one line of JSON a reply or event:

    strata_client.py [--keys DIR] [--timeout S] [--wait S] RUN|ENDPOINT REQUEST [FIELD=VALUE...]
    strata_client.py RUN status
    strata_client.py RUN persona id=2
    strata_client.py --wait 60 RUN watch

Needs Python 3.9, python3-zmq and python3-protobuf.  The messages are those of `proto/` beside this file's folder, which
protoc (protobuf-compiler) reads at import.  Elsewhere set STRATA_PROTO to that folder, or to the one file that
`protoc --proto_path=proto --include_imports --descriptor_set_out=FILE proto/strata/v1/control.proto` makes of it, which
needs no protoc.  For a type checker `protoc --pyi_out` makes the types of what the methods return.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import re
import secrets
import socket
import stat
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Optional, Sequence, Union

import zmq
import zmq.utils.monitor
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.internal import enum_type_wrapper

if TYPE_CHECKING:
    from strata.v1 import control_pb2 as pb
    from strata.v1.manifest_pb2 import Manifest
    from strata.v1.quality_pb2 import Quality

__all__ = ["Channel", "Client", "Denied", "Finished", "Gone", "Key", "NoReply", "Refused", "Restarted", "StrataError", "Sync",
           "Unreachable", "pb", "read_channel", "read_key"]

PathLike = Union[str, "os.PathLike[str]"]
Value = Union[float, str, None]  # of a customer: None is missing

CLIENT = "strata_client.py"
HANDSHAKE_MS = 1000  # a connection whose other end has said nothing by then is closed
GREETING_S = 5.0  # at most, until a server says who it is
REPLY_BYTES_MAX = 16 << 20
SILENCE_S = 3.5  # without event or heartbeat: the server may be gone
BACK_OFF_S = (0.05, 1.0)  # between two looks for a job that is gone: first, and at most
ANEW_MAX = 8  # times that a reply in pieces is begun anew, as it changes
MONITORED = (zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
             | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
FAILURES_ENOUGH = 2  # handshakes: one alone may be a server that was just leaving
COMMANDS = frozenset(("stop", "checkpoint", "pause", "resume", "cancel", "set"))


# --- the messages ---------------------------------------------------------------------------------


def _descriptors(proto: Path) -> bytes:
    """The descriptors of a folder of .proto files, or what a file holds that protoc made of it."""
    if proto.is_file():
        return proto.read_bytes()
    files = sorted(str(file.relative_to(proto)) for file in proto.glob("strata/v1/*.proto"))
    if not files:
        raise ImportError(f"{proto}: no strata/v1/*.proto there; set STRATA_PROTO to Strata's folder proto")
    try:
        return subprocess.run(["protoc", f"--proto_path={proto}", "--include_imports", "--descriptor_set_out=/dev/stdout",
                               *files], check=True, stdout=subprocess.PIPE).stdout
    except FileNotFoundError:
        raise ImportError("protoc is needed: install protobuf-compiler, or set STRATA_PROTO to a file that it made") from None


def _messages(proto: Path) -> Any:
    """What protoc's Python module of the descriptors would have: classes of messages, enums and their values.

    In a pool of their own, so that modules which protoc generated elsewhere are not disturbed."""
    pool, found = descriptor_pool.DescriptorPool(), types.SimpleNamespace()
    new_class: Any = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    for file in descriptor_pb2.FileDescriptorSet.FromString(_descriptors(proto)).file:
        pool.AddSerializedFile(file.SerializeToString())
        made: Any = pool.FindFileByName(file.name)
        for name, message in made.message_types_by_name.items():
            setattr(found, name, new_class(message))
        for name, enum in made.enum_types_by_name.items():
            setattr(found, name, enum_type_wrapper.EnumTypeWrapper(enum))
            for value in enum.values:
                setattr(found, value.name, value.number)
    return found


if not TYPE_CHECKING:
    pb = _messages(Path(os.environ.get("STRATA_PROTO") or Path(__file__).resolve().parent.parent / "proto"))

OVER = (pb.JOB_STATE_DONE, pb.JOB_STATE_CANCELLED, pb.JOB_STATE_FAILED)


# --- what may go wrong ----------------------------------------------------------------------------


class StrataError(Exception):
    """One sentence: what is wrong, and what helps."""


class Unreachable(StrataError):
    """No answer could be had."""


class Gone(Unreachable):
    """Nobody listens, or not any more: the job has not begun, or was killed.  It may come back."""


class NoReply(Unreachable):
    """Somebody listens, and did not answer in time."""


class Finished(StrataError):
    """The job is over and its results are in the run directory; `strata serve` answers from there."""


class Denied(StrataError):
    """The server does not let this client in, or the client's key is no good."""


class Restarted(StrataError):
    """A command was sent to a server that is gone, and another has come in its place.  The command was not sent again:
    whether it took effect tells the job's state, and the manifest at the end."""


class Refused(StrataError):
    """The server's answer was no."""

    def __init__(self, kind: str, reply: pb.Reply) -> None:
        said = reply.text if kind in reply.text else f"{kind}: {reply.text}" if reply.text else kind
        super().__init__(f"{_name(pb.Code, reply.code)}: {said}")
        self.code, self.reply = reply.code, reply


def _name(enum: Any, value: int) -> str:
    """The name of an enum's value; of one that is newer than this client's proto, the number."""
    return str(enum.Name(value)) if value in enum.values() else str(value)


# --- finding a server -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Key:
    """A client's CURVE key, and the server's public one."""

    public: bytes
    secret: bytes
    server: bytes


def read_key(keys: PathLike) -> Key:
    """The key that `strata keygen` has put into a folder (or its file client.key).  Denied when others can read it."""
    path = Path(keys) / "client.key" if Path(keys).is_dir() else Path(keys)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            facts, text = os.fstat(file.fileno()), file.read(4096)
    except OSError as problem:
        raise Denied(f"{path}: cannot read the key: {problem.strerror}; strata keygen makes keys") from None
    if facts.st_mode & 0o077:
        raise Denied(f"{path}: others can read the key (mode {stat.S_IMODE(facts.st_mode):04o}); make new keys if they may "
                     f"have, then: chmod 600 {path}")
    if facts.st_uid not in (os.geteuid(), 0):
        raise Denied(f"{path}: the key belongs to another user; use one of your own")
    found = dict(re.findall(r'^\s*(public|secret|server)-key\s*=\s*"(.{40})"', text, re.MULTILINE))
    if len(found) != 3:
        raise Denied(f"{path}: not a client's key as strata keygen writes it")
    return Key(**{name: value.encode() for name, value in found.items()})


@dataclasses.dataclass(frozen=True)
class Channel:
    """Where a server listens."""

    requests: str
    events: str = ""  # endpoints; that of the events may be known later, by hello
    incarnation: str = ""  # of the server; empty: not known yet
    host: str = ""  # where it runs
    server_key: str = ""  # public; empty: none is needed, or not known


def read_channel(run: PathLike) -> Channel:
    """What control.json of a run directory says.  Gone or Finished when there is none."""
    path = Path(run) / "control.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Channel(**{f.name: str(said.get(f.name, "")) for f in dataclasses.fields(Channel)})
    except FileNotFoundError:
        if (Path(run) / "result.pb").exists():
            raise Finished(f"{run}: the job is over; its results are there, and strata serve {run} answers") from None
        raise Gone(f"{run}: no job listens here (there is no control.json)") from None
    except (OSError, ValueError, AttributeError) as problem:
        raise StrataError(f"{path}: not a control.json of strata ({problem})") from None


def _is_refused(endpoint: str) -> bool:
    """Whether it is sure that nobody listens there."""
    transport, _, address = endpoint.partition("://")
    try:
        if transport == "ipc":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(0.25)
                probe.connect(address)
        elif transport == "tcp":
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=0.25).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except (OSError, ValueError):
        pass  # it is far, or has much to do
    return False


# --- one connection -------------------------------------------------------------------------------


class _Connection:
    """Sockets to one server: a DEALER for requests and, once subscribed, a SUB for events."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], channel: Channel, key: Optional[Key]) -> None:
        self._context, self._key, self._n_failures, self._since = context, key, 0, 0.0
        self.channel, self.is_lost, self._is_in = channel, False, False
        self._events: Optional[zmq.Socket[bytes]] = None
        self._requests = self._socket(zmq.DEALER)
        self._monitor = self._requests.get_monitor_socket(MONITORED)
        self._connect(self._requests, channel.requests)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        made: zmq.Socket[bytes] = self._context.socket(kind)
        options = {zmq.LINGER: 0, zmq.IPV6: int("[" in self.channel.requests), zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
                   zmq.MAXMSGSIZE: REPLY_BYTES_MAX, zmq.RECONNECT_IVL: 50, zmq.RECONNECT_IVL_MAX: 1000,
                   zmq.HEARTBEAT_IVL: 1000, zmq.HEARTBEAT_TIMEOUT: 3000}
        for option, value in options.items():
            made.setsockopt(option, value)
        if self._key:
            made.setsockopt(zmq.CURVE_SERVERKEY, self._key.server)
            made.setsockopt(zmq.CURVE_PUBLICKEY, self._key.public)
            made.setsockopt(zmq.CURVE_SECRETKEY, self._key.secret)
        return made

    @staticmethod
    def _connect(made: zmq.Socket[bytes], endpoint: str) -> None:
        try:
            made.connect(endpoint)
        except zmq.ZMQError as problem:
            raise StrataError(f"{endpoint}: not an endpoint ({problem}); give one like tcp://127.0.0.1:7001") from None

    def close(self) -> None:
        self.is_lost = True
        self._requests.disable_monitor()
        self._monitor.close()
        self._requests.close()
        if self._events:
            self._events.close()

    def look(self) -> None:
        """Take in what became of the connection: is_lost is then up to date.  Denied when there will be none."""
        while self._monitor.poll(0):
            event = zmq.utils.monitor.recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                raise Denied(f"{self.channel.requests}: the job does not let this key in: its operator must put it into the "
                             "allow-list, before the job starts")
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._n_failures, self._is_in = 0, True
            if event == zmq.EVENT_CONNECTED:
                self._since = time.monotonic()
            if event == zmq.EVENT_DISCONNECTED and self._is_in:
                self.is_lost = True
            is_answer = time.monotonic() - self._since < 0.9 * HANDSHAKE_MS / 1000  # or else silence, of one who is stopped
            if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL and is_answer:
                self._n_failures += 1
            if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
                self._n_failures = FAILURES_ENOUGH
        if self._n_failures >= FAILURES_ENOUGH:
            raise Denied(f"{self.channel.requests}: " + (
                "the job has another key than the one of the server in the keys' folder, or none at all; is it the right "
                "folder?" if self._key else "the job lets only clients with keys in: give keys, or set STRATA_KEYS"))

    def _wait(self, source: zmq.Socket[bytes], until: float) -> bool:
        """Until there is a message (True), the connection is lost, or it is that late."""
        poller = zmq.Poller()
        poller.register(source, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(max(0, int((until - time.monotonic()) * 1000 + 0.999))))
            if source in ready:
                return True
            self.look()
            if self.is_lost or time.monotonic() >= until:
                return False

    def send(self, request: pb.Request) -> None:
        try:
            self._requests.send(request.SerializeToString(), zmq.NOBLOCK)
        except zmq.Again:
            self.is_lost = True  # so much waits to be sent that nobody can be there

    def reply(self, number: int, until: float) -> Optional[pb.Reply]:
        """The reply to the request with that id, None when it did not come."""
        while self._wait(self._requests, until):
            reply: pb.Reply = pb.Reply.FromString(self._requests.recv())
            if reply.id in (number, 0):  # 0: it could not be read
                return reply
        return None

    def subscribe(self) -> None:
        if self._events is None:
            self._events = self._socket(zmq.SUB)
            self._events.setsockopt(zmq.SUBSCRIBE, b"")
            self._connect(self._events, self.channel.events)

    def event(self, until: float) -> Optional[pb.Event]:
        """The next event or heartbeat, None when there is none."""
        assert self._events
        return pb.Event.FromString(self._events.recv()) if self._wait(self._events, until) else None


# --- the client -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Sync:
    """Where the job stands: everything that an event before told is in it, and what follows comes as events."""

    snapshot: pb.SnapshotReply
    why: str  # "begin", "gap": the server has forgotten what was missed, "restart": another server has come


class Client:
    """A client of a run directory, or of an endpoint.  One thread at a time.

    keys       folder of the client's key, as `strata keygen` made it; else the one that STRATA_KEYS names
    timeout_s  for each request: how long to wait for the reply
    wait_s     how long a job that is gone may take to be there again, or a server to be there at all; 0: Gone at once

    A connection that is lost is made anew, with back-off; by run directory the restarted job is found wherever it listens
    now.  Questions are then asked again.  A command is repeated with its id to the same server, which obeys it once, and
    never to another one: Restarted says so.  Every method may raise StrataError's kinds; Refused has the server's code."""

    def __init__(self, run: Optional[PathLike] = None, *, endpoint: str = "", keys: Optional[PathLike] = None,
                 timeout_s: float = 5.0, wait_s: float = 0.0) -> None:
        if (run is None) == (not endpoint):
            raise ValueError("give a run directory or an endpoint")
        self.timeout_s, self.wait_s = timeout_s, wait_s
        self._run, self._endpoint = run, endpoint
        keys = keys or os.environ.get("STRATA_KEYS")
        self._key = read_key(keys) if keys else None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._connection: Optional[_Connection] = None
        self._has_met = False  # anybody, up to now
        self._last_id = secrets.randbits(62)  # so that no other start of this client uses the same

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave; what was sent and not answered is lost."""
        self._drop()
        self._context.term()

    @property
    def channel(self) -> Channel:
        """Where the server listens, with its incarnation."""
        return self._connected(time.monotonic() + self.wait_s).channel

    # --- connecting ---

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _find(self) -> _Connection:
        """A connection to whoever listens now."""
        channel = Channel(requests=self._endpoint) if self._run is None else read_channel(self._run)
        key = None if self._run is not None and not channel.server_key else self._key
        if channel.server_key and not key:
            raise Denied(f"{channel.requests}: the job lets only clients with keys in: give keys, or set STRATA_KEYS")
        if key and channel.server_key and channel.server_key.encode() != key.server:
            raise Denied(f"{channel.requests}: the key is for another server; is it the right folder?")
        if channel.requests.startswith("ipc:") and channel.host not in ("", socket.gethostname()):
            raise Gone(f"{self._run}: the job listens on host {channel.host} only, at {channel.requests}: ask from there")
        if _is_refused(channel.requests):
            raise Gone(f"{self._run or self._endpoint}: the job is gone: nobody listens at {channel.requests} any more")
        made = _Connection(self._context, channel, key)
        try:
            self._greet(made)
            return made
        except BaseException:
            made.close()
            raise

    def _greet(self, connection: _Connection) -> None:
        """Who listens there, and where are its events?"""
        number = self._next_id()
        connection.send(pb.Request(id=number, hello=pb.Hello(client=CLIENT)))
        patience_s = min(self.timeout_s, GREETING_S)
        reply = connection.reply(number, time.monotonic() + patience_s)
        if reply is None:
            raise NoReply(f"{connection.channel.requests}: somebody listens, and did not answer within {patience_s:g} s")
        if reply.code != pb.CODE_OK:
            raise Refused("hello", reply)
        connection.channel = dataclasses.replace(connection.channel, events=reply.hello.events, incarnation=reply.incarnation)

    def _connected(self, found_by: float) -> _Connection:
        """The connection, made anew where it is lost, with back-off until found_by."""
        pause, longest = BACK_OFF_S
        while True:
            if self._connection:
                self._connection.look()
                if not self._connection.is_lost:
                    return self._connection
                self._drop()
            try:
                self._connection = self._find()
                self._has_met = True
            except (Unreachable, Finished) as problem:
                if time.monotonic() >= found_by or (self._has_met and isinstance(problem, Finished)):
                    raise
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, longest)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    # --- asking ---

    def _exchange(self, kind: str, request: pb.Request) -> pb.Reply:
        """Send a request, again after each loss of the connection, until it is answered."""
        begin, sent_to = time.monotonic(), ""
        request.deadline_ms = max(1, int(self.timeout_s * 800))  # the rest is for the way
        while True:
            connection = self._connected(begin + self.wait_s)
            if kind in COMMANDS:
                request.incarnation = connection.channel.incarnation
                if sent_to not in ("", request.incarnation):
                    raise Restarted(f"{kind}: the job was started again before it answered; whether it obeyed before, its "
                                    "status tells")
            sent_to = request.incarnation
            connection.send(request)
            reply = connection.reply(request.id, time.monotonic() + self.timeout_s)
            if reply is not None and kind in COMMANDS and reply.incarnation != request.incarnation:
                self._drop()
                raise Restarted(f"{kind}: the job was started again meanwhile, and the new one was not told: {reply.text}")
            if reply is not None:
                return reply
            if not connection.is_lost or time.monotonic() > begin + self.wait_s + self.timeout_s:
                self._drop()  # a reply that comes later is of no use any more
                raise NoReply(f"{kind}: no reply within {self.timeout_s:g} s")
            time.sleep(BACK_OFF_S[0])

    def _whole(self, kind: str, request: pb.Request, reply: pb.Reply) -> pb.Reply:
        """The reply that the pieces make, of which this is the first."""
        for _ in range(ANEW_MAX):
            first, parts = reply, [reply.piece]
            while len(parts) < first.pieces:
                request.id, request.piece = self._next_id(), len(parts) + 1
                reply = self._exchange(kind, request)
                if (reply.seq, reply.incarnation, reply.pieces) != (first.seq, first.incarnation, first.pieces):
                    break
                parts.append(reply.piece)
            else:
                whole: pb.Reply = pb.Reply.FromString(b"".join(parts)) if first.pieces else first
                return whole
            request.id, request.piece = self._next_id(), 1
            reply = self._exchange(kind, request)
        raise NoReply(f"{kind}: the answer changed {ANEW_MAX} times while its pieces were read; ask again")

    def ask(self, kind: str, **fields: Any) -> pb.Reply:
        """The reply to a request, whatever its code: kind and fields as in control.proto, messages within it as dicts."""
        request = pb.Request(id=self._next_id(), **{kind: fields})  # type: ignore[arg-type]
        getattr(request, kind).SetInParent()  # where it has no fields
        if kind in COMMANDS:
            return self._exchange(kind, request)
        request.piece = 1  # it may be too large for one reply
        return self._whole(kind, request, self._exchange(kind, request))

    def _answer(self, kind: str, **fields: Any) -> pb.Reply:
        reply = self.ask(kind, **fields)
        if reply.code != pb.CODE_OK:
            raise Refused(kind, reply)
        return reply

    def hello(self) -> pb.HelloReply:
        """Version of the server, which requests it knows, and which role this client has."""
        return self._answer("hello", client=CLIENT).hello

    def status(self) -> pb.JobStatus:
        """Where the job stands."""
        return self._answer("get_status").status

    def health(self) -> pb.HealthReply:
        """Whether the server is well and the job moves."""
        return self._answer("get_health").health

    def snapshot(self) -> pb.SnapshotReply:
        """Where the job stands, with its live candidates and the number of the last event that is in it."""
        return self._answer("get_snapshot").snapshot

    def events_after(self, after: int) -> pb.EventsReply:
        """Events with larger numbers, at most 256; `gap` when the server has forgotten some."""
        return self._answer("get_events", after=after).events

    def segments(self) -> pb.SegmentsReply:
        """Sizes and names of all segments; interim ones while the job runs."""
        return self._answer("get_segments").segments

    def segment(self, which: Union[int, str]) -> pb.SegmentReply:
        """A whole segment, by number or name."""
        return self._answer("get_segment", **_which(which)).segment

    def personas(self) -> pb.PersonasReply:
        """All segments as personas, without their cells and pictures."""
        return self._answer("get_personas").personas

    def persona(self, which: Union[int, str]) -> pb.PersonaReply:
        """A persona, by number or name."""
        return self._answer("get_persona", **_which(which)).persona

    def customer(self, key: str) -> pb.CustomerReply:
        """Which segment a customer of a finished run is in, and why.  For analysts; leaves a line in the log."""
        return self._answer("get_customer", key=key).customer

    def evaluation(self) -> pb.EvaluationReply:
        """How good the segments are, and how their number was chosen."""
        return self._answer("get_evaluation").evaluation

    def quality(self) -> Quality:
        """What was wrong, missing or odd in the data."""
        return self._answer("get_quality").quality

    def manifest(self) -> Manifest:
        """How the run was made."""
        return self._answer("get_manifest").manifest

    def metrics(self) -> str:
        """OpenMetrics text."""
        return self._answer("get_metrics").metrics.text

    def assign(self, columns: Mapping[str, Sequence[Value]], details: bool = False) -> pb.AssignReply:
        """Which segments new customers are in: a column for each feature, at most 4096 customers.  For analysts."""
        n = len(next(iter(columns.values()), ()))
        return self._answer("assign", columns=_columns(columns), customers=n, details=details).assign

    def explain(self, columns: Mapping[str, Sequence[Value]]) -> pb.ExplainReply:
        """The same with reasons, of at most 64.  For analysts; leaves a line in the log."""
        n = len(next(iter(columns.values()), ()))
        return self._answer("explain", columns=_columns(columns), customers=n).explain

    # --- steering: for operators ---

    def _command(self, kind: str, **fields: Any) -> Optional[int]:
        reply = self.ask(kind, **fields)
        if reply.code not in (pb.CODE_OK, pb.CODE_ACCEPTED):
            raise Refused(kind, reply)
        return int(getattr(reply, kind).iteration) if reply.code == pb.CODE_OK else None

    def stop(self) -> Optional[int]:
        """Finish with the best model so far.  The iteration in which it took effect on all ranks; None: it is accepted
        and had not taken effect in time, but will.  So do all commands."""
        return self._command("stop")

    def checkpoint(self) -> Optional[int]:
        """Write a checkpoint at once, and go on.  The iteration of which it is, on disk."""
        return self._command("checkpoint")

    def pause(self) -> Optional[int]:
        """Wait at the end of an iteration, asleep, with the state on disk.  The iteration after which all ranks wait."""
        return self._command("pause")

    def resume(self) -> Optional[int]:
        """Go on.  The iteration after which all ranks have waited."""
        return self._command("resume")

    def cancel(self) -> Optional[int]:
        """End without a result; checkpoints stay.  The last iteration."""
        return self._command("cancel")

    def set(self, **what: Any) -> Optional[int]:
        """Change one thing of the fit: tolerance=X, max_iter=N, drop={"k": K, "start": START} (no start: all of that k),
        freeze_k=K, or log_level="LOG_LEVEL_DEBUG".  The iteration from which on it holds."""
        return self._command("set", **what)

    # --- events ---

    def subscribe(self) -> None:
        """Have events sent, for next_event."""
        self._connected(time.monotonic() + self.wait_s).subscribe()

    def next_event(self, timeout_s: float) -> Optional[pb.Event]:
        """The next event or heartbeat as it comes, None when there is none in time or the connection is lost.  Gaps are
        the caller's affair; events() has none."""
        connection = self._connected(time.monotonic() + self.wait_s)
        connection.subscribe()
        return connection.event(time.monotonic() + timeout_s)

    def events(self) -> Iterator[Union[Sync, pb.Event]]:
        """Everything that happens, without a gap, until the job is over: first a Sync, then each event in order, and
        heartbeats, each second in which there is nothing else.

        Events that were missed are fetched; where the server has forgotten them, or another server has come (a job that
        was killed and started again within wait_s), a Sync begins anew.  Gone when the job does not come back in time,
        Finished when it has ended unseen."""
        incarnation, last, is_over = "", 0, False
        while True:
            connection = self._connected(time.monotonic() + self.wait_s)
            connection.subscribe()
            if connection.channel.incarnation != incarnation:
                reply = self._answer("get_snapshot")
                if connection.is_lost or reply.incarnation != connection.channel.incarnation:
                    self._drop()
                    continue
                why = "restart" if incarnation else "begin"
                incarnation, last = reply.incarnation, reply.snapshot.event
                yield Sync(reply.snapshot, why)
            event = connection.event(time.monotonic() + SILENCE_S) if not connection.is_lost else None
            if event is None or event.incarnation != incarnation:
                self._drop()
                continue
            for item in self._caught_up(event, last):
                last = item.snapshot.event if isinstance(item, Sync) else item.number
                yield item
                is_over = is_over or (isinstance(item, pb.Event) and _state(item) in OVER)
            if event.last and is_over:
                return
            if event.last:  # it ran out of time, or was told to leave
                self._drop()

    def _caught_up(self, event: pb.Event, last: int) -> Iterator[Union[Sync, pb.Event]]:
        """An event, after those that are missing before it."""
        is_heartbeat = event.HasField("heartbeat")
        before = event.number if is_heartbeat else event.number - 1
        while last < before:
            reply = self._answer("get_events", after=last)
            has_gap = reply.events.gap or not reply.events.events
            if has_gap and reply.incarnation == event.incarnation:
                reply = self._answer("get_snapshot")
            if reply.incarnation != event.incarnation:
                return  # that server is gone
            if has_gap:
                yield Sync(reply.snapshot, "gap")
                last = reply.snapshot.event
                break
            yield from reply.events.events
            last = reply.events.events[-1].number
        if event.number > last or is_heartbeat:
            yield event


def _which(which: Union[int, str]) -> Dict[str, Union[int, str]]:
    return {"id": which} if isinstance(which, int) else {"name": which}


def _columns(columns: Mapping[str, Sequence[Value]]) -> Sequence[Dict[str, Any]]:
    """Values by feature as Columns: texts where one is a text, else numbers."""
    made = []
    for feature, values in columns.items():
        column: Dict[str, Any] = {"feature": feature, "missing": [row for row, v in enumerate(values) if v is None]}
        if any(isinstance(v, str) for v in values):
            column["texts"] = ["" if v is None else str(v) for v in values]
        else:
            column["numbers"] = [float("nan") if v is None else float(v) for v in values]
        made.append(column)
    return made


def _state(event: pb.Event) -> int:
    """The job's, as far as the event tells."""
    return event.status.state if event.HasField("status") else event.done.state


# --- the command line -----------------------------------------------------------------------------


def _line(message: Any) -> str:
    return str(json_format.MessageToJson(message, indent=None))


def _exit_code(problem: StrataError) -> int:
    """As stratactl's."""
    if isinstance(problem, Refused):
        codes = {pb.CODE_NOT_FOUND: 66, pb.CODE_FORBIDDEN: 77, pb.CODE_BAD_REQUEST: 64, pb.CODE_BUSY: 75}
        return codes.get(problem.code, 69)
    return 77 if isinstance(problem, Denied) else 69


def _watch(client: Client) -> int:
    code = 0
    try:
        for item in client.events():
            if isinstance(item, Sync):
                print(json.dumps({"why": item.why, "snapshot": json_format.MessageToDict(item.snapshot)}), flush=True)
            elif not item.HasField("heartbeat"):
                print(_line(item), flush=True)
                state = _state(item)
                code = 130 if state == pb.JOB_STATE_CANCELLED else 69 if state == pb.JOB_STATE_FAILED else 0
    except Finished:  # unseen, while nobody listened
        code = 0
    return code


def _fields(kind: str, words: Sequence[str]) -> Dict[str, Any]:
    """What words like id=2 say: texts as they are, all else in JSON, or the name of an enum's value."""
    known, fields = pb.Request.DESCRIPTOR.fields_by_name[kind].message_type.fields_by_name, {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            raise ValueError(f"{word}: {kind} has {', '.join(f'{field}=...' for field in known) or 'no fields'}")
        is_text = known[name].type in (known[name].TYPE_STRING, known[name].TYPE_ENUM)
        fields[name] = value if is_text else json.loads(value)
    return fields


def _run(client: Client, word: str, words: Sequence[str]) -> int:
    if word == "watch":
        return _watch(client)
    kinds = [field.name for field in pb.Request.DESCRIPTOR.oneofs_by_name["body"].fields]
    kind = word if word in kinds else f"get_{word}"
    if kind not in kinds:
        raise ValueError(f"{word}: no request; there are watch, {', '.join(kinds)}")
    reply = client.ask(kind, **_fields(kind, words))
    if reply.code not in (pb.CODE_OK, pb.CODE_ACCEPTED):
        raise Refused(kind, reply)
    print(reply.metrics.text if kind == "get_metrics" else _line(reply), end="" if kind == "get_metrics" else "\n")
    return 75 if reply.code == pb.CODE_ACCEPTED else 0


def main() -> int:
    """The command line; the exit code is as stratactl's."""
    parser = argparse.ArgumentParser(description="asks, watches and steers a job of Strata; one line of JSON a reply or event")
    parser.add_argument("--keys", help="folder of the client's key; else STRATA_KEYS")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="for each request (5)")
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="for a job that is gone to come back (0)")
    parser.add_argument("where", metavar="RUN|ENDPOINT", help="run directory, or one like tcp://127.0.0.1:7001")
    parser.add_argument("request", help="watch, or a request of control.proto: status, segments, persona, stop, ...")
    parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="of the request; VALUE a text, or in JSON")
    given = parser.parse_args()
    target = {"endpoint" if "://" in given.where else "run": given.where}
    try:
        with Client(keys=given.keys, timeout_s=given.timeout, wait_s=given.wait, **target) as client:
            return _run(client, given.request, given.fields)
    except StrataError as problem:
        print(f"{CLIENT}: {problem}", file=sys.stderr)
        return _exit_code(problem)
    except (ValueError, TypeError) as problem:
        print(f"{CLIENT}: {problem}", file=sys.stderr)
        return 64
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
