"""Invariant I1 as a property of random jobs: whatever the rows, features, SQL and model, every result file is the same
for any number of ranks, any order and partition of the rows, either reader, another time zone; and a job that is refused
is refused with the same words everywhere.

    random_jobs.py [--cases N] [--first SEED] [--variants N]

A case that fails names its seed, and its folder keeps the job and its data.
"""
import argparse
import csv
import hashlib
import json
import pathlib
import random
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import Checks, hashes, sql, strata  # noqa: E402

STEMS = ["Zoë", "Zoe\u0308", "Łukasz", "a b", "O'Hara", 'quo"te', "semi;colon", "com,ma", "line\nbreak", "日本", "x" * 60, "007"]
LEVELS = ["low", "middle", "high"]
CITIES = ["Köln", "Ko\u0308ln", "Oslo", "New\nYork", "a,b", 'the "Hague"', "Łódź", "東京"]


def number(rng, kind):
    """One value of a numeric column, as CSV text; "" is missing."""
    if rng.random() < {"holes": 0.4, "empty": 1.0}.get(kind, 0.03):
        return ""
    if kind == "constant":
        return "3.25"
    if kind == "ties":
        return str(rng.choice([-1, 0, 1, 2.5]))
    if kind == "huge":
        return repr(rng.choice([-1, 1]) * 10 ** rng.uniform(200, 300))
    if kind == "tiny":
        return repr(rng.gauss(0, 1e-200))
    if kind == "odd" and rng.random() < 0.1:
        return rng.choice(["nan", "inf", "-inf", "-0.0", "1e-320"])
    if kind == "tail":
        return repr(rng.paretovariate(0.8))
    return repr(rng.choice([0, 10, 30]) + rng.gauss(0, 2))


NUMBER_KINDS = ["blobs", "blobs", "tail", "ties", "holes", "odd", "constant", "tiny", "huge", "empty"]


class Source:
    """Rows of one table: a name, columns with their types, the key's column, rows of text."""

    def __init__(self, name, key, columns, rows):
        self.name, self.key, self.columns, self.rows = name, key, columns, rows

    def write(self, folder, form, rows, parts):
        """The rows, in files of unequal sizes; returns the pattern."""
        folder.mkdir(parents=True, exist_ok=True)
        names = list(self.columns)
        cuts = sorted(random.Random(len(rows) + parts).choices(range(len(rows) + 1), k=parts - 1))
        for part, (low, high) in enumerate(zip([0] + cuts, cuts + [len(rows)])):
            target = folder / f"part-{part}.csv"
            with target.open("w", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(names)
                writer.writerows(rows[low:high])
            if form != "csv":
                types = ", ".join(f"'{n}': '{t}'" for n, t in self.columns.items())
                options = "format parquet, row_group_size 2048" if form == "parquet" else "format json"
                sql(f"copy (select * from read_csv('{target}', header=true, delim=',', quote='\"', escape='\"', "
                    f"auto_detect=false, columns={{{types}}})) to '{target.with_suffix('.' + form)}' ({options})")
                target.unlink()
        return str(folder / f"*.{form}")

    def describe(self, pattern, declared):
        entry = {"name": self.name, "files": pattern, "columns": {n: t for n, t in self.columns.items() if n != self.key}}
        if self.key:
            entry["key"] = self.key
        else:
            entry["lookup"] = True
        if declared:
            entry |= {"delimiter": ",", "quote": '"', "escape": '"', "header": True}
        return entry


def make_keys(rng, n):
    kind = rng.choice(["integer", "plain", "padded", "unicode"])
    if kind == "integer":
        return kind, [str(i) for i in rng.sample(range(-10 ** 6, 10 ** 12), n)]
    if kind == "unicode":
        return kind, [f"{rng.choice(STEMS)}{i}" for i in range(n)]
    return kind, [f"{i:06d}" if kind == "padded" else f"k{i * 7919}" for i in range(n)]


def feature(rng, name, kind):
    entry = {"name": name, "type": kind, "role": rng.choices(["basis", "descriptor", "outcome", "sensitive"], [6, 1, 1, 1])[0],
             "dimension": rng.choice(["demographic", "behavioural", "geographic"])}
    if entry["role"] == "basis":
        entry["missing"] = rng.choice(["mean", "mean", "level"] if kind in ("ordinal", "nominal") else ["mean"])
        if rng.random() < 0.3:
            entry["weight"] = rng.choice([0.001, 0.5, 3, 1000])
    if kind in ("numeric", "count") and rng.random() < 0.4:
        entry["transform"] = rng.choice(["log1p", "sqrt"])
    if kind == "ordinal":
        entry["levels"] = LEVELS
    return entry


def plain_job(rng):
    """One source with one row per customer, no SQL."""
    n = rng.choice([1, 3, 40, 200, 700])
    _, keys = make_keys(rng, n)
    columns, makers, features = {"id": "varchar"}, [], []
    for i in range(rng.randint(1, 5)):
        kind = rng.choices(["numeric", "count", "ordinal", "nominal", "binary"], [5, 2, 1, 2, 1])[0]
        name = f"{kind}_{i}"
        values = rng.choice(NUMBER_KINDS)
        makers.append({"numeric": lambda v=values: number(rng, v), "count": lambda: str(int(rng.paretovariate(1))),
                       "ordinal": lambda: rng.choice(LEVELS + [""]), "nominal": lambda: rng.choice(CITIES + [""]),
                       "binary": lambda: rng.choice(["true", "false", ""])}[kind])
        columns[name] = {"numeric": "double", "count": "bigint", "binary": "boolean"}.get(kind, "varchar")
        features.append(feature(rng, name, kind))
    features[0]["role"] = "basis"
    rows = [[key] + [make() for make in makers] for key in keys]
    return [Source("people", "id", columns, rows)], None, features


VIEW = {"total": "sum(o.price)", "net": "sum(o.price * o.quantity)", "pieces": "sum(o.quantity)", "baskets": "count(*)",
        "half": "median(o.price)", "upper": "quantile_cont(o.price, 0.9)", "goods": "count(distinct o.product)",
        "dear": "max(o.price)", "each": "sum(distinct o.price)", "mean_price": "sum(o.price) / nullif(count(o.price), 0)",
        "late": "date_diff('day', max(o.day), as_of())", "strong": "sum(o.price) filter (where g.kind = 'a')",
        "mean_quantity": "avg(o.quantity)", "kinds": "string_agg(distinct g.kind, '+' order by g.kind)"}


def sql_job(rng):
    """Events and a profile, joined with a lookup by SQL."""
    kind, keys = make_keys(rng, rng.choice([2, 30, 150, 400]))
    values = rng.choice(["blobs", "tail", "ties", "holes", "tiny", "huge", "odd"])
    key_of = (lambda k: rng.choice([k, k.replace("ë", "e\u0308"), k.replace("e\u0308", "ë")])) if kind == "unicode" else str
    orders = [[key_of(rng.choice(keys)), number(rng, values), str(rng.randint(-3, 9)), f"p{rng.randint(0, 12)}",
               f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"] for _ in range(rng.choice([60, 600, 3000]))]
    orders += [["", "1", "1", "p1", "2024-01-01"]] * rng.randint(0, 3)  # rows without a customer
    people = [[key_of(k), rng.choice(LEVELS + [""]), rng.choice(CITIES)] for k in dict.fromkeys(keys) if rng.random() < 0.7]
    goods = [[f"p{i}", rng.choice("abc")] for i in range(10)]
    sources = [Source("orders", "id", {"id": "varchar", "price": "double", "quantity": "integer", "product": "varchar",
                                       "day": "date"}, orders),
               Source("people", "id", {"id": "varchar", "age": "varchar", "city": "varchar"}, people),
               Source("goods", None, {"product": "varchar", "kind": "varchar"}, goods)]
    chosen = rng.sample(sorted(VIEW), rng.randint(2, 6))
    text = "select id, max(p.age) as age, max(p.city) as city, " + ", ".join(f"{VIEW[c]} as {c}" for c in chosen)
    text += " from orders o left join goods g using (product) left join people p using (id) group by id"
    features = [feature(rng, c, "nominal" if c == "kinds" else "numeric") for c in chosen]
    features += [feature(rng, "age", "ordinal"), feature(rng, "city", "nominal")]
    features[0]["role"] = "basis"
    return sources, text, features


def make_model(rng, n_keys):
    low = rng.choice([1, 2, 2, 3])
    high = low + rng.choice([0, 2, 4])
    if rng.random() < 0.95:  # else too many segments may be asked for
        low, high = min(low, n_keys), min(high, n_keys)
    estimator = rng.choice(["kmeans", "kmeans", "gmm-diag"])
    choose = ["auto", "elbow", "calinski-harabasz", "silhouette"] + (["bic"] if estimator == "gmm-diag" else [])
    return {"estimator": estimator, "segments": {"from": low, "to": high},
            "starts": rng.randint(1, 4), "seed": rng.randint(0, 2 ** 40), "choose": rng.choice(choose),
            "min_share": rng.choice([0, 0.02, 0.1]), "standardise": rng.choice(["zscore", "zscore", "range", "none"]),
            "max_iter": rng.choice([1, 300]), "weights": {"behavioural": rng.choice([1, 2.5])}}


class Case:
    def __init__(self, seed, here):
        self.rng, self.here, self.seed = random.Random(seed), here / f"case-{seed}", seed
        self.sources, self.sql, self.features = self.rng.choice([plain_job, sql_job, sql_job])(self.rng)
        self.forms = [self.rng.choice(["csv", "csv", "parquet", "json"]) for _ in self.sources]
        self.declared = self.rng.random() < 0.5
        self.model = make_model(self.rng, len({row[0] for row in self.sources[0].rows}))
        self.bad_rows = self.rng.choice(["fail", "reject"])

    def write(self, name, shuffle):
        """A job file over the same rows, in the order and files of this variant."""
        entries = []
        for source, form in zip(self.sources, self.forms):
            rows = list(source.rows)
            if shuffle:
                random.Random(f"{name}{self.seed}").shuffle(rows)
            pattern = source.write(self.here / name / source.name, form, rows, 1 + 3 * shuffle)
            entries.append(source.describe(pattern, self.declared and form == "csv"))
        job = {"job": "random", "as_of": "2025-01-01", "on_bad_rows": self.bad_rows, "key_type": "text", "sources": entries,
               "features": self.features, "model": self.model, "outputs": {"features": True}, "control": "off"}
        if self.sql:
            job["customers"] = self.sql
        path = self.here / f"{name}.yaml"
        path.write_text(json.dumps(job, indent=1, ensure_ascii=False))
        return path

    def outcome(self, job, name, options):
        """What a run gave, without what may differ: hashes, or its exit code and words."""
        output = self.here / f"run-{name}"
        done = strata(job, output, **options)
        if done.returncode == 0:
            found = hashes(output)
            found |= {f"features/{f.name}": hashlib.sha256(f.read_bytes()).hexdigest()
                      for f in sorted((output / "features").glob("*"))}
            return found
        lines = done.stderr.splitlines()
        words = [line for line in lines if line.startswith("strata: ")] or lines[-20:]
        words = [re.sub(r"\S*/case-\S*|rank \d+: ", "", line) for line in words]
        return {"exit code": done.returncode, "words": " / ".join(words)}

    def run(self, checks, n_variants):
        plain, shuffled = self.write("plain", False), self.write("shuffled", True)
        variants = [("2 ranks", plain, {"ranks": 2}), ("5 ranks, shuffled", shuffled, {"ranks": 5}),
                    ("shuffled", shuffled, {"env": {"TZ": "Pacific/Kiritimati"}}),
                    ("3 ranks, coordinator", plain, {"ranks": 3, "sets": ["readers=coordinator"]}),
                    ("7 ranks", plain, {"ranks": 7}), ("1 rank by mpirun", shuffled, {"ranks": 1})]
        self.rng.shuffle(variants)
        reference, good = self.outcome(plain, "0", {}), True
        for i, (name, job, options) in enumerate(variants[:n_variants]):
            found = self.outcome(job, str(i + 1), options)
            wrong = [key for key in reference.keys() | found.keys() if reference.get(key) != found.get(key)]
            checks.that(not wrong, f"case {self.seed}, {name}: differs in {', '.join(sorted(wrong))}"
                        + "".join(f"\n    {o['exit code']}: {o['words']}" for o in (reference, found) if "words" in o))
            good = good and not wrong
        if good:
            shutil.rmtree(self.here)
        return "exit code" not in reference


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--variants", type=int, default=2)
    options = parser.parse_args()
    checks, succeeded = Checks(), 0
    for seed in range(options.first, options.first + options.cases):
        case = Case(seed, pathlib.Path.cwd())
        succeeded += case.run(checks, options.variants)
    checks.that(succeeded > 0, "no job succeeded: the cases prove nothing")
    print(f"{succeeded} jobs succeeded")
    checks.end()


main()
