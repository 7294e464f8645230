"""What it costs that nothing is lost, and how a fit scales: checkpoints, state hashes, one rank beside two."""
import json
import os
import statistics
import tempfile

import numpy as np

import jobs
from contenders import interleaved, median


def quartiles(values):
    return [float(value) for value in np.quantile(values, (0.25, 0.75))]


def beside(found, base, name, key):
    """Of runs that were interleaved: the ratios round by round, their median and quartiles."""
    ratios = [a[key] / b[key] for a, b in zip(found[name], found[base])]
    return {"ratios": ratios, "ratio": statistics.median(ratios), "quartiles": quartiles(ratios)}


def cost_beside(found, name, key):
    """The same of seconds, and of the processor's seconds, which a busy machine disturbs less; and whether both ways
    ended with the same model."""
    return {**beside(found, "without", name, key), "cpu": beside(found, "without", name, "cpu_s"),
            "same": len({r.get("state") for r in [*found[name], *found["without"]]}) == 1}


def fit_with_log(programs, words, threads, interval):
    """A fit that keeps a log as a job does, with checkpoints if there is an interval; and what they cost."""
    with tempfile.TemporaryDirectory(dir=programs.scratch) as folder:
        result = programs.strata("fit", [*words, f"run={folder}", f"interval={interval}"], threads)
        with open(os.path.join(folder, "log.jsonl"), encoding="utf-8") as log:
            return {**result, **jobs.cost([json.loads(line) for line in log])}


def of_checkpoints(what, found, key, **facts):
    """Records of runs that differ in their checkpoints."""
    return [{"what": "checkpoints", "contender": f"strata, {what}, {way}", **facts, "seconds": [r[key] for r in results],
             "median": median(results, key), **cost_beside(found, way, key),
             **{name: median(results, name) for name in ("drafts", "drafts_s", "written", "writes_s")}}
            for way, results in found.items()]


def checkpoints(programs, shape, _roof, options):
    """Runs without checkpoints, and with them at the default interval and at a short one: a fit of one candidate, a
    sweep, whose state is the largest, and a whole job, which also keeps its table unless it is to keep nothing."""
    low, high = options.sweep
    ways = {"without": 0, "without again": 0, f"every {options.interval:g} s": options.interval,
            f"every {options.short:g} s": options.short}
    fits = {"one fit": shape.words(iterations=options.max_iterations),
            "sweep": shape.words(start=None, k=low, k_to=high, starts=options.starts, iterations=options.max_iterations)}
    records = []
    for fit, words in fits.items():
        found = interleaved({way: (lambda interval=interval: fit_with_log(programs, words, shape.threads, interval))
                             for way, interval in ways.items()}, options.fit_rounds)
        records += of_checkpoints(fit, found, "fit_s", **{**shape.facts(), "k": [low, high] if fit == "sweep" else shape.k})
    rows = min(shape.n, options.job_rows)
    nothing = ("checkpoint.table=never", "checkpoint.interval=86400")
    settings = {"without": nothing, "without again": nothing, "table": ("checkpoint.interval=86400",),
                **{way: (nothing[0], f"checkpoint.interval={interval}") for way, interval in ways.items() if interval}}
    with tempfile.TemporaryDirectory(dir=programs.scratch) as folder:
        job = jobs.write(folder, shape, rows, options)
        found = interleaved({way: (lambda chosen=chosen: jobs.run(programs, job, folder, settings=chosen))
                             for way, chosen in settings.items()}, options.fit_rounds)
    return records + of_checkpoints("job", found, "job_s", **{**shape.facts(), "n": rows})


def hashes(programs, shape, _roof, options):
    """Whole fits without and with the hash of the params in each reduction.  Without twice: what those two differ by is
    the noise."""
    words = shape.words(iterations=options.max_iterations)
    ways = {"without": "off", "without again": "off", "with": "on"}
    found = interleaved({way: (lambda switch=switch: programs.strata("fit", [*words, f"hashes={switch}"], shape.threads))
                         for way, switch in ways.items()}, options.fit_rounds)
    return [{"what": "hashes", "contender": f"strata, {way}", **shape.facts(), "seconds": [r["fit_s"] for r in results],
             "median": median(results, "fit_s"), **cost_beside(found, way, "fit_s"), "hash_s": median(results, "hash_s"),
             "step_s": median(results, "step_s"), "hash_share": median(results, "hash_s") / median(results, "step_s")}
            for way, results in found.items()]


def scaling(programs, shape, _roof, options):
    """Seconds from one reduction to the next: on one rank, on two with the same rows, on two with twice the rows."""
    words = shape.words(threads=1, iterations=options.iterations + 2)
    command = [programs.path("strata"), "fit", *words]
    found = interleaved({"1 rank": lambda: programs.run([*programs.one_core(), *command], 1),
                         "2 ranks, strong": lambda: programs.under_mpi(2, command, 1),
                         "2 ranks, weak": lambda: programs.under_mpi(2, [*command, "copies=2"], 1)}, options.fit_rounds)
    ideal = {"1 rank": 1.0, "2 ranks, strong": 0.5, "2 ranks, weak": 1.0}
    records = []
    for way, results in found.items():
        ratios = beside(found, "1 rank", way, "step_s")
        records.append({"what": "scaling", "contender": f"strata, {way}", **shape.facts(), "threads": results[0]["ranks"],
                        "rows": results[0]["rows"], "seconds": [r["step_s"] for r in results],
                        "median": median(results, "step_s"), **ratios, "efficiency": ideal[way] / ratios["ratio"],
                        "pass": beside(found, "1 rank", way, "pass_cpu_s"),
                        "wait_share": statistics.median(r["wait_mean_s"] / r["fit_s"] for r in results)})
    return records
