"""Ranks killed at every named point and at random times, and run again on other numbers of ranks: the same bytes as
the undisturbed run on one rank.

    kills.py [--cases 60] [--random 20] [--seed 1]

A case is one rank that dies at one visit of one point (STRATA_FAULT of bin/faults/strata).  A run has up to four cases:
the second and later ones meet the job while it recovers.  Random kills are the same with a moment in the place of a point.
A case that finds its point passed already, as the work before it is not done again, gets a run of its own.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, MPIRUN, Checks, finish, hashes  # noqa: E402

PROGRAM = str(BIN / "faults/strata")
RANKS = 4
AGAIN_ON = [1, 2, 3, 4, 8]
KILLS_A_RUN = 4
# Open MPI would leave the other ranks two seconds of grace each time.
AT_ONCE = {"OMPI_MCA_odls_base_sigkill_timeout": "0"}

JOB = """job: kills
sources:
  - {name: clients, files: clients.csv, key: id, columns: {x: double, y: double}}
customers: |
  select id, x, y from clients
features:
  - {name: x, type: numeric}
  - {name: y, type: numeric}
model: {segments: {from: 3, to: 4}, starts: 2, seed: 7}
threads: 1
checkpoint: {interval: 0.01}
output: out
"""
# So that there are several checkpoints in a fit of some ten iterations.
SLOWLY = "wait@fit.iteration.end,rank=0,ever=1,ms=4"


def write_job():
    """300 customers in a cloud without clear segments, so that a fit takes many iterations."""
    draw = random.Random(4)
    rows = [f"c{i},{draw.gauss(0, 1):.3f},{draw.gauss(0, 1):.3f}" for i in range(300)]
    pathlib.Path("clients.csv").write_text("\n".join(["id,x,y"] + rows) + "\n")
    pathlib.Path("kills.yaml").write_text(JOB)


def start(output, ranks, fault=None, trace=None):
    env = {**os.environ, **AT_ONCE, "STRATA_FAULT": f"{SLOWLY};{fault}" if fault else SLOWLY}
    if trace:
        env["STRATA_FAULT_TRACE"] = trace
    line = [MPIRUN, "-n", str(ranks), PROGRAM, "run", "--quiet", "kills.yaml", "--output", output]
    return subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def ranks_of(launcher):
    """Process ids of a launcher's ranks."""
    try:
        children = pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    except OSError:
        return []
    return [int(pid) for pid in children]


def is_whole(output):
    """A seal means that every file is there as it was sealed."""
    seal = pathlib.Path(output) / "manifest.json"
    if not seal.exists():
        return True
    sealed = json.loads(seal.read_text())["files"]
    return bool(sealed) and all(
        hashlib.sha256((pathlib.Path(output) / file["path"]).read_bytes()).hexdigest() == file["sha256"]
        for file in sealed)


def find_cases(seed):
    """All (point, rank, count, when) of an undisturbed run on four ranks, of many visits the first, the last and some
    between; every point first, then every rank of each, then the rest, each in a shuffled order."""
    trace = pathlib.Path("trace")
    code, text = finish(start("traced", RANKS, trace=str(trace)))
    if code != 0:
        sys.exit(f"the traced run ended with {code}:\n{text}")
    visits = collections.defaultdict(list)
    for when, line in enumerate(trace.read_text().splitlines()):
        # How often the watch sends depends on time; a rank killed while MPI starts is as one killed at random.
        if not any(f" {folder}." in line for folder in ("memory", "mpi", "watch")):
            visits[tuple(line.split())].append(when)
    draw, cases, seen = random.Random(seed), [], collections.Counter()
    for (rank, point), moments in sorted(visits.items()):
        # How often files are written depends on the time that passes.
        varies = point.startswith(("checkpoint.", "file.", "attempt."))
        last = len(moments) // 2 + 1 if varies else len(moments)
        counts = {1, last, *(draw.randint(1, last) for _ in range(4))}
        cases += [(point, int(rank), count, moments[count - 1]) for count in sorted(counts)]
    draw.shuffle(cases)
    ordered = []
    for case in cases:
        ordered.append(((seen[case[0]], seen[case[:2]]), case))
        seen[case[0]] += 1
        seen[case[:2]] += 1
    return [case for _, case in sorted(ordered, key=lambda item: item[0])], {point for _, point in visits}


class Run:
    """One run directory: killed, run again, killed again, and at last run to its end."""

    def __init__(self, number, seed, expected):
        self.output, self.expected = f"run-{number}", expected
        self.draw = random.Random(f"{seed} {number}")
        self.story, self.findings, self.killed_at, self.n_launches = [], [], [], 0

    def that(self, holds, text):
        self.findings.append((holds, f"{self.output}: {'; '.join(self.story)}: {text}"))

    def launch(self, ranks, **options):
        self.n_launches += 1
        return start(self.output, ranks, **options)

    def is_sound(self, code, text, allowed):
        self.that(code in allowed, f"ended with {code}:\n{text}")
        self.that(is_whole(self.output), "sealed, but not whole")
        if code == 0:
            self.that(hashes(self.output) == self.expected, "other bytes than the undisturbed run's")

    def kill_at_points(self, cases):
        """Returns the cases that did not come to their points."""
        left, ranks = [], RANKS
        for case in sorted(cases, key=lambda case: case[3]):
            point, rank, count, _ = case
            if self.killed_at:
                ranks = self.draw.choice([n for n in AGAIN_ON if n > rank])
            self.story.append(f"{point}, visit {count} of rank {rank} of {ranks}")
            code, text = finish(self.launch(ranks, fault=f"die@{point},rank={rank},count={count}"))
            self.is_sound(code, text, (0, 137))
            if code != 0:
                self.killed_at.append(point)
                continue
            self.story[-1] += " was not reached"
            self.that(self.killed_at, "although it was the first")
            left.append(case)
        self.finish()
        return left

    def kill_at_random(self, n_kills, longest_s):
        for i in range(n_kills):
            ranks = RANKS if i == 0 else self.draw.choice(AGAIN_ON)
            moment = self.draw.uniform(0, longest_s)
            self.story.append(f"after {moment:.3f} s of {ranks} ranks")
            process = self.launch(ranks)
            time.sleep(moment)
            victims = ranks_of(process.pid)
            if victims:
                os.kill(self.draw.choice(victims), signal.SIGKILL)
                self.killed_at.append("random")
            # A rank killed before it has started MPI, or after it has ended it, is another matter to the launcher:
            # it may even hang, until deploy/mpirun ends it, or crash in its own clean-up.
            self.is_sound(*finish(process),
                          (0, 1, 137, -signal.SIGPIPE, -signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT))
        self.finish()
        return []

    def finish(self):
        ranks = self.draw.choice(AGAIN_ON)
        self.story.append(f"then on {ranks} ranks")
        self.is_sound(*finish(self.launch(ranks)), (0,))
        left = [str(path) for path in pathlib.Path(self.output).rglob("*.tmp")]
        self.that(not left, f"left behind: {left}")


class Harness:
    """Runs side by side, one a core."""

    def __init__(self, seed):
        self.checks, self.seed, self.n_runs, self.n_launches = Checks(), seed, 0, 0
        self.kills = collections.Counter()
        self.n_workers = len(os.sched_getaffinity(0))
        self.pool = concurrent.futures.ThreadPoolExecutor(self.n_workers)

    def all(self, tasks):
        """Do (name of a method of Run, its arguments) side by side; returns what they return, in one list."""
        runs = []
        for _ in tasks:
            self.n_runs += 1
            runs.append(Run(self.n_runs, self.seed, self.expected))
        done = list(self.pool.map(lambda run, task: getattr(run, task[0])(*task[1:]), runs, tasks))
        for run in runs:
            self.n_launches += run.n_launches
            self.kills.update(run.killed_at)
            for holds, text in run.findings:
                self.checks.that(holds, text)
        return sum(done, [])

    def kill_at_points(self, cases):
        """Cases that did not happen in a run that had been killed before begin one of their own."""
        while cases:
            some, cases = cases[:KILLS_A_RUN * self.n_workers], cases[KILLS_A_RUN * self.n_workers:]
            groups = [some[i::self.n_workers] for i in range(self.n_workers)]
            left = self.all([("kill_at_points", group) for group in groups if group])
            if self.checks.failed:
                return
            self.all([("kill_at_points", [case]) for case in left])

    def kill_at_random(self, n_kills, longest_s):
        while self.kills["random"] < n_kills and not self.checks.failed:
            missing = n_kills - self.kills["random"]
            shares = [len(range(i, min(missing, KILLS_A_RUN * self.n_workers), self.n_workers))
                      for i in range(self.n_workers)]
            self.all([("kill_at_random", share, longest_s) for share in shares if share])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cases", type=int, default=40)
    arguments.add_argument("--random", type=int, default=12)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    if os.access("/dev/shm", os.W_OK):  # nothing here loses its power, and a disk's fsync takes half of the time
        folder = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="strata-kills-")
        os.chdir(folder.name)
    write_job()
    harness = Harness(options.seed)
    begin = time.monotonic()
    code, text = finish(start("undisturbed", 1))
    if code != 0:
        sys.exit(f"the undisturbed run ended with {code}:\n{text}")
    harness.expected = hashes("undisturbed")
    cases, points = find_cases(options.seed)
    harness.checks.that(len(points) >= 25, f"only {len(points)} named points")
    took_s = time.monotonic() - begin
    wanted = min(options.cases, len(cases))
    harness.kill_at_points(cases[:wanted])
    at_points, n_points = sum(harness.kills.values()), len(harness.kills)
    harness.checks.that(at_points == wanted, f"{at_points} kills at points, not {wanted}")
    harness.kill_at_random(options.random, took_s / 2)
    print(f"{at_points} kills at {n_points} of {len(points)} points, {harness.kills['random']} at random moments; "
          f"{harness.n_runs} runs, {harness.n_launches} launches, {time.monotonic() - begin:.0f} s")
    harness.checks.end()


main()
