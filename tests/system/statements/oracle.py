"""Figures of segments by SQL: DuckDB's own sums over the assignment joined to customers that Strata did not make."""
import csv
import io
import math
import os
import pathlib
import subprocess

import customers

BIN = pathlib.Path(os.environ["STRATA_BIN"])
Z = 1.959963984540054
NUMBERS, BINARY, ORDINAL, NOMINAL = (1, 2), 5, 3, 4  # FeatureType


def rows_of(script):
    """What each query of a script finds, one after the other."""
    done = subprocess.run([str(BIN / "strata-sql")], input=script, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{script}\n{done.stderr}")
    return list(csv.reader(io.StringIO(done.stdout)))


def number(text):
    return float(text) if text not in ("", None) else None


def wilson(share, n):
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


class Cell:
    """One feature in one segment (0: in everybody): counts, and for numbers moments and quartiles."""

    def __init__(self):
        self.n = 0
        self.mean = self.sd = self.low = self.median = self.high = None
        self.levels = {}


class Oracle:
    """All figures of one run; `segments` are numbered from 1, and 0 is everybody."""

    def __init__(self, job, data, output, result):
        self.features = result.features
        self.n_segments = len(result.segments)
        rows_of(f"copy (select c.*, a.segment from ({customers.query(job, data)}) c join read_parquet("
                f"'{output}/assignments/part-*.parquet') a on a.key::varchar = c.key::varchar) to '{job}.parquet'")
        self.table = f"create view j as from '{job}.parquet';"
        self.size = {}
        self.cell = {}
        self._read()

    def _read(self):
        parts = ["select coalesce(segment, 0) as s, '#size' as f, '' as level, count(*) as n, null::double as mean, null::double as sd, "
                 "null::double as q1, null::double as q2, null::double as q3 from j group by grouping sets ((segment), ())"]
        for feature in self.features:
            name = f'"{feature.name}"'
            head = f"select coalesce(segment, 0), '{feature.name}'"
            if feature.type in (*NUMBERS, BINARY):
                x = f"{name}::double"
                parts.append(f"{head}, '', count({x}), fsum({x}) / count({x}), stddev_samp({x}), quantile_disc({x}, 0.25), "
                             f"quantile_disc({x}, 0.5), quantile_disc({x}, 0.75) from j group by grouping sets ((segment), ())")
            else:
                parts.append(f"{head}, {name}::varchar, count(*), null, null, null, null, null from j where {name} is not null "
                             f"group by grouping sets ((segment, {name}), ({name}))")
        for s, f, level, n, *figures in rows_of(self.table + " union all ".join(parts))[1:]:
            if f == "#size":
                self.size[int(s)] = int(n)
                continue
            cell = self.cell.setdefault((int(s), f), Cell())
            if level:
                cell.levels[level] = int(n)
                cell.n += int(n)
            else:
                cell.n = int(n)
                cell.mean, cell.sd, cell.low, cell.median, cell.high = map(number, figures)

    def at(self, segment, feature):
        return self.cell.get((segment, self.features[feature].name), Cell())

    def count(self, *conditions):
        """Customers for whom each of some conditions is true, by segment: a list of {segment: count}."""
        parts = [f"select {i} as i, segment as s, count(*) as n from j where ({one}) group by segment"
                 for i, one in enumerate(conditions)]
        found = [dict() for _ in conditions]
        if parts:
            for i, s, n in rows_of(self.table + " union all ".join(parts))[1:]:
                found[int(i)][int(s)] = int(n)
        return found

    # --- figures ----------------------------------------------------------------------------

    def share(self, segment, feature, level):
        """Of those who have a declared level."""
        names = self.features[feature].levels
        levels = self.at(segment, feature).levels
        n = sum(levels.get(one, 0) for one in names)
        return (levels.get(names[level], 0) / n, n) if n else (None, 0)

    def mean(self, segment, feature):
        """Mean, standard deviation and count; of an ordinal feature that of the position."""
        cell, one = self.at(segment, feature), self.features[feature]
        if one.type != ORDINAL:
            return cell.mean, cell.sd, cell.n
        at = [(position, cell.levels.get(name, 0)) for position, name in enumerate(one.levels)]
        n = sum(count for _, count in at)
        if not n:
            return None, None, 0
        mean = sum(position * count for position, count in at) / n
        square = sum(count * (position - mean) ** 2 for position, count in at)
        return mean, math.sqrt(square / max(n - 1, 1)), n

    def effect(self, segment, feature, level=None):
        """Difference from everybody else in pooled standard deviations."""
        if level is None:
            (m, d, n), (every, all_d, all_n) = self.mean(segment, feature), self.mean(0, feature)
            if not n or n == all_n:
                return None
            rest = (every * all_n - m * n) / (all_n - n)
            square = d * d * (n - 1) if n > 1 else 0.0
            total = all_d * all_d * (all_n - 1)
            square += total - square - n * (m - every) ** 2 - (all_n - n) * (rest - every) ** 2
            sd = math.sqrt(max(square, 0.0) / (all_n - 2))
        else:
            (m, n), (every, all_n) = self.share(segment, feature, level), self.share(0, feature, level)
            if not n or n == all_n:
                return None
            rest = (every * all_n - m * n) / (all_n - n)
            sd = math.sqrt((n * m * (1 - m) + (all_n - n) * rest * (1 - rest)) / (all_n - 2))
        return 0.0 if m == rest else (m - rest) / sd if sd > 0 else math.copysign(math.inf, m - rest)

    def statement(self, segment, statement):
        """What its record must say: value, reference, count, low, high; None where such a statistic is not known."""
        statistic = statement.statistic
        if statistic == "size":
            share = self.size[segment] / self.size[0]
            return (share, 1.0, self.size[segment], *wilson(share, self.size[0]))
        f = statement.feature
        if statement.HasField("level"):
            if statistic != "share":
                return None
            (value, n), (reference, _) = self.share(segment, f, statement.level), self.share(0, f, statement.level)
            return (value, reference, n, *wilson(value, n))
        (m, sd, n), (every, _, all_n) = self.mean(segment, f), self.mean(0, f)
        binary = self.features[f].type == BINARY
        low, high = wilson(m, n) if binary else (m - Z * sd / math.sqrt(n), m + Z * sd / math.sqrt(n))
        if statistic == ("share" if binary else "mean"):
            return m, every, n, low, high
        if statistic == "index":
            return 100 * m / every, 100.0, n, 100 * low / every, 100 * high / every
        if statistic == "part":
            scale = n / (every * all_n)
            return m * scale, n / all_n, n, max(0.0, low * scale), min(1.0, high * scale)
        if statistic == "growth":
            before = next(i for i, one in enumerate(self.features) if one.meaning == "earlier_spend")
            (b, b_sd, b_n), (b_every, _, _) = self.mean(segment, before), self.mean(0, before)
            half, b_half = Z * sd / math.sqrt(n), Z * b_sd / math.sqrt(b_n)
            return m / b, every / b_every, n, max(0.0, m - half) / (b + b_half), (m + half) / (b - b_half)
        if statistic == "gap":
            return (every - m) * n, m * n, n, (every - high) * n, (every - low) * n
        return None
