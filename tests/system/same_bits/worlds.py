"""Five data sets whose fits are hard to keep the same: overlapping and so many that candidates race on a part of them,
in ties, far from even, soft, weighted.  Each is a CSV of made-up customers and a job; the same rows in another order
are a second source of the same job."""
import csv
import json
import random


def narrow(rng):
    """Two columns of groups that overlap."""
    group = rng.randrange(7)
    return [f"{rng.gauss(1.7 * (group % 3), 1):.4f}", f"{rng.gauss(1.9 * (group % 4), 1):.4f}"]


def overlapping(rng):
    """Skewed and correlated columns, groups that overlap."""
    group = rng.choices(range(5), [8, 5, 3, 2, 1])[0]
    base = rng.gauss(0, 1)
    values = [1.2 * ((group * (j + 3)) % 5) + base * (0.3 + 0.2 * j) + rng.gauss(0, 1) for j in range(6)]
    return [f"{v:.6f}" for v in values[:3]] + [f"{2.718281828 ** (0.5 * v):.6f}" for v in values[3:]]


def ties(rng):
    """Few integers: many rows are equal, many are as far from one centre as from another."""
    return [str(rng.randrange(4)) for _ in range(4)]


def uneven(rng):
    """Most customers near one place, few far away: tails, and segments that run empty."""
    return [f"{rng.paretovariate(0.9):.4f}" for _ in range(5)]


def many_columns(rng):
    """More columns than lanes, an odd number of them."""
    group = rng.randrange(12)
    return [f"{rng.gauss(0.7 * ((group * (j + 1)) % 7), 1):.5f}" for j in range(19)]


def model(estimator="kmeans", low=2, high=7, **more):
    return {"estimator": estimator, "segments": {"from": low, "to": high}, "starts": 3, "seed": 7, "min_share": 0.01,
            **more}


# Name: rows, maker of a row's values, model, whether the last column is a case weight, standardise.
WORLDS = {
    "raced": (270000, narrow, model(low=3, high=6, max_iter=40), False),
    "ties": (1200, ties, model(low=3, high=12, standardise="none", max_iter=60), False),
    "uneven": (2000, uneven, model(low=8, high=24, starts=2, min_share=0, seeding="parallel"), False),
    "mixture": (1500, overlapping, model("gmm-diag", high=5, starts=2, max_iter=25), False),
    "weighted": (1500, many_columns, model(low=4, high=8, starts=2), True),
}


def write_rows(folder, names, rows, parts):
    """The rows, in files of unequal sizes; returns their pattern."""
    folder.mkdir(parents=True)
    first = 0
    for part in range(parts):
        end = len(rows) if part + 1 == parts else first + len(rows) * (part + 1) // (parts * parts)
        with (folder / f"part-{part}.csv").open("w", newline="", encoding="ascii") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows[first:end])
        first = end
    return str(folder / "*.csv")


def write_world(name, here):
    """Paths of the job over the rows as they came, and over the same rows shuffled and split anew."""
    n, make, options, weighted = WORLDS[name]
    rng = random.Random(f"same bits, {name}")
    values = [make(rng) for _ in range(n)]
    rows = [[f"k{i * 7919 % 1000003}", *row, *([str(rng.choice([1, 1, 2, 3, 10]))] if weighted else [])]
            for i, row in enumerate(values)]
    columns = [f"v{j}" for j in range(len(values[0]))]
    names = ["id", *columns, *(["weight"] if weighted else [])]
    features = [{"name": column, "type": "numeric"} for column in columns]
    if weighted:
        features.append({"name": "weight", "type": "numeric", "role": "weight"})
    jobs = []
    for shuffled in (False, True):
        order = list(rows)
        if shuffled:
            rng.shuffle(order)
        folder = here / name / ("shuffled" if shuffled else "given")
        source = {"name": "people", "key": "id", "files": write_rows(folder, names, order, 3 if shuffled else 1),
                  "columns": {column: "double" for column in names[1:]}, "delimiter": ",", "quote": '"', "escape": '"',
                  "header": True}
        job = {"job": f"same bits {name}", "as_of": "2025-01-01", "key_type": "text", "sources": [source],
               "features": features, "model": options, "control": "off"}
        path = here / name / f"{folder.name}.yaml"
        path.write_text(json.dumps(job, indent=1), encoding="utf-8")
        jobs.append(path)
    return jobs
