"""The data of the bench: what customers look like once encoded, in two worlds.  groups: 24 groups of unequal size that
overlap, columns that are correlated inside a group, heavy tails.  shoppers: recency, counts, amounts, shares of goods of 12
kinds of customers, whose columns hang together through what they have in common.  Both are z-scored, and rounded to
multiples of 2^-16 so that every contender sees the same numbers.  A matrix is made once for its world, size and seed and
kept as raw float32 grid integers, (n, d) row-major."""
import os

import numpy as np

GRID = 65536.0
GROUPS = 24
BLOCK = 1 << 18  # rows made at a time; each block has its own stream of random numbers


class Groups:
    """Where the groups lie, how their columns hang together and how large they are."""

    def __init__(self, d, seed):
        random = np.random.default_rng([seed, d])
        share = 1.0 / np.arange(1, GROUPS + 1) ** 0.9  # few large groups, many small ones
        self.share = share / share.sum()
        self.place = random.normal(0, 1.1, (GROUPS, d))
        self.mixing = np.stack([self.mixing_of(random, d) for _ in range(GROUPS)])
        self.skewed = random.random(d) < 0.5  # columns like money and counts

    @staticmethod
    def mixing_of(random, d):
        """Few factors that all columns share, and a little of each column's own."""
        factors = max(2, d // 4)
        loading = random.normal(0, 1, (factors, d)) * random.gamma(2, 0.4, (factors, 1))
        return np.vstack([loading, np.diag(random.uniform(0.2, 0.7, d))])

    def rows(self, n, seed, block):
        random = np.random.default_rng([seed, 7, block])
        group = random.choice(GROUPS, n, p=self.share)
        x = self.place[group]
        latent = random.standard_normal((n, self.mixing.shape[1]))
        for g in range(GROUPS):
            mine = group == g
            x[mine] += latent[mine] @ self.mixing[g]
        x[:, self.skewed] = np.exp(0.45 * x[:, self.skewed])
        return x


class Shoppers:
    """What a shop knows of its customers: eight figures and the shares of eight kinds of goods, again for each further 16
    columns, as of another shop."""
    KINDS, FIGURES, GOODS, COMMON = 12, 8, 8, 6

    def __init__(self, d, seed):
        random = np.random.default_rng([seed, d, 2])
        self.d, self.share = d, random.dirichlet(np.full(self.KINDS, 2.0))
        self.shops = [self.shop(random) for _ in range(-(-d // (self.FIGURES + self.GOODS)))]

    def shop(self, random):
        """How each kind of customer buys there, and how tastes hang together."""
        kinds = self.KINDS
        return {"gap": 5 + random.gamma(2, 40, kinds), "orders": 0.3 + random.gamma(2, 2, kinds),
                "amount": random.normal(2.8, 0.9, kinds), "since": random.uniform(100, 1800, kinds),
                "visits": 0.5 + random.gamma(2, 6, kinds), "bargain": random.uniform(0.05, 0.6, kinds),
                "back": random.uniform(0.02, 0.3, kinds), "taste": random.normal(0, 0.8, (kinds, self.GOODS)),
                "alike": random.normal(0, 0.35, (self.COMMON, self.GOODS))}

    def rows(self, n, seed, block):
        random = np.random.default_rng([seed, 8, block])
        kind = random.choice(self.KINDS, n, p=self.share)
        common = random.standard_normal((n, self.COMMON))
        return np.hstack([self.columns(random, shop, kind, common) for shop in self.shops])[:, :self.d]

    @staticmethod
    def columns(random, shop, kind, common):
        n = len(kind)
        orders = random.poisson(shop["orders"][kind] * random.gamma(1.3, 1 / 1.3, n))
        amount = np.exp(shop["amount"][kind] + 0.5 * common[:, 0] + 0.35 * random.standard_normal(n))
        figures = [np.log1p(random.exponential(shop["gap"][kind])), np.log1p(orders), np.log1p((orders + 0.2) * amount), amount,
                   np.maximum(shop["since"][kind] + 250 * random.standard_normal(n), 0),
                   random.poisson(shop["visits"][kind] * np.exp(0.4 * common[:, 1])),
                   np.clip(shop["bargain"][kind] + 0.18 * random.standard_normal(n) - 0.03 * common[:, 0], 0, 1),
                   random.binomial(np.minimum(orders, 50), shop["back"][kind])]
        taste = shop["taste"][kind] + common @ shop["alike"] + 0.5 * random.standard_normal((n, len(shop["alike"][0])))
        goods = np.exp(taste)
        return np.column_stack(figures + [goods / goods.sum(axis=1, keepdims=True)])


WORLDS = {"groups": Groups, "shoppers": Shoppers}


def blocks(world, n, d, seed):
    customers = WORLDS[world](d, seed)
    for block, first in enumerate(range(0, n, BLOCK)):
        yield first, customers.rows(min(BLOCK, n - first), seed, block)


def matrix(folder, world, n, d, seed):
    """The path of the matrix file, made if it is not there."""
    path = os.path.join(folder, f"matrix-{world}-{n}-{d}-{seed}.f32")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    raw = np.empty((n, d), np.float32)
    for first, x in blocks(world, n, d, seed):
        raw[first:first + len(x)] = x
    mean, sd = raw.mean(axis=0, dtype=np.float64), raw.std(axis=0, dtype=np.float64)
    for first in range(0, n, BLOCK):
        piece = raw[first:first + BLOCK].astype(np.float64)
        raw[first:first + BLOCK] = np.clip(np.rint((piece - mean) / sd * GRID), -2.0 ** 24, 2.0 ** 24)
    raw.tofile(path + ".part")
    os.rename(path + ".part", path)
    return path


def read(path, n, d):
    """The matrix in encoded units, float32: exactly the numbers of the file over 2^16."""
    x = np.fromfile(path, np.float32).reshape(n, d)
    x *= np.float32(1 / GRID)
    return x


def start(folder, n, k, seed):
    """The path of a file of k different row numbers: the centres that everybody starts from."""
    path = os.path.join(folder, f"start-{n}-{k}-{seed}.txt")
    rows = np.random.default_rng([seed, n, k]).choice(n, k, replace=False)
    os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{row}\n" for row in rows)
    return path


def inertia(path, n, d, centres):
    """Sum of squared distances to the nearest centre, in float64 whatever the contender computed with."""
    total = 0.0
    norms = (centres ** 2).sum(axis=1)
    raw = np.memmap(path, np.float32, "r", shape=(n, d))
    for first in range(0, n, 1 << 16):
        x = raw[first:first + (1 << 16)].astype(np.float64) / GRID
        near = (norms - 2.0 * (x @ centres.T)).argmin(axis=1)
        total += float(((x - centres[near]) ** 2).sum())
    return total
