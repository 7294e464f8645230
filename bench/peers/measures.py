"""What is measured: each function runs its contenders interleaved and returns records, one a contender and shape, with
all times and their median."""
import os
import statistics

import numpy as np

import matrix
import projection
import ranks
from contenders import Shape, contenders, interleaved, median


def roofline(programs, threads, _options):
    """Bytes and operations a second that this machine reaches on so many threads."""
    name = "roofline_avx2" if programs.isa == "avx2" else "roofline"
    best = {}
    for _ in range(3):
        for key, value in programs.run([programs.path(name), f"threads={threads}"], threads).items():
            best[key] = max(value, best.get(key, 0))
    best["bandwidth"] = max(best["read_1"], best["read_4"], best["read_8"])
    return best


def limit_of_pass(shape, roof):
    """Seconds below which no full float32 pass can be: every row is read, every product is made."""
    return max(4.0 * shape.n * shape.d / roof["bandwidth"], 2.0 * shape.n * shape.k * shape.d / roof["flop"])


def shapes(options):
    for n in options.n:
        for d in options.d:
            path = matrix.matrix(options.data, options.world, n, d, options.seed)
            for k in options.k:
                for threads in options.threads:
                    yield Shape(path, matrix.start(options.data, n, k, options.seed), n, d, k, threads)


def chosen(everybody, options):
    wanted = options.contenders
    return {name: run for name, run in everybody.items() if not wanted or name == "strata" or name in wanted}


def full_pass(programs, shape, roof, options):
    """Seconds of one full pass, labels and sums, in the middle of a fit from the same centres."""
    everybody = chosen(contenders("pass", programs.isa, options.ranks), options)
    words = shape.words(iterations=options.iterations + 2)
    found = interleaved({name: (lambda run=run: run(programs, shape, words)) for name, run in everybody.items()},
                        options.rounds)
    limit = limit_of_pass(shape, roof)
    return [{"what": "pass", "contender": name, **shape.facts(), "seconds": [r["pass_s"] for r in results],
             "median": median(results, "pass_s"), "limit": limit, "isa": results[-1].get("isa"),
             "rechecked": results[-1].get("rechecked")} for name, results in found.items()]


def whole_fit(programs, shape, _roof, options):
    """Seconds from the given centres until no label moves, or --max-iterations; and the inertia that was reached."""
    everybody = chosen(contenders("fit", programs.isa, options.ranks), options)
    first = everybody["strata"](programs, shape, shape.words(iterations=options.max_iterations))

    def runner(name, run):
        iterations = first["iterations"] if name == "faiss" else options.max_iterations
        more = {"only": "fit"} if name not in ("strata", "plain", "plain-fast") else {}
        words = shape.words(iterations=iterations, centres=f"centres-{name}.f64", **more)
        return lambda: run(programs, shape, words)

    found = interleaved({name: runner(name, run) for name, run in everybody.items()}, options.fit_rounds)
    records = []
    for name, results in found.items():
        centres = np.fromfile(os.path.join(programs.scratch, f"centres-{name}.f64")).reshape(-1, shape.d)
        records.append({"what": "fit", "contender": name, **shape.facts(), "seconds": [r["fit_s"] for r in results],
                        "median": median(results, "fit_s"), "iterations": results[-1]["iterations"],
                        "inertia": matrix.inertia(shape.matrix, shape.n, shape.d, centres), "last": results[-1]})
    for record in records:
        record["inertia_off"] = record["inertia"] / records[0]["inertia"] - 1
    return records


def seeding(programs, shape, _roof, options):
    """Many seeds: time to seed, and the SSE in the end.  Strata's time is what a fit with seeding takes longer to the end of
    its first pass than one from given centres, so what every fit does before (sums, checksums, memory) is not in it."""
    fit = {"start": None, "iterations": options.max_iterations}
    ways = {"strata": "sample", "strata, k-means||": "parallel"}
    found = {name: [] for name in [*ways, "sklearn-lloyd"]}
    alone, given = [], []
    for seed in range(1, options.seeds + 1):
        for name, way in ways.items():
            found[name].append(programs.strata("fit", shape.words(**fit, seed=seed, seeding=way), shape.threads))
        given.append(programs.strata("fit", shape.words(iterations=1), shape.threads))
        words = shape.words(**fit, seed=seed, only="fit", centres="centres-seeding.f64")
        found["sklearn-lloyd"].append(programs.rival("lloyd", words, shape.threads))
        centres = np.fromfile(os.path.join(programs.scratch, "centres-seeding.f64")).reshape(-1, shape.d)
        found["sklearn-lloyd"][-1]["objective"] = matrix.inertia(shape.matrix, shape.n, shape.d, centres)
        if seed <= options.rounds:
            alone.append(programs.rival("lloyd", shape.words(start=None, seed=seed, only="seeding"), shape.threads))
    without = median(given, "first_s")
    time = {name: [r["first_s"] - without for r in found[name]] for name in ways}
    time["sklearn-lloyd"] = [r["seeding_s"] for r in alone]
    return [{"what": "seeding", "contender": name, **shape.facts(), "seconds": time[name],
             "median": statistics.median(time[name]), "sse": [r["objective"] for r in results],
             "sse_median": median(results, "objective")} for name, results in found.items()]


def elbow(by_k):
    """The number of segments that the rule `elbow` chooses from {k: objective}."""
    ks, worst, best = sorted(by_k), max(by_k.values()), min(by_k.values())
    score = {k: 1 - (k - ks[0]) / (ks[-1] - ks[0]) - (by_k[k] - best) / (worst - best) for k in ks}
    return max(ks, key=lambda k: (score[k], -k))


def sweep(programs, shape, _roof, options):
    """All numbers of segments and all starts at once, one fit after another without a race, and scikit-learn."""
    low, high = options.sweep
    common = {"start": None, "iterations": options.max_iterations}
    once = programs.strata("fit", shape.words(**{**common, "k": low}, k_to=high, starts=options.starts), shape.threads)
    alone, alone_s, rival, rival_s = {}, 0.0, {}, 0.0
    for k in range(low, high + 1):
        for seed in range(1, options.starts + 1):
            one = shape.words(**{**common, "k": k}, seed=seed, race="off")
            alone_s += programs.strata("fit", one, shape.threads)["fit_s"]
        # The very same starts as at once, all of them fitted to all rows: what the race must not lose against.
        same = shape.words(**{**common, "k": k}, starts=options.starts, race="off")
        alone[k] = programs.strata("fit", same, shape.threads)["objective"]
        words = shape.words(**{**common, "k": k}, starts=options.starts, only="fit", centres="centres-sweep.f64")
        rival_s += programs.rival("lloyd", words, shape.threads)["fit_s"]
        centres = np.fromfile(os.path.join(programs.scratch, "centres-sweep.f64")).reshape(-1, shape.d)
        rival[k] = matrix.inertia(shape.matrix, shape.n, shape.d, centres)
    by_k = {entry["k"]: entry["objective"] for entry in once["by_k"]}
    records = [("strata", once["fit_s"], by_k), ("strata one by one", alone_s, alone), ("sklearn-lloyd", rival_s, rival)]
    return [{"what": "sweep", "contender": name, "n": shape.n, "d": shape.d, "k": [low, high], "threads": shape.threads,
             "starts": options.starts, "seconds": [seconds], "median": seconds, "sse": found, "chosen_k": elbow(found),
             "sse_worst": max(by_k[k] / found[k] - 1 for k in found)} for name, seconds, found in records]


def large(programs, shape, _roof, options):
    """A matrix many times the file's, on one rank and on two: time per iteration and peak memory."""
    records = []
    for ranks in (1, 2):
        words = shape.words(threads=1, iterations=options.iterations + 2, copies=options.copies)
        one = programs.strata("fit", words, 1, ranks=ranks)
        records.append({"what": "large", "contender": f"strata, {ranks} rank{'s' * (ranks > 1)}", **shape.facts(),
                        "n": one["rows"], "threads": ranks, "seconds": [one["step_s"]], "median": one["step_s"],
                        "fit_s": one["fit_s"], "peak_bytes": one["peak_bytes"], "key_bytes": one["key_bytes"],
                        "peak_ratio": (one["peak_bytes"] - one["key_bytes"]) / (4.0 * one["rows"] * shape.d)})
    return records


def price(programs, shape, _roof, _options):
    """The same kernel with exact sums and with plain double ones, by instruction set."""
    lines = programs.lines([programs.path("kernels"), str(shape.n), str(shape.d), str(shape.k)], 1)
    return [{"what": "price", "contender": f"strata, {line['isa']}", **shape.facts(),
             "seconds": [line["full_ns"] * 1e-9 * shape.n], "median": line["full_ns"] * 1e-9 * shape.n,
             "double_s": line["double_sums_ns"] * 1e-9 * shape.n, "exact_over_double": line["exact_over_double"],
             "over_limit": line["full_over_limit"], "rechecked": line["rechecked"]} for line in lines]


MEASURES = {"pass": full_pass, "fit": whole_fit, "seeding": seeding, "sweep": sweep, "large": large, "price": price,
            "checkpoints": ranks.checkpoints, "hashes": ranks.hashes, "scaling": ranks.scaling,
            "allreduce": projection.allreduce, "stages": projection.stages}
OWN_RANKS = ("large", "price", "checkpoints", "hashes", "scaling", "allreduce", "stages")
