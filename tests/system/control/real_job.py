#!/usr/bin/python3
"""A real job on three ranks, read by a Python client while it runs, stopped, and read again from `strata serve`."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, MPIRUN, Checks  # noqa: E402
from strata_client import Client, Finished, pb  # noqa: E402

CUSTOMERS = 440
# Long enough to be read and stopped, on any machine.
LONG = ["--set", "model.starts=200", "--set", "model.segments={from: 27, to: 30}", "--set", "model.min_share=0"]
RUN = pathlib.Path("run").absolute()


def wait_for(condition, process, seconds=60):
    """The condition's value once it is true; the process must not end before."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if process.poll() is not None:
            sys.exit(f"ended early with {process.returncode}: {process.communicate()}")
        if time.monotonic() > end:
            sys.exit("waited in vain")
        time.sleep(0.02)


def start(line):
    return subprocess.Popen([str(word) for word in line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            stdin=subprocess.DEVNULL)


def ctl(*words):
    return subprocess.run([str(BIN / "stratactl"), "--run", str(RUN), *words], capture_output=True, text=True,
                          timeout=60, check=False)


def read_running(checks, job):
    wait_for((RUN / "control.json").exists, job)
    client = Client(RUN)
    client.subscribe()

    def leading():
        status = client.ask("get_status").status
        return status if status.state == pb.JOB_STATE_FITTING and status.k else None

    status = wait_for(leading, job)
    checks.that(status.customers == CUSTOMERS and status.ranks == 3, f"status of a running job: {status}")
    reply = client.ask("get_segments")
    sizes = [segment.size for segment in reply.segments.segments]
    checks.that(reply.segments.interim and 27 <= len(sizes) <= 30, f"interim segments: {sizes}")
    checks.that(sum(sizes) == CUSTOMERS, f"interim sizes add up: {sizes}")
    checks.that(client.ask("get_personas").code == pb.CODE_UNAVAILABLE, "no personas yet")
    later = client.ask("get_status").status
    checks.that(later.fraction >= status.fraction and later.iteration >= status.iteration, "progress never falls")
    event = client.next_event(3)
    checks.that(event is not None and event.incarnation == client.channel.incarnation, "events come")
    checks.that("FITTING" in ctl("status").stdout, "stratactl status")
    return client


def stop_and_finish(checks, job, client):
    begin = time.monotonic()
    reply = client.ask("stop")
    checks.that(reply.code == pb.CODE_OK, f"stop is accepted: {reply}")
    last = None
    while True:
        event = client.next_event(20)
        if event is None or event.last:
            last = event
            break
    checks.that(last is not None and last.status.state == pb.JOB_STATE_DONE, f"the last event says DONE: {last}")
    output, errors = job.communicate(timeout=60)
    checks.that(job.returncode == 0, f"a stopped job is done: {job.returncode} {errors}")
    checks.that("Segment" in output, "and prints its segments")
    checks.that(time.monotonic() - begin < 45, "soon")
    checks.that(not list(RUN.glob("control*")), f"nothing of the channel is left: {list(RUN.glob('control*'))}")
    client.close()


def read_finished(checks):
    record = json.loads((RUN / "result.json").read_text())
    offline = json.loads(ctl("--json", "segments").stdout)
    server = start([BIN / "strata", "serve", RUN])
    wait_for((RUN / "control.json").exists, server)
    client = Client(RUN)
    status = client.ask("get_status").status
    checks.that(status.state == pb.JOB_STATE_DONE and status.customers == CUSTOMERS, f"status of a finished run: {status}")
    segments = client.ask("get_segments").segments
    checks.that(not segments.interim, "final segments")
    seen = [(s.id, s.name, str(s.size)) for s in segments.segments]
    checks.that(seen == [(s["id"], s["name"], s["size"]) for s in record["segments"]], f"as in result.json: {seen}")
    checks.that(seen == [(s["id"], s["name"], s["size"]) for s in offline["segments"]["segments"]],
                "the same without a server")
    personas = client.ask("get_personas").personas.personas
    checks.that([p.name for p in personas] == [s["name"] for s in record["segments"]], "personas by name")
    one = client.ask("get_persona", name=personas[0].name).persona.persona
    checks.that(one == personas[0] and len(one.statements) > 0, "one persona")
    checks.that(client.ask("stop").code == pb.CODE_UNAVAILABLE, "a finished run cannot be stopped")
    second = subprocess.run([str(BIN / "strata"), "serve", str(RUN)], capture_output=True, text=True, timeout=30,
                            check=False)
    checks.that(second.returncode == 69, f"a second server is refused: {second.returncode} {second.stderr}")
    server.send_signal(signal.SIGTERM)
    output, errors = server.communicate(timeout=20)
    checks.that(server.returncode == 0, f"SIGTERM ends serving in order: {server.returncode} {output} {errors}")
    checks.that(not list(RUN.glob("control*")), "nothing of the channel is left")
    try:
        client.status()
        checks.that(False, "nobody answers any more")
    except Finished:
        checks.that(True, "nobody answers any more")
    client.close()


def main():
    checks = Checks()
    job = start([MPIRUN, "-n", "3", BIN / "strata", "run", CONFIGS / "wholesale.yaml", "--output", RUN, *LONG])
    client = read_running(checks, job)
    stop_and_finish(checks, job, client)
    read_finished(checks)
    checks.end()


main()
