"""The customer table that a run keeps: another start reads no source, to the same bytes, on any number of ranks; what is
damaged or of something else is told and read again.

    kept.py
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, MPIRUN, Checks, hashes, must  # noqa: E402

JOB = CONFIGS / "wholesale.yaml"
STAYS = "checkpoint.table=always"
SIX = "model.segments=6"


def events(output, attempt):
    """The events of one start, by its number."""
    found, number = [], 0
    for line in (pathlib.Path(output) / "log.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "run.begin":
            number = int(event["attempt"])
        if number == attempt:
            found.append(event["event"])
    return found


def modes(folder):
    return {oct(f.stat().st_mode & 0o777) for f in pathlib.Path(folder).iterdir()}


def another_start(check):
    """Other ranks, then another model: no source is read, and the bytes are those of a run that reads them."""
    must(JOB, "undisturbed")
    must(JOB, "six", sets=[SIX])
    must(JOB, "run", ranks=3, sets=[STAYS])
    check.that("ingest.source" in events("run", 1) and "table.kept" in events("run", 1), "it reads and keeps")
    check.that(modes("run/table") == {"0o600"}, "files are for their owner alone")
    for attempt, (ranks, sets, same) in enumerate([(0, [], "undisturbed"), (4, [SIX], "six")], start=2):
        must(JOB, "run", ranks=ranks, sets=[STAYS, *sets])
        seen = events("run", attempt)
        check.that("table.recalled" in seen and "ingest.source" not in seen, f"{sets}: no source is read")
        check.that(hashes("run") == hashes(same), f"{sets}: the same bytes")
    return 4


def unusable(check, attempt):
    """What is damaged or of other settings is named, and the sources are read."""
    cases = [("damaged", lambda b: b[:-1] + bytes([b[-1] ^ 16]), [], "is damaged in partition"),
             ("cut off", lambda b: b[:-1], [], "is cut off"),
             ("of other settings", lambda b: b, ["features.Fresh.transform=log1p"], "other inputs or settings")]
    for number, (name, damage, sets, words) in enumerate(cases, start=attempt):
        part = sorted(pathlib.Path("run/table").glob("*.part"))[-1]
        part.write_bytes(damage(part.read_bytes()))
        done = must(JOB, "run", ranks=2, sets=[STAYS, *sets])
        check.that(words in done.stderr and "run/table/" in done.stderr, f"{name}: told: {done.stderr}")
        check.that("ingest.source" in events("run", number), f"{name}: the sources are read again")
        if not sets:
            check.that(hashes("run") == hashes("undisturbed"), f"{name}: the same bytes")


def start(output, sets):
    """A job on three ranks, once it has kept its table."""
    line = [MPIRUN, "-n", "3", str(BIN / "strata"), "run", str(JOB), "--output", output]
    for item in sets:
        line += ["--set", item]
    job = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    log, end = pathlib.Path(output) / "log.jsonl", time.monotonic() + 60
    while not (log.exists() and "table.kept" in log.read_text()) and time.monotonic() < end and job.poll() is None:
        time.sleep(0.005)
    return job


def end_ranks(output):
    """A launcher's ranks outlive it for a moment; then nobody writes to the directory any more."""
    ranks = ["pkill", "-KILL", "-f", f"^{BIN / 'strata'} run .*--output {output}( |$)"]
    end = time.monotonic() + 30
    while subprocess.run(ranks, check=False).returncode == 0 and time.monotonic() < end:
        time.sleep(0.05)


def after_a_kill(check):
    """All ranks die while the fit goes on; two others start and read no source."""
    sets = ["model.starts=200", "checkpoint.interval=0.02"]
    must(JOB, "long", sets=sets)
    job = start("killed", sets)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    end_ranks("killed")
    must(JOB, "killed", ranks=2, sets=sets)
    seen = events("killed", 2)
    check.that("table.recalled" in seen and "ingest.source" not in seen, "after a kill no source is read")
    check.that(hashes("killed") == hashes("long"), "after a kill: the same bytes")
    check.that(not list(pathlib.Path("killed/table").glob("*")), "the table goes with the end of the run")


def overtaken(check):
    """What a later attempt does first, while this one runs: it ends with 69 and leaves everything to the later one."""
    job = start("taken", ["model.starts=400"])
    attempts = pathlib.Path("taken/.attempts")
    (attempts / "000002").touch()
    (attempts / "000001.tray").rename(attempts / "000001.dead")
    before = {f.name for f in pathlib.Path("taken/table").iterdir()}
    check.that(job.wait(timeout=120) == 69, f"an overtaken run ended with {job.returncode}")
    check.that({f.name for f in pathlib.Path("taken/table").iterdir()} == before, "it left the table")
    check.that(not pathlib.Path("taken/manifest.json").exists(), "it published nothing")


def main():
    check = Checks()
    unusable(check, another_start(check))
    after_a_kill(check)
    overtaken(check)
    check.end()


main()
