#!/usr/bin/python3
"""A job on four ranks steered by a script at random moments: every rank obeys in the same iteration, every command is
answered, and the manifest's commands given again lead to the same bytes; nothing hangs.

    steering.py [--first 1] [--runs 8]

Each run has a number, which decides all that is random in it but the moments: those the machine decides.  Some runs end
by themselves, others are stopped, cancelled, killed or out of time, and what is not done is started again on other
numbers of ranks, steered or not.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, MPIRUN, SAME, Checks, hashes  # noqa: E402
from strata_client import Client, NoReply, StrataError, pb  # noqa: E402

HANG_S = 150
JOBS = [  # many short iterations; few longer ones of many candidates
    ["model.estimator=gmm-diag", "model.starts=4", "model.segments={from: 4, to: 7}", "model.tolerance=0",
     "model.max_iter=150"],
    ["model.starts=40", "model.segments={from: 8, to: 24}", "model.min_share=0"],
]
ENDINGS = ["itself", "stop", "cancel", "kill", "time", "itself"]
CHANGING = ("stop", "set tolerance", "set max_iter", "set drop", "set freeze")
OBEYED = re.compile(r" debug r(\d+) fit\.obeyed (order=\S+ iteration=\d+ after=\d refused=\d)")


class Run:
    """One start of a job, steered or not."""

    def __init__(self, sets, output, ranks, options=()):
        self.output = pathlib.Path(output).absolute()
        line = [str(BIN / "strata"), "run", str(CONFIGS / "wholesale.yaml"), "--output", str(self.output), "-q", *options]
        for item in sets:
            line += ["--set", item]
        if ranks > 1:
            line = [MPIRUN, "-n", str(ranks)] + line
        self.ranks = ranks
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        stdin=subprocess.DEVNULL)

    def end(self):
        self.said, _ = self.process.communicate(timeout=HANG_S)
        return self.process.returncode

    def processes(self):
        """Of the ranks, in no order."""
        found, parents = [], [self.process.pid]
        while parents:
            pid = parents.pop()
            try:
                of_pid = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                parents += [int(child) for child in of_pid]
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "strata":
                    found.append(pid)
            except OSError:
                pass
        return found

    def kill(self):
        for pid in [self.process.pid] + self.processes():
            os.kill(pid, signal.SIGKILL)
        return self.end()


def seconds_of(pids):
    """Of all processors, that these have used."""
    fields = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")


class Script:
    """A client that gives commands until it has no more, or the job is over."""

    def __init__(self, checks, run, draws):
        self.checks, self.run, self.draws = checks, run, draws
        self.client, self.taken, self.paused = Client(run.output, timeout_s=HANG_S), [], False
        limit = time.monotonic() + HANG_S
        while self.state() == "GONE" and run.process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        if draws.random() < 0.8:  # else some commands come before there is a fit
            while self.state() in ("PENDING", "INGESTING", "ENCODING", "SEEDING"):
                time.sleep(0.02)

    def state(self):
        try:
            return pb.JobState.Name(self.client.status().state).removeprefix("JOB_STATE_")
        except StrataError:
            return "GONE"

    def give(self, kind, **fields):
        """One command; the iteration in which it took effect, or None when it had none."""
        try:
            reply = self.client.ask(kind, **fields)
        except NoReply:
            self.checks.that(False, f"{kind} {fields}: no answer, and the job goes on")
            return None
        except StrataError:  # the job is over
            return None
        if reply.code != pb.CODE_OK:
            self.checks.that(reply.code in (pb.CODE_UNAVAILABLE, pb.CODE_BUSY), f"{kind} {fields}: {reply}")
            return None
        iteration = getattr(reply, kind).iteration
        if kind in ("pause", "resume", "stop"):  # a stop ends the pause
            self.paused = kind == "pause"
        self.taken.append((kind, fields, iteration))
        return iteration

    def random_command(self):
        k = self.draws.randint(4, 9)
        return self.draws.choice([
            ("pause", {}), ("pause", {}), ("checkpoint", {}), ("set", {"tolerance": self.draws.choice([0, 1e-6, 1e-3])}),
            ("set", {"max_iter": self.draws.randint(20, 140)}), ("set", {"drop": {"k": k, "start": self.draws.randint(0, 4)}}),
            ("set", {"freeze_k": k}), ("set", {"log_level": self.draws.choice([pb.LOG_LEVEL_DEBUG, pb.LOG_LEVEL_DEBUG])})])

    def play(self, n_commands):
        self.give("set", log_level=pb.LOG_LEVEL_DEBUG)
        for _ in range(n_commands):
            time.sleep(self.draws.random() * 0.06)
            kind, fields = self.random_command()
            self.give(kind, **fields)
            if self.paused and self.draws.random() < 0.6:
                self.give("resume")

    def close(self):
        self.client.close()


def check_ranks(checks, what, run):
    """All ranks have obeyed the same orders in the same iterations: those that the log level let them tell."""
    told = {}
    for rank, line in OBEYED.findall(run.said):
        told.setdefault(int(rank), []).append(line)
    if run.process.returncode == -signal.SIGKILL:  # the last words of some may be missing
        shortest = min((len(lines) for lines in told.values()), default=0)
        told = {rank: lines[:shortest] for rank, lines in told.items()}
    lists = list(told.values())
    checks.that(all(of_rank == lists[0] for of_rank in lists), f"{what}: ranks obeyed differently: {told}")
    checks.that(not lists or len(lists) == run.ranks, f"{what}: only ranks {sorted(told)} of {run.ranks} tell that they obeyed")
    return len(lists[0]) if lists else 0


def words(kind, fields):
    for key, value in fields.items():
        if key == "drop":
            return f"set drop {value['k']}" + (f"/{value['start']}" if value["start"] else "")
        return {"tolerance": f"set tolerance {value:.17g}", "max_iter": f"set max_iter {value}",
                "freeze_k": f"set freeze {value}", "log_level": "set log_level debug"}[key]
    return kind


def check_manifest(checks, what, output, taken):
    """What was answered is in the manifest, in the same order with the same iterations."""
    commands = json.loads((output / "manifest.json").read_text())["commands"]
    found = [re.fullmatch(r"(.*) in attempt \d+ while [A-Z]+ (at|after) iteration (\d+)", c) for c in commands]
    checks.that(all(found), f"{what}: {commands}")
    listed = [(f[1], int(f[3])) for f in found if f]
    answered = [(words(kind, fields), iteration) for kind, fields, iteration in taken if kind != "cancel"]
    answered = [a for a in answered if a[0].startswith(CHANGING)]
    left = [entry for entry in listed if entry[0].startswith(CHANGING)]
    # A command may have taken effect whose answer did not come any more.
    missing = [a for a in answered if a not in left]
    checks.that(not missing, f"{what}: answered, but not in the manifest: {missing} of {listed}")


def check_replay(checks, what, sets, output, ranks):
    again = pathlib.Path(f"{output}-again").absolute()
    replayed = Run(sets, again, ranks, ["--replay", str(output / "manifest.json")])
    checks.that(replayed.end() == 0, f"{what}: the replay ended with {replayed.process.returncode}: {replayed.said}")
    for name in SAME:
        same = (output / name).read_bytes() == (again / name).read_bytes()
        checks.that(same, f"{what}: {name} of the replay is not that of the steered run")
    commands = [[c.split(" in attempt")[0] for c in json.loads((run / "manifest.json").read_text())["commands"]
                 if c.startswith(CHANGING)] for run in (output, again)]
    checks.that(commands[0] == commands[1], f"{what}: replayed {commands[1]} of {commands[0]}")
    return again


def check_cancelled(checks, what, output):
    left = sorted(p.name for p in output.iterdir() if p.is_file() or any(p.iterdir())) if output.exists() else []
    checks.that(not set(left) - {"checkpoints", "log.jsonl", ".attempts"}, f"{what}: after a cancel there is {left}")


def check_idle(checks, what, run):
    """A paused job uses next to no processor, and is not taken for a stalled one."""
    pids = run.processes()
    before = seconds_of(pids)
    time.sleep(1.5)
    used = seconds_of(pids) - before
    checks.that(len(pids) == run.ranks and used < 0.3, f"{what}: {len(pids)} paused ranks used {used:.2f} s of 1.5 s")


def steer(checks, number):
    """One run from the first start to its replay; how many commands took effect, and on all ranks."""
    draws = random.Random(number)
    sets, ending = JOBS[number % 2 if number % 7 else 0], ENDINGS[number % len(ENDINGS)]
    what, output = f"run {number} ({ending})", pathlib.Path(f"steered-{number}").absolute()
    run = Run(sets, output, 4, ["--stall-limit", "1"] if number % 12 == 1 else [])
    script = Script(checks, run, draws)
    script.play(draws.randint(1, 8))
    if ending == "stop":
        script.give("stop")
    if ending == "time" or number % 12 == 1:
        script.give("pause")
    if number % 12 == 1 and script.paused:
        check_idle(checks, what, run)
    if ending == "cancel":
        script.give("cancel")
    elif ending == "kill":
        run.kill()
    elif ending == "time" and script.paused:
        os.kill(run.processes()[-1], signal.SIGUSR1)
    elif script.paused:
        script.give("resume")
    code, taken = run.end() if ending != "kill" else run.process.returncode, script.taken
    script.close()
    n_obeyed = check_ranks(checks, what, run)
    expected = {"cancel": (130, 0), "kill": (-9, 0), "time": (75, 0)}.get(ending, (0,))
    checks.that(code in expected, f"{what}: ended with {code}: {run.said[-2000:]}")
    if code == 130:
        check_cancelled(checks, what, output)
    if code != 0:
        rest = Run(sets, output, draws.choice([1, 2, 4]))
        checks.that(rest.end() == 0, f"{what}: started again, it ended with {rest.process.returncode}: {rest.said}")
    has_begun = code == 0 or "run.resume" in (output / "log.jsonl").read_text()
    check_manifest(checks, what, output, taken if has_begun else [])
    ranks = draws.choice([1, 1, 2]) if number % 6 else 4
    again = check_replay(checks, what, sets, output, ranks)
    if ranks == 4 and code == 0:
        checks.that(hashes(output) == hashes(again), f"{what}: assignments of the replay are others")
    shutil.rmtree(output)
    shutil.rmtree(again)
    return len(taken), n_obeyed


def refuse_others(checks):
    """A manifest is of one job and one set of inputs."""
    sets = ["model.starts=1", "model.segments=3"]
    first = Run(sets, "first", 1)
    checks.that(first.end() == 0, first.said)
    manifest = first.output / "manifest.json"
    for change, code, named in ((["model.seed=7"], 78, '"model.seed" was'), (["model.segments=4"], 78, '"model.segments')):
        other = Run(sets + change, "other", 1, ["--replay", str(manifest)])
        checks.that(other.end() == code and named in other.said and "fingerprint" in other.said, f"{change}: {other.said}")
    text = manifest.read_text()
    for old, new, code in ((r'"inputFingerprint": "\d+"', '"inputFingerprint": "7"', 65), (r'"commands": \[\]', '"commands": ["dance"]', 65),
                           (r'"settingsFingerprint"', '"nothing"', 65)):
        changed, n = re.subn(old, new, text)
        pathlib.Path("changed.json").write_text(changed)
        other = Run(sets, "other", 1, ["--replay", "changed.json"])
        checks.that(n == 1 and other.end() == code and "changed.json" in other.said, f"{new}: {n} {other.said}")
    missing = Run(sets, "other", 1, ["--replay", "nothing.json"])
    checks.that(missing.end() == 66 and "nothing.json" in missing.said, missing.said)
    checks.that(not pathlib.Path("other").exists(), "a refused replay leaves nothing")


def replay_with_files(checks):
    """What a job names beside its sources is part of its inputs: an earlier model, and pictures."""
    sets = ["model.starts=1", "model.segments=3"]
    earlier = Run(sets, "earlier", 1)
    checks.that(earlier.end() == 0, earlier.said)
    name = json.loads((earlier.output / "result.json").read_text())["segments"][0]["name"]
    picture = pathlib.Path("own.svg").absolute()
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>')
    sets += [f"model.start={earlier.output}", f"follows={earlier.output}", f'pictures={{"{name}": {picture}}}']
    named = Run(sets, "named", 1)
    checks.that(named.end() == 0, named.said)
    check_replay(checks, "a job with files", sets, named.output, 2)
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"></svg>')
    other = Run(sets, "other", 1, ["--replay", str(named.output / "manifest.json")])
    checks.that(other.end() == 65 and "other inputs" in other.said, other.said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--runs", type=int, default=8)
    arguments = parser.parse_args()
    checks = Checks()
    n_taken = n_obeyed = 0
    refuse_others(checks)
    replay_with_files(checks)
    for number in range(arguments.first, arguments.first + arguments.runs):
        taken, obeyed = steer(checks, number)
        n_taken, n_obeyed = n_taken + taken, n_obeyed + obeyed
    checks.that(n_taken > 2 * arguments.runs and n_obeyed > arguments.runs, f"only {n_taken} commands, {n_obeyed} seen on all ranks")
    print(f"{n_taken} commands took effect in {arguments.runs} runs, {n_obeyed} were seen on all ranks")
    checks.end()


main()
