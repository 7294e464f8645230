#!/usr/bin/python3
"""A running job under a storm of mutated requests from clients of every role: each is answered, somebody who asks properly is
served all the time, and the model has the bytes that it has in peace.

    control_fuzz.py STORM [--requests N]

The commands among them are for another start of the job, or forbidden: none may have an effect.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, SOURCE, Checks, hashes, must  # noqa: E402
from strata_client import pb  # noqa: E402

ROLES = {"anna": "operator", "ben": "analyst", "wall": "viewer"}  # of the storm
GOOD = {"olga": "operator", "vera": "viewer"}
JOB = ["model.estimator=gmm-diag", "model.starts=4", "model.segments={from: 4, to: 7}", "model.tolerance=0"]
LATE_S = 1.0  # on a machine that has other things to do


class Good:
    """Who asks properly, and how long it took."""

    def __init__(self, context, run, name):
        self.channel = json.loads((run / "control.json").read_text())
        text = pathlib.Path(f"keys/{name}/client.key").read_text()
        key = {line.split()[0]: line.split('"')[1] for line in text.splitlines() if "-key" in line}
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.curve_publickey, self.socket.curve_secretkey, self.socket.curve_serverkey = (
            key[f"{kind}-key"].encode() for kind in ("public", "secret", "server"))
        self.socket.connect(self.channel["requests"])
        self.slowest_s, self.asked, self.last_id, self.refused = 0.0, 0, 0, None

    def ask(self, kind, **fields):
        """The reply, or None."""
        self.last_id += 1
        request = pb.Request(id=self.last_id, **fields)
        getattr(request, kind).SetInParent()
        begin = time.monotonic()
        self.socket.send(request.SerializeToString())
        if not self.socket.poll(10000):
            return None
        reply = pb.Reply.FromString(self.socket.recv())
        self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
        self.asked += 1
        return reply

    def command(self, kind):
        return self.ask(kind, incarnation=self.channel["incarnation"])

    def keep_asking(self, over):
        """Until it is over, or the job has left."""
        while not over.is_set():
            reply = self.ask("get_status")
            if reply is None or reply.status.state == pb.JOB_STATE_DONE:
                return
            if reply.code != pb.CODE_OK:
                self.refused = reply
            time.sleep(0.005)


def storms(run, n, seed):
    """One of each role, n requests in all: sent and answered."""
    endpoint = json.loads((run / "control.json").read_text())["requests"]
    corpus = SOURCE / "tests" / "fuzz" / "corpus" / "request"
    started = [subprocess.Popen([ARGUMENTS.storm, endpoint, f"keys/{name}", str(corpus), str(n // len(ROLES) + 1),
                                 str(seed * 100 + i)], stdout=subprocess.PIPE, text=True) for i, name in enumerate(ROLES)]
    told = [json.loads(process.communicate(timeout=600)[0]) for process in started]
    return sum(t["sent"] for t in told), sum(t["answered"] for t in told)


def wait_for(run, process):
    while process.poll() is None and not (run / "control.json").exists():
        time.sleep(0.01)


def stormy_run(checks, context, run, n, seed, sets):
    """Half of the storm while the job is paused, half while it computes; how many requests were answered."""
    line = [str(BIN / "strata"), "run", str(CONFIGS / "wholesale.yaml"), "--output", str(run), "-q",
            *(word for item in sets for word in ("--set", item))]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        wait_for(run, process)
        olga, vera = Good(context, run, "olga"), Good(context, run, "vera")
        paused = olga.command("pause")
        checks.that(paused is not None and paused.code == pb.CODE_OK, f"the job cannot be paused: {paused}")
        over = threading.Event()
        asking = threading.Thread(target=vera.keep_asking, args=(over,))
        asking.start()
        sent, answered = storms(run, n // 2, seed)
        checks.that(sent == answered, f"while paused, {answered} of {sent} were answered")
        still = olga.ask("get_status")
        checks.that(still is not None and still.status.state == pb.JOB_STATE_PAUSED, f"no longer paused: {still}")
        resumed = olga.command("resume")
        checks.that(resumed is not None and resumed.code == pb.CODE_OK, f"the job cannot go on: {resumed}")
        computing = storms(run, n // 2, seed + 1) if process.poll() is None and (run / "control.json").exists() else (0, 0)
        text = process.communicate(timeout=600)[0]
        over.set()
        asking.join()
        checks.that(process.returncode == 0, f"the job ended with {process.returncode}: {text}")
    checks.that(vera.asked > 10 and vera.slowest_s < LATE_S, f"a good client waited {vera.slowest_s:.3f} s of {vera.asked} times")
    checks.that(vera.refused is None, f"a good client was refused: {vera.refused}")
    print(f"{answered} answered while paused, {computing[1]} while computing; a good client asked {vera.asked} times, the "
          f"slowest answer took {1e3 * vera.slowest_s:.1f} ms", flush=True)
    for socket in (olga.socket, vera.socket):
        socket.close()
    commands = json.loads((run / "manifest.json").read_text())["commands"]
    checks.that([c.split()[0] for c in commands] == ["pause", "resume"], f"others had an effect: {commands}")
    return answered + computing[1]


def main():
    checks, context = Checks(), zmq.Context()
    subprocess.run([str(BIN / "strata"), "keygen", "keys", *(f"--client={n}:{r}" for n, r in {**ROLES, **GOOD}.items())], check=True,
                   capture_output=True)
    keyed = ["control.endpoint=tcp://127.0.0.1:*", f"control.keys={os.getcwd()}/keys"]
    must(CONFIGS / "wholesale.yaml", "calm", sets=JOB)
    calm = hashes("calm")
    total, seed = 0, ARGUMENTS.seed
    while total < ARGUMENTS.requests and not checks.failed:
        run = pathlib.Path(f"stormy-{seed}").absolute()
        total += stormy_run(checks, context, run, min(ARGUMENTS.requests, 40000), seed, JOB + keyed)
        checks.that(hashes(run) == calm, "the results are others than in peace")
        seed += 2
    print(f"{total} requests in all")
    checks.end()


PARSER = argparse.ArgumentParser()
PARSER.add_argument("storm")
PARSER.add_argument("--requests", type=int, default=2000)
PARSER.add_argument("--seed", type=int, default=1)
ARGUMENTS = PARSER.parse_args()
main()
