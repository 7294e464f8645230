"""A bit that flips in what one rank received ends the job on all ranks, without a stall watch to help: with 70 and the
rank's number.  Nothing of it is left: the same command then gives the bytes of the undisturbed run."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, MPIRUN, Checks, finish, hashes  # noqa: E402

JOB = str(CONFIGS / "wholesale.yaml")
# The last one is after the last iteration.
CASES = [(2, 0, "fit.received,count=3,bit=700", "other sums"), (4, 3, "fit.received,count=8,bit=12345", "other sums"),
         (3, 0, "fit.look.model,count=2,bit=130", "another model")]


def run(output, ranks, fault=None):
    env = {**os.environ, **({"STRATA_FAULT": f"flip@{fault}"} if fault else {})}
    line = [MPIRUN, "-n", str(ranks), str(BIN / "faults/strata"), "run", "--quiet", "--stall-limit", "0", JOB,
            "--set", "checkpoint.interval=0.01", "--output", output]
    process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    return finish(process)


checks = Checks()
code, text = run("undisturbed", 1)
if code != 0:
    sys.exit(f"the undisturbed run ended with {code}:\n{text}")
for number, (ranks, rank, point, holds) in enumerate(CASES):
    story, output = f"{point} on rank {rank} of {ranks}", f"run-{number}"
    code, text = run(output, ranks, f"{point},rank={rank}")
    checks.that(code == 70, f"{story}: ended with {code}:\n{text}")
    checks.that(text.count(f"rank {rank} holds {holds} than the others after") == 1, f"{story}: not named:\n{text}")
    checks.that(not (pathlib.Path(output) / "manifest.json").exists(), f"{story}: results are sealed")
    code, text = run(output, 5 - ranks)
    checks.that(code == 0 and hashes(output) == hashes("undisturbed"), f"{story}, then again: {code}, other bytes:\n{text}")
checks.end()
