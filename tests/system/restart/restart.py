"""Runs that were killed, stopped or out of time, and run again on other numbers of ranks: the same bytes as the
undisturbed run on one rank.

    restart.py [--seed 1] [--rounds 1] [--terms 0]

The jobs are those of configs/ on their real data, and one whose candidates race.  The moments are random; the seed is told.
"""
import argparse
import datetime
import errno
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
import runs  # noqa: E402
from runs import BIN, CONFIGS, MPIRUN, Checks, hashes, must, strata  # noqa: E402

HANG_S = 120
LAUNCHER_S = 1.0  # from TERM of mpirun to that of the ranks; KILL comes a second later
OFTEN = "checkpoint.interval=0.02"


def events(output, since=0):
    """The log's events from a byte on."""
    log = pathlib.Path(output) / "log.jsonl"
    if not log.exists():
        return []
    with log.open("rb") as lines:
        lines.seek(since)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]


def of(found, name):
    return [e for e in found if e["event"] == name]


def children(pid):
    """Processes that a process started, and those that these started."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(fields[1]) == pid:
            found += [int(stat.parent.name)] + children(int(stat.parent.name))
    return found


class Attempt:
    """One start of a job; `since` is where its log begins."""

    def __init__(self, job, output, ranks, sets=(), options=(), env=None, program=BIN / "strata"):
        log = pathlib.Path(output) / "log.jsonl"
        self.output, self.since = output, log.stat().st_size if log.exists() else 0
        line = [str(program), "run", str(job), "--output", str(output), "-q", *options]
        for item in sets:
            line += ["--set", item]
        if ranks > 1:
            line = [MPIRUN, "-n", str(ranks)] + line
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})

    def events(self):
        return events(self.output, self.since)

    def wait_for(self, name, times):
        """Until an event has come so often; False when the job ended before."""
        limit = time.monotonic() + HANG_S
        while len(of(self.events(), name)) < times:
            if self.process.poll() is not None or time.monotonic() > limit:
                return False
            time.sleep(0.002)
        return True

    def ranks(self):
        everybody = [self.process.pid] + children(self.process.pid)
        return [pid for pid in everybody if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "strata"]

    def kill(self):
        """The launcher and all ranks at once, as when a host loses power."""
        for pid in [self.process.pid] + children(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self.end()

    def end(self):
        self.said, _ = self.process.communicate(timeout=HANG_S)
        return self.process.returncode


def check_resumed(checks, attempt, what):
    """It went on from an iteration, not from the first one, and repeated none that was on disk."""
    now = attempt.events()
    before = of(events(attempt.output)[:-len(now)], "checkpoint.written")
    first = int(of(now, "fit.iter")[0]["iter"]) if of(now, "fit.iter") else None
    if before:
        checks.that(len(of(now, "run.resume")) == 1, f"{what}: did not resume")
        checks.that(first is None or first == int(before[-1]["iteration"]) + 1,
                    f"{what}: went on with iteration {first}, {before[-1]['iteration']} was on disk")


def interrupt(attempt, how, rng, most):
    """Let some iterations pass, then end the attempt that way; returns its exit code."""
    if not attempt.wait_for("fit.iter", rng.randrange(1, most)):
        return attempt.end()
    time.sleep(rng.random() * 0.05)
    if how == "kill":
        return attempt.kill()
    if how == "usr1":
        attempt.process.send_signal(signal.SIGUSR1)
    elif how == "rank-term":  # one rank alone is told
        os.kill(rng.choice(attempt.ranks()), signal.SIGTERM)
    else:
        attempt.process.terminate()
    return attempt.end()


def chain(checks, name, job, sets, plan, rng, most):
    """One run that is interrupted again and again, as the plan of (how, ranks) says."""
    whole = pathlib.Path(f"{name}-whole")
    if not whole.exists():
        must(job, whole, sets=sets)
    output = pathlib.Path(f"{name}-part")
    sets = [*sets, OFTEN]
    for i, (how, ranks) in enumerate(plan):
        attempt = Attempt(job, output, ranks, sets)
        code = interrupt(attempt, how, rng, most)
        what = f"{name}, attempt {i + 1}, {how} on {ranks}"
        if how in ("usr1", "rank-term") or (how == "term" and ranks == 1):
            checks.that(code in (75, 0), f"{what}: exit code {code}: {attempt.said}")
        if code == 75:
            last, kept = of(attempt.events(), "fit.iter"), of(attempt.events(), "checkpoint.written")
            checks.that(kept and kept[-1]["iteration"] == last[-1]["iter"], f"{what}: the last iteration was not kept")
        if i:
            check_resumed(checks, attempt, what)
        if code == 0:
            break
    else:
        attempt = Attempt(job, output, 1 + rng.randrange(3), sets)
        checks.that(attempt.end() == 0, f"{name}: the last attempt ended with {attempt.process.returncode}: {attempt.said}")
        check_resumed(checks, attempt, f"{name}, last attempt")
    wrong = [file for file, h in hashes(whole).items() if hashes(output).get(file) != h]
    checks.that(not wrong, f"{name}: differs in {', '.join(wrong)}")
    left = [f for f in (output / "checkpoints").glob("*")] if (output / "checkpoints").exists() else []
    checks.that(not left, f"{name}: a finished run left {left}")


def stratactl_checkpoint(checks, output):
    asked = subprocess.run([str(BIN / "stratactl"), "--run", str(output), "checkpoint"], capture_output=True, text=True,
                           timeout=HANG_S)
    checks.that(asked.returncode == 0, f"stratactl checkpoint: {asked.returncode}: {asked.stderr}")


def launcher_term(checks, job, sets):
    """TERM to a launcher that nobody tuned: the ranks get it a second later, KILL another second after that; the last
    completed iteration is on disk within 0.8 s of it."""
    output = pathlib.Path("term")
    attempt = Attempt(job, output, 2, [*sets, "checkpoint.interval=3600"])
    attempt.wait_for("fit.iter", 2)
    stratactl_checkpoint(checks, output)
    attempt.wait_for("checkpoint.written", 1)
    attempt.process.terminate()
    attempt.end()
    iterations, kept = of(attempt.events(), "fit.iter"), of(attempt.events(), "checkpoint.written")
    checks.that(kept and int(kept[-1]["iteration"]) == int(iterations[-1]["iter"]),
                f"TERM to mpirun: kept {kept[-1:]} of {iterations[-1:]}")
    return output


def many_terms(checks, times):
    """The same in passes that last a second, with 50 segments of 50 columns on 4 ranks."""
    rng = random.Random(6)
    names = [f"x{j}" for j in range(50)]
    with open("wide.csv", "w", encoding="ascii") as out:
        out.write("id," + ",".join(names) + "\n")
        out.writelines(f"c{i}," + ",".join(f"{rng.gauss(0, 1):.2f}" for _ in names) + "\n" for i in range(20000))
    job = pathlib.Path("wide.yaml")
    job.write_text("job: wide\nsources:\n  - {name: rows, files: wide.csv, key: id, columns: {"
                   + ", ".join(f"{n}: double" for n in names) + "}}\nfeatures:\n"
                   + "".join(f"  - {{name: {n}, type: numeric}}\n" for n in names)
                   + "model: {segments: 50, starts: 30, seed: 3, min_share: 0}\nthreads: 1\n")
    slowest = 0
    for i in range(times):
        output = pathlib.Path(f"wide-{i}")
        attempt = Attempt(job, output, 4, ["checkpoint.interval=3600"])
        checks.that(attempt.wait_for("fit.iter", 2), f"TERM {i}: {attempt.process.poll()}")
        time.sleep(rng.random())
        began = time.time()
        attempt.process.terminate()
        attempt.end()
        iterations, kept = of(attempt.events(), "fit.iter"), of(attempt.events(), "checkpoint.written")
        checks.that(kept and int(kept[-1]["iteration"]) == int(iterations[-1]["iter"]),
                    f"TERM {i}: kept {kept[-1:]} of {iterations[-1:]}")
        for event in kept[:1]:
            at = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
            slowest = max(slowest, at - began - LAUNCHER_S)
        subprocess.run(["rm", "-r", str(output)], check=True)
    checks.that(slowest < 0.8, f"TERM: durable after {slowest:.3f} s")
    print(f"TERM to mpirun, {times} times: durable after at most {slowest:.3f} s")


def user_2(checks, job, sets, output):
    """USR2 and a client ask for checkpoints, and the job goes on; it resumes what TERM left, and ends as the undisturbed one."""
    attempt = Attempt(job, output, 1, [*sets, "checkpoint.interval=3600"])
    attempt.wait_for("fit.iter", 2)
    attempt.process.send_signal(signal.SIGUSR2)
    attempt.wait_for("checkpoint.written", 1)
    stratactl_checkpoint(checks, output)
    checks.that(attempt.end() == 0, f"USR2: ended with {attempt.process.returncode}: {attempt.said}")
    checks.that(len(of(attempt.events(), "checkpoint.written")) == 2, "USR2 and stratactl: not two checkpoints")
    check_resumed(checks, attempt, "after TERM")
    told = json.loads((output / "manifest.json").read_text())["commands"]
    checks.that([c.split(" at iteration")[0] for c in told] == [f"checkpoint in attempt {i} while FITTING" for i in (1, 2)],
                f"commands of all attempts: {told}")
    checks.that(hashes(output) == hashes("term-whole"), "after TERM and USR2: other bytes")


def stop_survives(checks, job, sets):
    """A client stops the fit, and the job dies before its results: the next attempt knows that the fit was stopped."""
    output = pathlib.Path("stopped")
    attempt = Attempt(job, output, 1, [*sets, "checkpoint.interval=3600"], program=BIN / "faults/strata",
                      env={"STRATA_FAULT": "wait@evaluate.sum.before,ms=1000;die@evaluate.sum.after"})
    attempt.wait_for("fit.iter", 3)
    asked = subprocess.run([str(BIN / "stratactl"), "--run", str(output), "stop"], capture_output=True, text=True, timeout=HANG_S)
    checks.that(asked.returncode == 0 and attempt.end() == -signal.SIGKILL, f"stop: {asked.stderr}{attempt.process.returncode}")
    iterations = len(of(attempt.events(), "fit.iter"))
    attempt = Attempt(job, output, 2, sets)
    checks.that(attempt.end() == 0, f"after a stop: {attempt.process.returncode}: {attempt.said}")
    checks.that(not of(attempt.events(), "fit.iter"), f"after a stop in iteration {iterations} the fit went on")
    told = json.loads((output / "manifest.json").read_text())["commands"]
    checks.that(len(told) == 1 and told[0].startswith("stop in attempt 1 while FITTING"), f"after a stop: {told}")


def refusals(checks, rng):
    """What has changed since an unfinished run began is named, and --fresh begins anew."""
    clients = pathlib.Path("clients.csv")
    clients.write_text("id,x\n" + "".join(f"c{i},{rng.gauss(0, 1):.3f}\n" for i in range(400)))
    job = pathlib.Path("small.yaml")
    job.write_text("job: small\nsources:\n  - {name: clients, files: clients.csv, key: id, columns: {x: double}}\n"
                   "features:\n  - {name: x, type: numeric}\nmodel: {segments: {from: 3, to: 9}, seed: 7}\n")
    out = pathlib.Path("small-run")
    attempt = Attempt(job, out, 1, options=["--max-runtime", "0.1"])
    checks.that(attempt.end() == 75, f"--max-runtime: ended with {attempt.process.returncode}: {attempt.said}")
    for _ in range(20):  # until it is stopped in the fit
        attempt = Attempt(job, out, 1, [OFTEN])
        attempt.wait_for("fit.iter", 1)
        attempt.process.send_signal(signal.SIGUSR1)
        if attempt.end() == 75 and of(attempt.events(), "checkpoint.written"):
            break
        checks.that(attempt.process.returncode in (75, 0), f"USR1: {attempt.said}")

    def refused(code, text, sets=()):
        done = strata(job, out, sets=sets)
        checks.that(done.returncode == code and text in done.stderr and "--fresh" in done.stderr,
                    f"expected {code} and {text}, got {done.returncode}: {done.stderr}")
    refused(78, '"model.seed" was 7 and is 8', ["model.seed=8"])
    refused(78, '"as_of" was not set and is "2020-01-01"', ["as_of=2020-01-01"])
    refused(78, '"features.x.transform" was none and is log1p', ["features.x.transform=log1p"])
    text = clients.read_text()
    os.utime(clients, ns=(1, 1))
    refused(65, "clients.csv has been changed since")
    clients.write_text(text + "c400,1\n")
    refused(65, "clients.csv has been changed since")
    done = subprocess.run([str(BIN / "strata"), "run", str(job), "-o", str(out), "--fresh", "-q"], capture_output=True,
                          text=True, timeout=HANG_S)
    checks.that(done.returncode == 0, f"--fresh: {done.returncode}: {done.stderr}")
    must(job, "small-whole")
    checks.that(hashes(out) == hashes("small-whole"), "--fresh: other bytes")


def broken_disk(checks, job, sets):
    """Checkpoints cannot be written: the job goes on and says so; asked to end, it does not pretend that it kept its state."""
    output, aside = pathlib.Path("broken-disk"), pathlib.Path("aside")
    attempt = Attempt(job, output, 1, [*sets, OFTEN])
    attempt.wait_for("checkpoint.written", 1)
    (output / "checkpoints").rename(aside)
    (output / "checkpoints").write_text("in the way")
    checks.that(attempt.wait_for("checkpoint.failed", 1), "no checkpoint can be written: the log does not say so")
    attempt.process.send_signal(signal.SIGUSR1)
    code = attempt.end()
    checks.that(code in (73, 74) and "its state could not be kept" in attempt.said,
                f"no checkpoint can be written: {code}: {attempt.said}")
    (output / "checkpoints").unlink()
    aside.rename(output / "checkpoints")
    attempt = Attempt(job, output, 2, sets)
    checks.that(attempt.end() == 0 and hashes(output) == hashes("mixture-whole"), f"after a broken disk: {attempt.said}")
    checks.that(len(of(attempt.events(), "run.resume")) == 1, "after a broken disk: did not resume")


def fill(folder):
    """Until nothing more goes onto the file system."""
    with open(folder / "ballast", "ab", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise


def full_disk(checks, job, sets):
    """The disk is full when checkpoints are due, and again when results are: the job goes on, or says so and ends with 74;
    the checkpoint before is whole, and once there is room the same command ends with the same bytes."""
    disk = pathlib.Path("disk").absolute()
    disk.mkdir()
    small = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True)
    if small.returncode:
        print(f"not shown: a full disk, as no file system can be mounted: {small.stderr.strip()}")
        return
    output = disk / "run"
    try:
        attempt = Attempt(job, output, 2, [*sets, OFTEN])
        checks.that(attempt.wait_for("checkpoint.written", 2), f"a small disk: no checkpoint: {attempt.process.poll()}")
        for _ in range(30):  # what a failed checkpoint gives back is filled too
            fill(disk)
            time.sleep(0.01)
        checks.that(attempt.process.poll() is None, "a full disk: the job did not go on without checkpoints")
        attempt.process.send_signal(signal.SIGUSR1)
        code = attempt.end()
        checks.that(code == 74 and "its state could not be kept" in attempt.said and "No space left" in attempt.said,
                    f"a full disk, asked to end: {code}: {attempt.said}")
        checks.that(any((output / "checkpoints").iterdir()), "a full disk: the checkpoint before is lost")
        (disk / "ballast").unlink()
        for what, size, wanted in [("no room for results", "1m", 74), ("room", "64m", 0)]:
            subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
            attempt = Attempt(job, output, 2, [*sets, OFTEN])
            code = attempt.end()
            checks.that(code == wanted, f"{what}: {code}: {attempt.said}")
            checks.that(wanted == 0 or "No space left" in attempt.said, f"{what}: it does not say so: {attempt.said}")
            checks.that(wanted == 0 or not (output / "manifest.json").exists(), f"{what}: it passes for a finished run")
            checks.that("damaged" not in attempt.said, f"{what}: {attempt.said}")
            check_resumed(checks, attempt, what)
        checks.that(hashes(output) == hashes("mixture-whole"), "after a full disk: other bytes")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def seconds_between(*two):
    first, last = (datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00")) for e in two)
    return (last - first).total_seconds()


def seconds_to_fit(output):
    """How long a run took until its fit began, as its log tells."""
    found = events(output)
    begin = [e for e in of(found, "stage.begin") if e["state"] == "FITTING"]
    return seconds_between(found[0], begin[0]) + 0.5


def deadline(checks, job, sets):
    """A deadline that will not suffice: told early, stopped in time, resumed."""
    output = pathlib.Path("deadline")
    for factor in (2, 4, 8):  # until the fit begins in time on a busy host
        end = time.time() + 1.5 + factor * seconds_to_fit("mixture-whole")
        attempt = Attempt(job, output, 1, sets, env={"STRATA_DEADLINE": f"{end:.3f}"})
        code = attempt.end()
        if of(attempt.events(), "fit.iter"):
            break
    checks.that(code == 75 and time.time() < end, f"deadline: exit code {code}, {time.time() - end:+.2f} s: {attempt.said}")
    checks.that(of(attempt.events(), "limit.forecast") and "it will stop in time" in attempt.said,
                f"deadline: no forecast: {attempt.said}")


def long_statement(checks, rng):
    """A limit or a signal in an ingest that is one statement of hours: all ranks leave together, in time and with words."""
    pathlib.Path("s.csv").write_text("id,x\n" + "".join(f"c{i % 900},{rng.randrange(9)}\n" for i in range(9000)))
    pathlib.Path("lookup.csv").write_text("v\n" + "".join(f"{i}\n" for i in range(3000)))
    lookups = "".join(f"  - {{name: {n}, files: lookup.csv, columns: {{v: integer}}, lookup: true}}\n" for n in "ab")
    job = pathlib.Path("statement.yaml")
    job.write_text("job: statement\nsources:\n  - {name: s, files: s.csv, key: id, columns: {x: integer}}\n" + lookups
                   + "customers: |\n  select id, sum(x * a.v * b.v) as x from s, a, b group by id\n"
                   "features:\n  - {name: x, type: numeric}\nmodel: {segments: 2, seed: 7}\n")
    again = "asked to end while INGESTING; run the same command again"
    for name, ranks, code, words in [("limit", 2, 75, again), ("USR1", 2, 75, again),
                                     ("INT", 1, 130, "cancelled while INGESTING")]:
        output, began = pathlib.Path(f"statement-{name}"), time.monotonic()
        limit = ["--max-runtime", "4"] if name == "limit" else []
        attempt = Attempt(job, output, ranks, options=limit)
        checks.that(attempt.wait_for("ingest.source", 3), f"{name} in a statement: not ingesting: {attempt.process.poll()}")
        if not limit:
            time.sleep(0.3)
            began = time.monotonic()
            attempt.process.send_signal(getattr(signal, f"SIG{name}"))
        seen = attempt.end()
        took = time.monotonic() - began
        checks.that(seen == code and words in attempt.said, f"{name} in a statement: {seen}: {attempt.said}")
        if limit:
            took = seconds_between(of(attempt.events(), "limit")[0], of(attempt.events(), "run.failed")[0])
        checks.that(took < 4, f"{name} in a statement: ended after {took:.2f} s")
        print(f"  {name} in a long statement: ended after {took:.2f} s")
        checks.that(not of(attempt.events(), "table.kept"), f"{name} in a statement: kept part of a table")


def raced(here):
    """So many rows that candidates race first."""
    rng = random.Random(5)
    with open("raced.csv", "w", encoding="ascii") as out:
        out.write("id,x,y\n")
        out.writelines(f"c{i},{rng.random() * (1 + i % 5):.3f},{rng.random() + i % 3:.3f}\n" for i in range(263000))
    job = here / "raced.yaml"
    job.write_text("job: raced\nsources:\n  - {name: rows, files: raced.csv, key: id, columns: {x: double, y: double}}\n"
                   "features:\n  - {name: x, type: numeric}\n  - {name: y, type: numeric}\n"
                   "model: {segments: {from: 4, to: 7}, starts: 3, seed: 3, max_iter: 30}\nthreads: 1\n")
    return job


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--terms", type=int, default=0)
    options = parser.parse_args()
    checks, here = Checks(), pathlib.Path.cwd()
    mixture, sets = CONFIGS / "grocery-households-mixture.yaml", ["model.starts=2", "threads=1"]
    race = raced(here)
    for i in range(options.rounds):
        rng = random.Random(options.seed + i)
        began = time.monotonic()
        print(f"seed {options.seed + i}")
        chain(checks, "mixture", mixture, sets, [("kill", 2), ("usr1", 3), ("kill", 1), ("rank-term", 2)], rng, 25)
        print(f"  mixture {time.monotonic() - began:.1f} s")
        chain(checks, "grocery", CONFIGS / "grocery-households.yaml", ["threads=1"],
              [("usr1", 1), ("kill", 3), ("term", 1)], rng, 15)
        print(f"  grocery {time.monotonic() - began:.1f} s")
        chain(checks, "raced", race, [], [("kill" if i % 2 == 0 else "usr1", 2)], rng, 40)
        print(f"  raced {time.monotonic() - began:.1f} s")
        for output in ("mixture-part", "grocery-part", "raced-part"):
            subprocess.run(["rm", "-r", output], check=True)
    slow = ["model.starts=5", "threads=1"]  # still fitting when TERM reaches the ranks, a second later
    must(mixture, "term-whole", sets=slow)
    user_2(checks, mixture, slow, launcher_term(checks, mixture, slow))
    broken_disk(checks, mixture, sets)
    stop_survives(checks, mixture, sets)
    full_disk(checks, mixture, sets)
    deadline(checks, mixture, ["model.starts=20", "threads=1"])
    refusals(checks, rng)
    long_statement(checks, rng)
    if options.terms:
        many_terms(checks, options.terms)
    print(f"all {time.monotonic() - began:.1f} s")
    checks.end()


main()
