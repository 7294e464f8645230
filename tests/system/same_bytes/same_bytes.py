"""Invariant I1 on real customers: one set of bytes for any number of ranks, any order and partition of the input,
another time zone, either reader, either compiler; and the bytes that are committed as golden.

    same_bytes.py [--write-golden]
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import CONFIGS, Checks, SOURCE, hashes, must, sql  # noqa: E402

GOLDEN = pathlib.Path(__file__).with_name("golden.json")
JOBS = {"grocery": (CONFIGS / "grocery-households.yaml", [1, 2, 3, 4, 5, 6, 7]),
        "mixture": (CONFIGS / "grocery-households-mixture.yaml", [3, 7])}


def shuffled_copy(source, target, parts):
    """The rows of a Parquet or CSV source in an order of their hash, cut into files of unequal sizes."""
    target.mkdir(parents=True)
    reader = f"read_parquet('{source}')" if "parquet" in source else f"read_csv('{source}', all_varchar=true)"
    for part in range(parts):
        # Part p takes the rows whose hash falls into its share; shares grow with p.
        low, high = part * part, (part + 1) * (part + 1)
        sql(f"copy (select * from {reader} t where hash(t::varchar) % {parts * parts} >= {low} "
            f"and hash(t::varchar) % {parts * parts} < {high} order by hash(t::varchar || 'x')) "
            f"to '{target}/piece-{part}.parquet' (row_group_size 2048)")


def shuffled_sources(where):
    """Overrides that point each keyed source of the quick start at a shuffled copy."""
    data = CONFIGS / "grocery-households"
    sets = []
    for name in ["transactions", "demographics", "campaigns", "coupon_redemptions"]:
        files = sorted(data.glob(f"{name}*.parquet")) + sorted(data.glob(f"{name}/*.parquet"))
        pattern = str(files[0]) if len(files) == 1 else str(files[0].parent / f"{name}*.parquet")
        shuffled_copy(pattern, where / name, 3)
        sets.append(f"sources.{name}.files={where / name}/piece-*.parquet")
    return sets


def variants(where, ranks):
    """Name and options of each run that must give the same bytes."""
    yield "without a launcher", {}
    for n in ranks:
        yield f"{n} ranks", {"ranks": n}
    yield "time zone", {"ranks": 2, "env": {"TZ": "Pacific/Kiritimati"}}
    yield "reader coordinator", {"ranks": 3, "sets": ["readers=coordinator"]}
    shuffled = shuffled_sources(where / "shuffled")
    yield "shuffled and split anew", {"ranks": 3, "sets": shuffled}
    yield "shuffled, one rank", {"sets": shuffled}


def main():
    checks, here = Checks(), pathlib.Path.cwd()
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for name, (job, ranks) in JOBS.items():
        reference = None
        for variant, options in variants(here / name, ranks):
            output = here / name / variant.replace(" ", "-").replace(",", "")
            must(job, output, **options)
            found = hashes(output)
            reference = reference or found
            for file, digest in reference.items():
                checks.that(found.get(file) == digest, f"{name}, {variant}: {file} differs")
            checks.that(found.keys() == reference.keys(), f"{name}, {variant}: other files")
        if "--write-golden" in sys.argv:
            golden[name] = reference
        for file, digest in golden.get(name, {}).items():
            checks.that(reference.get(file) == digest, f"{name}: {file} is not the golden one")
        checks.that(bool(golden.get(name)), f"{name}: no golden hashes are committed")
    # CSV and Parquet hold the same rows.
    output = here / "csv"
    must(CONFIGS / "grocery-households-csv.yaml", output, ranks=3)
    for file, digest in golden["grocery"].items():
        if file.startswith("assignments/") or file == "model.pb":
            checks.that(hashes(output).get(file) == digest, f"from CSV: {file} differs from the one from Parquet")
    if "--write-golden" in sys.argv:
        GOLDEN.write_text(json.dumps(golden, indent=2, sort_keys=True) + "\n")
    checks.end()


main()
