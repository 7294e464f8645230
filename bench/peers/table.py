"""What the bench prints: a line a shape, Strata first, then the best of the others and how far it is."""
import projection


def seconds(value):
    """Three digits, in a unit that is read easily."""
    if value == 0:
        return "0 s"
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
    "allreduce": "what ranks say to each other, and an iteration at many ranks",
    "checkpoints": "runs with and without checkpoints (seconds; beside without, round by round: median and quartiles)",
    "hashes": "fits with and without the hash of the model in each reduction (the same)",
    "scaling": "seconds of an iteration on one rank and two (times one rank, median and quartiles; the processor's time of "
               "a rank's pass, times one rank; mean wait of a rank)",
    "stages": "whole jobs by stage, and what they would be at many ranks",
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


def more(ratios):
    """How much more than without: median, quartiles."""
    low, high = ratios["quartiles"]
    return f"{100 * (ratios['ratio'] - 1):+6.2f} % ({100 * (low - 1):+.2f} to {100 * (high - 1):+.2f})"


def print_cost(records):
    for record in records:
        print(f"    {record['contender'].partition(', ')[2]:<24} {seconds(record['median']):>9}  {more(record):<28}"
              f"processor {more(record['cpu'])}" + ("" if record["same"] else "  NOT THE SAME MODEL"))


def print_checkpoints(records):
    print_cost(records)
    for record in records:
        if record["drafts"]:
            print(f"    {record['contender'].partition(', ')[2]:<24} {record['drafts']:.0f} drafts in "
                  f"{100 * record['drafts_s'] / record['median']:.3f} % of the compute thread's time, "
                  f"{record['written']:.0f} written in {100 * record['writes_s'] / record['median']:.3f} % of the writer's")


def print_hashes(records):
    print_cost(records)
    last = records[-1]
    print(f"    one hash takes {seconds(last['hash_s'])}, {100 * last['hash_share']:.4f} % of an iteration of "
          f"{seconds(last['step_s'])}")


def print_scaling(records):
    for record in records:
        low, high = record["quartiles"]
        print(f"    {record['contender'].partition(', ')[2]:<18} {record['rows']:>9} rows  {seconds(record['median']):>9}  "
              f"{record['ratio']:6.3f} x ({low:.3f} to {high:.3f})  efficiency {record['efficiency']:.3f}  "
              f"pass {record['pass']['ratio']:.3f} x  wait {100 * record['wait_share']:5.2f} %")


def print_assumptions(*lists):
    print("    assuming that")
    for assumption in (a for some in lists for a in some):
        print(f"    - {assumption}")


def print_networks(networks):
    for name, (latency, byte_s, source) in networks.items():
        print(f"    {name}: {seconds(latency)} and {1e-9 / byte_s if byte_s else 0:.3g} GB/s ({source})")


def print_allreduce(records):
    for record in records:
        print(f"    {record['iterations']} iterations, {record['reductions']} reductions, {record['sums']} sums in all, "
              f"{record['bytes_per_sum']:.0f} bytes each, {100 * record['wait_share']:.2f} % of the fit's time")
        print(f"    an iteration: {seconds(record['row_s'])} a row, {seconds(record['fixed_s'])} whatever the rows")
        print_networks(record["networks"])
        for rows, projected in record["projected"].items():
            print(f"    {rows}: seconds of a sum, its share, efficiency")
            print("    ranks      rows  largest rank       pass" + "".join(f"{name:>27}" for name in record["networks"]))
            for at in projected:
                print(f"    {at['ranks']:5} {at['rows']:9.3g}  {at['largest']:10.4f} x {seconds(at['compute_s']):>10}"
                      + "".join(f"{seconds(wire):>12} {100 * at['share'][name]:5.1f} % {at['efficiency'][name]:6.3f}"
                                for name, wire in at["sum_s"].items()))
        print_assumptions(projection.ASSUMPTIONS, projection.OF_ITERATIONS)


def print_stages(records):
    for record in records:
        parts = record["stages"]
        print(f"    {'':<11}" + "".join(f"{run:>13}" for run in next(iter(parts.values()))["seconds"])
              + "    model of 2  whatever the rows  a million rows")
        for stage, part in parts.items():
            print(f"    {stage:<11}" + "".join(f"{seconds(s):>13}" for s in part["seconds"].values())
                  + f"{seconds(record['of_two'][stage]):>14}{seconds(part['fixed_s']):>19}"
                  f"{seconds(1e6 * part['row_s']):>16}")
        print(f"    a customer: {record['source_row_bytes']:.0f} bytes of sources, {record['result_row_bytes']:.1f} of "
              f"results, which take {seconds(record['seal_row_s'])} to seal; {record['sums']:.0f} sums of "
              f"{record['sum_bytes'] / record['sums']:.0f} bytes")
        print_networks(record["networks"])
        print("    of the largest rank; seconds of all stages, and of these sequential; of all sums, and speed-up over one")
        print("    ranks      rows   customers  source rows     units     parts    stages  sequential"
              + "".join(f"{name:>22}" for name in record["networks"]))
        for at in record["projected"]:
            print(f"    {at['ranks']:5} {at['rows']:9.3g}" + "".join(
                f"{at['uneven'][name]:{width}.3f} x" for name, width in
                (("customers", 10), ("events", 11), ("units", 8), ("parts", 8)))
                  + f"{seconds(at['stages_s']):>10}{seconds(at['sequential_s']):>12}"
                  + "".join(f"{seconds(wire):>12}{at['speedup'][name]:8.1f} x" for name, wire in at["sums_s"].items()))
        print_assumptions(projection.ASSUMPTIONS, projection.OF_STAGES)


def print_price(records):
    for record in records:
        print(f"    {record['contender']:<18} {seconds(record['median']):>9}  {record['exact_over_double']:.3f} of the pass "
              f"with double sums, {record['over_limit']:.2f} of the limit, {record['rechecked']:.2g} of rows rechecked")


PRINTERS = {"pass": print_pass, "fit": print_fit, "seeding": print_seeding, "sweep": print_sweep, "large": print_large,
            "price": print_price, "checkpoints": print_checkpoints, "hashes": print_hashes, "scaling": print_scaling,
            "allreduce": print_allreduce, "stages": print_stages}


def print_records(name, records):
    print(f"  {shape(records[0])}")
    PRINTERS[name](records)
