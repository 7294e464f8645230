"""A Result with the shape of a real run, made by formulas: what the report is looked at and tested with.

    report_sample.py DIR_OF_PYTHON_MESSAGES OUT.pb [SEGMENTS]
"""

import sys

import persona_sample
import sampled_sample

NAMES = ["Loyal full baskets", "Fresh food regulars", "Discount hunters", "Occasional top-up shoppers",
         "Lapsed households", "Coupon enthusiasts", "Weekend stock-up families", "Convenience seekers"]
DEFINITIONS = [
    "They come most often, spend most, and buy across the whole shop.",
    "Produce and meat make up an unusually large part of what they buy.",
    "A large part of what they buy is on offer, in small baskets.",
    "They come now and then for a few things, and pay the shelf price.",
    "They have not been here for a long time and spent little when they were.",
    "They redeem coupons far more often than others do.",
    "Few visits, very large baskets, many children in the household.",
    "Small baskets late in the day, mostly prepared food.",
]
# name, label, type, dimension, role, unit, meaning, mean of everybody, spread, levels
FEATURES = [
    ("recency", "days since last visit", "COUNT", "BEHAVIOURAL", "BASIS", "days", "recency", 14.2, 31.0, ()),
    ("visits", "visits a year", "COUNT", "BEHAVIOURAL", "BASIS", "", "frequency", 63.4, 55.1, ()),
    ("spend", "spend a year", "NUMERIC", "BEHAVIOURAL", "BASIS", "USD", "spend", 1934.5, 1788.2, ()),
    ("basket", "basket size", "NUMERIC", "BEHAVIOURAL", "BASIS", "USD", "basket", 33.9, 19.4, ()),
    ("discount_share", "share of spend saved by discounts", "NUMERIC", "BEHAVIOURAL", "BASIS", "", "discount",
     0.171, 0.062, ()),
    ("coupons", "coupons redeemed", "COUNT", "BEHAVIOURAL", "BASIS", "", "coupon", 0.97, 3.6, ()),
    ("grocery", "grocery share", "NUMERIC", "BEHAVIOURAL", "BASIS", "", "", 0.512, 0.118, ()),
    ("produce", "produce share", "NUMERIC", "BEHAVIOURAL", "BASIS", "", "", 0.071, 0.049, ()),
    ("meat", "meat share", "NUMERIC", "BEHAVIOURAL", "BASIS", "", "", 0.094, 0.058, ()),
    ("drug", "drugstore share", "NUMERIC", "BEHAVIOURAL", "BASIS", "", "", 0.133, 0.081, ()),
    ("campaigns", "campaigns received", "COUNT", "BEHAVIOURAL", "BASIS", "", "", 2.73, 2.41, ()),
    ("has_fuel", "buys fuel here", "BINARY", "BEHAVIOURAL", "BASIS", "", "", 0.284, 0.451, ()),
    ("age", "age", "ORDINAL", "DEMOGRAPHIC", "DESCRIPTOR", "", "age", 2.4, 1.3,
     ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")),
    ("income", "income", "ORDINAL", "DEMOGRAPHIC", "DESCRIPTOR", "", "income", 3.1, 1.6,
     ("Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100K+")),
    ("composition", "household", "NOMINAL", "DEMOGRAPHIC", "DESCRIPTOR", "", "", 0, 0,
     ("1 adult kids", "1 adult no kids", "2 adults kids", "2 adults no kids", "unknown <other> & mixed")),
    ("home_owner", "home owner", "BINARY", "DEMOGRAPHIC", "DESCRIPTOR", "", "", 0.629, 0.483, ()),
    ("campaign_response", "answered a campaign", "BINARY", "BEHAVIOURAL", "OUTCOME", "", "", 0.183, 0.387, ()),
]


def wave(*seeds):
    """A number in [-1, 1) that looks irregular and is the same everywhere."""
    state = 2166136261
    for seed in seeds:
        state = (state ^ (seed + 97)) * 16777619 % 2**32
        state = (state ^ state >> 13) * 2246822519 % 2**32
    return state / 2**31 - 1


def levels(cell, feature, segment, n):
    raw = [1.5 + wave(feature, level, 7) + 0.7 * wave(segment, feature, level) for level in range(n)]
    whole = sum(raw)
    for level, value in enumerate(raw):
        if level == n - 1 and segment == 3:
            continue  # hidden
        cell.shares.add(level=level, share=value / whole)


def fill_cell(cell, feature, segment, size):
    """segment 0 is everybody, others count from 1."""
    name, _, kind, dimension, _, _, _, mean, spread, names = FEATURES[feature]
    present = round(size * (0.337 if dimension == "DEMOGRAPHIC" else 1))
    cell.count, cell.missing = present, size - present
    if segment == 5 and name == "income":
        cell.count = cell.missing = 0
        cell.hidden = True
        return
    effect = 0 if segment == 0 else 1.6 * wave(segment, feature) * abs(wave(feature, segment, 3)) ** 0.5
    if segment:
        cell.effect = effect
    if names:
        levels(cell, feature, segment, len(names))
    if kind == "NOMINAL":
        cell.level = segment % len(names)
        cell.index = 100 + 60 * effect
        return
    cell.mean = mean + effect * spread * 0.6
    if kind in ("NUMERIC", "COUNT"):
        cell.mean = max(cell.mean, mean * 0.06)
        cell.low, cell.median, cell.high = cell.mean * 0.55, cell.mean * 0.9, cell.mean * 1.3
    elif kind == "BINARY":
        cell.mean = min(max(cell.mean, 0.02), 0.98)
    if kind != "ORDINAL":
        cell.index = 100 * cell.mean / mean
    cell.sd = spread * (0.8 if segment else 1)


def fill_statements(segment, result):
    number = segment.id
    segment.statements.add(
        text=f"{segment.size:,} customers, {segment.share:.0%} of all.", section="definition", statistic="size",
        value=segment.share, reference=1, count=segment.size, low=segment.share - 0.01, high=segment.share + 0.01)
    for marker in segment.markers[:5]:
        feature, cell, every = (result.features[marker.feature], segment.cells[marker.feature],
                                result.everybody[marker.feature])
        if cell.hidden or not cell.HasField("index") or feature.type == 4:
            continue
        more = "above" if cell.mean > every.mean else "below"
        text = f"Their {feature.label} is well {more} average."
        segment.statements.add(
            text=text, section="demographic" if feature.dimension == 1 else "behavioural", statistic="mean",
            feature=marker.feature, value=cell.mean, reference=every.mean, count=cell.count,
            low=cell.mean * 0.96, high=cell.mean * 1.04)
    if number % 2 == 0:
        segment.statements.add(text="Offers at full price suit them; coupons are rarely used.", section="offer",
                               statistic="index", feature=5, value=62, reference=100, count=segment.size)


def fill_segments(result, k):
    weight = [0.9 ** i + 0.12 * abs(wave(i, 11)) for i in range(k)]
    weight.sort(reverse=True)
    sizes = [int(2377 * w / sum(weight)) for w in weight]
    sizes[0] += 2377 - sum(sizes)
    for i, size in enumerate(sizes):
        name = NAMES[i % len(NAMES)] + ("" if i < len(NAMES) else " " + chr(65 + i // len(NAMES) - 1))
        segment = result.segments.add(id=i + 1, name=name, definition=DEFINITIONS[i % len(DEFINITIONS)], size=size,
                                      share=size / 2377, silhouette=0.31 + 0.15 * wave(i, 5), sse=4000.5 / (i + 1))
        for feature in range(len(FEATURES)):
            fill_cell(segment.cells.add(), feature, i + 1, size)
        order = sorted((f for f in range(len(FEATURES)) if not segment.cells[f].hidden),
                       key=lambda f: (-abs(segment.cells[f].effect), f))
        for feature in order[:8]:
            marker = segment.markers.add(feature=feature, effect=segment.cells[feature].effect)
            if FEATURES[feature][2] == "NOMINAL":
                marker.level = segment.cells[feature].level
        fill_statements(segment, result)


def fill_fit(result, k):
    starts = 10 if k <= 64 else 4
    result.ending = "No customer changed segments any more."
    for n in range(2, max(k, 8) + 1):
        objective = 21000 / n ** 0.55 + 2000
        for start in range(starts):
            result.candidates.add(k=n, start=start, iterations=12 + (n * start) % 17, reason=1,
                                  objective=objective * (1 + (0.004 * start if start > 6 else 0)),
                                  smallest_share=0.31 / n, eligible=n < 8, repairs=0)
        item = result.by_k.add(k=n, candidate=starts * (n - 2), objective=objective, smallest_share=0.31 / n,
                               eligible=n < 8 or n <= k, agreement=0.7 if n > 3 else 1, chosen=n == k)
        if n > 2:
            item.score = 1 / (1 + abs(n - k)) * 0.21
    result.trace.extend(9800 + 7200 * 0.62 ** i for i in range(24))
    result.objective = result.trace[-1]
    result.iterations = 187
    result.rule = 1
    result.choice = (f"Of 2 to {max(k, 8)} segments, {k} were chosen: there the gain of one more segment falls most "
                     "sharply (elbow), and each segment holds at least 2 % of the customers.")
    result.evaluation.within_sse = result.objective
    result.evaluation.total_sse = 26700
    result.evaluation.explained = 1 - result.objective / 26700
    result.evaluation.silhouette = 0.34
    result.evaluation.calinski_harabasz = 612.4
    result.evaluation.davies_bouldin = 1.32
    result.evaluation.mean_posterior = 1
    result.evaluation.agreement = 0.7
    result.evaluation.dimension_shares.add(dimension=4, share=1)


def fill_quality(quality):
    quality.format_version, quality.customers = 1, 2377
    for name, rows, orphans, matched in (("transactions", 1469307, 0, 2377), ("demographics", 801, 0, 801),
                                                ("campaigns", 6589, 91, 1468), ("redemptions", 2102, 0, 410)):
        quality.sources.add(name=name, rows=rows, orphan_keys=orphans, matched_keys=matched,
                            keys=matched + orphans, null_key_rows=3 if name == "campaigns" else 0)
    quality.sources.add(name="products", rows=92331)
    for name, _, kind, dimension, *_ in FEATURES:
        missing = 1576 if dimension == "DEMOGRAPHIC" else 0
        quality.features.add(name=name, present=2377 - missing, missing=missing, constancy=1,
                             clamped=2 if name == "spend" else 0, distinct=5 if kind == "NOMINAL" else 0)
    quality.notes.append("2 values of spend lie beyond the grid's range and were clamped.")


def sample(messages, k=5, personas=True):
    result = messages.Result(format_version=1, job="grocery-households", as_of="2017-12-31", customers=2377,
                             estimator="kmeans", seed=42, min_share=0.02, columns=12)
    for name, label, kind, dimension, role, unit, meaning, _, _, names in FEATURES:
        result.features.add(name=name, label=label, type="FEATURE_TYPE_" + kind, dimension="DIMENSION_" + dimension,
                            role="ROLE_" + role, unit=unit, meaning=meaning, levels=names, weight=1, missing=1,
                            transform=2 if name in ("spend", "visits", "recency") else 1)
    for feature in range(len(FEATURES)):
        fill_cell(result.everybody.add(), feature, 0, 2377)
    fill_segments(result, k)
    fill_fit(result, k)
    fill_quality(result.quality)
    sampled_sample.fill(result, wave)
    if personas:
        persona_sample.fill(result)
    return result


def main():
    sys.path.insert(0, sys.argv[1])
    from strata.v1 import result_pb2
    k = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with open(sys.argv[2], "wb") as out:
        out.write(sample(result_pb2, k).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
