"""The tree of a report beside trees of the literature on the same customers, segments and encoded features.

IMM: k leaves, each cut separates centres with the fewest customers on the wrong side (Dasgupta, Frost, Moshkovitz and
Rashtchian, "Explainable k-Means and k-Medians Clustering", ICML 2020).
ExKMC: IMM expanded to 2 k leaves, each time by the cut that lowers the surrogate cost most (Frost, Moshkovitz and
Rashtchian, "ExKMC: Expanding Explainable k-Means Clustering", 2020).
Both may cut any encoded column anywhere; the report's tree cuts features at few places and hides small counts.
The cost ratio is theirs: the sum of squares within the parts that a tree makes, over that of the segments.
"""
import numpy

from oracle import rows_of


def read(output, oracle, result):
    """Encoded features (n, d), segments (n) and the tree's answers (n), both from 0."""
    names = rows_of(f"select * from read_parquet('{output}/features/part-*.parquet') limit 1")[0]
    key, columns = names[0], names[1:]
    listed = ", ".join(f'f."{column}"' for column in columns)
    rows = rows_of(oracle.table + f"create view f as from read_parquet('{output}/features/part-*.parquet');"
                   f"create table t as select key::varchar as key, segment, ({result.tree.sql}) as leaf from j;"
                   f"select t.segment, t.leaf, {listed} from t join f on f.\"{key}\"::varchar = t.key order by t.key")
    values = numpy.array(rows[1:], dtype=float)
    return values[:, 2:], values[:, 0].astype(int) - 1, values[:, 1].astype(int) - 1


def within(x, label):
    """Sum of squares within parts."""
    return sum(((x[label == one] - x[label == one].mean(axis=0)) ** 2).sum() for one in numpy.unique(label))


def imm_cut(x, label, centres, here):
    """(column, threshold) that separates centres with the fewest customers apart from their own."""
    best = None
    for j in range(x.shape[1]):
        at = centres[here, j]
        own = centres[label, j]
        places = numpy.unique(numpy.concatenate([x[:, j], at]))
        places = places[(places >= at.min()) & (places < at.max())]
        if not len(places):
            continue
        low, high = numpy.sort(numpy.minimum(x[:, j], own)), numpy.sort(numpy.maximum(x[:, j], own))
        wrong = numpy.searchsorted(low, places, "right") - numpy.searchsorted(high, places, "right")
        i = int(wrong.argmin())
        if best is None or wrong[i] < best[0]:
            best = (wrong[i], j, places[i])
    return best[1:]


def imm(x, label, centres):
    """Groups of customers, one for each leaf."""
    leaves, open_ = [], [(numpy.arange(len(x)), numpy.ones(len(x), bool), numpy.arange(len(centres)))]
    while open_:
        rows, counted, here = open_.pop()
        if len(here) == 1:
            leaves.append(rows)
            continue
        j, place = imm_cut(x[rows][counted], label[rows][counted], centres, here)
        for side in (True, False):
            inside, theirs = (x[rows, j] <= place) == side, (centres[here, j] <= place) == side
            rest = here[theirs]
            open_.append((rows[inside], counted[inside] & numpy.isin(label[rows[inside]], rest), rest))
    return leaves


def best_cut(x, distance, rows):
    """How much the best cut of a leaf takes from the surrogate cost, and its two sides."""
    far = distance[rows]
    total = far.sum(axis=0)
    best = (0.0, None, None)
    for j in range(x.shape[1]):
        order = numpy.argsort(x[rows, j], kind="stable")
        value, sums = x[rows[order], j], numpy.cumsum(far[order], axis=0)
        cuts = numpy.flatnonzero(value[1:] > value[:-1])
        if not len(cuts):
            continue
        cost = sums[cuts].min(axis=1) + (total - sums[cuts]).min(axis=1)
        i = int(cost.argmin())
        if total.min() - cost[i] > best[0]:
            best = (total.min() - cost[i], rows[order[:cuts[i] + 1]], rows[order[cuts[i] + 1:]])
    return best


def expand(x, distance, leaves, most):
    cuts = [(best_cut(x, distance, rows), rows) for rows in leaves]
    while len(cuts) < most:
        i = max(range(len(cuts)), key=lambda one: cuts[one][0][0])
        (gain, left, right), _ = cuts[i]
        if gain <= 0:
            break
        cuts[i:i + 1] = [(best_cut(x, distance, rows), rows) for rows in (left, right)]
    return [rows for _, rows in cuts]


def labelled(distance, leaves):
    """The centre nearest to all of a leaf together."""
    answer = numpy.zeros(len(distance), int)
    for rows in leaves:
        answer[rows] = distance[rows].sum(axis=0).argmin() if len(rows) else 0
    return answer


def compare(checks, runs):
    """runs: {job: (run directory, record, oracle)}.  Prints a table."""
    print("| data | k | report: leaves, fidelity, cost ratio | IMM: leaves, fidelity, cost ratio | ExKMC: leaves, fidelity, cost ratio |")
    for job, (output, result, oracle) in runs.items():
        x, label, ours = read(output, oracle, result)
        k = len(result.segments)
        centres = numpy.array([x[label == one].mean(axis=0) for one in range(k)])
        distance = numpy.array([((x - centre) ** 2).sum(axis=1) for centre in centres]).T
        base = imm(x, label, centres)
        grown = expand(x, distance, base, 2 * k)
        cost, told = within(x, label), []
        for answer, leaves in ((ours, result.tree.leaves), (labelled(distance, base), len(base)), (labelled(distance, grown), len(grown))):
            told.append((leaves, (answer == label).mean(), within(x, answer) / cost))
        checks.that(abs(told[0][1] - result.tree.fidelity) < 1e-12, f"{job}: fidelity is {told[0][1]}")
        checks.that(told[0][1] > told[1][1], f"{job}: the tree tells fewer right than IMM: {told}")
        checks.that(told[0][1] > told[2][1] - 0.05 and told[0][2] < 1.05 * told[2][2], f"{job}: the tree is worse than ExKMC: {told}")
        print(f"| {job} | {k} | " + " | ".join(f"{leaves}, {right:.1%}, {ratio:.3f}" for leaves, right, ratio in told) + " |", flush=True)
