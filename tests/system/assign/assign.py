"""Segments of new customers through the channel: the customers of shipped jobs, asked about as if they were new, get the
bits that the jobs' own assignments have; in any order and any cut into batches; and while another run takes the served
one's place every answer is wholly of one of the two."""
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

SYSTEM = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(SYSTEM.parent / "support"))
from runs import BIN, CONFIGS, Checks, must, sql  # noqa: E402

import yaml  # noqa: E402
import zmq  # noqa: E402
from strata_client import pb  # noqa: E402

LIST = {"nominal", "ordinal"}
# shipped job, what is set to make it short, how its customers are asked about: customers in a batch
JOBS = {
    "grocery-households": (["model.segments=5", "model.starts=2"], 1000),
    "telco-churn": (["model.segments=4", "model.starts=2"], 4096),
    "telco-churn-mixture": (["model.segments=4", "model.starts=2", "model.estimator=gmm-diag"], 777),
}


class Server:
    """`strata serve`, and one DEALER that is patient."""

    def __init__(self, run):
        self.process = subprocess.Popen([str(BIN / "strata"), "serve", str(run)], stderr=subprocess.PIPE, text=True)
        self.said = [self.process.stderr.readline() for _ in range(2)]
        self.endpoint = json.loads((run / "control.json").read_text())["requests"]
        self.context = zmq.Context()
        self.last_id = 0
        self.socket = self.connect()

    def connect(self):
        socket = self.context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(self.endpoint)
        return socket

    def ask(self, body, kind="assign", socket=None):
        """The reply to one request whose body is given."""
        socket = socket or self.socket
        self.last_id += 1
        request = pb.Request(id=self.last_id, **{kind: body})
        socket.send(request.SerializeToString())
        if not socket.poll(20000):
            sys.exit(f"no reply to {kind}")
        return pb.Reply.FromString(socket.recv())

    def leave(self):
        self.socket.close()
        self.context.term()
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=20)[1]


def read_job(name):
    """The job's features, and the SQL of its customers with the sources in it."""
    text = (CONFIGS / f"{name}.yaml").read_text()
    job = yaml.safe_load(text)
    sources = [f"{source['name']} as (select * from read_parquet('{CONFIGS / source['files']}'))" for source in job["sources"]]
    view = job["customers"].replace("as_of()", f"date '{job.get('as_of', '2000-01-01')}'")
    return job, f"with {', '.join(sources)}, view as ({view}) select"


def customers(name):
    """Key and raw values of each customer, as the job's customers view has them: features by name, None for missing."""
    job, select = read_job(name)
    basis = [f for f in job["features"] if f.get("role", "basis") == "basis"]
    cells = [f"{f['name']}::varchar" if f["type"] in LIST else f"{f['name']}::double" for f in basis]
    absent = [f"{f['name']} is null" for f in basis]
    rows = sql(f"{select} {job['key']}::varchar, {', '.join(cells)}, "
               f"{', '.join(absent)} from view order by 1")[1:]
    raw = {}
    for key, *values in rows:
        missing = [v == "true" for v in values[len(basis):]]
        raw[key] = {f["name"]: None if gone else (v if f["type"] in LIST else float(v))
                    for f, v, gone in zip(basis, values, missing)}
    return basis, raw


def batch(basis, rows, details=True):
    """An Assign of rows of raw values."""
    body = pb.Assign(customers=len(rows), details=details)
    for feature in basis:
        column = body.columns.add(feature=feature["name"])
        values = [row[feature["name"]] for row in rows]
        if feature["type"] in LIST:
            column.texts.extend(v or "" for v in values)
        else:
            column.numbers.extend(0.0 if v is None else v for v in values)
        column.missing.extend(i for i, v in enumerate(values) if v is None)
    return body


def told(reply):
    """Entries of a reply, one customer each."""
    a = reply.assign
    return list(zip(a.segments, a.runners_up, a.distances, a.posteriors, a.margins))


def kept(run):
    """The same of the run's assignments, by key."""
    rows = sql(f"select key, segment, coalesce(runner_up, 0), distance, posterior, margin from "
               f"read_parquet('{run}/assignments/*.parquet')")[1:]
    return {key: (int(s), int(r), float(d), float(p), float(m)) for key, s, r, d, p, m in rows}


def check_labels(checks, server, run, basis, raw, size):
    """Bit-equal to the run's own; and whatever the order and the cut, a customer's answer is the same."""
    own, keys = kept(run), list(raw)
    checks.that(set(own) == set(raw) and len(raw) > 1000, f"{run}: {len(own)} and {len(raw)} customers")
    dice = random.Random(7)
    for turn, n in enumerate((size, 3)):
        if turn:
            dice.shuffle(keys)
            keys = keys[:600]
        for first in range(0, len(keys), n):
            part = keys[first:first + n]
            body = batch(basis, [raw[key] for key in part])
            reply = server.ask(body)
            if reply.code != pb.CODE_OK:
                checks.that(False, f"{run}: {reply.text}")
                return
            wrong = [key for key, told_ in zip(part, told(reply)) if told_ != own[key]]
            checks.that(not wrong and len(reply.assign.segments) == len(part), f"{run}: {len(wrong)} of {len(part)} differ")
            checks.that(reply.assign.invalid == 0, f"{run}: {reply.assign.invalid} invalid")


def check_explanations(checks, server, run, basis, raw):
    """What is told of a new customer is what get_customer tells of the run's own with the same values."""
    keys = random.Random(11).sample(list(raw), 64)
    asked = batch(basis, [raw[key] for key in keys])
    told_ = server.ask(pb.Explain(columns=asked.columns, customers=len(keys)), "explain").explain
    checks.that(told_.model_hash == server.ask(asked).assign.model_hash, f"{run}: which model")
    n_reasons = 0
    for key, customer in zip(keys, told_.customers):
        known = server.ask(pb.GetCustomer(key=key), "get_customer")
        n_reasons += len(customer.reasons)
        checks.that(known.code == pb.CODE_OK and customer == known.customer, f"{run}: {customer} is not {known}")
    checks.that(len(told_.customers) == 64 and n_reasons > 64, f"{run}: {n_reasons} reasons")


def check_refusals(checks, server, basis, raw):
    """Each in a sentence that names the feature, and row where there is one, and no value."""
    rows = list(raw.values())[:5]
    name = next(f["name"] for f in basis if f["type"] not in LIST)

    def refused(change, words):
        body = batch(basis, rows)
        change(body)
        reply = server.ask(body)
        checks.that(reply.code == pb.CODE_BAD_REQUEST and words in reply.text and "4711" not in reply.text,
                    f"{words}: {pb.Code.Name(reply.code)} {reply.text}")

    refused(lambda b: b.columns.add(feature="4711", numbers=[1] * 5), "of no feature")
    refused(lambda b: b.columns.add(feature=name, numbers=[4711] * 5), f'"{name}" has two columns')
    refused(lambda b: b.columns[0].numbers.append(4711), f'"{basis[0]["name"]}" has 6 values of 5 customers')
    refused(lambda b: b.columns[0].texts.extend(["4711"] * 5), "both numbers and texts")
    refused(lambda b: setattr(b, "customers", 0), "1 to 4096 customers")
    body = pb.Explain(columns=batch(basis, rows).columns, customers=65)
    checks.that(server.ask(body, "explain").code == pb.CODE_BAD_REQUEST, "at most 64 are explained")


# --- another run in the served directory ------------------------------------------------------------


class Asker(threading.Thread):
    """Asks without a pause until it is stopped: what each reply said, and how many there were."""

    def __init__(self, server, body):
        super().__init__(daemon=True)
        self.server, self.body, self.going, self.sent, self.replies = server, body, True, 0, []

    def run(self):
        socket, open_ = self.server.connect(), 0
        while self.going or open_:
            while self.going and open_ < 8:
                self.sent += 1
                open_ += 1
                request = pb.Request(id=self.sent, assign=self.body)
                if self.sent % 2:
                    request = pb.Request(id=self.sent, get_segments=pb.GetSegments())
                socket.send(request.SerializeToString())
            if not socket.poll(20000):
                break
            self.replies.append(pb.Reply.FromString(socket.recv()))
            open_ -= 1
            time.sleep(0.0005)
        socket.close()


def wait_for(condition, limit_s=20):
    until = time.time() + limit_s
    while not condition() and time.time() < until:
        time.sleep(0.02)
    return condition()


def check_reload(checks, server, run, basis, raw):
    """Requests without a pause while another run is sealed in the directory: all answered, each wholly of one run."""
    keys = list(raw)[:40]
    before = kept(run)
    asker = Asker(server, batch(basis, [raw[key] for key in keys]))
    asker.start()
    wait_for(lambda: len(asker.replies) > 600)
    must(CONFIGS / "telco-churn.yaml", run, sets=["model.segments=6", "model.starts=1", "control=off"])
    after = kept(run)
    checks.that(wait_for(lambda: any(len(r.segments.segments) == 6 for r in asker.replies[-20:])), "the new run is served")
    enough = len(asker.replies) + 600
    wait_for(lambda: len(asker.replies) > enough)
    asker.going = False
    asker.join()
    check_replies(checks, asker, [[run_[key] for key in keys] for run_ in (before, after)])


def check_replies(checks, asker, answers):
    seqs, hashes = {4: set(), 6: set()}, [set(), set()]
    last = 0
    for reply in asker.replies:
        checks.that(reply.code == pb.CODE_OK and reply.seq >= last, f"{reply}")
        last = max(last, reply.seq)
        if reply.WhichOneof("body") == "segments":
            seqs[len(reply.segments.segments)].add(reply.seq)
            continue
        which = answers.index(told(reply)) if told(reply) in answers else None
        checks.that(which is not None, "an answer is of one run or the other")
        if which is not None:
            hashes[which].add((reply.assign.model_hash, reply.seq))
    checks.that([r.id for r in asker.replies] == list(range(1, asker.sent + 1)), "each request has its answer, in order")
    checks.that(len(asker.replies) > 1200, f"only {len(asker.replies)} replies")
    checks.that(len(seqs[4]) == len(seqs[6]) == len(hashes[0]) == len(hashes[1]) == 1, f"{seqs} {hashes}")
    checks.that({s for _, s in hashes[0]} == seqs[4] and {s for _, s in hashes[1]} == seqs[6], "record and model change at once")
    checks.that({h for h, _ in hashes[0]} != {h for h, _ in hashes[1]}, "the models differ")


def check_broken(checks, server, run, basis, raw):
    """A record that is no good is told and left; the next good one is served, at once when SIGHUP asks for it."""
    body = batch(basis, list(raw.values())[:3])
    now = server.ask(body)
    whole = (run / "model.pb").read_bytes()
    (run / "model.pb").write_bytes(whole[:-1] + b"\0")
    said = server.process.stderr.readline()
    checks.that("model.pb" in said and "goes on being served" in said, said)
    checks.that(server.ask(body).assign == now.assign, "the run before")
    customer = pb.GetCustomer(key=next(iter(raw)))  # whose files are not those of the run before
    checks.that(server.ask(customer, "get_customer").code == pb.CODE_BUSY, "files of another run are not told")
    (run / "model.pb").write_bytes(whole)
    server.process.send_signal(signal.SIGHUP)
    checks.that(wait_for(lambda: server.ask(body).seq > now.seq), "served again")
    checks.that(server.ask(customer, "get_customer").code == pb.CODE_OK, "and so are its customers")
    (run / "manifest.json").rename(run / "hidden")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    checks.that(server.ask(body).assign == now.assign, "as long as no run is sealed there, the last one")
    (run / "hidden").rename(run / "manifest.json")


def check_log(checks, run):
    """The lines about who asked are in the log that the directory has now, also after another run has put its own there."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    asked = [line for line in lines if line["event"] == "audit.assign"]
    last = max(i for i, line in enumerate(lines) if line["event"] == "run.end")
    checks.that(any(line["event"] == "audit.assign" for line in lines[last:]), "after the reload")
    checks.that(any(line["event"] == "audit.assign" for line in lines[:last]), "before it")
    checks.that(all(line["who"].startswith("localhost:") for line in asked), f"{asked[:3]}")
    checks.that({line["effect"] for line in asked} == {"told", "refused"}, "with which effect")


def check_killed(checks, run):
    """The private folder of the sockets of a server that was killed goes with the next one."""
    deep = run.parent / ("deep-" + "x" * 100)
    shutil.copytree(run, deep)
    dead = Server(deep)
    folder = pathlib.Path(dead.endpoint.removeprefix("ipc://")).parent
    checks.that(folder.parent != deep and folder.is_dir(), f"{folder}")
    dead.socket.close()
    dead.process.kill()
    dead.process.communicate()
    server = Server(deep)
    checks.that(not folder.exists() and server.ask(pb.GetStatus(), "get_status").code == pb.CODE_OK, f"{folder} is gone")
    server.leave()


def main():
    checks = Checks()
    for name, (sets, size) in JOBS.items():
        run = pathlib.Path(name).absolute()
        shipped = name.replace("-mixture", "")
        must(CONFIGS / f"{shipped}.yaml", run, sets=sets)
        basis, raw = customers(shipped)
        server = Server(run)
        check_labels(checks, server, run, basis, raw, size)
        check_explanations(checks, server, run, basis, raw)
        if name == "telco-churn":
            check_refusals(checks, server, basis, raw)
            check_reload(checks, server, run, basis, raw)
            check_broken(checks, server, run, basis, raw)
        server.leave()
    check_log(checks, pathlib.Path("telco-churn"))
    check_killed(checks, pathlib.Path("telco-churn-mixture").absolute())
    checks.end()


main()
