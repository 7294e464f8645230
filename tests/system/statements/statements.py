"""Every statement of four real runs, computed again by SQL over assignments/ joined to customers that Strata did not make;
every rule, the tree and the a-priori segments counted again; and the pages, in a real browser.

    statements.py [--pages JOB,...|all] [--looks] [--trees] [JOB...]

Each figure of each statement is then doctored, and each such fake must be found.
"""
import argparse
import copy
import math
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "support"), str(HERE.parent / "report")]
from runs import CONFIGS, SOURCE, BIN, Checks, must, tourism  # noqa: E402

JOBS = ["grocery-households", "bank-marketing", "telco-churn", "vacation-motives"]
MIN_COUNT = 10


def raw_data(job):
    """The folder of a job's raw files; None where they may not be shipped and are not here."""
    if job != "vacation-motives":
        return CONFIGS / job
    folder = tourism()
    if not folder:
        return None
    os.makedirs("originals", exist_ok=True)
    if not os.path.exists("originals/tourism"):
        os.symlink(folder, "originals/tourism")
    subprocess.run([CONFIGS / "make-data", "originals", "."], check=True, stderr=subprocess.DEVNULL,
                   env={**os.environ, "STRATA_SQL": str(BIN / "strata-sql")})
    return pathlib.Path("vacation-motives").resolve()


def run(job, data):
    """A finished run's directory and record."""
    from strata.v1 import result_pb2
    output = pathlib.Path(f"run-{job}").resolve()
    sets = ["outputs.features=true"] + ([f"sources.respondents.files={data}/respondents.parquet"] if job == "vacation-motives" else [])
    if not (output / "manifest.json").exists():
        must(CONFIGS / f"{job}.yaml", output, sets=sets)
    result = result_pb2.Result()
    result.ParseFromString((output / "result.pb").read_bytes())
    return output, result


# --- what is said ---------------------------------------------------------------------------

def check_statements(checks, job, result, teller):
    from told import statements_in
    kinds = {}
    for segment in result.segments:
        for statement in statements_in(segment):
            wrong = teller.complaints(segment.id, statement)
            checks.that(not wrong, f"{job}, {segment.name}: \"{statement.text}\": {'; '.join(wrong)}")
            checks.that(statement.count >= MIN_COUNT, f"{job}: \"{statement.text}\" tells of {statement.count} customers")
            kinds.setdefault((statement.statistic, statement.HasField("level")), []).append((segment.id, statement))
        for wrong in teller.definition_complaints(segment) + teller.advice_complaints(segment):
            checks.that(False, f"{job}, {segment.name}: {wrong}")
    checks.that(sum(map(len, kinds.values())) > 15 * len(result.segments), f"{job}: only a few statements")
    print(f"{job}: {len(result.segments)} segments,",
          ", ".join(f"{len(all_)} of {kind[0]}{' of a level' if kind[1] else ''}" for kind, all_ in sorted(kinds.items())), flush=True)
    return [one for all_ in kinds.values() for one in all_]


def fakes(statement):
    """The statement with one thing doctored at a time, and what that is."""
    for field in ("value", "reference", "low", "high"):
        fake = copy.deepcopy(statement)
        was = getattr(fake, field)
        setattr(fake, field, was * 1.001 + (1e-6 if was == 0 else 0))
        yield field, fake
    fake = copy.deepcopy(statement)
    fake.count += 1
    yield "count", fake
    if statement.HasField("feature"):
        fake = copy.deepcopy(statement)
        fake.text += " 48151623 of them."
        yield "text", fake


def check_fakes_are_found(checks, job, statements, teller):
    missed = [(what, fake.text) for segment, statement in statements for what, fake in fakes(statement)
              if not teller.complaints(segment, fake)]
    checks.that(not missed, f"{job}: {len(missed)} fakes are believed, such as {missed[:3]}")
    fits_any = []
    for _, statement in statements:  # a sentence does not fit other figures than its own
        fake = copy.deepcopy(statement)
        fake.value *= 2
        if statement.value != 0 and not teller.text_complaints(fake):
            fits_any.append(statement.text)
    checks.that(not fits_any, f"{job}: {len(fits_any)} sentences fit any value, such as {fits_any[:3]}")


# --- profiles -------------------------------------------------------------------------------

def cell_complaints(oracle, segment, f, cell, everybody):
    from told import near
    feature, mine = oracle.features[f], oracle.at(segment, f)
    wrong = []
    if cell.hidden:
        return wrong
    if (cell.count, cell.missing) != (mine.n, oracle.size[segment] - mine.n):
        wrong.append(f"{cell.count} customers and {cell.missing} missing, by SQL {mine.n} of {oracle.size[segment]}")
    mean, sd, _ = oracle.mean(segment, f) if feature.type != 4 else (None, None, 0)
    pairs = [(name, right) for name, right in (("mean", mean), ("sd", sd)) if cell.HasField(name)]
    pairs += [(name, getattr(mine, name)) for name in ("low", "median", "high") if cell.HasField(name)]
    every = oracle.mean(0, f)[0] if feature.type != 4 else None
    if cell.HasField("index") and every:
        pairs.append(("index", 100 * mean / every))
    wrong += [f"{name} is {getattr(cell, name)}, by SQL {right}" for name, right in pairs if not near(getattr(cell, name), right)]
    wrong += [f"{feature.levels[one.level]} is {one.share}" for one in cell.shares
              if not near(one.share, oracle.share(segment, f, one.level)[0])]
    if cell.HasField("effect") and segment:
        right = oracle.effect(segment, f, cell.level if feature.type == 4 else None)
        # Of an ordinal feature with hidden levels it is what the published levels make of it.
        told_whole = feature.type != 3 or (cell.HasField("mean") and everybody.HasField("mean"))
        if told_whole and right is not None and math.isfinite(right) and abs(right) < 50:
            if abs(cell.effect - right) > 1e-6:
                wrong.append(f"effect is {cell.effect}, by SQL {right}")
    return wrong


def check_profiles(checks, job, result, oracle):
    for s, cells in [(0, result.everybody)] + [(one.id, one.cells) for one in result.segments]:
        checks.that(s == 0 or result.segments[s - 1].size == oracle.size[s], f"{job}: size of segment {s}")
        for f, cell in enumerate(cells):
            wrong = cell_complaints(oracle, s, f, cell, result.everybody[f])
            checks.that(not wrong, f"{job}, segment {s}, {result.features[f].name}: {'; '.join(wrong)}")
    cell = copy.deepcopy(next(one for one in result.segments[0].cells if one.HasField("mean") and one.mean))
    at = next(f for f, one in enumerate(result.segments[0].cells) if one == cell)
    cell.mean *= 1.001
    checks.that(cell_complaints(oracle, 1, at, cell, result.everybody[at]), f"{job}: a doctored mean is believed")


def check_portraits(checks, job, result, oracle):
    """Typical customers, attractiveness and indices of preferences."""
    from told import near
    k = len(result.segments)
    for segment in result.segments:
        for trait in segment.persona.typical:
            cell, feature = oracle.at(segment.id, trait.feature), result.features[trait.feature]
            right = trait.count == cell.n
            if feature.type in (1, 2):
                right = right and near(trait.number, cell.median)
            elif feature.type == 5:
                right = right and near(trait.share, max(cell.mean, 1 - cell.mean)) and (trait.number == 1) == (cell.mean >= 0.5)
            else:
                right = right and near(trait.share, oracle.share(segment.id, trait.feature, trait.level)[0])
            checks.that(right, f"{job}, {segment.name}: typical {feature.name} {trait.text}")
        one = segment.attractiveness
        checks.that(near(one.size, 100 * k * oracle.size[segment.id] / oracle.size[0]), f"{job}, {segment.name}: index of size")
        if one.HasField("value"):
            f = result.value_feature
            (m, _, n), (every, _, all_n) = oracle.mean(segment.id, f), oracle.mean(0, f)
            checks.that(near(one.value, 100 * m / every), f"{job}, {segment.name}: index of value")
            checks.that(near(one.value_share, m * n / (every * all_n)), f"{job}, {segment.name}: share of value")
        if one.HasField("growth"):
            later, before = (next(i for i, f in enumerate(result.features) if f.meaning == meaning)
                             for meaning in ("recent_spend", "earlier_spend"))
            own, every = (oracle.mean(s, later)[0] / oracle.mean(s, before)[0] for s in (segment.id, 0))
            checks.that(near(one.growth, 100 * own / every), f"{job}, {segment.name}: index of growth")
        for like in (*segment.persona.channels, *segment.persona.affinities):
            if like.HasField("level"):
                m, every = oracle.share(segment.id, like.feature, like.level)[0], oracle.share(0, like.feature, like.level)[0]
            else:
                m, every = oracle.mean(segment.id, like.feature)[0], oracle.mean(0, like.feature)[0]
            if like.HasField("index"):
                checks.that(near(like.index, 100 * m / every), f"{job}, {segment.name}: index of {like.label}")


# --- rules and the tree -----------------------------------------------------------------------

def condition_sql(result, condition):
    """Our own SQL of a condition, from its bounds and levels; who has no value does not fulfil it."""
    feature = result.features[condition.feature]
    name = f'"{feature.name}"'
    quoted = ["'" + level.replace("'", "''") + "'" for level in feature.levels]
    if feature.type == 3:  # bounds are positions
        first = int(condition.low) if condition.HasField("low") else 0
        last = int(condition.high) if condition.HasField("high") else len(quoted)
        return f"coalesce({name} in ({', '.join(quoted[first:last])}), false)"
    if feature.type == 4:
        listed = ", ".join(quoted[level] for level in condition.levels)
        return f"coalesce({name} {'not ' if condition.other else ''}in ({listed}), false)"
    bounds = [f"{name}::double >= {condition.low!r}"] if condition.HasField("low") else []
    bounds += [f"{name}::double < {condition.high!r}"] if condition.HasField("high") else []
    return f"coalesce({' and '.join(bounds)}, false)"


def check_rules(checks, job, result, oracle, teller):
    from told import near
    ruled = [one for one in result.segments if one.HasField("rule")]
    found = oracle.count(*[one.rule.sql for one in ruled])
    again = oracle.count(*[" and ".join(condition_sql(result, c) for c in one.rule.conditions) for one in ruled])
    checks.that(len(ruled) >= len(result.segments) / 2, f"{job}: only {len(ruled)} rules")
    for segment, count, same in zip(ruled, found, again):
        rule, hits = segment.rule, count.get(segment.id, 0)
        total, size = sum(count.values()), oracle.size[segment.id]
        checks.that(count == same, f"{job}, {segment.name}: its SQL and its conditions differ")
        checks.that((rule.count, rule.hits) == (total, hits),
                    f"{job}, {segment.name}: {rule.hits} of {rule.count}, by SQL {hits} of {total}")
        checks.that(near(rule.coverage, hits / size) and near(rule.precision, hits / total) and
                    near(rule.lift, hits / total / (size / oracle.size[0])), f"{job}, {segment.name}: coverage, precision or lift")
        checks.that(len(rule.conditions) <= 4, f"{job}, {segment.name}: a rule of {len(rule.conditions)} conditions")
        for condition in rule.conditions:
            wrong = teller.condition_complaints(condition)
            checks.that(not wrong and condition.sentence in rule.sentence, f"{job}: \"{condition.sentence}\": {wrong}")


def leaves_sql(result):
    """(node, condition of getting there) of all nodes, from the conditions alone."""
    nodes, paths = result.tree.nodes, {0: ["true"]}
    for i, node in enumerate(nodes):
        if not node.HasField("condition"):
            continue
        one = condition_sql(result, node.condition)
        paths[node.yes], paths[node.no] = paths[i] + [one], paths[i] + [f"not {one}"]
    return [" and ".join(paths[i]) for i in range(len(nodes))]


def check_tree(checks, job, result, oracle, teller):
    from told import near
    tree = result.tree
    if not tree.nodes:
        checks.that(False, f"{job}: there is no tree")
        return
    leaves = [node for node in tree.nodes if not node.HasField("condition")]
    for node, count in zip(tree.nodes, oracle.count(*leaves_sql(result))):
        told = node.count > 0  # those of all nodes, or of none
        checks.that(told == (tree.nodes[0].count > 0), f"{job}: some nodes have counts")
        checks.that(not told or node.count == sum(count.values()), f"{job}: a node of {node.count}, by SQL {sum(count.values())}")
        if node.HasField("hits"):
            checks.that(node.hits == count.get(node.segment, 0), f"{job}: a leaf's {node.hits} hits, by SQL {count.get(node.segment, 0)}")
        if node.HasField("condition"):
            wrong = teller.condition_complaints(node.condition)
            checks.that(not wrong, f"{job}: \"{node.condition.sentence}\": {wrong}")
    hits = sum(oracle.count(f"({tree.sql}) = segment")[0].values())
    checks.that(tree.hits == hits and near(tree.fidelity, hits / oracle.size[0]), f"{job}: {tree.hits} hits of the tree, by SQL {hits}")
    checks.that(len(leaves) == tree.leaves <= 2 * len(result.segments), f"{job}: {tree.leaves} leaves")
    print(f"{job}: a tree of {tree.leaves} leaves tells {tree.fidelity:.1%} right", flush=True)


def check_apriori(checks, job, result, oracle):
    from told import near
    shown = [one for one in result.apriori if not one.hidden]
    for one, count in zip(shown, oracle.count(*[one.sql for one in shown])):
        total = sum(count.values())
        checks.that(one.size == total and near(one.share, total / oracle.size[0]), f"{job}, {one.name}: {one.size}, by SQL {total}")
        for s, cross in enumerate(one.cross, 1):
            n = count.get(s, 0)
            right = cross.hidden or (cross.count == n and near(cross.share, n / total) and
                                     near(cross.index, 100 * (n / total) / (oracle.size[s] / oracle.size[0])))
            checks.that(right, f"{job}, {one.name} in segment {s}: {cross.count}, by SQL {n}")


def check_job(checks, job):
    """Its run directory and record, or None."""
    from oracle import Oracle
    from told import Teller
    data = raw_data(job)
    if not data:
        print(f"not checked: {job}; its data may not be shipped, and STRATA_TOURISM_DATA does not say where they are")
        return None
    output, result = run(job, data)
    oracle = Oracle(job, data, output, result)
    teller = Teller(result, oracle)
    checks.that(oracle.size[0] == result.customers, f"{job}: {oracle.size[0]} customers are joined, {result.customers} told")
    said = check_statements(checks, job, result, teller)
    check_fakes_are_found(checks, job, said, teller)
    check_profiles(checks, job, result, oracle)
    check_portraits(checks, job, result, oracle)
    check_rules(checks, job, result, oracle, teller)
    check_tree(checks, job, result, oracle, teller)
    check_apriori(checks, job, result, oracle)
    return output, result, oracle


def make_messages():
    os.makedirs("messages", exist_ok=True)
    protos = [f"strata/v1/{name}.proto" for name in ("model", "quality", "result")]
    subprocess.run(["protoc", f"--proto_path={SOURCE / 'proto'}", "--python_out=messages", *protos], check=True)
    sys.path.insert(0, os.path.abspath("messages"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", default="", help="jobs whose pages are opened in a browser, or all")
    parser.add_argument("--looks", action="store_true", help="at all widths, and by keyboard alone")
    parser.add_argument("--trees", action="store_true", help="compare trees with those of the literature")
    parser.add_argument("jobs", nargs="*", default=JOBS)
    chosen = parser.parse_args()
    make_messages()
    checks, done = Checks(), {}
    for job in chosen.jobs:
        found = check_job(checks, job)
        if found:
            done[job] = found
    if chosen.trees:
        import trees
        trees.compare(checks, done)
    pages = [job for job in done if chosen.pages == "all" or job in chosen.pages.split(",")]
    if pages:
        import in_browser
        in_browser.check({job: done[job][:2] for job in pages}, chosen.looks)
    checks.end()


main()
