"""Published figures, found again by the whole engine: SSE of iris, wholesale and vacation motives; labels of scikit-learn
from the same starting centres; the cleaned Online Retail counts."""
import csv
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import CONFIGS, Checks, must, result, sql, tourism  # noqa: E402

import numpy  # noqa: E402
import sklearn.cluster  # noqa: E402
import sklearn.datasets  # noqa: E402
import sklearn.discriminant_analysis  # noqa: E402

HERE = pathlib.Path.cwd()


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def raw_job(name, data, columns, model):
    """A job that clusters numeric columns of a CSV in raw units."""
    lines = [f"job: {name}", "sources:", f"  - name: {name}", f"    files: {data}", "    key: id", "    columns:"]
    lines += [f"      {column}: double" for column in columns]
    lines += ["features:"] + [f"  - {{name: {column}, type: numeric}}" for column in columns]
    lines += [f"model: {{{model}}}", "control: off", f"output: {HERE / name}"]
    path = HERE / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def objective(output):
    return result(output)["evaluation"]["withinSse"]


def labels(output):
    rows = sql(f"select * from read_parquet('{output}/assignments/part-*.parquet')")
    key, segment = rows[0].index("key"), rows[0].index("segment")
    return {row[key]: int(row[segment]) for row in rows[1:]}


def iris(checks):
    x = sklearn.datasets.load_iris().data
    columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    write_csv(HERE / "iris.csv", ["id"] + columns, [[i] + list(row) for i, row in enumerate(x)])
    job = raw_job("iris", HERE / "iris.csv", columns, "standardise: none, segments: 3, starts: 20, seed: 1, min_share: 0")
    must(job, None, ranks=2)
    # Within-cluster SSE of the best 3-means of iris; e.g. R's kmeans(iris[, 1:4], 3).
    checks.that(abs(objective(HERE / "iris") - 78.85144) < 1e-4, f"iris: SSE {objective(HERE / 'iris')}")


def wholesale(checks):
    must(CONFIGS / "wholesale.yaml", HERE / "wholesale",
         sets=["model.standardise=none", "model.segments=3", "model.starts=30", "model.min_share=0"])
    sse = objective(HERE / "wholesale")
    checks.that(abs(sse / 8.0332413843e10 - 1) < 1e-6, f"wholesale: SSE {sse}")


def vacation(checks):
    folder = tourism()
    if not folder:
        print("not checked: vacation motives may not be shipped, and STRATA_TOURISM_DATA does not say where they are")
        return
    with open(folder / "vacmot.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    columns = [f"motive_{i + 1}" for i in range(len(rows[0]))]
    write_csv(HERE / "vacmot.csv", ["id"] + columns, [[i + 1] + row for i, row in enumerate(rows)])
    with open(folder / "vacmot6_reference_labels.csv", newline="") as file:
        published = {int(row[0]): int(row[1]) for row in list(csv.reader(file))[1:]}
    write_csv(HERE / "start.csv", ["id", "segment"], sorted(published.items()))
    job = raw_job("vacmot", HERE / "vacmot.csv", columns, "standardise: none, segments: 6, starts: 50, seed: 3, min_share: 0")
    must(job, None)
    checks.that(objective(HERE / "vacmot") <= 2665.362, f"vacmot: SSE {objective(HERE / 'vacmot')}")
    must(job, HERE / "fixed", sets=[f"model.start={HERE / 'start.csv'}"], ranks=2)
    checks.that(abs(objective(HERE / "fixed") - 2665.362) < 1e-3, f"vacmot: SSE {objective(HERE / 'fixed')} from the published start")
    found = labels(HERE / "fixed")
    pairs = {(published[int(key)], segment) for key, segment in found.items()}
    checks.that(len(found) == 1000 and len(pairs) == 6, "vacmot: the published partition is not a fixed point")
    sizes = sorted(int(s["size"]) for s in result(HERE / "fixed")["segments"])
    checks.that(sizes == [95, 129, 156, 173, 201, 246], f"vacmot: sizes {sizes}")


def same_labels_as_scikit_learn(checks):
    """From equal starting centres on the quick-start features, scikit-learn's Lloyd ends with the same labels."""
    job = CONFIGS / "grocery-households.yaml"
    must(job, HERE / "features", sets=["outputs.features=true"], ranks=3)
    rows = sql(f"select * from read_parquet('{HERE}/features/features/part-*.parquet')")
    keys = [row[0] for row in rows[1:]]
    x = numpy.array([[float(v) for v in row[1:]] for row in rows[1:]])
    k = 5
    start = {key: int(numpy.argmax(row[:k])) for key, row in zip(keys, x)}  # any partition without empty segments
    write_csv(HERE / "partition.csv", ["household_id", "segment"], sorted(start.items()))
    must(job, HERE / "ours", ranks=2, sets=[f"model.segments={k}", f"model.start={HERE / 'partition.csv'}", "model.min_share=0"])
    centres = numpy.array([x[[start[key] == s for key in keys]].mean(axis=0) for s in range(k)])
    centres = numpy.round(centres * 65536) / 65536  # the grid of standardised features
    theirs = sklearn.cluster.KMeans(k, init=centres, n_init=1, max_iter=1000, tol=0, algorithm="lloyd").fit(x)
    ours = labels(HERE / "ours")
    pairs = {(ours[key], int(label)) for key, label in zip(keys, theirs.labels_)}
    checks.that(len(keys) == 2377, f"quick start: {len(keys)} households")
    checks.that(len(pairs) == k, f"quick start: {len(pairs)} pairs of labels instead of {k}")
    sse = objective(HERE / "ours")
    checks.that(abs(sse / theirs.inertia_ - 1) < 1e-6, f"quick start: SSE {sse}, scikit-learn {theirs.inertia_}")


def same_map_as_scikit_learn(checks):
    """The map's axes are those of scikit-learn's discriminant analysis.  A ridge on the variance inside segments is what
    pairs of extra rows around each customer make, one pair along each column."""
    rows = sql(f"select * from read_parquet('{HERE}/features/features/part-*.parquet')")
    x = numpy.array([[float(v) for v in row[1:]] for row in rows[1:]])
    found, drawn = labels(HERE / "features"), result(HERE / "features")["map"]
    label = numpy.array([found[row[0]] for row in rows[1:]])
    n, d = x.shape
    ridge = x.var(axis=0).mean() / 2
    step = numpy.sqrt(ridge * d) * numpy.concatenate([numpy.eye(d), -numpy.eye(d)])
    around = (x[:, None, :] + step[None, :, :]).reshape(n * 2 * d, d)
    model = sklearn.discriminant_analysis.LinearDiscriminantAnalysis(solver="eigen").fit(around, numpy.repeat(label, 2 * d))
    for i, axis in enumerate(drawn["axes"]):
        checks.that(abs(axis["share"] - model.explained_variance_ratio_[i]) < 1e-6,
                    f"map: axis {i} holds {axis['share']}, scikit-learn's {model.explained_variance_ratio_[i]}")
        width = axis["high"] - axis["low"]
        theirs = numpy.array([model.transform(x[label == one["segment"]])[:, i].mean() for one in drawn["segments"]])
        ours = numpy.array([axis["low"] + one["xy"[i]] / 1000 * width for one in drawn["segments"]])
        turned = min((theirs, -theirs), key=lambda one: numpy.abs(ours - one).max())
        checks.that(numpy.abs(ours - turned).max() < 1.01e-3 * width / 2 + 1e-9, f"map: axis {i}: centres at {ours}, scikit-learn's at {turned}")
    checks.that(len(drawn["segments"]) == len(set(label)) and int(drawn["customers"]) == n, "map: not all segments are drawn")


def online_retail(checks):
    """541,909 raw rows, cleaned by the job's SQL.  The figures are those of the data's description."""
    must(CONFIGS / "online-retail.yaml", HERE / "retail", ranks=3)
    found = result(HERE / "retail")
    checks.that(int(found["customers"]) == 4338, f"Online Retail: {found['customers']} customers")
    spend = next(i for i, f in enumerate(found["features"]) if f.get("meaning") == "spend")
    cell = found["everybody"][spend]
    total = cell["mean"] * 4338
    checks.that(abs(total - 8911407.904) < 1e-3, f"Online Retail: sales of {total}")


def main():
    checks = Checks()
    for figure in (iris, wholesale, vacation, same_labels_as_scikit_learn, same_map_as_scikit_learn, online_retail):
        figure(checks)
    checks.end()


main()
