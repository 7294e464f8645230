"""deploy/strata-supervise: what it makes of every end that a launcher tells, of signals, of hosts that are gone; and
a real job whose ranks are killed."""
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, SOURCE, Checks, hashes, must  # noqa: E402

HERE = pathlib.Path.cwd()
SUPERVISE = str(SOURCE / "deploy/strata-supervise")
JOB = str(CONFIGS / "wholesale.yaml")
SETS = ["model.starts=120", "model.segments={from: 40, to: 47}", "model.min_share=0"]

# A strata that does what the next line of the file `plan` says, and writes a log as a job does.
STRATA = """#!/usr/bin/env -S --default-signal=INT bash
trap 'exit 75' USR1; trap 'exit 130' INT
IFS= read -r step <plan
sed -i 1d plan
echo "$$ $step" >>starts
eval "$step"
"""
MPIRUN = """#!/usr/bin/env bash
echo "$*" >>launches
while [[ $1 != */strata ]]; do shift; done
exec "$@"
"""
BEGIN = "mkdir -p out && echo begun >>out/log.jsonl"
STOP = """echo '{"event":"run.failed"}' >>out/log.jsonl"""
WAIT = "for _ in $(seq 100); do sleep 0.1; done"


def executable(path, text):
    path.write_text(text)
    path.chmod(0o755)


class World:
    """A folder with a fake strata and mpirun."""

    def __init__(self, name, plan):
        self.folder = HERE / name
        self.folder.mkdir()
        executable(self.folder / "strata", STRATA)
        executable(self.folder / "mpirun", MPIRUN)
        (self.folder / "plan").write_text("".join(step + "\n" for step in plan))

    def start(self, *options, **env):
        line = [SUPERVISE, *options, "run", "job.yaml", "--output", "out"]
        env = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", **env}
        return subprocess.Popen(line, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def run(self, *options, **env):
        process = self.start(*options, **env)
        text, _ = process.communicate(timeout=60)
        return process.returncode, text

    def lines(self, name):
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


def ends(checks):
    """What comes of each way in which an attempt ends."""
    die = f"{BEGIN}; kill -KILL $$"
    cases = [
        # name, restarts allowed, what the attempts do, code, starts
        ("done", 5, [f"{BEGIN}; exit 0"], 0, 1),
        ("killed-once", 5, [die, "exit 0"], 0, 2),
        ("host-lost", 5, [f"{BEGIN}; exit 205", "exit 0"], 0, 2),
        ("torn-down", 5, [f"{BEGIN}; exit 1", "exit 0"], 0, 2),
        ("limit", 2, [die] * 3, 75, 3),
        ("none-allowed", 0, [die], 75, 1),
        ("never-started", 2, ["exit 1"] * 3, 69, 3),
        ("time-is-up", 5, [f"{BEGIN}; {STOP}; exit 75"], 75, 1),
        ("before-it-began", 5, ["exit 75"], 75, 1),
        ("stalled", 5, [f"{BEGIN}; exit 75", "exit 0"], 0, 2),
        ("directory-still-held", 5, [die, "exit 73", "exit 0"], 0, 3),
    ]
    cases += [(f"says-{code}", 5, [f"{BEGIN}; exit {code}"], code, 1)
              for code in (64, 65, 66, 69, 70, 71, 73, 74, 77, 78, 130)]
    for name, restarts, plan, code, starts in cases:
        world = World(name, plan)
        got, text = world.run("--launcher", "none", "--pause", "0", "--restarts", str(restarts))
        checks.that((got, len(world.lines("starts"))) == (code, starts), f"{name}: ended with {got}, not {code}:\n{text}")


def pauses(checks):
    """They double; asked to end while it pauses, it ends at once."""
    world = World("pauses", [f"{BEGIN}; exit 205"] * 2)
    begin = time.monotonic()
    process = world.start("--launcher", "none", "--pause", "1")
    text = ""
    while "in 2 s" not in text:
        line = process.stdout.readline()
        text += line or sys.exit(f"no second pause:\n{text}")
    took, begin = time.monotonic() - begin, time.monotonic()
    checks.that("in 1 s" in text and took >= 1, f"a pause of 1 s: {took}\n{text}")
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=30)
    checks.that(process.returncode == 75 and time.monotonic() - begin < 1.5, f"asked while it pauses, it ends at once: {process.returncode} {time.monotonic() - begin}")


def signals(checks):
    for name, number, code in (("usr1", signal.SIGUSR1, 75), ("term", signal.SIGTERM, 75), ("int", signal.SIGINT, 130)):
        world = World(name, [f"{BEGIN}; {WAIT}", "exit 0"])
        process = world.start("--launcher", "none")
        while not (world.folder / "out/log.jsonl").exists():
            time.sleep(0.02)
        time.sleep(0.3) # until the handlers are there
        process.send_signal(number)
        text, _ = process.communicate(timeout=30)
        checks.that((process.returncode, len(world.lines("starts"))) == (code, 1),
                    f"{name}: ended with {process.returncode}, not {code}:\n{text}")


def signals_at_the_start(checks):
    """Whatever becomes of the launcher just then: what is asked is not lost, and nothing runs on."""
    for number, code in ((signal.SIGUSR1, 75), (signal.SIGTERM, 75), (signal.SIGINT, 130)):
        late = []
        for i in range(8):
            world = World(f"early-{number}-{i}", [f"{BEGIN}; {WAIT}", "exit 0"])
            process = world.start("--launcher", "none")
            process.stdout.readline()  # of the attempt, which begins now
            time.sleep(0.001 * i)
            begin = time.monotonic()
            process.send_signal(number)
            text, _ = process.communicate(timeout=60)
            if time.monotonic() - begin > 3 or process.returncode != code:
                late.append((i, process.returncode, text))
        checks.that(not late, f"signal {number} as the ranks start was lost {len(late)} times of 8: {late}")


def hosts_that_remain(checks):
    """The second host answers at first, and no more when ranks were lost."""
    world = World("hosts", [f"{BEGIN}; exit 205", "exit 0"])
    executable(world.folder / "agent", '#!/bin/sh\nif [ "$1" = b ] && [ -e starts ]; then exit 255; fi\n')
    (world.folder / "hosts").write_text("# ours\na slots=2\n\nb slots=2\nc\n")
    code, text = world.run("--hosts", "hosts", "--pause", "0", OMPI_MCA_plm_rsh_agent=str(world.folder / "agent"))
    words = [" ".join(line.split(" ")[:-5]) for line in world.lines("launches")]
    checks.that(code == 0 and words == ["-n 5 --host a:2,b:2,c:1", "-n 3 --host a:2,c:1"], f"{code} {words}\n{text}")
    checks.that("host b does not answer" in text, f"the host that is gone is named:\n{text}")


def misuse(checks):
    (HERE / "empty").write_text("# no host\n")
    for code, words, options in ((64, "what shall", ["--ranks", "2"]), (64, "needs a value", ["--ranks"]),
                                 (64, "wants a number", ["--restarts", "x", "run", "j", "--output", "o"]),
                                 (64, "wants a positive", ["--ranks", "0", "run", "j", "--output", "o"]),
                                 (64, 'what is "--wrong"', ["--wrong", "run"]), (64, "directory is missing", ["run", "j"]),
                                 (64, "is srun, mpirun or none", ["--launcher", "x", "run", "j", "--output", "o"]),
                                 (64, "needs a Slurm", ["--launcher", "srun", "run", "j", "--output", "o"]),
                                 (66, "no host file", ["--hosts", "gone", "run", "j", "--output", "o"]),
                                 (65, "names no host", ["--hosts", "empty", "run", "j", "--output", "o"])):
        done = subprocess.run([SUPERVISE, *options], cwd=HERE, capture_output=True, text=True, timeout=30)
        checks.that(done.returncode == code and words in done.stderr, f"{options}: {done.returncode} {done.stderr}")
    done = subprocess.run([SUPERVISE, "--dry-run", "--ranks", "3", "run", "j", "--output", "o"], capture_output=True, text=True)
    checks.that(done.stdout == f"{SOURCE}/deploy/mpirun -n 3 {BIN}/strata run j --output o\n", f"dry: {done.stdout}")


def real_ranks_are_killed(checks):
    """One of three ranks dies while fitting."""
    must(JOB, HERE / "undisturbed", sets=SETS)
    output = HERE / "killed"
    line = [SUPERVISE, "--ranks", "3", "--pause", "0", "run", JOB, "--output", str(output), "--quiet"]
    process = subprocess.Popen(line + [w for s in SETS for w in ("--set", s)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = output / "log.jsonl"
    while process.poll() is None and not (log.exists() and '"fit.iter"' in log.read_text()):
        time.sleep(0.02)
    found = subprocess.run(["pgrep", "-f", f"^{BIN / 'strata'} run.*{output}"], capture_output=True, text=True)
    ranks = [int(pid) for pid in found.stdout.split()]
    if ranks:
        os.kill(ranks[-1], signal.SIGKILL)
    text, _ = process.communicate(timeout=120)
    checks.that(len(ranks) == 3 and "restart 1 of 5" in text and process.returncode == 0,
                f"one of {len(ranks)} ranks was killed, it ended with {process.returncode}:\n{text}")
    checks.that(process.returncode == 0 and hashes(output) == hashes("undisturbed"), "the same bytes as undisturbed")


def main():
    checks = Checks()
    ends(checks)
    pauses(checks)
    signals(checks)
    signals_at_the_start(checks)
    hosts_that_remain(checks)
    misuse(checks)
    real_ranks_are_killed(checks)
    checks.end()


main()
