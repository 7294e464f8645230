"""The data of the bench: what customers look like once encoded.  Groups of unequal size that overlap, columns that are
correlated inside a group, heavy tails; z-scored, and rounded to multiples of 2^-16 so that every contender sees the
same numbers.  A matrix is made once for its size and seed and kept as raw float32 grid integers, (n, d) row-major."""
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


def blocks(n, d, seed):
    groups = Groups(d, seed)
    for block, first in enumerate(range(0, n, BLOCK)):
        yield first, groups.rows(min(BLOCK, n - first), seed, block)


def matrix(folder, n, d, seed):
    """The path of the matrix file, made if it is not there."""
    path = os.path.join(folder, f"matrix-{n}-{d}-{seed}.f32")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    raw = np.empty((n, d), np.float32)
    for first, x in blocks(n, d, seed):
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
