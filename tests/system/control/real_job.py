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

from google.protobuf import json_format  # noqa: E402

from client import Client, NoReply, pb  # noqa: E402

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
    checks.that(event is not None and event.incarnation == client.channel["incarnation"], "events come")
    checks.that("FITTING" in ctl("status").stdout, "stratactl status")
    look_around(checks, client)
    return client


def look_around(checks, client):
    health = client.ask("get_health").health
    checks.that(health.health == pb.HEALTH_WELL and health.requests > 3 and health.memory_bytes > 1 << 20, f"{health}")
    text = client.ask("get_metrics").metrics.text
    checks.that(text.endswith("\n# EOF\n") and 'strata_job_state{strata_job_state="FITTING"} 1\n' in text, text)
    snapshot = client.ask("get_snapshot").snapshot
    order = [(candidate.k, candidate.start) for candidate in snapshot.candidates]
    checks.that(len(order) == 64 and order == sorted(order) and {k for k, _ in order} <= {27, 28, 29, 30},
                f"64 of the candidates that move: {order}")


def events_after(client, event):
    """All events after one that the server still has, and the next ones as they come, to the last."""
    number = event
    while True:
        event = client.next_event(20)
        if event is None:
            return
        while event.number > number + 1:  # some were lost
            reply = client.ask("get_events", after=number).events
            number = reply.events[0].number - 1 if reply.gap and reply.events else number
            for missed in reply.events:
                number = missed.number
                yield missed
        if event.number == number + 1:
            number = event.number
            yield event
        if event.last:
            return


def stop_and_finish(checks, job, client):
    begin = time.monotonic()
    snapshot = client.ask("get_snapshot").snapshot
    reply = client.ask("stop")
    checks.that(reply.code == pb.CODE_OK, f"stop is accepted: {reply}")
    events = list(events_after(client, snapshot.event))
    numbers = [event.number for event in events]
    checks.that(numbers == list(range(snapshot.event + 1, snapshot.event + 1 + len(numbers))), f"no gap: {numbers}")
    states = [event.stage.state for event in events if event.HasField("stage")]
    checks.that(states == [pb.JOB_STATE_STOPPING, pb.JOB_STATE_EVALUATING, pb.JOB_STATE_DESCRIBING,
                           pb.JOB_STATE_WRITING, pb.JOB_STATE_DONE], f"the stages in order: {states}")
    fates = [event.candidate.fate for event in events if event.HasField("candidate")]
    checks.that(fates.count(pb.CANDIDATE_FATE_CHOSEN) == 1, "one candidate is chosen")
    checks.that(len(fates) > 64 and pb.CANDIDATE_FATE_ENDED in fates, "and the others have ended")
    checks.that([e.done.state for e in events if e.HasField("done")] == [pb.JOB_STATE_DONE], "the job is over, once")
    checks.that(any(event.HasField("checkpoint") for event in events), "what was asked is on disk")
    last = events[-1] if events else None
    chosen = [event.candidate.k for event in events if event.candidate.fate == pb.CANDIDATE_FATE_CHOSEN]
    checks.that(last is not None and last.status.k == chosen[0], f"the status is of the chosen candidate: {chosen} {last}")
    checks.that(last is not None and last.last and last.status.state == pb.JOB_STATE_DONE, f"the last event says DONE: {last}")
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
    for kind, name in (("manifest", "manifest.json"), ("quality", "quality.json")):
        message = getattr(client.ask(f"get_{kind}"), kind)
        text = (RUN / name).read_text()
        checks.that(message == json_format.Parse(text, type(message)()), f"{kind} is {name}")
    evaluation = json_format.MessageToDict(client.ask("get_evaluation").evaluation)
    checks.that(evaluation["byK"] == json_format.MessageToDict(json_format.ParseDict(
        {"byK": record["byK"]}, pb.EvaluationReply()))["byK"] and evaluation["choice"] == record["choice"],
        "evaluation is that of result.json")
    checks.that(client.ask("stop").code == pb.CODE_UNAVAILABLE, "a finished run cannot be stopped")
    second = subprocess.run([str(BIN / "strata"), "serve", str(RUN)], capture_output=True, text=True, timeout=30,
                            check=False)
    checks.that(second.returncode == 69, f"a second server is refused: {second.returncode} {second.stderr}")
    server.send_signal(signal.SIGTERM)
    output, errors = server.communicate(timeout=20)
    checks.that(server.returncode == 0, f"SIGTERM ends serving in order: {server.returncode} {output} {errors}")
    checks.that(not list(RUN.glob("control*")), "nothing of the channel is left")
    try:
        client.timeout_ms = 500
        client.ask("get_status")
        checks.that(False, "nobody answers any more")
    except NoReply:
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
