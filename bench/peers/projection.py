"""A model of many ranks: what was measured on one and two of them, a network's latency and volume, and how 4,096
virtual partitions fall on the ranks.  `ASSUMPTIONS` is what it takes for granted; it is printed with every projection."""
import ctypes
import functools
import math
import statistics
import tempfile
import time

import numpy as np

import jobs
import matrix
from contenders import interleaved, median

PARTITIONS = 4096
DRAWS = 20
UNIT_BYTES = 64 << 20  # of a source, that one rank reads at a time (src/ingest/plan.c)
PARTS, PART_ROWS = (4, 256), 1 << 18  # files that assignments are written to, fewest and most (src/results/parts.c)

# Seconds a message, and bytes a second, as others have measured them with osu_latency and osu_bw between two nodes.
NETWORKS = {
    "Cray Aries": (1.3e-6, 9.607e9, "reference values of Piz Daint, github.com/reframe-hpc/reframe, pull request 1232"),
    "gigabit Ethernet": (25.4e-6, 116e6, "MPICH over TCP, 8 bytes and 32 KiB, "
                                         "gist.github.com/jfgrimm/3af692a5475bdd4ed836b5a18197a209"),
}

# What Open MPI 4.1 does for a sum of so many bytes on at least so many ranks (coll_tuned_decision_fixed.c).
TUNED = ((2, ((262144, "doubling"),)), (128, ((131072, "tree"), (262144, "doubling"))), (256, ((4096, "tree"),)),
         (512, ((2048, "tree"), (16384, "doubling"))), (4096, ((2048, "tree"), (32768, "doubling"))))

ASSUMPTIONS = (
    "each rank has a core of its own, as quick as these are with two ranks at work; nothing else disturbs any of them",
    "a message of m bytes takes a + m b whatever the distance and however many are on their way; ranks of one node are "
    "not treated better",
    "a sum is what Open MPI 4.1 chooses: log2 P (a + m b) by doubling, twice that by trees, "
    "2 log2 P a + 2 m b (P - 1) / P by halving and doubling; ranks arrive together but for their rows",
    "customers fall on 4,096 partitions by a hash, each rank has a contiguous range of these, and the largest rank is "
    f"waited for (median of {DRAWS} draws)",
)
OF_ITERATIONS = (
    "seconds a row are the processor's in the median pass of a rank of two; what does not go with the rows is the rest of "
    "an iteration on one rank",
)
OF_STAGES = (
    "a stage takes u + w n / P, u and w from two jobs on one rank; beside u, sealing is sequential: rank 0 reads the "
    "results again",
    "a rank reads whole units of 64 MiB, and one customer has --busiest of all source rows; a rank writes whole parts, "
    f"of which there are {PARTS[1]} at most",
    "disks and file systems keep up: ranks read and write at the rate of here",
    "a job does as many sums as here, of as many bytes; agreements between stages and exchanges of rows cost nothing "
    "beside these",
)


def sum_seconds(ranks, size, latency, byte_s):
    """One sum of so many bytes over the ranks, by the algorithm that Open MPI 4.1 chooses."""
    if ranks == 1:
        return 0.0
    rules = [rules for at_least, rules in TUNED if ranks >= at_least][-1]
    algorithm = next((name for below, name in rules if size < below), "halving")
    steps = math.ceil(math.log2(ranks))
    if algorithm == "halving":
        return 2 * steps * latency + 2 * size * byte_s * (ranks - 1) / ranks
    return {"doubling": 1, "tree": 2}[algorithm] * steps * (latency + size * byte_s)


@functools.lru_cache
def imbalance(ranks, rows, seed=1):
    """Rows of the largest rank over the mean."""
    random = np.random.default_rng([seed, ranks, rows])
    first = np.arange(ranks) * PARTITIONS // ranks
    draws = (random.multinomial(rows, np.full(PARTITIONS, 1 / PARTITIONS)) for _ in range(DRAWS))
    return float(np.median([np.add.reduceat(draw, first).max() for draw in draws])) * ranks / rows


@functools.lru_cache
def measured_network(programs):
    """Latency, and seconds a byte, of a sum between two ranks of this machine; and the table they are from."""
    table = programs.under_mpi(2, [programs.path("comm")], 1)["sum"]
    latency, largest = statistics.median(entry["seconds"] for entry in table if entry["bytes"] <= 64), table[-1]
    return latency, max(0.0, largest["seconds"] - latency) / largest["bytes"], table


def networks(programs, options):
    """{name: (latency, seconds a byte, source)}"""
    stated = {name: (latency, 1 / volume, source) for name, (latency, volume, source) in NETWORKS.items()}
    return {"this machine": (*measured_network(programs)[:2], "measured, two ranks"), **stated,
            "stated": (options.latency, 1 / options.volume, "--latency, --volume")}


def iteration(programs, shape, options):
    """Seconds a row of a rank's pass, those of an iteration beside its pass, and the fit on two ranks."""
    words = shape.words(threads=1, iterations=options.max_iterations)
    fit = programs.strata("fit", words, 1, ranks=2)
    few = min(shape.n, 32 * shape.k)
    small = programs.strata("fit", shape.words(threads=1, n=few, iterations=options.max_iterations,
                                               start=matrix.start(options.data, few, shape.k, options.seed)), 1)
    a_row = fit["pass_cpu_s"] / (shape.n / 2)
    return a_row, max(0.0, small["step_s"] - small["pass_cpu_s"]), fit


def project(ranks, rows, size, per_row, fixed, links):
    """An iteration of so many rows on so many ranks: the largest rank's pass, and the sum on each network."""
    uneven = imbalance(ranks, rows)
    compute = fixed + per_row * rows / ranks * uneven
    sums = {name: sum_seconds(ranks, size, *link[:2]) for name, link in links.items()}
    return {"ranks": ranks, "rows": rows, "largest": uneven, "compute_s": compute, "sum_s": sums,
            "share": {name: wire / (compute + wire) for name, wire in sums.items()},
            "efficiency": {name: (fixed + per_row * rows) / ranks / (compute + wire) for name, wire in sums.items()}}


def allreduce(programs, shape, _roof, options):
    """How often, how much and how long ranks talk; and what an iteration would be at many ranks."""
    per_row, fixed, fit = iteration(programs, shape, options)
    message = fit["sum_bytes"] / fit["sums"]
    links = networks(programs, options)
    sizes = {"as many rows a rank": lambda ranks: int(ranks * options.rows_per_rank),
             "as many rows in all": lambda ranks: int(options.rows_in_all)}
    return [{"what": "allreduce", "contender": "strata", **shape.facts(), "threads": 2, "seconds": [fit["fit_s"]],
             "median": fit["fit_s"], "iterations": fit["iterations"], "reductions": fit["reductions"],
             "sums": fit["sums"], "bytes_per_sum": message, "wait_share": fit["wait_s"] / fit["fit_s"],
             "row_s": per_row, "fixed_s": fixed, "step_s": fit["step_s"], "table": measured_network(programs)[2],
             "networks": links,
             "projected": {size: [project(ranks, rows(ranks), message, per_row, fixed, links)
                                  for ranks in options.at_ranks] for size, rows in sizes.items()}}]


# --- whole jobs --------------------------------------------------------------------------


def granularity(pieces, ranks):
    """The most pieces that a rank has over the mean."""
    return math.ceil(pieces / ranks) * ranks / pieces


def digest_seconds():
    """Of the processor, for a byte of what rank 0 reads again to seal it."""
    sodium, out, some = ctypes.CDLL("libsodium.so.23"), ctypes.create_string_buffer(32), bytes(1 << 24)
    start = time.process_time()
    sodium.crypto_hash_sha256(out, some, ctypes.c_ulonglong(len(some)))
    return (time.process_time() - start) / len(some)


def parts_of_stages(found, rows, quarter):
    """Of each stage on one rank, what does not go with the rows and what a row takes, from two numbers of rows."""
    parts = {}
    for stage in found["1 rank"][0]["stages"]:
        seconds = {run: statistics.median(r["stages"].get(stage, 0) for r in results) for run, results in found.items()}
        a_row = max(0.0, (seconds["1 rank"] - seconds["1/4 of them"]) / (rows - quarter))
        parts[stage] = {"seconds": seconds, "row_s": a_row, "fixed_s": max(0.0, seconds["1 rank"] - a_row * rows)}
    return parts


def stages(programs, shape, _roof, options):
    """Whole jobs, stage by stage; what they would take on many ranks; and on two, which is measured as well."""
    rows = min(shape.n, options.job_rows)
    quarter = rows // 4
    runs = {"1/4 of them": (quarter, 1), "1 rank": (rows, 1), "2 ranks": (rows, 2)}
    with tempfile.TemporaryDirectory(dir=programs.scratch) as folder:
        job = {n: jobs.write(folder, shape, n, options) for n in (quarter, rows)}
        source_bytes = jobs.source_bytes(folder, rows)
        found = interleaved({run: (lambda n=n, ranks=ranks: jobs.run(programs, job[n], folder, ranks))
                             for run, (n, ranks) in runs.items()}, options.fit_rounds)
    result_bytes = {run: median(results, "result_bytes") for run, results in found.items()}
    result_row = (result_bytes["1 rank"] - result_bytes["1/4 of them"]) / (rows - quarter)
    record = {"what": "stages", "contender": "strata", **shape.facts(), "n": rows, "threads": 2,
              "seconds": [r["job_s"] for r in found["1 rank"]], "median": median(found["1 rank"], "job_s"),
              "stages": parts_of_stages(found, rows, quarter), "seal_row_s": result_row * digest_seconds(),
              "source_row_bytes": source_bytes / rows, "result_row_bytes": result_row,
              "sums": median(found["2 ranks"], "sums"), "sum_bytes": median(found["2 ranks"], "sum_bytes"),
              "networks": networks(programs, options)}
    record["of_two"] = stages_on(record, 2, rows, options)["seconds"]
    record["projected"] = [whole_job(record, ranks, int(options.rows_in_all), options) for ranks in options.at_ranks]
    return [record]


def stages_on(record, ranks, rows, options):
    """Seconds of each stage, and what the largest rank has over the mean: customers, events, units read, parts written."""
    customers = imbalance(ranks, rows)
    units = max(jobs.FILES, math.ceil(record["source_row_bytes"] * rows / UNIT_BYTES))
    parts = PARTS[0]
    while parts < PARTS[1] and rows / parts > PART_ROWS:
        parts *= 2
    uneven = {"customers": customers, "events": options.busiest * ranks + (1 - options.busiest) * customers,
              "units": granularity(units, ranks), "parts": granularity(parts, ranks)}
    by = {"ingesting": max(uneven["events"], uneven["units"]), "writing": uneven["parts"]}
    seconds = {}
    for stage, part in record["stages"].items():
        seal = record["seal_row_s"] if stage == "writing" else 0.0
        shared = max(0.0, part["row_s"] - seal) * rows / ranks * by.get(stage, customers)
        seconds[stage] = part["fixed_s"] + seal * rows + shared
    return {"seconds": seconds, "uneven": uneven}


def whole_job(record, ranks, rows, options):
    """A job of so many rows on so many ranks: its stages, its sums, and what one rank would take over that."""
    alone, many = stages_on(record, 1, rows, options), stages_on(record, ranks, rows, options)
    sequential = sum(part["fixed_s"] for part in record["stages"].values()) + record["seal_row_s"] * rows
    sums = {name: record["sums"] * sum_seconds(ranks, record["sum_bytes"] / record["sums"], *network[:2])
            for name, network in record["networks"].items()}
    total = sum(many["seconds"].values())
    return {"ranks": ranks, "rows": rows, **many, "sequential_s": sequential, "stages_s": total, "sums_s": sums,
            "speedup": {name: sum(alone["seconds"].values()) / (total + wire) for name, wire in sums.items()}}
