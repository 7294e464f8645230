"""Runs every case of cases.py without a launcher, and every third, or all with --all, on three ranks as well: exit code,
message, place, no customer's value, no run directory left behind, no hang.

    run.py [--bin FOLDER] [--all] [CASE...]     FOLDER holds strata and strata-sql; default: $STRATA_BIN
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parents[2]
LIMIT_S = 60


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=os.environ.get("STRATA_BIN"))
    parser.add_argument("--all", action="store_true", help="every case on three ranks too; so do cases that are named")
    parser.add_argument("cases", nargs="*")
    parsed = parser.parse_args()
    if not parsed.bin:
        parser.error("give --bin FOLDER, or set STRATA_BIN")
    os.environ["STRATA_BIN"] = str(pathlib.Path(parsed.bin).resolve())
    os.environ.setdefault("STRATA_SOURCE_DIR", str(SOURCE))
    os.environ.setdefault("STRATA_MPIRUN", str(SOURCE / "deploy" / "mpirun"))
    return parsed


OPTIONS = arguments()
sys.path[:0] = [str(HERE), str(SOURCE / "tests" / "support")]
from cases import CASES  # noqa: E402
from runs import Checks, sql, strata  # noqa: E402


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content.startswith("sql:"):
        query, _, change = content[4:].partition(";")
        sql(query.format(path=path))
        if change == "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content.startswith("link:"):
        path.symlink_to(content[5:])
    else:
        path.write_text(content)


def prepare(case, folder):
    folder.mkdir(parents=True)
    for name, content in case.files.items():
        write(folder / name, content)
    if case.job is not None:
        write(folder / "job.yaml", case.job)


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def check_failure(case, folder, before, text, checks, label):
    checks.that(re.search(case.says, text), f"{label}: the message lacks /{case.says}/:\n{text}")
    if case.at:
        checks.that(re.search(rf"job\.yaml:{case.at}: ", text), f"{label}: the message is not at job.yaml:{case.at}:\n{text}")
    after = everything_in(folder)
    checks.that(after == before, f"{label}: left behind: {sorted(set(after) - set(before))}")


def check_success(case, folder, text, checks, label):
    output = folder / case.output
    quality = (output / "quality.json").read_text() if (output / "quality.json").is_file() else ""
    checks.that(quality != "", f"{label}: no quality.json:\n{text}")
    checks.that(re.search(case.says, quality), f"{label}: no note like /{case.says}/ in\n{quality}")
    checks.that(re.search(case.quality, quality), f"{label}: nothing like /{case.quality}/ in\n{quality}")
    for name in case.leaves + ("manifest.json", "report.html"):
        checks.that((output / name).is_file(), f"{label}: {name} is not there")
    log = output / "log.jsonl"
    checks.that(not log.is_file() or "zq" not in log.read_text(), f"{label}: the log has a customer's value")


def run(case, folder, ranks, checks):
    label = f"{case.name}, {ranks} ranks" if ranks else case.name
    prepare(case, folder)
    before = everything_in(folder)
    # Relative to the folder, as a user would write it.
    output = pathlib.Path(case.output) if case.output.startswith("/") else folder / case.output
    try:
        done = strata(folder / "job.yaml", output, ranks=ranks, sets=case.sets, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        checks.that(False, f"{label}: it hangs")
        return
    text = done.stdout + done.stderr
    codes = case.code if isinstance(case.code, tuple) else (case.code,)
    checks.that(done.returncode in codes, f"{label}: exit code {done.returncode} instead of {codes}:\n{text}")
    checks.that("zq" not in text.replace(str(folder), ""), f"{label}: a customer's value is told:\n{text}")
    if done.returncode != 0 and 0 not in codes:
        check_failure(case, folder, before, text, checks, label)
        checks.that(len(re.findall("^strata: ", text, re.M)) == 1, f"{label}: not told once:\n{text}")
    elif done.returncode == 0 and 0 in codes:
        check_success(case, folder, text, checks, label)


def main():
    checks = Checks()
    chosen = [case for case in CASES if not OPTIONS.cases or case.name in OPTIONS.cases]
    names = [case.name for case in CASES]
    checks.that(len(set(names)) == len(names), "two cases have one name")
    checks.that(sum(case.code != 0 for case in CASES) >= 40, "fewer than 40 broken inputs")
    for i, case in enumerate(chosen):
        for ranks in (0, 3) if OPTIONS.all or OPTIONS.cases or i % 3 == 0 else (0,):
            folder = pathlib.Path.cwd() / "work" / f"{case.name}-{ranks}"
            shutil.rmtree(folder, ignore_errors=True)
            run(case, folder, ranks, checks)
    print(f"{len(chosen)} cases")
    checks.end()


main()
