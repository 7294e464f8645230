"""A job whose matrix does not fit the memory that it is given leaves the same bytes, keeps to that memory, and
leaves nothing else behind; a job that cannot keep to it is refused before a row is read.

    memory.py
"""
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, Checks, hashes, sql, strata  # noqa: E402

ROWS = 240_000
LEVELS = 250  # of two nominal features
MIB = 1 << 20
MATRIX = ROWS * (2 * LEVELS + 1) * 4  # bytes
TOLD = f"{(ROWS + 1) * (2 * LEVELS + 1) * 4 / MIB:.1f} MiB a rank"  # by check

JOB = """\
job: memory
as_of: 2024-01-01
memory: {memory}MiB
sources:
  - {{name: people, files: people.parquet, key: id}}
customers: select id, spend, town, trade from people
features:
  - {{name: spend, type: numeric, dimension: behavioural, role: basis}}
  - {{name: town, type: nominal, dimension: geographic, role: basis, levels: [{levels}]}}
  - {{name: trade, type: nominal, dimension: demographic, role: basis, levels: [{levels}]}}
model: {{estimator: kmeans, segments: {{from: 3, to: 4}}, starts: 2, seed: 7, min_share: 0, max_iter: 5}}
output: out
"""


def write_people(where):
    sql(f"copy (select 'c' || i as id, (i * 7919 % 10007)::double as spend, "
        f"'l' || (i * 31 % {LEVELS}) as town, 'l' || (hash(i) % {LEVELS}) as trade "
        f"from range({ROWS}) t(i)) to '{where}/people.parquet'")


def write_job(where, memory):
    """A job file of its own for each figure, so that runs differ in nothing else."""
    path = where / f"job-{memory}.yaml"
    levels = ", ".join(f"l{i}" for i in range(LEVELS))
    path.write_text(JOB.format(memory=memory, levels=levels))
    return path


def events(output):
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def place_of(output):
    text = (output / "log.jsonl").read_text()
    return re.search(r"place\W+(\w+)", text).group(1)


def peak_bytes(job, output):
    """Peak resident memory of one run without a launcher."""
    code = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
            "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); print(done.stderr)")
    line = [str(BIN / "strata"), "run", str(job), "--output", str(output)]
    done = subprocess.run([sys.executable, "-c", code] + line, capture_output=True, text=True, timeout=300)
    status, kib = map(int, done.stdout.splitlines()[0].split())
    if status != 0:
        sys.exit(f"{job} ended with {status}:\n{done.stdout}")
    return kib * 1024


def least_memory(where):
    """MiB that check asks for when it is given 64; the matrix, which may go to a file, is not in it."""
    done = strata(write_job(where, 64), None, command="check")
    found = re.search(r"may need up to (\d+) MiB of memory and has 64 MiB", done.stderr)
    if done.returncode != 78 or not found:
        sys.exit(f"check with 64 MiB said {done.returncode}:\n{done.stdout}{done.stderr}")
    return int(found.group(1)) + 1


def main():
    checks, here = Checks(), pathlib.Path.cwd()
    write_people(here)
    small = least_memory(here)
    checks.that(small * MIB < MATRIX, f"the matrix of {MATRIX // MIB} MiB is larger than {small} MiB")
    large_job, small_job = write_job(here, 8192), write_job(here, small)

    told = {memory: strata(job, None, command="check").stdout for memory, job in ((0, large_job), (1, small_job))}
    checks.that(f"{TOLD}, in memory" in told[0], f"check says that it is in memory:\n{told[0]}")
    checks.that(f"{TOLD}, in a file in {here}/out" in told[1], f"check says where it is:\n{told[1]}")

    in_memory = peak_bytes(large_job, here / "large")
    in_file = peak_bytes(small_job, here / "small")
    checks.that(place_of(here / "large") == "memory", "with much memory the matrix is in memory")
    checks.that(place_of(here / "small") == "file", "with little memory it is in a file")
    checks.that(in_file <= small * MIB, f"peak of {in_file // MIB} MiB is within {small} MiB")
    checks.that(in_memory > MATRIX, f"peak of {in_memory // MIB} MiB in memory is above the matrix")
    reference = hashes(here / "large")
    checks.that(len(reference) > 5, "there are results to compare")
    checks.that(hashes(here / "small") == reference, "the bytes are the same from a file")
    left = sorted(p.name for p in (here / "small").iterdir())
    checks.that(left == sorted(p.name for p in (here / "large").iterdir()), f"nothing else is left: {left}")

    two = here / "two"
    done = strata(small_job, two, ranks=2, sets=["threads=2"])
    checks.that(done.returncode == 0, f"two ranks of two threads: {done.stderr}")
    checks.that(done.returncode == 0 and hashes(two) == reference, "two ranks give the same bytes")

    # A limit of file sizes stands for a disk without room: both places of the file have it.
    limited = subprocess.run([str(BIN / "strata"), "run", str(small_job), "--output", str(here / "none")],
                             capture_output=True, text=True, timeout=300, env={**os.environ, "TMPDIR": str(here)},
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64 * MIB, 64 * MIB)))
    checks.that(limited.returncode == 73, f"no room on any disk is 73: {limited.returncode} {limited.stderr}")
    checks.that(f"no disk has room for its {MATRIX // MIB + 1} MiB" in limited.stderr, f"and says so: {limited.stderr}")
    checks.that(not (here / "none").exists(), "a failed run leaves no directory")
    checks.end()


if __name__ == "__main__":
    main()
