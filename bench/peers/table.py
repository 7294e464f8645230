"""What the bench prints: a line a shape, Strata first, then the best of the others and how far it is."""


def seconds(value):
    """Three digits, in a unit that is read easily."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def shape(record):
    return f"n={record['n']:<9} d={record['d']:<3} k={record['k']!s:<8} threads={record['threads']}"


def print_machine(about, options):
    print(f"{about['processor']}, {about['cores']} cores, load {about['load']:.1f}, revision {about['revision']}")
    print(", ".join(f"{name} {about[name]}" for name in ("compiler", "numpy", "sklearn", "faiss")
                    if name in about))
    if about["load"] > 0.5:
        print("this machine is busy: ratios may hold, times do not")
    print(f"medians of {options.rounds} interleaved runs ({options.fit_rounds} of fits)"
          + (f", instruction set {options.isa}" if options.isa else ""))


def print_roof(threads, roof):
    streams = ", ".join(f"{roof[f'read_{s}'] / 1e9:.1f} in {s}" for s in (1, 4, 8))
    print(f"roofline, {threads} thread{'s' * (threads > 1)}: {streams} streams GB/s, {roof['flop'] / 1e9:.0f} GFLOP/s")


HEADS = {
    "pass": "full pass: labels and sums (seconds per iteration; times the limit; times Strata)",
    "fit": "fit from given centres until no label moves (seconds; times Strata; inertia beside Strata's)",
    "seeding": "seeding (seconds; Strata's beyond a fit from given centres), and median SSE in the end",
    "sweep": "all numbers of segments, several starts each",
    "large": "a large matrix: time per iteration and peak memory of all ranks over the matrix's bytes",
    "allreduce": "what ranks say to each other, and at many ranks",
    "price": "price of exactness: the full pass beside the same kernel with sums in double",
}


def print_head(name):
    print(f"\n{HEADS[name]}")


def best_peer(records):
    return min(records[1:], key=lambda record: record["median"], default=None)


def line_of(record, base, *more):
    ratio = record["median"] / base["median"]
    return "  ".join([f"    {record['contender']:<18} {seconds(record['median']):>9}", f"{ratio:7.2f} x", *more])


def print_best(records):
    best = best_peer(records)
    if best:
        print(f"    best peer: {best['contender']}, {best['median'] / records[0]['median']:.2f} times Strata's time")


def print_pass(records):
    for record in records:
        more = [f"{record['median'] / record['limit']:6.2f} of the limit"]
        if record.get("isa"):
            more.append(f"{record['isa']}, {record['rechecked']:.2g} of rows rechecked")
        print(line_of(record, records[0], *more))
    print_best(records)


def print_fit(records):
    for record in records:
        more = [f"{record['iterations']:4d} iterations", f"inertia {record['inertia_off']:+.1e}"]
        if abs(record["inertia_off"]) > 2e-5:
            more.append("NOT THE SAME OPTIMUM")
        print(line_of(record, records[0], *more))
    print_best(records)


def print_seeding(records):
    for record in records:
        print(line_of(record, records[0], f"SSE {record['sse_median']:.8g}",
                      f"({record['sse_median'] / records[0]['sse_median'] - 1:+.2e})"))


def print_sweep(records):
    for record in records:
        print(line_of(record, records[0], f"elbow at k = {record['chosen_k']}",
                      f"Strata's SSE at most {record['sse_worst']:+.1e} above"))
    print(f"    share of one by one: {records[0]['median'] / records[1]['median']:.3f}")


def print_large(records):
    for record in records:
        print(line_of(record, records[0], f"peak {record['peak_bytes'] / 1e9:.2f} GB",
                      f"{record['peak_ratio']:.3f} of the matrix without keys "
                      f"(1.15 and 16 bytes a row: {1.15 + 4 / record['d']:.3f})"))
    print(f"    two ranks are {records[0]['median'] / records[1]['median']:.2f} times faster")


def print_allreduce(records):
    for record in records:
        print(f"    {record['iterations']} iterations, {record['reductions']} reductions, {record['sums']} sums in all, "
              f"{record['bytes_per_sum']:.0f} bytes each, {100 * record['wait_share']:.2f} % of the fit's time")
        print(f"    a sum on two ranks: {seconds(record['latency_s'])} and "
              f"{(record['bytes_per_s'] or 0) / 1e9:.2f} GB/s; an iteration of {record['rows_per_rank']} rows: "
              f"{seconds(record['step_s'])}")
        for name, at in record["projected"].items():
            print(f"    {at['ranks']} ranks, {name} network ({seconds(at['latency_s'])}, "
                  f"{1e-9 / at['seconds_a_byte'] if at['seconds_a_byte'] else 0:.2f} GB/s): {seconds(at['sum_s'])} a sum, "
                  f"{100 * at['share']:.2f} % of an iteration")


def print_price(records):
    for record in records:
        print(f"    {record['contender']:<18} {seconds(record['median']):>9}  {record['exact_over_double']:.3f} of the pass "
              f"with double sums, {record['over_limit']:.2f} of the limit, {record['rechecked']:.2g} of rows rechecked")


PRINTERS = {"pass": print_pass, "fit": print_fit, "seeding": print_seeding, "sweep": print_sweep, "large": print_large,
            "allreduce": print_allreduce, "price": print_price}


def print_records(name, records):
    print(f"  {shape(records[0])}")
    PRINTERS[name](records)
