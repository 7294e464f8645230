"""A rank that stops answering is named, and the job ends with 75 within the limit and two seconds; nobody is accused
where ranks only wait for their turn.

    stalls.py [--stops 3] [--calm 4] [--limit 1]

--stops: ranks to stop; --calm: seconds of four ranks to a core with no stop.
"""
import argparse
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, MPIRUN, Checks, finish  # noqa: E402

JOB = str(CONFIGS / "wholesale.yaml")
# Where a rank may stand still, and what the others are doing then.
POINTS = [("comm.agree.before,count=6", "STARTING|PENDING"), ("ingest.source.before", "INGESTING"),
          ("encode.before", "ENCODING"), ("fit.pass.before,iteration=5", "FITTING in iteration 5"),
          ("fit.reduce.after,iteration=9", r"FITTING in iteration \d+"), ("evaluate.sum.before", "EVALUATING"),
          ("describe.tally.before", "DESCRIBING"), ("results.part.before", "WRITING")]
# Keeps ranks busy for seconds.
LONG = ["--set", "model.starts=120", "--set", "model.segments={from: 40, to: 60}", "--set", "model.min_share=0"]


def launch(ranks, limit, output, options=(), fault=None):
    env = {**os.environ, **({"STRATA_FAULT": fault} if fault else {})}
    line = [MPIRUN, "-n", str(ranks), str(BIN / "faults/strata"), "run", "--quiet", "--stall-limit", str(limit), JOB,
            "--output", output, *options]
    return subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def children(launcher):
    try:
        return pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    except OSError:
        return []


def is_stopped(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def stop_one(checks, number, rank, point, doing, limit):
    """One rank stops at a point; returns the seconds from then to the end of the job."""
    story = f"rank {rank} stopped at {point}"
    process = launch(4, limit, f"stop-{number}", fault=f"stop@{point},rank={rank}")
    while not any(is_stopped(pid) for pid in children(process.pid)) and process.poll() is None:
        time.sleep(0.005)
    stopped = time.monotonic()
    code, text = finish(process)
    took = time.monotonic() - stopped
    checks.that(code == 75, f"{story}: ended with {code}:\n{text}")
    checks.that(took < limit + 2, f"{story}: ended after {took:.2f} s, the limit is {limit} s")
    named = re.search(rf"strata: rank {rank} on {re.escape(socket.gethostname())} has not answered for "
                      rf"[0-9.]+ s while (?:{doing}): run the same command again", text)
    checks.that(named, f"{story}: not named:\n{text}")
    left = [pid for pid in children(process.pid)]
    checks.that(not left, f"{story}: processes left: {left}")
    return took


def stop_before_beating(checks, rank, point, limit):
    """A rank that stops before it has said a word is noticed all the same; nobody can say which one it is."""
    begin = time.monotonic()
    code, text = finish(launch(3, limit, f"mute-{rank}", fault=f"stop@{point},rank={rank}"))
    took, story = time.monotonic() - begin, f"rank {rank} stopped at {point}"
    checks.that(code == 75, f"{story}: ended with {code}:\n{text}")
    checks.that(took < limit + 5, f"{story}: ended after {took:.2f} s, the limit is {limit} s")
    checks.that(f"the ranks have not come together within {limit} s" in text, f"{story}: not told:\n{text}")


def hear_nobody(checks, limit):
    """Where no datagram passes nobody is accused, and it is told."""
    code, text = finish(launch(3, limit, "deaf", fault="fail@watch.send,ever=1"))
    checks.that(code == 0, f"no datagram passes: ended with {code}:\n{text}")
    checks.that("strata: 3 of 3 ranks hear no datagram of a neighbour" in text, f"no datagram passes: not told:\n{text}")
    checks.that('"watch.deaf"' in pathlib.Path("deaf/log.jsonl").read_text(), "no datagram passes: not in the log")


def stay_calm(checks, seconds, limit):
    """Four ranks to a core, all busy, one job after the other; the last one is asked to end.  Nobody is accused."""
    ranks, end, jobs = 4 * len(os.sched_getaffinity(0)), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        jobs += 1
        process = launch(ranks, limit, f"calm-{jobs}", LONG)
        while time.monotonic() < end and process.poll() is None:
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGUSR1)
        code, text = finish(process)
        checks.that(code in (0, 75) and "has not answered" not in text, f"{ranks} ranks ended with {code}:\n{text}")
    return ranks


def suspend_all(checks, limit):
    """The whole job stands still for longer than the limit: nobody's fault."""
    process = launch(3, limit, "suspended", LONG)
    while not (pathlib.Path("suspended/log.jsonl").exists() and
               '"fit.iter"' in pathlib.Path("suspended/log.jsonl").read_text()) and process.poll() is None:
        time.sleep(0.02)
    ranks = [int(pid) for pid in children(process.pid)]
    alive = process.poll() is None
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in ranks:
            os.kill(pid, number)
        time.sleep(limit + 0.5)
    process.send_signal(signal.SIGUSR1)
    code, text = finish(process)
    checks.that(alive and code in (0, 75) and "has not answered" not in text, f"suspended and continued: {code}:\n{text}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--stops", type=int, default=3)
    arguments.add_argument("--calm", type=float, default=4)
    arguments.add_argument("--limit", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=3)
    options = arguments.parse_args()
    checks, draw = Checks(), random.Random(options.seed)
    took = []
    for number in range(options.stops):
        rank, (point, doing) = number % 4, POINTS[(2 * number + number // 4) % len(POINTS)]
        if options.stops > 8:
            rank, (point, doing) = draw.randrange(4), draw.choice(POINTS)
        took.append(stop_one(checks, number, rank, point, doing, options.limit))
    for rank, point in enumerate(("mpi.init.after", "watch.meet.before")):
        stop_before_beating(checks, rank, point, options.limit)
    hear_nobody(checks, options.limit)
    suspend_all(checks, options.limit)
    ranks = stay_calm(checks, options.calm, options.limit)
    print(f"{options.stops} stops, ended after {min(took, default=0):.2f} to {max(took, default=0):.2f} s with a limit of {options.limit} s; "
          f"{ranks} ranks for {options.calm:.0f} s without alarm")
    checks.end()


main()
