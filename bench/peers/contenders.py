"""Who takes part, and how each is asked: every run is a process of its own that reads the matrix, does its work on the
asked number of threads and prints one JSON line."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class Shape:
    """One problem: its data, its starting rows, and the threads (or ranks) to do it on."""
    matrix: str
    start: str
    n: int
    d: int
    k: int
    threads: int

    def words(self, **more):
        """The shape as arguments name=value; an argument that is None is left out."""
        mine = {"matrix": self.matrix, "start": self.start, "n": self.n, "d": self.d, "k": self.k,
                "threads": self.threads, **more}
        return [f"{name}={value}" for name, value in mine.items() if value is not None]

    def facts(self):
        return {"n": self.n, "d": self.d, "k": self.k, "threads": self.threads}


class Programs:
    """The built programs and the environment that they run in."""

    def __init__(self, build, isa, scratch, limit_s):
        self.build, self.isa, self.scratch, self.limit_s = pathlib.Path(build), isa, scratch, limit_s

    def path(self, name):
        path = self.build / "bench" / f"bench_{name}"
        if not path.exists():
            sys.exit(f"{path} is missing: cmake --preset release && cmake --build --preset release")
        return str(path)

    def environment(self, threads):
        """Everybody gets the same threads; with --isa, the same instruction set."""
        env = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads),
               "PYTHONDONTWRITEBYTECODE": "1"}
        if self.isa:
            env["STRATA_ISA"] = self.isa
        if self.isa == "avx2":
            env["OPENBLAS_CORETYPE"] = "Haswell"
        return env

    def run(self, command, threads):
        """The last JSON object that the command prints."""
        return self.lines(command, threads)[-1]

    def lines(self, command, threads):
        """All JSON objects that the command prints, one a line."""
        lines = [line for line in self.call(command, threads).splitlines() if line.startswith("{")]
        if not lines:
            sys.exit(f"{' '.join(command)}\nprinted nothing")
        return [json.loads(line) for line in lines]

    def call(self, command, threads):
        """What the command prints; its failure ends the bench."""
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.scratch, timeout=self.limit_s,
                              env=self.environment(threads), stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def under_mpi(self, ranks, command, threads):
        return self.run([str(ROOT / "deploy" / "mpirun"), "-n", str(ranks), *command], threads)

    @staticmethod
    def one_core():
        """What starts a command as a rank of many runs: all its threads share one core."""
        return ["taskset", "-c", str(min(os.sched_getaffinity(0)))]

    def strata(self, what, words, threads, ranks=1):
        command = [self.path("strata"), what, *words]
        return self.under_mpi(ranks, command, threads) if ranks > 1 else self.run(command, threads)

    def rival(self, method, words, threads):
        return self.run([PYTHON, str(HERE / "rival.py"), method, *words], threads)


def interleaved(runners, rounds):
    """Results by name of `rounds` runs of each; the order turns by one each round."""
    found = {name: [] for name in runners}
    names = list(runners)
    for turn in range(rounds):
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            found[name].append(runners[name]())
    return found


def median(results, name):
    return statistics.median(result[name] for result in results)


def plain(name):
    return lambda programs, shape, words: programs.run([programs.path(name), *words], shape.threads)


def rival(method):
    return lambda programs, shape, words: programs.rival(method, words, shape.threads)


def strata(what, by_ranks):
    """Strata on as many threads of one rank, or ranks of one thread, as the others have threads."""
    def run(programs, shape, words):
        if not by_ranks or what == "pass" or shape.threads == 1:
            return programs.strata(what, words, shape.threads)
        words = [word for word in words if not word.startswith("threads=")]
        return programs.strata(what, words, 1, ranks=shape.threads)
    return run


def has_module(name):
    return subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def contenders(what, isa, by_ranks):
    """Name and runner of everybody who can do `what`: pass or fit.  Strata is the first."""
    fast = "plain_avx2" if isa == "avx2" else "plain_fast"
    everybody = {"strata": strata(what, by_ranks), "plain": plain("plain"), "plain-fast": plain(fast)}
    if has_module("sklearn"):
        everybody["sklearn-lloyd"] = rival("lloyd")
        if what == "fit":
            everybody["sklearn-elkan"] = rival("elkan")
    if has_module("faiss"):
        everybody["faiss"] = rival("faiss")
    return everybody
