"""Nobody can find out about fewer than ten customers: random small data sets, run by the real program, and everything that
it publishes solved by linear programming.

    disclosure.py [--seeds FROM-TO ...] [--doctored N] [--keep]

Then the auditor itself is tried: a record that shows one figure more than it may must be found out.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import SOURCE, Checks, must, sql  # noqa: E402

from auditor import Audit, BINARY, LEAST, NOMINAL, ORDINAL, Truth, is_small  # noqa: E402
from worlds import World  # noqa: E402

LEAST_SHARE = 0.8  # of the cells with enough customers that must be published
# Some of everything; worlds where one a-priori segment holds another, and where a tree that is nearly right cut at hidden
# levels, of which more was told than may be.
SEEDS = ["1-4", "20", "27", "111", "116", "121", "138", "149", "151"]


def read_messages():
    """The record's classes, made from proto/."""
    folder = pathlib.Path("messages")
    folder.mkdir(exist_ok=True)
    files = [str(p) for p in sorted((SOURCE / "proto/strata/v1").glob("*.proto"))]
    subprocess.run(["protoc", f"--proto_path={SOURCE / 'proto'}", f"--python_out={folder}", *files], check=True)
    sys.path.insert(0, str(folder))
    from strata.v1 import result_pb2
    from google.protobuf import json_format
    return result_pb2, json_format


def labels(output, n):
    rows = sql(f"select key, segment from read_parquet('{output}/assignments/part-*.parquet') order by key")
    found = [int(row[1]) - 1 for row in rows[1:]]
    if len(found) != n:
        sys.exit(f"{output}: {len(found)} customers instead of {n}")
    return found


def same_everywhere(result_pb2, json_format, output, record):
    """Problems of the files that are said to hold the same record."""
    page = (output / "report.html").read_text()
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S)[1]
    for name, text in (("result.json", (output / "result.json").read_text()), ("report.html", data)):
        other = json_format.Parse(text, result_pb2.Result(), ignore_unknown_fields=False)
        if other != record:
            yield f"{name} publishes something else than result.pb"
    quality = json.loads((output / "quality.json").read_text())
    if json_format.ParseDict(quality, type(record.quality)()) != record.quality:
        yield "quality.json publishes something else than result.pb"


# --- records that show too much ------------------------------------------------------------------------------------------

def reveal_level(record, truth, small):
    """Show one hidden share, of few customers or of enough; False where there is none."""
    for f, feature in enumerate(record.features):
        if feature.type not in (ORDINAL, NOMINAL):
            continue
        values = truth.world.feature[feature.name].values
        for s, segment in enumerate(record.segments):
            cell = segment.cells[f]
            if cell.hidden or not cell.count:
                continue
            shown = {share.level for share in cell.shares}
            for level in range(len(feature.levels)):
                count = sum(truth.segment[row] == s and values[row] == level for row in range(truth.world.n))
                if level in shown or is_small(count) != small or (not small and count < LEAST):
                    continue
                cell.shares.add(level=level, share=count / cell.count)
                return True
    return False


def reveal_cell(record, truth):
    """Show a hidden cell of yes and no that has enough customers on both sides."""
    for f, feature in enumerate(record.features):
        values = truth.world.feature[feature.name].values if feature.type == BINARY else None
        for s, segment in enumerate(record.segments):
            cell = segment.cells[f]
            if not values or not cell.hidden:
                continue
            mine = [values[row] for row in range(truth.world.n) if truth.segment[row] == s]
            if any(is_small(mine.count(v)) for v in (0, 1)):
                continue
            cell.hidden, cell.count, cell.missing = False, len(mine) - mine.count(None), mine.count(None)
            cell.mean = mine.count(1) / cell.count
            return True
    return False


def reveal_cross(record, truth):
    for a, given in enumerate(record.apriori):
        for s, cross in enumerate(given.cross):
            count = sum(truth.segment[row] == s and truth.belongs[row][a] for row in range(truth.world.n))
            size = record.segments[s].size
            if cross.hidden and not is_small(count) and not is_small(size - count):
                cross.hidden, cross.count = False, count
                return True
    return False


REVEALED = {"a small level": lambda r, t: reveal_level(r, t, True), "another level": lambda r, t: reveal_level(r, t, False),
            "another cell of yes and no": reveal_cell, "another cell of the cross table": reveal_cross}


def try_auditor(record, truth, found):
    """Count how often showing more was possible, and how often it was found out."""
    for what, reveal in REVEALED.items():
        doctored = type(record)()
        doctored.CopyFrom(record)
        if truth.world.weights or not reveal(doctored, truth):
            continue
        problems = []
        try:
            Audit(doctored, truth, problems.append).run()
        except ValueError as error:
            problems.append(str(error))
        tried, caught = found.get(what, (0, 0))
        found[what] = (tried + 1, caught + bool(problems))


# --- the walk --------------------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", nargs="+", default=SEEDS)
    parser.add_argument("--doctored", type=int, default=4, help="worlds whose records are doctored too")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    checks, found = Checks(), {}
    result_pb2, json_format = read_messages()
    n_small, n_intervals, kinds = 0, 0, {}
    seeds = [range(int(s.split("-")[0]), int(s.split("-")[-1]) + 1) for s in options.seeds]
    for place, seed in enumerate(seed for part in seeds for seed in part):
        world, here = World(seed), pathlib.Path.cwd() / f"world-{seed}"
        must(world.write(here), here / "run")
        record = result_pb2.Result.FromString((here / "run/result.pb").read_bytes())
        truth, problems = Truth(world, labels(here / "run", world.n)), []
        problems += same_everywhere(result_pb2, json_format, here / "run", record)
        audit = Audit(record, truth, problems.append)
        audit.run()
        n_small, n_intervals = n_small + audit.n_small, n_intervals + audit.n_intervals
        for kind, n in audit.safe.items():
            safe, shown = kinds.get(kind, (0, 0))
            kinds[kind] = (safe + n, shown + audit.shown[kind])
        print(f"world {seed}: {world.n} customers, {truth.k} segments, {len(world.conditions)} a-priori, "
              f"{audit.n_small} small cells, {sum(audit.shown.values())} of {sum(audit.safe.values())} others shown", flush=True)
        checks.that(not problems, f"world {seed}:\n    " + "\n    ".join(problems[:20]))
        if place < options.doctored:
            try_auditor(record, truth, found)
        if not problems and not options.keep:
            shutil.rmtree(here)
    safe, shown = (sum(pair[i] for pair in kinds.values()) for i in (0, 1))
    print(", ".join(f"{kind} {b} of {a}" for kind, (a, b) in sorted(kinds.items())))
    print(f"{n_small} counts of 1 to 9 customers, {n_intervals} intervals; {shown} of {safe} safe cells are published: "
          f"{shown / safe:.1%}")
    checks.that(n_small > 0 and shown >= LEAST_SHARE * safe, f"only {shown} of {safe} safe cells are published")
    for what, (tried, caught) in found.items():
        print(f"{what} shown: {caught} of {tried} found out")
    tried, caught = found.get("a small level", (0, 0))
    checks.that(tried and tried == caught, f"a small level that is shown was found out {caught} of {tried} times")
    checks.that(any(caught for what, (_, caught) in found.items() if what.startswith("another")),
                "showing what protects others was never found out")
    checks.end()


main()
