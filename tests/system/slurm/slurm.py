"""The batch files of deploy/slurm under a private Slurm: whatever ends a job, it resumes or has ended as
deploy/README.md says, and what it leaves is what the undisturbed run left.

    slurm.py            asked to stop, preempted, a node set down, cancelled; srun and mpirun; arrays, chains
    slurm.py --slow     the time limit itself, and a node whose daemon and ranks die"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, SOURCE, Checks, hashes, must  # noqa: E402

HERE = pathlib.Path.cwd()
BATCH = SOURCE / "deploy/slurm"
JOB = str(CONFIGS / "wholesale.yaml")
# Long enough that whatever happens finds it fitting.
SETS = ["model.starts=120", "model.segments={from: 40, to: 47}", "model.min_share=0"]
LIMIT_S = 240


def call(*line, **options):
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


class Job:
    """A batch file, submitted: where it writes, and what Slurm says of it."""

    def __init__(self, name, batch="one-node.sbatch", options=(), launcher="srun", sets=SETS):
        self.name, self.output = name, HERE / name
        self.line = ["sbatch", "--parsable", "--job-name", name, *options, str(BATCH / batch), "--launcher", launcher,
                     "run", JOB, "--output", str(self.output), "--quiet"] + [w for s in sets for w in ("--set", s)]
        self.submit()

    def submit(self):
        self.number = call(*self.line)

    def facts(self):
        return dict(re.findall(r"(\w+)=(\S*)", call("scontrol", "show", "job", "--oneliner", self.number)))

    def wait(self, *states):
        """Until it is in one of these states, or has ended in another."""
        end = time.monotonic() + LIMIT_S
        ended = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED"}
        while time.monotonic() < end:
            state = self.facts()["JobState"]
            if state in states or (state in ended and not states):
                return state
            time.sleep(0.2)
        return f"still {state}"

    def is_fitting(self):
        log = self.output / "log.jsonl"
        return log.exists() and '"fit.iter"' in log.read_text()

    def log(self):
        return (HERE / f"{self.name}.{self.number}.log").read_text()


def has_resumed(job):
    """Whether its last run began where the one before had been."""
    return '"run.resume"' in (job.output / "log.jsonl").read_text().split('"run.begin"')[-2]


def ask(job):
    call("scancel", "--batch", "--signal=USR1", job.number)


def look_and_ask(job):
    """The running job is found by its directory."""
    call(str(BIN / "stratactl"), "--run", str(job.output), "status")
    ask(job)


def preempt(_job):
    call("sbatch", "--partition=urgent", "--nodelist=node2", "--exclusive", "--output=/dev/null", "--wrap", "true")


def lose_node(_job):
    call("scontrol", "update", "nodename=node4", "state=down", "reason=test")


def disturb():
    """Submits jobs, and does to each what can happen to it as soon as it fits."""
    pair = ["--ntasks=2"]
    one = pair + ["--nodelist=node1"]
    two = ["--nodes=2", "--ntasks-per-node=1", "--nodelist=node3,node4"]
    jobs = {
        Job("asked", options=one): look_and_ask,
        Job("under-mpirun", options=one, launcher="mpirun"): ask,
        Job("cancelled", options=one): lambda job: call("scancel", job.number),
        Job("preempted", options=pair + ["--nodelist=node2"]): preempt,
        Job("node-lost", "many-nodes.sbatch", two): lose_node,
    }
    waiting, end = dict(jobs), time.monotonic() + LIMIT_S
    while waiting and time.monotonic() < end:
        for job in [j for j in waiting if j.is_fitting()]:
            waiting.pop(job)(job)
        time.sleep(0.05)
    return list(jobs)


def quick_ones(checks):
    """An array and a chain, of jobs that end at once."""
    (HERE / "list").write_text("".join(f"run {JOB} --output {HERE}/array-{i} --quiet\n" for i in (1, 2)))
    call("sbatch", "--wait", "--array=1-2%1", "--ntasks=1", str(BATCH / "array.sbatch"), "list")
    checks.that(hashes("array-1") == hashes("array-2"), "the tasks of an array leave the same bytes")

    segment, report = call(str(BATCH / "chain"), str(BATCH / "one-node.sbatch"), JOB, "--output", "chain").split()
    facts = {}
    for _ in range(LIMIT_S):
        facts = dict(re.findall(r"(\w+)=(\S*)", call("scontrol", "show", "job", "--oneliner", report)))
        if facts["JobState"] not in ("PENDING", "RUNNING", "COMPLETING"):
            break
        time.sleep(0.5)
    checks.that(facts["JobState"] == "COMPLETED", f"the chain's second job ended {facts['JobState']}")
    checks.that(hashes("chain") == hashes("array-1"), "the chain's report is the run's")


def check_end(checks, job, restarts, expected):
    """It was done after so many requeues, as if nothing had been."""
    state, facts = job.wait(), job.facts()
    print(f"{job.name:14} {state} restarts={facts['Restarts']}", flush=True)
    checks.that(state == "COMPLETED", f"{job.name} ended {state}:\n{job.log()}")
    checks.that(facts["Restarts"] == str(restarts), f"{job.name} was requeued {facts['Restarts']} times")
    checks.that(f"SLURM_RESTART_COUNT={restarts} " in job.log(), f"{job.name} has the count in its log")
    checks.that(state == "COMPLETED" and hashes(job.output) == expected, f"{job.name} left other bytes")


def in_the_suite(checks, expected):
    asked, under_mpirun, cancelled, preempted, node_lost = disturb()
    state = cancelled.wait()
    checks.that(state == "CANCELLED", f"scancel left the job {state}")
    cancelled.submit()
    quick_ones(checks)

    for job, restarts in ((asked, 1), (under_mpirun, 1), (preempted, 1), (cancelled, 0), (node_lost, 0)):
        check_end(checks, job, restarts, expected)
        checks.that(job is node_lost or has_resumed(job), f"{job.name} began anew")
    checks.that("restarts=1 ranks=1 hosts=node3" in node_lost.log(), f"it goes on on the node that remains:\n{node_lost.log()}")


# A job that has work left however quick the machine is.
SLOW_SETS = ["model.starts=500", "model.segments={from: 100, to: 107}", "model.min_share=0"]


def signal_ranks(job, number):
    found = subprocess.run(["pgrep", "-f", f"^{BIN / 'strata'} run.*--output {job.output} "], capture_output=True, text=True)
    for pid in found.stdout.split():
        os.kill(int(pid), number)


def end_of_time(job):
    return time.mktime(time.strptime(job.facts()["EndTime"], "%Y-%m-%dT%H:%M:%S"))


def kill_node(slurm, name):
    """Its daemon, its job steps, then their ranks: nobody is left to tell how they ended."""
    ranks, steps = [], set()
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"SLURMD_NODENAME={name}" in environment.read_text(errors="replace").split("\0"):
                ranks.append(int(environment.parent.name))
                parent = int((environment.parent / "stat").read_text().rpartition(")")[2].split()[1])
                if pathlib.Path(f"/proc/{parent}/comm").read_text().strip() == "slurmstepd":
                    steps.add(parent)
    for pid in [int((slurm / f"run/slurmd.{name}.pid").read_text()), *steps, *ranks]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def slowly(checks, slurm, expected):
    """What takes minutes: the limit of time, and a node that is gone without a word."""
    minute, unwarned = ["--ntasks=2", "--time=1", "--nodelist=node1"], ["--signal=B:CONT@1"]
    warned = Job("warned", options=minute + ["--signal=B:USR1@30"], sets=SLOW_SETS)
    deadline = Job("deadline", options=minute + unwarned, sets=SLOW_SETS)
    os.environ["STRATA_DEADLINE"] = "4000000000"
    timed_out = Job("timed-out", options=minute + unwarned, sets=SLOW_SETS)
    del os.environ["STRATA_DEADLINE"]
    spread = Job("spread", "many-nodes.sbatch", ["--nodes=2", "--ntasks-per-node=1", "--nodelist=node3,node4"],
                 sets=SLOW_SETS)
    moved = Job("moved", options=["--ntasks=2", "--nodelist=node4"], sets=SLOW_SETS)
    # Those that shall meet their limit stand still until it is near.
    begun = set()
    while len(begun) < 5:
        for job in {warned, deadline, timed_out, spread, moved} - begun:
            if job.is_fitting():
                begun.add(job)
                if job not in (spread, moved):
                    signal_ranks(job, signal.SIGSTOP)
        time.sleep(0.05)
    kill_node(slurm, "node4")
    checks.that(moved.wait("PENDING") == "PENDING", "Slurm requeues the job of a node that is gone")
    call("scontrol", "update", f"jobid={moved.number}", "nodelist=node2")
    for job in (warned, deadline):
        time.sleep(max(0, end_of_time(job) - 8 - time.time()))
        signal_ranks(job, signal.SIGCONT)

    # Who is quicker when the ranks have ended: the batch script, which requeues, or Slurm, which ends it.
    state = timed_out.wait()
    checks.that(state in ("TIMEOUT", "COMPLETED"), f"a limit without a warning ended it {state}")
    if state == "TIMEOUT":
        timed_out.submit()
    check_end(checks, spread, 0, expected)
    for job in (warned, deadline, timed_out, moved):
        job.wait()
        least = 0 if job is timed_out else 1
        check_end(checks, job, max(least, int(job.facts()["Restarts"])), expected)
    for job in (warned, deadline, timed_out):
        checks.that(has_resumed(job), f"{job.name} began anew")
    checks.that("ranks=1 hosts=node3" in spread.log(), f"it goes on on the node that remains:\n{spread.log()}")


def main():
    if not shutil.which("slurmctld") or os.geteuid() != 0:
        print("SKIPPED: a private Slurm needs root and Debian's slurmctld")
        return
    checks, slurm = Checks(), HERE / "slurm"
    os.environ.update(SLURM_CONF=str(slurm / "etc/slurm.conf"), STRATA_HOME=str(SOURCE))
    slow = "--slow" in sys.argv
    must(JOB, HERE / "undisturbed", sets=SLOW_SETS if slow else SETS)
    subprocess.run([str(SOURCE / "tests/support/slurm"), "start", str(slurm), "4"], check=True)
    try:
        slowly(checks, slurm, hashes("undisturbed")) if slow else in_the_suite(checks, hashes("undisturbed"))
    finally:
        subprocess.run([str(SOURCE / "tests/support/slurm"), "stop", str(slurm)])
    checks.end()


main()
