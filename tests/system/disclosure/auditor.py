"""What can be found out about few customers by solving everything that a record publishes.

For each feature the unknowns are how many customers of each segment, with each combination of a-priori segments, have each
value, and how many of them each rule and each leaf of the tree holds.  Every published figure that is a sum of these is an
equation.  Linear programming then gives the interval of each hidden count.  A hidden count of 1 to 9 is safe when its
interval reaches from nobody to ten, as far as the group has customers: then nobody can prove that there is somebody, nor
that there are fewer than ten (upper and sliding protection of Willenborg and de Waal, 2001; Hundepool et al., 2012).
Numbers are shares of customers, or of weight: then an interval is wanted in proportion.
"""
import math

import numpy
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

LEAST = 10
EPS = 1e-5


def is_small(count):
    return 0 < count < LEAST


class Truth:
    """What the customers say: each one's segment, a-priori segments and values."""

    def __init__(self, world, segment):
        self.world, self.segment, self.k = world, segment, max(segment) + 1
        self.belongs = [world.belongs(row) for row in range(world.n)]
        self.weight = world.weights or [1] * world.n

    def count(self, holds, weighted=False):
        return sum(self.weight[row] if weighted else 1 for row in range(self.world.n) if holds(row))


# --- what is published -----------------------------------------------------------------------------------------------------

def levels_shown(cell):
    return {share.level: share.share for share in cell.shares}


class Group:
    """Segment s, everybody (s is k) or an a-priori segment, as the record shows it and as it is."""

    def __init__(self, name, cells, holds, size, weight, truth, a=None, s=None):
        self.name, self.cells, self.holds, self.size, self.weight, self.a, self.s = name, cells, holds, size, weight, a, s
        self.truth = truth
        self.kind = "a-priori" if a is not None else "segments'" if s is not None else "everybody's"

    def has(self, x):
        """Whether the unknown of (segment, combination, value) is of the group."""
        if self.a is not None:
            return x[1][self.a]
        return self.s is None or x[0] == self.s


def groups_of(record, truth):
    groups = []
    for s, segment in enumerate(record.segments):
        weight = segment.weight if segment.HasField("weight") else segment.size
        groups.append(Group(f"segment {s + 1}", segment.cells, lambda row, s=s: truth.segment[row] == s, segment.size,
                            weight, truth, s=s))
    total = sum(g.weight for g in groups)
    groups.append(Group("everybody", record.everybody, lambda row: True, record.customers, total, truth))
    for a, given in enumerate(record.apriori):
        weight = given.weight if given.HasField("weight") else given.size
        groups.append(Group(f"given {a}", given.cells, lambda row, a=a: truth.belongs[row][a], given.size, weight, truth, a=a))
    return groups


# --- conditions of rules and of the tree -----------------------------------------------------------------------------------

def allowed_values(condition, feature):
    """Positions of levels that fulfil a condition on a feature with levels; None is no value."""
    if condition.levels:
        return set(condition.levels)
    low = condition.low if condition.HasField("low") else -math.inf
    high = condition.high if condition.HasField("high") else math.inf
    return {i for i in range(len(feature.levels)) if low <= i < high}


def paths(tree):
    """(place, [(condition, whether it is fulfilled)]) of each leaf."""
    found = []

    def go(place, path):
        node = tree.nodes[place]
        if not node.yes:
            found.append((place, path))
            return
        go(node.yes, path + [(node.condition, True)])
        go(node.no, path + [(node.condition, False)])

    if tree.nodes:
        go(0, [])
    return found


# --- linear programs -------------------------------------------------------------------------------------------------------

class Program:
    """Unknowns that are not negative, and equations."""

    def __init__(self):
        self.index, self.rows, self.columns, self.values, self.right = {}, [], [], [], []

    def unknown(self, name):
        return self.index.setdefault(name, len(self.index))

    def equation(self, terms, right):
        """terms: [(unknown, factor)]."""
        for place, factor in terms:
            self.rows.append(len(self.right))
            self.columns.append(place)
            self.values.append(factor)
        self.right.append(right)

    def close(self):
        shape = (len(self.right), len(self.index))
        self.matrix = coo_matrix((self.values, (self.rows, self.columns)), shape=shape).tocsr()

    def interval(self, terms):
        ends = []
        for sign in (1, -1):
            aim = numpy.zeros(len(self.index))
            for place, factor in terms:
                aim[place] += sign * factor
            found = linprog(aim, A_eq=self.matrix, b_eq=self.right, bounds=(0, None), method="highs")
            if found.status == 3:  # unbounded
                ends.append(math.inf)
            elif found.status != 0:
                raise ValueError(f"the published figures contradict each other: {found.message}")
            else:
                ends.append(sign * found.fun)
        return ends[0], ends[1]


class Audit:
    def __init__(self, record, truth, complain):
        self.record, self.truth, self.world, self.complain = record, truth, truth.world, complain
        self.groups = groups_of(record, truth)
        self.segments = self.groups[:truth.k]
        self.planes = [False, True] if truth.world.weights else [False]
        self.n_intervals = self.n_small = 0
        self.safe, self.shown = {}, {}  # safe cells, and of these the published ones, by kind

    # --- a program for one feature -------------------------------------------------------------------------------------

    def program(self, f, weighted):
        """All that is published about a feature (None: about no feature) as equations."""
        name = self.record.features[f].name if f is not None else None
        program, unknowns = Program(), {}
        combinations = self.world.patterns(name) if name else {(p, None) for p in self.world.patterns()}
        for s in range(self.truth.k):
            for belongs, value in sorted(combinations, key=repr):
                unknowns[(s, belongs, value)] = program.unknown((s, belongs, value))
        self.put_sizes(program, unknowns, weighted)
        if name:
            for group in self.groups:
                if group.a is None or not self.record.apriori[group.a].hidden:
                    self.put_cell(program, unknowns, f, group, weighted)
            self.put_quality(program, unknowns, f, weighted)
            self.put_rules(program, unknowns, f, weighted)
            self.put_tree(program, unknowns, f, weighted)
        program.close()
        return program, unknowns

    @staticmethod
    def sum_of(unknowns, holds):
        return [(place, 1.0) for x, place in unknowns.items() if holds(x)]

    def put_sizes(self, program, unknowns, weighted):
        for group in self.segments:
            program.equation(self.sum_of(unknowns, group.has), group.weight if weighted else group.size)
        for a, given in enumerate(self.record.apriori):
            if given.hidden:
                continue
            group = self.groups[self.truth.k + 1 + a]
            program.equation(self.sum_of(unknowns, group.has), group.weight if weighted else group.size)
            for s, cross in enumerate(given.cross):
                if cross.hidden:
                    continue
                count = cross.share * group.weight if weighted else cross.count
                program.equation(self.sum_of(unknowns, lambda x, s=s, a=a: x[0] == s and x[1][a]), count)

    def put_cell(self, program, unknowns, f, group, weighted):
        cell = group.cells[f]
        if cell.hidden:
            return
        here = {x: place for x, place in unknowns.items() if group.has(x)}
        if not weighted:
            program.equation(self.sum_of(here, lambda x: x[2] is None), cell.missing)
        elif cell.missing == 0:
            program.equation(self.sum_of(here, lambda x: x[2] is None), 0.0)
        if cell.count == 0:
            program.equation(self.sum_of(here, lambda x: x[2] is not None), 0.0)
            return
        shown = levels_shown(cell)
        if self.record.features[f].type == BINARY and cell.HasField("mean"):
            shown = {1: cell.mean}
        for level, share in shown.items():
            at = self.sum_of(here, lambda x, level=level: x[2] == level)
            if self.world.weights is None:
                program.equation(at, round(share * cell.count))
            elif weighted:
                all_with = self.sum_of(here, lambda x: x[2] is not None)
                program.equation(at + [(place, -share) for place, _ in all_with], 0.0)

    def put_quality(self, program, unknowns, f, weighted):
        quality = self.record.quality.features[f]
        if not weighted:
            program.equation(self.sum_of(unknowns, lambda x: x[2] is None), quality.missing)

    def part(self, program, unknowns, label, values):
        """The part of each unknown that a rule or leaf holds, by segment and value: (s, value) -> unknown."""
        part = {}
        for s in range(self.truth.k):
            for value in {x[2] for x in unknowns}:
                part[(s, value)] = program.unknown((label, s, value))
                if value not in values:
                    program.equation([(part[(s, value)], 1.0)], 0.0)
        return part

    def bound(self, program, unknowns, parts, label, exact):
        """The parts of an unknown are together at most it; exactly it where `exact`."""
        for s, value in parts[0]:
            whole = self.sum_of(unknowns, lambda x, s=s, value=value: x[0] == s and x[2] == value)
            terms = [(part[(s, value)], 1.0) for part in parts] + [(place, -1.0) for place, _ in whole]
            if not exact(value):
                terms.append((program.unknown((label, "rest", s, value)), 1.0))
            program.equation(terms, 0.0)

    def put_rules(self, program, unknowns, f, weighted):
        feature = self.record.features[f]
        for s, segment in enumerate(self.record.segments):
            mine = [c for c in segment.rule.conditions if c.feature == f]
            if not mine:
                continue
            values = values_of(mine[0], feature)
            alone = len(segment.rule.conditions) == 1
            part = self.part(program, unknowns, ("rule", s), values)
            self.bound(program, unknowns, [part], ("rule", s), lambda value: alone and value in values)
            hits, count = segment.rule.hits, segment.rule.count
            if weighted:
                hits = segment.rule.coverage * self.segments[s].weight
                count = hits / segment.rule.precision
            program.equation([(place, 1.0) for (t, _), place in part.items() if t == s], hits)
            program.equation([(place, 1.0) for place in part.values()], count)

    def put_tree(self, program, unknowns, f, weighted):
        tree, feature = self.record.tree, self.record.features[f]
        leaves = paths(tree)
        if weighted or not any(c.feature == f for _, path in leaves for c, _ in path):
            return
        every = {x[2] for x in unknowns}
        parts, right = [], []
        for place, path in leaves:
            values = set(every)
            for condition, fulfilled in path:
                if condition.feature == f:
                    values &= values_of(condition, feature) if fulfilled else every - values_of(condition, feature)
            part = self.part(program, unknowns, ("leaf", place), values)
            node = tree.nodes[place]
            if node.count:
                program.equation([(p, 1.0) for p in part.values()], node.count)
            own = [(p, 1.0) for (s, _), p in part.items() if s + 1 == node.segment]
            if node.HasField("hits"):
                program.equation(own, node.hits)
            right += own
            parts.append(part)
        program.equation(right, tree.hits)
        self.bound(program, unknowns, parts, "tree", lambda value: True)

    # --- what must not be found ----------------------------------------------------------------------------------------

    def look(self, program, terms, what, count, size, weighted, true_weight, known=0):
        """The interval of a hidden count of few customers, of whom `known` are no secret."""
        self.n_intervals += 1
        low, high = program.interval(terms)
        scale = true_weight / count if weighted else 1.0
        slack = EPS * max(1.0, scale * LEAST)
        value = true_weight if weighted else count
        if not low - slack <= value <= high + slack:
            self.complain(f"{what}: {value} is not between {low:.4g} and {high:.4g}: a published figure is wrong")
        if high < min(LEAST * scale, size) - slack or low > known + slack:
            self.complain(f"{what}: {count} customers, {value:g} of {'weight' if weighted else 'them'}, "
                          f"lie between {low:.4g} and {high:.4g}")

    def small_cells(self, f):
        """(what, group, value, count, shown) of each cell of a feature with levels."""
        feature = self.record.features[f]
        values = self.world.feature[feature.name].values
        for group in self.groups:
            if group.a is not None and self.record.apriori[group.a].hidden:
                continue
            cell = group.cells[f]
            shown = levels_shown(cell)
            for level in range(2 if feature.type == BINARY else len(feature.levels)):
                count = self.truth.count(lambda row: group.holds(row) and values[row] == level)
                visible = not cell.hidden and (feature.type == BINARY or level in shown)
                yield f"{group.name}, {feature.name} {level}", group, level, count, visible

    def check_levels(self, f):
        feature = self.record.features[f]
        values = self.world.feature[feature.name].values
        present = sum(v is not None for v in values)
        programs = {}
        for what, group, level, count, visible in self.small_cells(f):
            with_value = self.truth.count(lambda row: group.holds(row) and values[row] is not None)
            if feature.type != BINARY and self.is_safe(count, with_value, values.count(level)):
                self.tally(f"{group.kind} levels", visible)
            if not is_small(count):
                continue
            self.n_small += 1
            if visible:
                self.complain(f"{what}: {count} customers are published")
                continue
            for weighted in self.planes:
                if weighted not in programs:
                    programs[weighted] = self.program(f, weighted)
                program, unknowns = programs[weighted]
                holds = lambda row: group.holds(row) and values[row] == level
                weight = self.truth.count(holds, weighted=True)
                size = group.weight if weighted else min(group.size, present)
                terms = self.sum_of(unknowns, lambda x: group.has(x) and x[2] == level)
                self.look(program, terms, what, count, size, weighted, weight)
        return programs

    @staticmethod
    def is_safe(count, row, column):
        """Enough customers; and those who are left of its row, or of its column, without it are nobody or enough."""
        return count >= LEAST and not is_small(row - count) and not is_small(column - count)

    def tally(self, kind, visible):
        """How many of the safe cells are published."""
        self.safe[kind] = self.safe.get(kind, 0) + 1
        self.shown[kind] = self.shown.get(kind, 0) + visible

    def tally_whole(self, f):
        """The same of cells that are shown as a whole: numbers; of yes and no, if both are enough or nobody."""
        feature = self.record.features[f]
        values = self.world.feature[feature.name].values
        present = self.world.n - values.count(None)
        for group in self.groups:
            if group.a is not None and self.record.apriori[group.a].hidden:
                continue
            mine = [values[row] for row in range(self.world.n) if group.holds(row) and values[row] is not None]
            few = feature.type == BINARY and any(is_small(mine.count(v)) or is_small(values.count(v) - mine.count(v))
                                                 for v in (0, 1))
            if self.is_safe(len(mine), len(mine), present) and not few:
                kind = "yes or no" if feature.type == BINARY else "numbers"
                self.tally(f"{group.kind} {kind}", not group.cells[f].hidden)
            if is_small(len(mine)) and not group.cells[f].hidden:
                self.complain(f"{group.name}, {feature.name}: figures of {len(mine)} customers are published")

    def check_cross(self, programs):
        """Cells of the cross table, and sizes of a-priori segments that are not told."""
        programs = [p[False] for p in programs if False in p] + [self.program(None, False)]
        for a, given in enumerate(self.record.apriori):
            inside = [row for row in range(self.world.n) if self.truth.belongs[row][a]]
            if self.is_safe(len(inside), self.world.n, self.world.n):
                self.tally("sizes", not given.hidden)
            if given.hidden:
                for sign in (True, False):
                    self.look_everywhere(programs, a, None, sign, self.world.n)
                continue
            for s, cross in enumerate(given.cross):
                count = sum(self.truth.segment[row] == s for row in inside)
                size = self.segments[s].size
                if not cross.hidden and (is_small(count) or is_small(size - count)):
                    self.complain(f"given {a}, segment {s + 1}: {count} of {size} customers are published")
                for sign in (True, False):
                    if cross.hidden:
                        self.look_everywhere(programs, a, s, sign, size)
                if self.is_safe(count, len(inside), size):
                    self.tally("cross table", not cross.hidden)

    def look_everywhere(self, programs, a, s, inside, size):
        """How many belong, or do not, of one segment or of all (None)."""
        rows = [row for row in range(self.world.n) if s in (None, self.truth.segment[row])]
        rows = [row for row in rows if self.truth.belongs[row][a] == inside]
        asked = [self.world.feature[name].values for name, _ in self.world.conditions[a].parts]
        known = sum(any(values[row] is None for values in asked) for row in rows)
        if not self.record.apriori[a].hidden:  # sizes alone may tell that there are some
            side = self.record.apriori[a].size if inside else self.world.n - self.record.apriori[a].size
            known = max(known, size + side - self.world.n)
        if not inside:  # of several levels together it may be known that they are not all empty
            known = max(known, len(rows) - 1)
        if not is_small(len(rows)) or known == len(rows):
            return
        self.n_small += 1
        what = f"given {a}, {'everybody' if s is None else f'segment {s + 1}'}, {'in' if inside else 'out'}side"
        for program, unknowns in programs:
            terms = self.sum_of(unknowns, lambda x: s in (None, x[0]) and x[1][a] == inside)
            self.look(program, terms, what, len(rows), size, False, len(rows), known)

    def check_numbers(self, f):
        """Sums of a number: whether those of a group of few follow from the published ones."""
        values = self.world.feature[self.record.features[f].name].values
        unknowns = [(s, p) for s in range(self.truth.k) for p in sorted(self.world.patterns()) if self.may_be(s, p)]
        known, customers = [], {x: 0 for x in unknowns}
        for row in range(self.world.n):
            x = (self.truth.segment[row], self.truth.belongs[row])
            customers[x] += values[row] is not None
        for group in self.groups:
            if group.a is not None and self.record.apriori[group.a].hidden:
                continue
            if not group.cells[f].hidden:
                known.append([float(group.has(x)) for x in unknowns])
        if not known:
            return
        known = numpy.array(known)
        rank = numpy.linalg.matrix_rank(known)
        for group in self.groups:
            vector = [float(group.has(x)) for x in unknowns]
            self.check_sum(known, rank, vector, unknowns, customers, f"{group.name}")
        for i in range(len(known)):
            for j in range(len(known)):
                difference = known[i] - known[j]
                if difference.min() >= 0:
                    self.check_sum(known, rank, difference, unknowns, customers, "the rest of a group")

    def check_sum(self, known, rank, vector, unknowns, customers, what):
        count = sum(customers[x] for x, v in zip(unknowns, vector) if v)
        if not is_small(count):
            return
        self.n_small += 1
        if numpy.linalg.matrix_rank(numpy.vstack([known, vector])) == rank:
            self.complain(f"{what}: a sum of {count} customers follows from the published ones")

    def may_be(self, s, belongs):
        """Whether the cross table leaves room for customers of a segment with a combination."""
        for a, given in enumerate(self.record.apriori):
            if given.hidden or given.cross[s].hidden:
                continue
            here, size = given.cross[s].count, self.segments[s].size
            if (belongs[a] and here == 0) or (not belongs[a] and here == size):
                return False
        return True

    # --- rules and the tree --------------------------------------------------------------------------------------------

    def fulfils(self, condition, row):
        feature = self.record.features[condition.feature]
        value = self.world.feature[feature.name].values[row]
        if value is None:
            return False
        if feature.type in (NUMERIC, COUNT):
            return (not condition.HasField("low") or value >= condition.low) and \
                   (not condition.HasField("high") or value < condition.high)
        return value in values_of(condition, feature)

    def check_rules(self):
        for s, segment in enumerate(self.record.segments):
            rule, size = segment.rule, self.segments[s].size
            if not rule.conditions:
                continue
            rows = [row for row in range(self.world.n) if all(self.fulfils(c, row) for c in rule.conditions)]
            hits = sum(self.truth.segment[row] == s for row in rows)
            if (rule.count, rule.hits) != (len(rows), hits):
                self.complain(f"rule {s + 1}: {rule.hits} of {rule.count}, but {hits} of {len(rows)} fulfil it")
            cells = [rule.hits, rule.count - rule.hits, size - rule.hits, self.world.n - rule.count - size + rule.hits]
            if any(is_small(n) for n in cells):
                self.complain(f"rule {s + 1}: its cells are {cells}")

    def check_tree(self):
        """Which segments the customers of each leaf are of."""
        tree, leaves = self.record.tree, paths(self.record.tree)
        if not leaves:
            return
        program, right = Program(), []
        for place, _ in leaves:
            node = tree.nodes[place]
            all_of = [(program.unknown((place, s)), 1.0) for s in range(self.truth.k)]
            if node.count:  # else not told
                program.equation(all_of, node.count)
            own = [(program.unknown((place, node.segment - 1)), 1.0)]
            if node.HasField("hits"):
                program.equation(own, node.hits)
            right += own
        program.equation(right, tree.hits)
        for s in range(self.truth.k):
            program.equation([(program.unknown((place, s)), 1.0) for place, _ in leaves], self.segments[s].size)
        program.close()
        for place, path in leaves:
            node, s = tree.nodes[place], tree.nodes[place].segment - 1
            rows = [row for row in range(self.world.n) if all(self.fulfils(c, row) == yes for c, yes in path)]
            hits = sum(self.truth.segment[row] == s for row in rows)
            if node.count not in (0, len(rows)) or is_small(len(rows)) or (node.HasField("hits") and node.hits != hits):
                self.complain(f"leaf {place}: {hits} of {len(rows)} customers, published as {node.hits} of {node.count}")
            for t in range(self.truth.k):
                n = sum(self.truth.segment[row] == t for row in rows)
                if t == s and node.HasField("hits") and (is_small(n) or is_small(len(rows) - n)):
                    self.complain(f"leaf {place}: {n} hits of {len(rows)} are published")
                elif is_small(n):
                    size = min(len(rows), self.segments[t].size)
                    self.n_small += 1
                    # Of whom sizes say that they are in a wrong leaf, some may surely be in this one.
                    terms = [(program.unknown((place, t)), 1.0)]
                    self.look(program, terms, f"leaf {place}, segment {t + 1}", n, size, False, n, known=n - 1)

    # --- evidence ------------------------------------------------------------------------------------------------------

    def check_statements(self):
        """Every statement stands on figures that are published."""
        for s, segment in enumerate(self.record.segments):
            for statement in statements_of(segment):
                if not statement.HasField("feature"):
                    continue
                f = statement.feature
                cell, all_ = segment.cells[f], self.record.everybody[f]
                what = f"segment {s + 1}: {statement.text!r}"
                if cell.hidden or all_.hidden or is_small(statement.count):
                    self.complain(f"{what} is about a hidden cell")
                elif statement.HasField("level"):
                    if levels_shown(cell).get(statement.level) != statement.value:
                        self.complain(f"{what} is about a hidden level")
            for trait in segment.persona.typical:
                cell = segment.cells[trait.feature]
                if cell.hidden or is_small(trait.count) or (trait.HasField("level") and trait.level not in levels_shown(cell)):
                    self.complain(f"segment {s + 1}: a trait is about a hidden cell")

    def check_figures(self):
        """Figures that are computed from several cells stand only where all of these are published."""
        for group in self.groups:
            if group.a is not None and self.record.apriori[group.a].hidden:
                continue
            for f, cell in enumerate(group.cells):
                all_, feature = self.record.everybody[f], self.record.features[f]
                told = [n for n in ("mean", "sd", "low", "median", "high", "index", "effect", "p", "odds_ratio", "cramers_v",
                                    "explained") if cell.HasField(n)]
                what = f"{group.name}, {feature.name}"
                if cell.hidden and (told or cell.count or cell.missing or cell.shares):
                    self.complain(f"{what}: a hidden cell has {told}")
                if all_.hidden and set(told) & {"index", "effect", "p", "odds_ratio", "cramers_v", "explained"}:
                    self.complain(f"{what}: everybody's cell is hidden, and yet there is {told}")
                if feature.type not in (ORDINAL, NOMINAL) or cell.hidden or not cell.count:
                    continue
                gaps = len(cell.shares) < len(feature.levels)
                if gaps and set(told) & {"mean", "sd", "cramers_v"}:
                    self.complain(f"{what}: levels are hidden, and yet there is {told}")
                if (gaps or len(all_.shares) < len(feature.levels)) and "cramers_v" in told:
                    self.complain(f"{what}: levels are hidden, and yet there is {told}")
                if cell.HasField("level") and not {cell.level} <= set(levels_shown(cell)) & set(levels_shown(all_)):
                    self.complain(f"{what}: the effect is of a hidden level")

    def run(self):
        programs = []
        for f, feature in enumerate(self.record.features):
            if feature.role == WEIGHT:
                continue
            if feature.type in (NUMERIC, COUNT):
                self.tally_whole(f)
                self.check_numbers(f)
                continue
            if feature.type == BINARY:
                self.tally_whole(f)
            found = self.check_levels(f)
            if False not in found:
                found[False] = self.program(f, False)
            programs.append(found)
        self.check_cross(programs)
        self.check_rules()
        self.check_tree()
        self.check_statements()
        self.check_figures()


def values_of(condition, feature):
    """The values of a feature with levels, or of yes and no, that fulfil a condition."""
    if feature.type == BINARY:
        low = condition.low if condition.HasField("low") else -math.inf
        high = condition.high if condition.HasField("high") else math.inf
        return {v for v in (0, 1) if low <= v < high}
    return allowed_values(condition, feature)


def statements_of(segment):
    persona = segment.persona
    yield from segment.statements
    for section in persona.sections:
        yield from section.statements
    for name in ("household", "needs", "pains", "value", "potential"):
        yield from getattr(persona, name)
    for preference in list(persona.channels) + list(persona.affinities):
        yield preference.evidence
    for offer in persona.offers:
        yield from offer.reason.because
    for brief in segment.briefs:
        for line in brief.lines:
            yield from line.because


NUMERIC, COUNT, ORDINAL, NOMINAL, BINARY = 1, 2, 3, 4, 5
WEIGHT = 5
