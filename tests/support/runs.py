"""Running the real programs from tests: jobs on any number of ranks, hashes of what they leave, SQL."""
import csv
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["STRATA_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["STRATA_BIN"])
MPIRUN = os.environ["STRATA_MPIRUN"]
CONFIGS = SOURCE / "configs"
sys.path.insert(0, str(SOURCE / "deploy"))  # where strata_client.py is

# What invariant I1 makes the same bytes.
SAME = ["model.pb", "result.pb", "result.json", "quality.json", "report.html"]


def strata(job, output, ranks=0, sets=(), env=None, timeout=300, command="run"):
    """Run a job; ranks 0 means without a launcher.  Returns the finished process."""
    line = [str(BIN / "strata"), command, str(job)]
    if output is not None:
        line += ["--output", str(output)]
    for item in sets:
        line += ["--set", item]
    if ranks:
        line = [MPIRUN, "-n", str(ranks)] + line
    return subprocess.run(line, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})})


def must(job, output, **options):
    """The same, and it must succeed."""
    done = strata(job, output, **options)
    if done.returncode != 0:
        sys.exit(f"{job} with {options} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def finish(process, limit_s=60):
    """A started process's exit code, or "hung", and what it said."""
    try:
        text, _ = process.communicate(timeout=limit_s)
        return process.returncode, text
    except subprocess.TimeoutExpired:
        process.kill()
        return "hung", process.communicate()[0]


def hashes(output):
    """SHA-256 of each file that must be the same for the same input, by name."""
    output = pathlib.Path(output)
    files = [output / name for name in SAME] + sorted((output / "assignments").glob("part-*.parquet"))
    return {str(f.relative_to(output)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def result(output):
    return json.loads((pathlib.Path(output) / "result.json").read_text())


def sql(query):
    """Rows of a query as lists of text, by the DuckDB that Strata uses."""
    done = subprocess.run([str(BIN / "strata-sql"), query], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit(f"{query}\n{done.stderr}")
    return list(csv.reader(io.StringIO(done.stdout)))


def tourism():
    """The folder of the vacation motives, which may not be shipped; None where it is not known."""
    folders = [pathlib.Path(p) for p in (os.environ.get("STRATA_TOURISM_DATA", ""),) if p]
    folders += [p / "shared/data/tourism" for p in pathlib.Path(__file__).resolve().parents]
    return next((p for p in folders if (p / "vacmot.csv").is_file()), None)


class Checks:
    """Counts checks; says each that fails; a run without any is a failure too."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, holds, text):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {text}", flush=True)

    def end(self):
        print(f"{self.passed} checks passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)
