"""Ranks killed at every named point and at random times, and run again on other numbers of ranks: the same bytes as
the undisturbed run on one rank.

    kills.py [--cases 60] [--random 20] [--seed 1]

A case is one rank that dies at one visit of one point (STRATA_FAULT of bin/faults/strata).  A run has up to four cases:
the second and later ones meet the job while it recovers.  Random kills are the same with a moment in the place of a point.
A case that finds its point passed already, as the work before it is not done again, is put off to begin a run.
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, MPIRUN, Checks, hashes  # noqa: E402

PROGRAM = str(BIN / "faults/strata")
RANKS = 4
AGAIN_ON = [1, 2, 3, 4, 8]
KILLS_A_RUN = 4
HANG_S = 60
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
output: out
"""


def write_job():
    """300 customers in a cloud without clear segments, so that a fit takes many iterations."""
    draw = random.Random(4)
    rows = [f"c{i},{draw.gauss(0, 1):.3f},{draw.gauss(0, 1):.3f}" for i in range(300)]
    pathlib.Path("clients.csv").write_text("\n".join(["id,x,y"] + rows) + "\n")
    pathlib.Path("kills.yaml").write_text(JOB)


def start(output, ranks, fault=None, trace=None):
    env = {**os.environ, **AT_ONCE}
    if fault:
        env["STRATA_FAULT"] = fault
    if trace:
        env["STRATA_FAULT_TRACE"] = trace
    line = [MPIRUN, "-n", str(ranks), PROGRAM, "run", "--quiet", "kills.yaml", "--output", output]
    return subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def finish(process):
    """Its exit code, or "hung", and what it said."""
    try:
        text, _ = process.communicate(timeout=HANG_S)
        return process.returncode, text
    except subprocess.TimeoutExpired:
        process.kill()
        return "hung", process.communicate()[0]


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
    """All (point, rank, count) of an undisturbed run on four ranks, of many visits the first, one between and the last;
    every point first, then every rank of each, then the rest, each in a shuffled order."""
    trace = pathlib.Path("trace")
    code, text = finish(start("traced", RANKS, trace=str(trace)))
    if code != 0:
        sys.exit(f"the traced run ended with {code}:\n{text}")
    visits = collections.Counter(tuple(line.split()) for line in trace.read_text().splitlines())
    draw, cases, seen = random.Random(seed), [], collections.Counter()
    for (rank, point), n in sorted(visits.items()):
        cases += [(point, int(rank), count) for count in sorted({1, draw.randint(1, n), n})]
    draw.shuffle(cases)
    ordered = []
    for case in cases:
        ordered.append(((seen[case[0]], seen[case[:2]]), case))
        seen[case[0]] += 1
        seen[case[:2]] += 1
    return [case for _, case in sorted(ordered, key=lambda item: item[0])], {point for _, point in visits}


class Harness:
    def __init__(self, seed):
        self.checks, self.draw = Checks(), random.Random(seed)
        self.expected, self.n_runs, self.n_launches = None, 0, 0
        self.kills = collections.Counter()

    def new_run(self):
        self.n_runs += 1
        return f"run-{self.n_runs}"

    def end_run(self, output, story):
        """Run again undisturbed, on some number of ranks, to the end."""
        ranks = AGAIN_ON[self.n_runs % len(AGAIN_ON)]
        self.n_launches += 1
        code, text = finish(start(output, ranks))
        self.checks.that(code == 0, f"{story}, again on {ranks}: ended with {code}:\n{text}")
        if code == 0:
            self.check_result(output, f"{story}, again on {ranks}")
        left = [str(path) for path in pathlib.Path(output).rglob("*.tmp")]
        self.checks.that(not left, f"{story}: left behind: {left}")

    def check_result(self, output, story):
        self.checks.that(hashes(output) == self.expected, f"{story}: other bytes than the undisturbed run's")

    def kill_at_points(self, cases):
        """One run: cases are taken off the list until it was killed four times or has come to its end."""
        output, story, ranks, put_off = self.new_run(), [], RANKS, []
        for _ in range(KILLS_A_RUN):
            usable = next((case for case in cases if case[1] < ranks), None)
            if usable is None:
                break
            cases.remove(usable)
            point, rank, count = usable
            story.append(f"{point} visit {count} of rank {rank} of {ranks}")
            self.n_launches += 1
            code, text = finish(start(output, ranks, f"die@{point},rank={rank},count={count}"))
            self.checks.that(is_whole(output), f"{story}: sealed, but not whole")
            if code == 0:
                put_off.append(usable)
                self.check_result(output, str(story))
                break
            self.checks.that(code == 137, f"{story}: ended with {code}:\n{text}")
            self.kills[point] += 1
            ranks = self.draw.choice(AGAIN_ON)
        self.end_run(output, str(story))
        if len(story) == 1 and put_off:
            self.checks.that(False, f"{story}: never came there")
        else:
            cases[:0] = put_off

    def kill_at_random(self, n_kills, longest_s):
        output, story = self.new_run(), []
        for i in range(n_kills):
            ranks, moment = RANKS if i == 0 else self.draw.choice(AGAIN_ON), self.draw.uniform(0, longest_s)
            self.n_launches += 1
            process = start(output, ranks)
            time.sleep(moment)
            victims = ranks_of(process.pid)
            if victims:
                os.kill(self.draw.choice(victims), signal.SIGKILL)
                self.kills["random"] += 1
            code, text = finish(process)
            story.append(f"{moment:.3f} s of {ranks} ranks: {code}")
            # Killed before it had started MPI, or after it had ended, a rank makes the launcher say something else.
            self.checks.that(code in (0, 1, 137), f"{story}:\n{text}")
            self.checks.that(is_whole(output), f"{story}: sealed, but not whole")
        self.end_run(output, str(story))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cases", type=int, default=60)
    arguments.add_argument("--random", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
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
    cases = cases[:options.cases]
    wanted = len(cases)
    while cases:
        harness.kill_at_points(cases)
    at_points = sum(harness.kills.values())
    harness.checks.that(at_points == wanted, f"{at_points} kills at points, not {wanted}")
    while harness.kills["random"] < options.random:
        harness.kill_at_random(min(KILLS_A_RUN, options.random - harness.kills["random"]), took_s / 2)
    print(f"{at_points} kills at {len(harness.kills) - 1} of {len(points)} points, {harness.kills['random']} at random; "
          f"{harness.n_runs} runs, {harness.n_launches} launches, {time.monotonic() - begin:.0f} s")
    harness.checks.end()


main()
