"""Clients in three languages, with messages from the same proto/, get the same answers field by field: every question, of
a running job and of a served run, and the events.  And clients that are a version older or newer than the server."""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, SOURCE, Checks  # noqa: E402

sys.path.insert(0, str(SOURCE / "deploy"))
import strata_client as sc  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from strata_client import Client, Sync, pb  # noqa: E402

HERE = pathlib.Path.cwd()
NODE_MODULES = os.environ.get("STRATA_NODE_MODULES") or str(SOURCE / ".deps/node")
CLIENT_JS = pathlib.Path(__file__).with_name("client.js")
JOB = ["model.estimator=gmm-diag", "model.starts=4", "model.segments={from: 4, to: 7}", "model.tolerance=0",
       "model.max_iter=5000"]  # many short iterations, and not so many events that some would be forgotten
KEYS = HERE / "keys/anna"

with open(CONFIGS / "wholesale/customers.csv", encoding="utf-8", newline="") as file:
    CUSTOMERS = list(csv.DictReader(file))[:20]
GOODS = ["Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen"]
COLUMNS = [{"feature": name, "numbers": [float(row[name]) for row in CUSTOMERS]} for name in GOODS]

# Every question: its fields, and what stratactl calls it.
QUESTIONS = [
    ("hello", {"client": "interop"}, None), ("get_status", {}, ["status"]), ("get_health", {}, ["health"]),
    ("get_metrics", {}, ["metrics"]), ("get_snapshot", {}, None), ("get_events", {"after": 0}, None),
    ("get_segments", {}, ["segments"]), ("get_segment", {"id": 2}, None), ("get_segment", {"name": "nobody"}, None),
    ("get_personas", {}, ["persona"]), ("get_persona", {"id": 2}, ["persona", "2"]),
    ("get_evaluation", {}, ["evaluation"]), ("get_quality", {}, ["quality"]), ("get_manifest", {}, ["manifest"]),
    ("get_customer", {"key": CUSTOMERS[0]["customer"]}, ["customer", CUSTOMERS[0]["customer"]]),
    ("get_customer", {"key": "nobody"}, None),
    ("assign", {"columns": COLUMNS, "customers": 20, "details": True}, ["assign", "-"]),
    ("explain", {"columns": COLUMNS, "customers": 20}, ["explain", "-"]),
]


def start(*words):
    return subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            stdin=subprocess.DEVNULL)


def node(channel, proto=SOURCE / "proto", **what):
    """A started client in JavaScript."""
    key = sc.read_key(KEYS)
    given = {"proto": str(proto), "requests": channel.requests, "events": channel.events,
             "key": {name: getattr(key, name).decode() for name in ("public", "secret", "server")}, **what}
    return subprocess.Popen(["node", str(CLIENT_JS), json.dumps(given)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, stdin=subprocess.DEVNULL, env={**os.environ, "NODE_PATH": NODE_MODULES})


def camel(name):
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def as_node(value):
    """Fields by the names that protobufjs gives them."""
    if isinstance(value, dict):
        return {camel(name): as_node(inner) for name, inner in value.items()}
    return [as_node(inner) for inner in value] if isinstance(value, list) else value


def ask_node(checks, channel, questions, **options):
    process = node(channel, ask=[{"kind": camel(kind), "fields": as_node(fields)} for kind, fields in questions], **options)
    text, errors = process.communicate(timeout=60)
    checks.that(process.returncode == 0, f"the client in JavaScript: {errors}")
    return text.splitlines()


def ctl(run, *words):
    """stratactl, with the customers as its standard input."""
    rows = [",".join(["customer", *GOODS])] + [",".join(row[name] for name in ["customer", *GOODS]) for row in CUSTOMERS]
    return subprocess.run([str(BIN / "stratactl"), "--run", str(run), "--keys", str(KEYS), "--json", *words],
                          capture_output=True, text=True, timeout=60, input="\n".join(rows) + "\n")


CLOCKS = {  # what is another each time: clocks, the server's counters
    "status": ("elapsed_s", "fraction", "remaining_s", "remaining_high_s", "limit_s", "allocation_suffices"),
    "health": ("uptime_s", "quiet_s", "clients", "requests", "refused", "memory_bytes"),
}


def still(reply):
    """The reply without clocks and counters, and who asked how often."""
    calm = pb.Reply.FromString(reply.SerializeToString())
    calm.id = calm.seq = 0
    body = calm.WhichOneof("body")
    if body in CLOCKS:
        for name in CLOCKS[body]:
            getattr(calm, body).ClearField(name)
    if body == "snapshot":
        for name in CLOCKS["status"]:
            calm.snapshot.status.ClearField(name)
    if body == "metrics":
        calm.metrics.text = "\n".join(line for line in calm.metrics.text.splitlines() if line.startswith("#"))
    return calm


def check_questions(checks, what, run, client):
    """All three clients; the replies by kind."""
    asked = [(kind, fields) for kind, fields, _ in QUESTIONS]
    known = {field.name for field in pb.Request.DESCRIPTOR.oneofs_by_name["body"].fields} - sc.COMMANDS
    checks.that({kind for kind, _ in asked} == known, f"every question is asked: {known}")
    lines = ask_node(checks, client.channel, asked)
    checks.that(len(lines) == len(asked), f"{what}: {len(lines)} answers in JavaScript")
    replies = {}
    for (kind, fields, words), line in zip(QUESTIONS, lines):
        reply, other = client.ask(kind, **fields), json_format.Parse(line, pb.Reply())
        name = f"{what}, {kind} {str(fields)[:40]}"
        checks.that(still(reply) == still(other), f"{name}: in Python {still(reply)}, in JavaScript {still(other)}"[:2000])
        checks.that(reply.incarnation == client.channel.incarnation and reply.id != other.id, f"{name}: {reply.incarnation}")
        checks.that((reply.code == pb.CODE_OK) == (reply.WhichOneof("body") is not None) == (not reply.text),
                    f"{name}: a body or a sentence: {reply}"[:500])
        replies.setdefault(kind, reply)
        if words:
            done = ctl(run, *words)
            checks.that((done.returncode == 0) == (reply.code == pb.CODE_OK), f"{name}: stratactl: {done}"[:2000])
            if done.returncode == 0:
                third = json_format.Parse(done.stdout, pb.Reply())
                checks.that(still(third) == still(reply), f"{name}: stratactl says {still(third)}"[:2000])
    return replies


def check_events(checks, run, client, job):
    """From a job that is paused to its end: in all three languages the same events, and none is missing in Python's."""
    follower = node(client.channel, follow=True)
    told = subprocess.Popen([str(BIN / "stratactl"), "--run", str(run), "--keys", str(KEYS), "--json", "events"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    items = []

    def follow():
        with Client(run, keys=KEYS) as watcher:
            items.extend(watcher.events())
    thread = threading.Thread(target=follow)
    thread.start()
    lines = [follower.stdout.readline()]  # a heartbeat, as the job is paused
    while not items and thread.is_alive():
        time.sleep(0.02)
    client.checkpoint()
    client.resume()
    time.sleep(0.3)
    client.ask("stop")  # unless it has ended by itself
    lines += follower.communicate(timeout=60)[0].splitlines()
    thread.join(60)
    text, errors = job.communicate(timeout=60)
    checks.that(job.returncode == 0, f"the job: {job.returncode} {text} {errors}")
    checks.that(isinstance(items[0], Sync) and items[0].why == "begin" and items[0].snapshot.status.state
                == pb.JOB_STATE_PAUSED, f"first there is the snapshot: {items[0]}")
    events = [item for item in items[1:] if not isinstance(item, Sync) and not item.HasField("heartbeat")]
    numbers = [event.number for event in events]
    checks.that(len(items) > 5 and not any(isinstance(item, Sync) for item in items[1:]), "and then events")
    checks.that(numbers == list(range(items[0].snapshot.event + 1, items[0].snapshot.event + 1 + len(numbers))),
                f"none is missing: {items[0].snapshot.event}, {numbers}")
    kinds = {event.WhichOneof("body") for event in events}
    checks.that({"status", "stage", "iteration", "candidate", "checkpoint", "done"} <= kinds, f"of all kinds: {kinds}")
    checks.that(events[-1].last and events[-1].status.state == pb.JOB_STATE_DONE, f"the last word: {events[-1]}")
    ours = {event.number: event for event in events}
    for name, said in (("JavaScript", lines), ("stratactl", told.communicate(timeout=60)[0].splitlines())):
        theirs = [json_format.Parse(line, pb.Event()) for line in said if '"seq"' in line and '"number"' in line]
        theirs = [event for event in theirs if not event.HasField("heartbeat")]
        checks.that(theirs and theirs[-1].last, f"{name} sees the end: {said[-1:]}")
        wrong = [event for event in theirs if event != ours.get(event.number)]
        checks.that(not wrong, f"{name} sees other events: {wrong[:2]}")
        checks.that([e.number for e in theirs] == numbers[-len(theirs):], f"{name} misses none: {[e.number for e in theirs]}")


def check_record(checks, run, replies):
    """What is served is what was left on the disk."""
    record = json_format.Parse((run / "result.json").read_text(), pb.Result())
    quality = json_format.Parse((run / "quality.json").read_text(), pb.Quality())
    manifest = json_format.Parse((run / "manifest.json").read_text(), pb.Manifest())
    seen = [(s.id, s.name, s.size) for s in replies["get_segments"].segments.segments]
    checks.that(seen == [(s.id, s.name, s.size) for s in record.segments], f"segments: {seen}")
    checks.that(replies["get_segment"].segment.segment == record.segments[1], "a segment")
    checks.that([p.persona for p in replies["get_personas"].personas.personas] == [s.persona for s in record.segments],
                "personas")
    checks.that(replies["get_quality"].quality == quality, "quality")
    checks.that(replies["get_manifest"].manifest == manifest, "manifest")
    checks.that(replies["get_evaluation"].evaluation.evaluation == record.evaluation, "evaluation")
    checks.that(replies["get_metrics"].metrics.text.endswith("# EOF\n"), "metrics")
    for kind, reply in replies.items():
        checks.that(reply.code == pb.CODE_OK, f"{kind}: {reply.code} {reply.text}")
    customer, assigned = replies["get_customer"].customer, replies["assign"].assign
    seen = [list(column[:1]) for column in (assigned.segments, assigned.runners_up, assigned.distances)]
    checks.that(len(assigned.segments) == 20 and seen == [[customer.segment], [customer.runner_up], [customer.distance]],
                f"as if new: {assigned} {customer}")
    checks.that(list(replies["explain"].explain.customers[:1]) == [customer], "and for the same reasons")


# --- versions -------------------------------------------------------------------------------------


NEWEST = r"(GetHealth|GetEvaluation|GetQuality|GetManifest|GetMetrics|GetSnapshot|GetEvents|Assign|Explain|HealthReply|" \
         r"EvaluationReply|Quality|Manifest|MetricsReply|SnapshotReply|EventsReply|AssignReply|ExplainReply|StageEvent|" \
         r"IterationEvent|CandidateEvent|CheckpointEvent|WarningEvent|DoneEvent)"


def other_proto(name, change):
    folder = HERE / name
    shutil.copytree(SOURCE / "proto", folder)
    file = folder / "strata/v1/control.proto"
    file.write_text(change(file.read_text()))
    return folder


def older(text):
    """Without the kinds of requests and events, and the fields of a status, that came last."""
    text = re.sub(rf"^    {NEWEST} \w+ = \d+;\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^  oneof has_(remaining_high_s|limit_s|allocation_suffices) .*\n", "", text, flags=re.MULTILINE)


def newer(text):
    """With a kind of request, and fields in known ones, that no server has yet."""
    text = text.replace("    Hello hello = 16;", "    Hello hello = 16;\n    GetWeather get_weather = 60;", 1)
    text = text.replace("message GetStatus {}", "message GetWeather { string where = 1; }\nmessage GetStatus { string mood = 9; }")
    return text.replace("    uint32 freeze_k = 4;", "    uint32 freeze_k = 4;\n    uint32 mood = 99;")


def cli(proto, run, *words):
    """The client in Python with another proto."""
    done = subprocess.run([sys.executable, str(SOURCE / "deploy/strata_client.py"), "--keys", str(KEYS), str(run), *words],
                          capture_output=True, text=True, timeout=60, env={**os.environ, "STRATA_PROTO": str(proto)})
    return done.returncode, done.stdout, done.stderr


def check_older(checks, run, client):
    proto = other_proto("older", older)
    code, said, errors = cli(proto, run, "status")
    checks.that(code == 0 and json.loads(said)["status"]["job"] == "wholesale", f"an older client: {code} {said} {errors}")
    code, _, errors = cli(proto, run, "health")
    checks.that(code == 64 and "get_segments" in errors, f"which does not know newer requests: {code} {errors}")
    lines = ask_node(checks, client.channel, [("hello", {}), ("get_status", {}), ("get_segments", {})], proto=proto)
    codes = [json.loads(line)["code"] for line in lines]
    checks.that(codes == ["CODE_OK"] * 3, f"and in JavaScript: {codes}")
    checks.that("health" in lines[0] and "health" not in (proto / "strata/v1/control.proto").read_text().split("oneof body")[1]
                .split("}")[0], "hello tells what it could ask")
    return node(client.channel, proto=proto, follow=True)


def check_older_events(checks, lines):
    """It takes newer events for empty ones, with their numbers, and has the statuses."""
    events = [json.loads(line) for line in lines]
    states = [event["status"]["state"] for event in events if "status" in event]
    numbers = [int(event["number"]) for event in events if "heartbeat" not in event]
    checks.that(states and states[-1] == "JOB_STATE_DONE", f"an older client follows: {states[-3:]}")
    checks.that(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"and counts what it does not know: {numbers}")
    checks.that(len(states) < len(numbers), "there was something that it does not know")


def check_newer(checks, run, client):
    proto = other_proto("newer", newer)
    code, _, errors = cli(proto, run, "get_weather", "where=Vienna")
    checks.that(code == 69 and "CODE_UNKNOWN_REQUEST: get_weather: " in errors and "does not know" in errors,
                f"a newer client: {code} {errors}")
    code, said, errors = cli(proto, run, "status", "mood=good")
    checks.that(code == 0 and json.loads(said)["status"]["state"] == "JOB_STATE_PAUSED", f"a newer field: {code} {said} {errors}")
    before = client.status().iteration
    code, _, errors = cli(proto, run, "set", "mood=3")
    checks.that(code == 64 and "CODE_BAD_REQUEST" in errors, f"a newer thing to set: {code} {said} {errors}")
    lines = ask_node(checks, client.channel, [("get_weather", {"where": "Vienna"}), ("get_status", {"mood": "good"})], proto=proto)
    codes = [json.loads(line)["code"] for line in lines]
    checks.that(codes == ["CODE_UNKNOWN_REQUEST", "CODE_OK"], f"and in JavaScript: {codes}")
    checks.that(client.status().iteration == before, "and nothing has happened")


# --- all together ---------------------------------------------------------------------------------


def check_running(checks, run):
    sets = [word for item in [*JOB, "control.interface=lo", f"control.keys={HERE / 'keys'}"] for word in ("--set", item)]
    job = start(BIN / "strata", "run", CONFIGS / "wholesale.yaml", "--output", run, "--quiet", *sets)
    with Client(run, keys=KEYS, wait_s=30, timeout_s=15) as client:
        client.pause()  # when there is a fit
        replies = check_questions(checks, "running", run, client)
        checks.that(replies["get_personas"].code == pb.CODE_UNAVAILABLE, "no personas yet")
        checks.that(replies["get_segments"].segments.interim, "interim segments")
        follower = check_older(checks, run, client)
        first = follower.stdout.readline()
        check_newer(checks, run, client)
        check_events(checks, run, client, job)
        check_older_events(checks, [first, *follower.communicate(timeout=60)[0].splitlines()])


def check_served(checks, run):
    server = start(BIN / "strata", "serve", run, "--keys", HERE / "keys", "--endpoint", "tcp://127.0.0.1:*")
    try:
        with Client(run, keys=KEYS, timeout_s=15, wait_s=30) as client:
            check_record(checks, run, check_questions(checks, "served", run, client))
    finally:
        server.send_signal(signal.SIGTERM)
        checks.that(server.wait(timeout=20) == 0, f"serving ends: {server.communicate()}")


def main():
    if not shutil.which("node") or not pathlib.Path(NODE_MODULES, "zeromq").is_dir():
        print("SKIPPED: a client in JavaScript needs node, zeromq and protobufjs: deploy/install-dependencies --tests")
        return
    checks, run = Checks(), HERE / "run"
    subprocess.run([str(BIN / "strata"), "keygen", "keys", "--client=anna:operator"], check=True, stdout=subprocess.DEVNULL)
    check_running(checks, run)
    check_served(checks, run)
    checks.end()


main()
