#!/usr/bin/python3
"""A control client in Python, generated from proto/: what any program with ZeroMQ and Protocol Buffers can do.

    client.py --run DIR (status | segments)

DIR is the run directory of a running job, or of a finished one behind `strata serve`.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile

import zmq

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "proto")


def messages():
    """The module of control.proto, generated into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join("strata/v1", name) for name in sorted(os.listdir(os.path.join(PROTO, "strata/v1")))]
        subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={folder}", *files], check=True)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("strata.v1.control_pb2")
        finally:
            sys.path.remove(folder)


pb = messages()


class NoReply(Exception):
    """Nobody answered in time."""


class Client:
    """Requests over a DEALER socket, events over a SUB socket."""

    def __init__(self, run, timeout_s=5.0):
        with open(os.path.join(run, "control.json"), encoding="utf-8") as file:
            self.channel = json.load(file)
        self.timeout_ms = int(timeout_s * 1000)
        self.context = zmq.Context()
        self.requests = self.context.socket(zmq.DEALER)
        self.requests.linger = 0
        self.requests.connect(self.channel["requests"])
        self.events = None
        self.last_id = 0

    def close(self):
        self.requests.close()
        if self.events:
            self.events.close(0)
        self.context.term()

    def send(self, kind, deadline_ms=None, **fields):
        """Send one request; its id."""
        self.last_id += 1
        request = pb.Request(id=self.last_id, deadline_ms=self.timeout_ms * 4 // 5 if deadline_ms is None else deadline_ms)
        body = getattr(request, kind)
        body.SetInParent()
        for name, value in fields.items():
            if isinstance(value, dict):  # a message within it
                getattr(body, name).SetInParent()
                for key, part in value.items():
                    setattr(getattr(body, name), key, part)
            else:
                setattr(body, name, value)
        self.requests.send(request.SerializeToString())
        return request.id

    def reply(self, request_id, timeout_ms):
        """The Reply to a request, or None when it has not come in time."""
        while self.requests.poll(timeout_ms):
            reply = pb.Reply.FromString(self.requests.recv())
            if reply.id == request_id:
                return reply
        return None

    def ask(self, kind, **fields):
        """Send one request and return its Reply, whatever its code."""
        reply = self.reply(self.send(kind, **fields), self.timeout_ms)
        if reply is None:
            raise NoReply(f"{kind}: no reply within {self.timeout_ms} ms")
        return reply

    def subscribe(self):
        self.events = self.context.socket(zmq.SUB)
        self.events.subscribe(b"")
        self.events.connect(self.channel["events"])

    def next_event(self, timeout_s):
        """The next Event, or None."""
        if not self.events.poll(int(timeout_s * 1000)):
            return None
        return pb.Event.FromString(self.events.recv())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", required=True)
    parser.add_argument("what", choices=["status", "segments"])
    arguments = parser.parse_args()
    client = Client(arguments.run)
    reply = client.ask("get_" + arguments.what)
    client.close()
    if reply.code != pb.CODE_OK:
        sys.exit(f"{pb.Code.Name(reply.code)}: {reply.text}")
    if arguments.what == "status":
        status = reply.status
        print(f"{status.job} {pb.JobState.Name(status.state)} iteration {status.iteration} of {status.customers} customers")
        return
    for segment in reply.segments.segments:
        print(segment.id, segment.size, f"{segment.share:.3f}", segment.name or "(interim)")


if __name__ == "__main__":
    main()
