#!/usr/bin/python3
"""deploy/strata_client.py against a server that does what it is told: loses connections, is started again, forgets
events, answers in pieces that change, is newer than the client.  And its types, with mypy."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import zmq

SOURCE = pathlib.Path(os.environ["STRATA_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "deploy"))
import strata_client as sc  # noqa: E402
from strata_client import Client, Sync, pb  # noqa: E402

RUNS = iter(range(1, 1000))


def new_run():
    run = pathlib.Path(f"run-{next(RUNS)}").absolute()
    run.mkdir()
    return run


def raises(kind, ask):
    """What an error of that kind says."""
    try:
        ask()
    except kind as problem:
        return str(problem)
    raise AssertionError(f"no {kind.__name__}")


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


class Server:
    """A ROUTER and a PUB with a thread of their own.  answers: what a kind is answered, a dict of Reply's fields or a
    function of the request that returns one; None is silence."""

    def __init__(self, run, incarnation, answers=None, port=0):
        self.run, self.incarnation, self.seen = run, incarnation, []
        self.answers = {"hello": self.greet, "get_snapshot": {"snapshot": {"event": 0}}, **(answers or {})}
        self.context = zmq.Context()
        self.events = self.context.socket(zmq.PUB)
        self.events_endpoint = f"tcp://127.0.0.1:{self.events.bind_to_random_port('tcp://127.0.0.1')}"
        self.requests = self.context.socket(zmq.ROUTER)
        self.requests.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.endpoint = self.requests.getsockopt_string(zmq.LAST_ENDPOINT)
        said = {"incarnation": incarnation, "requests": self.endpoint, "events": self.events_endpoint, "host": "h", "pid": 1}
        (run / "new").write_text(json.dumps(said))
        (run / "new").rename(run / "control.json")
        self.outbox, self.is_over = [], False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.die()

    def greet(self, _):
        return {"hello": {"protocol": 1, "events": self.events_endpoint}}

    def die(self):
        """As if it were killed: control.json stays."""
        if not self.is_over:
            self.is_over = True
            self.thread.join()
            self.context.destroy(0)

    def publish(self, number, kind="status", **fields):
        self.outbox.append(pb.Event(number=number, incarnation=self.incarnation,
                                    **{kind: fields.pop("body", {})}, **fields).SerializeToString())

    def serve(self):
        while not self.is_over:
            while self.outbox:
                self.events.send(self.outbox.pop(0))
            if not self.requests.poll(5):
                continue
            address, body = self.requests.recv_multipart()
            request = pb.Request.FromString(body)
            kind = request.WhichOneof("body")
            self.seen.append((kind, request))
            answer = self.answers.get(kind)
            answer = answer(request) if callable(answer) else answer
            if isinstance(answer, bytes):
                self.requests.send_multipart([address, answer])
            elif answer is not None:
                reply = pb.Reply(**{"id": request.id, "code": pb.CODE_OK, "incarnation": self.incarnation, **answer})
                self.requests.send_multipart([address, reply.SerializeToString()])

    def asked(self, kind):
        return [request for name, request in self.seen if name == kind]


def later(seconds, act):
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


# --- asking ---------------------------------------------------------------------------------------


def test_who_does_not_answer_is_told_apart():
    run = new_run()
    assert "no control.json" in raises(sc.Gone, Client(run).status)
    with Server(run, "a") as server, Client(run, timeout_s=0.3) as client:
        assert "get_status: no reply" in raises(sc.NoReply, client.status)
        server.answers["get_status"] = {"status": {"job": "x"}}
        assert client.status().job == "x"
        server.answers["get_status"] = {"code": pb.CODE_UNAVAILABLE, "text": "get_status: not while the job is PENDING"}
        assert raises(sc.Refused, client.status) == "CODE_UNAVAILABLE: get_status: not while the job is PENDING"
        server.answers["hello"] = None
        assert "somebody listens" in raises(sc.NoReply, Client(run, timeout_s=0.3).status)
    assert "is gone" in raises(sc.Gone, Client(run).status)
    (run / "control.json").unlink()
    (run / "result.pb").touch()
    assert "strata serve" in raises(sc.Finished, Client(run).status)
    servers, answers = [], {"get_status": {"status": {"job": "served"}}}
    with Client(run, wait_s=5) as client:
        later(0.2, lambda: servers.append(Server(run, "b", answers)))
        assert client.status().job == "served", "who waits may come before the server"
        servers[0].die()
        (run / "control.json").unlink()
        raises(sc.Finished, client.status)
    (run / "control.json").write_text("nonsense")
    assert "not a control.json" in raises(sc.StrataError, Client(run).status)
    assert "not an endpoint" in raises(sc.StrataError, Client(endpoint="tcp://nowhere:many").status)
    for wrong in ({}, {"run": run, "endpoint": "tcp://127.0.0.1:1"}):
        raises(ValueError, lambda: Client(**wrong))


def test_a_question_is_asked_again_of_the_server_that_comes():
    run, servers = new_run(), []
    first = Server(run, "a", {"get_status": lambda _: servers.append(0)})
    with Client(run, timeout_s=5, wait_s=5) as client:
        def restart():
            until(lambda: servers)
            first.die()
            time.sleep(0.2)
            servers.append(Server(run, "b", {"get_status": {"status": {"job": "again"}}}))
        thread = threading.Thread(target=restart)
        thread.start()
        begin = time.monotonic()
        assert client.status().job == "again" and time.monotonic() - begin < 3
        thread.join()
        assert client.channel.incarnation == "b"
        servers[-1].die()
        client.wait_s = 0
        begin = time.monotonic()
        raises(sc.Gone, client.status)
        assert time.monotonic() - begin < 1, "at once"


def test_a_command_is_repeated_to_the_same_server_and_never_to_another():
    run, asked = new_run(), []
    def lose(request):  # what came is obeyed; the answer is lost
        asked.append(request.id)
    first = Server(run, "a", {"stop": lose})
    with Client(run, timeout_s=5, wait_s=5) as client:
        def cut_then_restart():
            until(lambda: len(asked) == 1)
            first.die()
            same = Server(run, "a", {"stop": lose})  # the same server, to whom the way was cut for a moment
            until(lambda: len(asked) == 2)
            same.die()
            seconds.append(Server(run, "b", {"stop": {"stop": {"iteration": 1}}}))
        seconds = []
        thread = threading.Thread(target=cut_then_restart)
        thread.start()
        said = raises(sc.Restarted, client.stop)
        thread.join()
        assert "started again" in said and asked[0] == asked[1] != 0, (said, asked)
        second = seconds[0]
        assert not second.asked("stop"), "it was not asked to stop"
        assert client.stop() == 1, "but is, when the caller wants so"
        assert second.asked("stop")[0].incarnation == "b" and second.asked("stop")[0].id > asked[1]
        second.answers["stop"] = {"code": pb.CODE_UNAVAILABLE, "text": "not for this start", "incarnation": "c"}
        assert "was not told" in raises(sc.Restarted, client.stop)
        second.answers["stop"] = {"code": pb.CODE_ACCEPTED, "text": "later"}
        assert client.stop() is None
        second.die()


def test_ids_of_clients_differ():
    run = new_run()
    with Server(run, "a", {"stop": {"stop": {"iteration": 1}}}) as server:
        for _ in range(20):
            with Client(run) as client:
                client.stop()
        assert len({request.id for request in server.asked("stop")}) == 20


def test_a_reply_in_pieces_is_put_together_and_begun_anew_when_it_changes():
    whole = pb.Reply(code=pb.CODE_OK, personas={"personas": [{"name": "x" * 1000} for _ in range(50)]}).SerializeToString()
    size, run = 7000, new_run()
    state = {"seq": 1, "changes": 0}

    def piece(request):
        assert request.piece >= 1
        if state["changes"] and request.piece == 3:
            state["changes"] -= 1
            state["seq"] += 1
        part = whole[(request.piece - 1) * size:request.piece * size]
        return {"seq": state["seq"], "pieces": -(-len(whole) // size), "piece": part}

    with Server(run, "a", {"get_personas": piece}) as server, Client(run) as client:
        assert len(client.personas().personas) == 50
        assert [r.piece for r in server.asked("get_personas")] == list(range(1, 9))
        state["changes"] = 2
        assert client.personas().personas[49].name == "x" * 1000
        state["changes"] = 1000
        assert "changed" in raises(sc.NoReply, client.personas)
        assert len(server.seen) < 100


def test_columns_of_customers():
    run = new_run()
    answers = {"assign": lambda r: {"assign": {"segments": range(r.assign.customers)}},
               "explain": lambda r: {"explain": {"customers": [{"segment": 1}] * r.explain.customers}}}
    with Server(run, "a", answers) as server, Client(run) as client:
        columns = {"spend": [1, 2.5, None], "region": ["north", None, "south"], "children": [True, False, 3]}
        assert list(client.assign(columns, details=True).segments) == [0, 1, 2]
        assert len(client.explain(columns).customers) == 3
        for kind in ("assign", "explain"):
            body = getattr(server.asked(kind)[0], kind)
            spend, region, children = body.columns
            assert list(spend.numbers)[:2] == [1, 2.5] and spend.numbers[2] != spend.numbers[2] and list(spend.missing) == [2]
            assert list(region.texts) == ["north", "", "south"] and list(region.missing) == [1]
            assert list(children.numbers) == [1, 0, 3] and not children.missing and body.customers == 3
        assert client.assign({}).segments == []


# --- events ---------------------------------------------------------------------------------------


def told(number):
    return {"number": number, "incarnation": "a", "warning": {"text": str(number)}}


def take(events, n):
    """The next n that are no heartbeats, as numbers; a Sync as its reason with the number."""
    taken = []
    while len(taken) < n:
        item = next(events)
        if isinstance(item, Sync):
            taken.append((item.why, item.snapshot.event))
        elif not item.HasField("heartbeat"):
            taken.append(item.number)
    return taken


def test_events_are_without_a_gap_whatever_is_lost():
    run, kept = new_run(), {"from": 1}

    def history(request):
        after = request.get_events.after
        gap = after + 1 < kept["from"]
        return {"events": {"gap": gap, "events": [] if gap else [told(n) for n in range(after + 1, after + 3)]}}

    with Server(run, "a", {"get_snapshot": {"snapshot": {"event": 5}}, "get_events": history}) as server:
        with Client(run) as client:
            events = client.events()
            assert take(events, 1) == [("begin", 5)]
            time.sleep(0.2)  # until it is subscribed
            for number in (4, 5, 6, 7):  # the first two are in the snapshot
                server.publish(number)
            assert take(events, 2) == [6, 7]
            server.publish(12)  # four were lost
            assert take(events, 5) == [8, 9, 10, 11, 12]
            server.publish(14, kind="heartbeat")  # the last one was lost
            assert take(events, 2) == [13, 14]
            kept["from"] = 40
            server.answers["get_snapshot"] = {"snapshot": {"event": 44}}
            server.publish(43)
            server.publish(44)
            server.publish(45)
            assert take(events, 2) == [("gap", 44), 45]
            server.publish(46, body={"state": pb.JOB_STATE_DONE})
            server.publish(47, kind="done", body={"state": pb.JOB_STATE_DONE}, last=True)
            assert [e.number for e in events if not e.HasField("heartbeat")] == [46, 47], "and then it is over"


def test_a_watch_goes_on_with_the_job_that_was_started_again():
    run = new_run()
    first = Server(run, "a", {"get_snapshot": {"snapshot": {"event": 5}}})
    with Client(run, wait_s=5) as client:
        events = client.events()
        assert take(events, 1) == [("begin", 5)]
        time.sleep(0.2)
        first.publish(6)
        assert take(events, 1) == [6]
        first.die()
        second = []
        thread = later(0.5, lambda: second.append(Server(run, "b", {"get_snapshot": {"snapshot": {"event": 2}}})))
        begin = time.monotonic()
        assert take(events, 1) == [("restart", 2)] and time.monotonic() - begin < 4
        thread.join()
        time.sleep(0.2)
        second[0].publish(3, body={"state": pb.JOB_STATE_FITTING}, last=True)  # it ran out of time
        assert take(events, 1) == [3]
        second[0].die()
        client.wait_s = 0.3
        raises(sc.Gone, lambda: take(events, 1))


def test_by_endpoint_it_goes_on_too():
    run = new_run()
    first = Server(run, "a")
    with Client(endpoint=first.endpoint, wait_s=5) as client:
        events = client.events()
        assert take(events, 1) == [("begin", 0)]
        first.die()
        with Server(run, "b", port=int(first.endpoint.rsplit(":", 1)[1])):
            assert take(events, 1) == [("restart", 0)]
            assert client.channel.incarnation == "b"


def test_what_is_newer_than_the_client_is_passed_on_or_told_by_number():
    run = new_run()
    unknown_body = b"\xa2\x06\x02\x08\x01"  # field 100
    answers = {"get_status": lambda r: pb.Reply(id=r.id, code=pb.CODE_OK, incarnation="a",
                                                status={"job": "x", "state": 99}).SerializeToString() + unknown_body}
    with Server(run, "a", answers) as server, Client(run) as client:
        status = client.status()
        assert status.job == "x" and status.state == 99
        server.answers["get_status"] = {"code": 77}
        assert raises(sc.Refused, client.status) == "77: get_status"
        events = client.events()
        assert take(events, 1) == [("begin", 0)]
        time.sleep(0.2)
        server.outbox.append(pb.Event(number=1, incarnation="a").SerializeToString() + unknown_body)
        server.publish(2)
        assert take(events, 2) == [1, 2]


def test_the_example_of_the_readme():
    """As it stands there, with a job that makes an iteration and ends."""
    text = (SOURCE / "deploy/README.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    run, printed = new_run(), []
    answers = {"get_status": {"status": {"fraction": 0.5}}, "get_snapshot": {"snapshot": {"status": {"iteration": 7}}}}
    with Server(run, "a", answers) as server:
        def go_on():
            until(lambda: server.asked("get_snapshot"))
            time.sleep(0.3)
            server.publish(1, kind="iteration", body={"iteration": 8, "live": 3})
            server.publish(2, body={"state": pb.JOB_STATE_DONE}, last=True)
        thread = threading.Thread(target=go_on)
        thread.start()
        exec(example.replace('"RUN"', repr(str(run))), {"print": lambda *words: printed.append(words)})
        thread.join()
    assert printed == [("", 0.5), ("begin", 7), (8, 3)], printed


# --- keys, command line, types --------------------------------------------------------------------


def test_keys_that_are_no_good_are_refused():
    key = pathlib.Path("key")
    key.mkdir()
    public, secret = (k.decode() for k in zmq.curve_keypair())
    file = key / "client.key"
    file.write_text(f'metadata\n    name = "a"\ncurve\n    public-key = "{public}"\n    secret-key = "{secret}"\n')
    file.chmod(0o600)
    assert "not a client's key" in raises(sc.Denied, lambda: sc.read_key(key))
    file.write_text(file.read_text() + f'    server-key = "{public}"\n')
    assert sc.read_key(key) == sc.read_key(file) == sc.Key(public.encode(), secret.encode(), public.encode())
    file.chmod(0o640)
    assert f"chmod 600 {file}" in raises(sc.Denied, lambda: sc.read_key(key))
    assert "cannot read" in raises(sc.Denied, lambda: sc.read_key("nowhere"))


def cli(*words, code=0):
    """What the command line says, in this process."""
    said = io.StringIO()
    sys.argv = ["strata_client.py", *map(str, words)]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        found = sc.main()
    assert found == code, (words, found, said.getvalue())
    return said.getvalue()


def test_the_command_line():
    run = new_run()
    answers = {"get_status": {"status": {"job": "x"}}, "get_metrics": {"metrics": {"text": "# EOF\n"}},
               "get_persona": lambda r: {"persona": {"persona": {"id": r.get_persona.id}}},
               "pause": {"code": pb.CODE_ACCEPTED}, "stop": {"code": pb.CODE_FORBIDDEN, "text": "stop needs operator"}}
    with Server(run, "a", answers) as server:
        assert json.loads(cli(run, "status"))["status"]["job"] == "x"
        assert cli(server.endpoint, "metrics") == "# EOF\n"
        assert json.loads(cli(run, "persona", "id=7"))["persona"]["persona"]["id"] == 7
        cli(run, "pause", code=75)
        assert "needs operator" in cli(run, "stop", code=77)
        assert "get_status" in cli(run, "dance", code=64)
        assert "id=..., name=..." in cli(run, "persona", "7", code=64)
        cli(run, "persona", "id=seven", code=64)
        server.answers["get_customer"] = lambda r: {"customer": {"name": r.get_customer.key}}
        assert json.loads(cli(run, "customer", "key=007"))["customer"]["name"] == "007", "a text is a text"
        server.answers["set"] = {"set": {"iteration": 3}}
        cli(run, "set", "log_level=LOG_LEVEL_DEBUG")
        cli(run, "set", 'drop={"k": 5, "start": 2}')
        level, drop = (request.set for request in server.asked("set"))
        assert level.log_level == pb.LOG_LEVEL_DEBUG and (drop.drop.k, drop.drop.start) == (5, 2)
        cli(run, "set", "log_level=LOUD", code=64)

        def finish():
            until(lambda: server.asked("get_snapshot"))
            time.sleep(0.3)
            server.publish(1, kind="done", body={"state": pb.JOB_STATE_DONE}, last=True)
        thread = threading.Thread(target=finish)
        thread.start()
        lines = [json.loads(line) for line in cli(run, "watch").splitlines()]
        thread.join()
        assert lines[0]["why"] == "begin" and lines[-1]["done"]["state"] == "JOB_STATE_DONE", lines
    assert "gone" in cli(run, "status", code=69)


def test_without_protoc_a_file_that_it_made_serves():
    run, made = new_run(), pathlib.Path("strata.set").absolute()
    subprocess.run(["protoc", f"--proto_path={SOURCE}/proto", "--include_imports", f"--descriptor_set_out={made}",
                    f"{SOURCE}/proto/strata/v1/control.proto"], check=True)
    alone = shutil.copy(SOURCE / "deploy/strata_client.py", "alone.py")
    with Server(run, "a", {"get_status": {"status": {"job": "x"}}}):
        def ask(**environment):
            return subprocess.run([sys.executable, alone, str(run), "status"], capture_output=True, text=True, timeout=30,
                                  env={**os.environ, **environment})
        assert '"x"' in ask(STRATA_PROTO=str(made), PATH="/nowhere").stdout
        assert "STRATA_PROTO" in ask().stderr
        assert "protobuf-compiler" in ask(STRATA_PROTO=str(SOURCE / "proto"), PATH="/nowhere").stderr


STUBS = {  # Debian has none for Protocol Buffers: of what generated types are made of; the rest is Any
    "__init__": "", "internal/__init__": "",
    "message": """from typing import Any, Optional, Type, TypeVar
M = TypeVar("M", bound="Message")
class Message:
    DESCRIPTOR: Any
    @classmethod
    def FromString(cls: Type[M], data: bytes) -> M: ...
    def SerializeToString(self) -> bytes: ...
    def HasField(self, name: str) -> bool: ...
    def WhichOneof(self, name: str) -> Optional[str]: ...
    def SetInParent(self) -> None: ...
""",
    "internal/containers": """from typing import List, MutableSequence, TypeVar
T = TypeVar("T")
class RepeatedScalarFieldContainer(List[T]): ...
class RepeatedCompositeFieldContainer(List[T]): ...
""",
    "internal/enum_type_wrapper": "from typing import Any\nclass EnumTypeWrapper(type):\n    def __init__(self, enum: Any): ...\n",
    **dict.fromkeys(["descriptor", "descriptor_pb2", "descriptor_pool", "json_format", "message_factory"],
                    "from typing import Any\ndef __getattr__(name: str) -> Any: ...\n"),
}
MYPY = """[mypy]
strict = True
[mypy-strata.*,google.*]
ignore_errors = True
"""
MISTAKES = """from strata_client import Client, pb
def use(client: Client) -> None:
    client.status().fractoin
    client.segment(1.5)
    client.customer("x").margin + "1"
    size: str = client.segments().segments[0].size
    client.assign({"spend": [1.5, None]}).segments[0] + 1  # none
    for item in client.events():
        item.number
"""


def test_types():
    """The client is without a mistake, and mistakes of its users are found."""
    types = pathlib.Path("types").absolute()
    for name, text in STUBS.items():
        file = types / "google/protobuf" / f"{name}.pyi"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    protos = sorted(str(p.relative_to(SOURCE / "proto")) for p in (SOURCE / "proto").glob("strata/v1/*.proto"))
    subprocess.run(["protoc", f"--proto_path={SOURCE}/proto", f"--pyi_out={types}", *protos], check=True)
    pathlib.Path("mypy.ini").write_text(MYPY)
    pathlib.Path("mistakes.py").write_text(MISTAKES)
    done = subprocess.run(["mypy", "--config-file", "mypy.ini", "--no-error-summary", str(SOURCE / "deploy/strata_client.py"),
                           "mistakes.py"], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "MYPYPATH": f"{types}:{SOURCE / 'deploy'}"})
    found = sorted({line.split(": error")[0] for line in done.stdout.splitlines() if ": error" in line})
    assert found == [f"mistakes.py:{line}" for line in (3, 4, 5, 6, 9)], done.stdout + done.stderr


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        begin = time.monotonic()
        test()
        print(f"{name[5:]}: {time.monotonic() - begin:.1f} s", flush=True)
    print(f"{len(tests)} scenarios passed")


main()
