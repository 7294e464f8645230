"""The table of exit codes, cause by launcher, measured: without a launcher, under mpirun, under a real Slurm's srun.
The expected codes are those of deploy/README.md; this test reads its table, so that the two cannot drift apart."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, MPIRUN, SOURCE, Checks  # noqa: E402

HERE = pathlib.Path.cwd()
JOB = CONFIGS / "wholesale.yaml"
# Some seconds of short iterations, so that a signal finds it fitting; under srun the job outlives INT.
LONG = ["--set", "model.estimator=gmm-diag", "--set", "model.tolerance=0", "--set", "model.max_iter=800",
        "--set", "model.segments={from: 8, to: 12}", "--set", "model.starts=8", "--set", "model.min_share=0"]


def documented():
    """{cause: {launcher: code}} from the table in deploy/README.md."""
    table = {}
    lines = (SOURCE / "deploy/README.md").read_text().splitlines()
    head = next(i for i, l in enumerate(lines) if l.startswith("| cause |"))
    launchers = [c.strip(" `") for c in lines[head].strip("|").split("|")][1:]
    for line in lines[head + 2:]:
        if not line.startswith("|"):
            break
        cells = [c.strip() for c in line.strip("|").split("|")]
        table[cells[0]] = {l: re.search(r"\d+", c).group() for l, c in zip(launchers, cells[1:]) if re.search(r"\d", c)}
    return table


def launch(launcher):
    return {"none": [], "mpirun": [MPIRUN, "-n", "3"],
            "srun": ["srun", "--mpi=pmix", "-n", "3", "--export=ALL"]}[launcher]


def start(launcher, arguments, output):
    line = launch(launcher) + [str(BIN / "strata"), "run"] + arguments + ["--output", str(output)]
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait(process):
    try:
        text, _ = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
        return "hung", text
    code = process.returncode
    return str(128 - code if code < 0 else code), text


def wait_until_fitting(output, process):
    log = output / "log.jsonl"
    for _ in range(600):
        if log.exists() and '"fit.iter"' in log.read_text():
            return
        if process.poll() is not None:
            return
        time.sleep(0.05)


def ranks_of(output):
    """Process ids of the job's ranks, by its output on their command lines."""
    found = subprocess.run(["pgrep", "-f", f"^{BIN / 'strata'} run.*{output}"], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


def run(launcher, *arguments, output="out"):
    path = HERE / f"{launcher}-{output}"
    return wait(start(launcher, list(arguments), path))[0]


def signalled(launcher, number, to_launcher=True, before=None):
    output = HERE / f"{launcher}-{signal.Signals(number).name}-{to_launcher}-{before}"
    limit = ["--stall-limit", "2"] if number == signal.SIGSTOP else []
    process = start(launcher, [str(JOB)] + limit + LONG, output)
    wait_until_fitting(output, process)
    if before:
        process.send_signal(before)
        time.sleep(0.3)
    if launcher != "none" and not to_launcher:
        os.kill(ranks_of(output)[-1], number)
    else:
        process.send_signal(number)
    return wait(process)[0]


def stopped(launcher):
    output = HERE / f"{launcher}-stop"
    process = start(launcher, [str(JOB)] + LONG, output)
    wait_until_fitting(output, process)
    subprocess.run([str(BIN / "stratactl"), "--run", str(output), "stop"], capture_output=True, timeout=30)
    return wait(process)[0]


def causes(launcher):
    yield "done", run(launcher, str(JOB))
    yield "stopped by a client", stopped(launcher)
    yield "unknown option", run(launcher, "--nonsense", str(JOB))
    yield "option's number is none", run(launcher, "--ranks", "4x", str(JOB))
    yield "duplicate customer", run(launcher, str(HERE / "twice.yaml"))
    yield "source file missing", run(launcher, str(JOB), "--set", "sources.clients.files=nowhere.csv", output="missing")
    yield "output is a file", wait(start(launcher, [str(JOB)], HERE / "a-file"))[0]
    yield "mistake in the job file", run(launcher, str(HERE / "bad.yaml"))
    yield "USR1", signalled(launcher, signal.SIGUSR1)
    yield "USR2, then USR1", signalled(launcher, signal.SIGUSR1, before=signal.SIGUSR2)
    yield "TERM", signalled(launcher, signal.SIGTERM)
    yield "INT", signalled(launcher, signal.SIGINT)
    yield "a rank is killed", signalled(launcher, signal.SIGKILL, to_launcher=False)
    if launcher != "none":  # nobody is there to notice
        yield "a rank stops answering", signalled(launcher, signal.SIGSTOP, to_launcher=False)


TWICE = """job: twice
sources:
  - {name: t, files: twice.csv, key: id, columns: {x: double}}
customers: |
  select id, x from t
features:
  - {name: x, type: numeric}
output: twice
"""


def main():
    for name, text in (("twice.csv", "id,x\n1,1\n1,2\n2,3\n"), ("twice.yaml", TWICE), ("bad.yaml", "job: x\nsegmnets: 3\n"), ("a-file", "")):
        (HERE / name).write_text(text)
    checks, expected = Checks(), documented()
    launchers = ["none", "mpirun"]
    slurm = HERE / "slurm"
    if shutil.which("slurmctld") and os.geteuid() == 0:
        subprocess.run([str(SOURCE / "tests/support/slurm"), "start", str(slurm), "2"], check=True)
        os.environ["SLURM_CONF"] = str(slurm / "etc/slurm.conf")
        launchers.append("srun")
    else:
        print("not measured: srun (it needs root and Debian's slurmctld)")
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:  # they mostly wait
            for launcher, found in zip(launchers, pool.map(lambda launcher: list(causes(launcher)), launchers)):
                for cause, code in found:
                    wanted = expected.get(cause, {}).get(launcher)
                    print(f"{launcher:8} {cause:26} {code:>5}   documented {wanted}", flush=True)
                    checks.that(code == wanted, f"{cause} under {launcher}: {code}, documented {wanted}")
    finally:
        if "srun" in launchers:
            subprocess.run([str(SOURCE / "tests/support/slurm"), "stop", str(slurm)])
    checks.end()


main()
