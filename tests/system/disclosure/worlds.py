"""Small random data sets with everything that makes few customers: rare levels, rare yeses, gaps, small segments, case
weights, and a-priori segments that overlap, hold or complete each other."""
import csv
import json
import math
import random

AGES = ["18-24", "25-34", "35-44", "45-54", "55+"]
TOWNS = ["Bath", "Cork", "Derby", "Ely", "Fife", "Goole", "Hull"]


class Feature:
    def __init__(self, name, kind, role, values, levels=None):
        self.name, self.kind, self.role, self.values, self.levels = name, kind, role, values, levels

    def entry(self):
        entry = {"name": self.name, "type": self.kind, "role": self.role}
        if self.kind == "ordinal":
            entry["levels"] = self.levels
        return entry

    def domain(self):
        """What a value can be, for reasoning: levels, or no and yes; None is no value."""
        return list(range(len(self.levels))) + [None]


def literal(text):
    return "'" + text + "'"


class Condition:
    """Who belongs to an a-priori segment: every (feature, allowed) must hold; allowed are positions of levels, or a number
    that the value reaches."""

    def __init__(self, parts):
        self.parts = parts

    def sql(self, world):
        texts = []
        for name, allowed in self.parts:
            feature = world.feature[name]
            if feature.kind == "numeric":
                texts.append(f"{name} >= {allowed}")
            elif feature.kind == "binary":
                texts.append(f"{name} = {allowed[0]}")
            else:
                texts.append(f"{name} IN ({', '.join(literal(feature.levels[i]) for i in allowed)})")
        return " AND ".join(texts)

    def holds(self, value_of):
        """value_of(name): a position or None; of numbers the value."""
        for name, allowed in self.parts:
            value = value_of(name)
            if value is None:
                return False
            if isinstance(allowed, float):
                if value < allowed:
                    return False
            elif value not in allowed:
                return False
        return True


def shares(rng, n, steepness):
    weights = [rng.random() ** steepness + 0.02 for _ in range(n)]
    return [w / sum(weights) for w in weights]


class World:
    def __init__(self, seed):
        rng = self.rng = random.Random(seed)
        self.seed, self.n = seed, rng.randint(30, 400)
        self.k = rng.randint(2, max(2, min(6, self.n // 20)))
        group_shares = shares(rng, self.k, 1)
        self.group = rng.choices(range(self.k), group_shares, k=self.n)
        self.features = []
        self.number("spend", "basis", 0.0)
        self.number("visits", "basis", rng.choice([0, 0, 0.05]))
        self.text("age", "ordinal", rng.choice(["descriptor", "descriptor", "basis"]), AGES[:rng.randint(3, 5)], 1)
        self.text("town", "nominal", rng.choice(["descriptor", "descriptor", "basis"]), TOWNS[:rng.randint(3, 7)], rng.choice([1, 3]))
        self.binary("member", rng.choice(["descriptor", "basis"]), rng.choice([0.1, 0.3, 0.5]))
        self.binary("complained", "outcome", rng.choice([0.02, 0.05, 0.2]))
        self.number("income", "descriptor", rng.choice([0, 0.3, 0.7]))
        self.number("baskets", "descriptor", 0)
        self.number("recency", "outcome", rng.choice([0, 0, 0.1]))
        if rng.random() < 0.5:
            self.text("origin", "nominal", "sensitive", ["a", "b", "c"], 2)
        self.weights = [rng.choice([0.5, 1, 1, 2, 3]) for _ in range(self.n)] if rng.random() < 0.25 else None
        self.feature = {f.name: f for f in self.features}
        self.conditions = self.make_conditions()

    # --- features -----------------------------------------------------------------------------------------------------------

    def gaps(self, share):
        """Whether each customer has a value; gaps may fall on one group more than on others."""
        most = self.rng.choice([None, self.rng.randrange(self.k)])
        return [self.rng.random() >= (min(0.95, 3 * share) if g == most else share) for g in self.group]

    def number(self, name, role, gaps):
        centre = [self.rng.choice([0, 20, 40, 60, 90]) + 5 * g for g in range(self.k)]
        present = self.gaps(gaps)
        values = [round(abs(self.rng.gauss(centre[g], 6)), 2) if p else None for g, p in zip(self.group, present)]
        self.features.append(Feature(name, "numeric", role, values))

    def text(self, name, kind, role, levels, steepness):
        by_group = [shares(self.rng, len(levels), steepness) for _ in range(self.k)]
        present = self.gaps(self.rng.choice([0, 0, 0.05, 0.15]))
        values = [self.rng.choices(range(len(levels)), by_group[g])[0] if p else None for g, p in zip(self.group, present)]
        for level in set(range(len(levels))) - set(values):  # what occurs nowhere is no level
            values[self.rng.randrange(self.n)] = level
        self.features.append(Feature(name, kind, role, values, levels))

    def binary(self, name, role, share):
        by_group = [min(0.95, share * self.rng.choice([0, 0.5, 1, 1, 2])) for _ in range(self.k)]
        present = self.gaps(self.rng.choice([0, 0, 0.1]))
        values = [int(self.rng.random() < by_group[g]) if p else None for g, p in zip(self.group, present)]
        self.features.append(Feature(name, "binary", role, values, ["no", "yes"]))

    # --- a-priori segments --------------------------------------------------------------------------------------------------

    def make_conditions(self):
        rng, towns, ages = self.rng, range(len(self.feature["town"].levels)), range(len(self.feature["age"].levels))
        some = sorted(rng.sample(towns, rng.randint(1, len(towns) - 1)))
        others = [t for t in towns if t not in some]
        kinds = [[], [],
                 [[("member", [1])]], [[("member", [1])], [("member", [0])]],
                 [[("town", some)]], [[("town", some)], [("town", others)]],
                 [[("town", [t])] for t in towns][:3],
                 [[("age", list(ages[:2]))], [("age", list(ages[:2])), ("member", [1])]],
                 [[("spend", float(rng.randint(10, 60)))], [("town", some), ("age", list(ages[1:]))]],
                 [[("income", 30.0)], [("member", [1]), ("income", 30.0)]]]
        return [Condition(parts) for parts in rng.choice(kinds)]

    # --- files --------------------------------------------------------------------------------------------------------------

    def write(self, folder):
        """The data and the job; returns the job's path."""
        folder.mkdir(parents=True, exist_ok=True)
        types = {"numeric": "double", "binary": "integer"}
        columns = {f.name: types.get(f.kind, "varchar") for f in self.features}
        features = [f.entry() for f in self.features]
        with (folder / "people.csv").open("w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(["id"] + list(columns) + (["cases"] if self.weights else []))
            for row in range(self.n):
                values = [self.text_of(f, row) for f in self.features]
                writer.writerow([f"p{row:04d}"] + values + ([self.weights[row]] if self.weights else []))
        if self.weights:
            columns["cases"] = "double"
            features.append({"name": "cases", "type": "numeric", "role": "weight"})
        job = {"job": f"world {self.seed}", "features": features,
               "sources": [{"name": "people", "files": str(folder / "people.csv"), "key": "id", "columns": columns}],
               "model": {"segments": self.k, "starts": 2, "seed": self.seed, "min_share": 0}, "control": "off"}
        if self.conditions:
            job["apriori"] = [{"name": f"given {i}", "where": c.sql(self)} for i, c in enumerate(self.conditions)]
        path = folder / "job.yaml"
        path.write_text(json.dumps(job, indent=1))
        return path

    @staticmethod
    def text_of(feature, row):
        value = feature.values[row]
        if value is None:
            return ""
        return feature.levels[value] if feature.levels and feature.kind != "binary" else str(value)

    def belongs(self, row):
        """Of which conditions the customer is, as a tuple of booleans."""
        return tuple(c.holds(lambda name: self.feature[name].values[row]) for c in self.conditions)

    def patterns(self, name=None):
        """Combinations of belonging that the conditions allow; with a feature, pairs of them and of its value."""
        involved = sorted({n for c in self.conditions for n, _ in c.parts})
        domains = {}
        for n in involved + ([name] if name else []):
            feature = self.feature[n]
            if feature.kind == "numeric":
                cuts = sorted({a for c in self.conditions for m, a in c.parts if m == n})
                domains[n] = [-math.inf] + cuts + [None]
            else:
                domains[n] = feature.domain()
        found, names = set(), list(domains)

        def go(i, chosen):
            if i == len(names):
                belongs = tuple(c.holds(chosen.get) for c in self.conditions)
                found.add((belongs, chosen[name]) if name else belongs)
                return
            for value in domains[names[i]]:
                go(i + 1, {**chosen, names[i]: value})

        go(0, {})
        return found
