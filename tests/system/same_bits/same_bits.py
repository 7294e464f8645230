"""One hash of the fit, and one set of result files, for any ranks, threads, instruction set, pruning, compiler, algorithm
of MPI's sum and order of the input; and the hashes of fits that are committed as golden.

    same_bits.py [--combinations N] [--all-worlds] [--other DIR] [--write-golden]

The combinations are a covering design: all pairs of levels first, then others, drawn from one seed; each is run on
one of the data sets in turn, or on all of them.  --other names the folder of programs that the other compiler made; without it, or when
they are older than the sources, only the tested ones are used, and the golden hashes join the two.
"""
import argparse
import collections
import itertools
import json
import pathlib
import random
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import runs  # noqa: E402
from runs import Checks, hashes  # noqa: E402
from worlds import WORLDS, write_world  # noqa: E402

GOLDEN = pathlib.Path(__file__).with_name("golden.json")
LEVELS = {
    "ranks": [1, 2, 3, 5, 8],
    "threads": [1, 2, 3],
    "isa": ["scalar", "avx2", "avx512", "amx"],
    "pruning": ["on", "off"],
    "build": ["this", "other"],
    "algorithm": [1, 3, 4],  # of MPI's allreduce: linear, recursive doubling, ring
    "shuffled": [False, True],
}
STATE = re.compile(r"state\W+(0x[0-9a-f]{16})\b")
NO_STATE = "none in the log"


def pairs_of(combination):
    return set(itertools.combinations(combination.items(), 2))


def design(n, seed=20):
    """n different combinations that cover all pairs of levels as early as they can."""
    rng = random.Random(seed)
    everything = [dict(zip(LEVELS, levels)) for levels in itertools.product(*LEVELS.values())]
    rng.shuffle(everything)
    uncovered = set().union(*(pairs_of(c) for c in everything))
    chosen = []
    while everything and len(chosen) < n:
        best = max(everything, key=lambda c: len(pairs_of(c) & uncovered)) if uncovered else everything[-1]
        everything.remove(best)
        uncovered -= pairs_of(best)
        chosen.append(best)
    return chosen, len(uncovered)


def newest_source():
    files = (f for folder in ("src", "include", "proto") for f in (runs.SOURCE / folder).rglob("*") if f.is_file())
    return max(f.stat().st_mtime for f in files)


def programs(other):
    """Folder of programs by build; the other one's only where it is up to date."""
    found = {"this": runs.BIN, "other": runs.BIN}
    if other and (pathlib.Path(other) / "strata").exists():
        if (pathlib.Path(other) / "strata").stat().st_mtime < newest_source():
            print(f"{other} is older than the sources: not used")
        else:
            found["other"] = pathlib.Path(other)
    return found


def environment(combination):
    return {"STRATA_ISA": combination["isa"], "STRATA_PRUNING": combination["pruning"],
            "OMPI_MCA_coll_tuned_use_dynamic_rules": "1",
            "OMPI_MCA_coll_tuned_allreduce_algorithm": str(combination["algorithm"])}


def outcome(combination, jobs, output, folder):
    """The state's hash that the log tells, and the hashes of the files."""
    runs.BIN = folder
    runs.must(jobs[combination["shuffled"]], output, ranks=combination["ranks"] if combination["ranks"] > 1 else 0,
              sets=[f"threads={combination['threads']}"], env=environment(combination))
    states = STATE.findall((output / "log.jsonl").read_text(encoding="utf-8"))
    found = {"state": states[-1] if states else NO_STATE, **hashes(output)}
    shutil.rmtree(output)
    return found


def words(combination):
    return ", ".join(f"{name} {level}" for name, level in combination.items())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--combinations", type=int, default=40)
    parser.add_argument("--all-worlds", action="store_true")
    parser.add_argument("--other")
    parser.add_argument("--write-golden", action="store_true")
    options = parser.parse_args()
    checks, here = Checks(), pathlib.Path.cwd()
    builds = programs(options.other)
    jobs = {name: write_world(name, here) for name in WORLDS}
    combinations, uncovered = design(options.combinations)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    reference, seen = {}, collections.defaultdict(set)
    names, runs_made = list(WORLDS), []
    for i, combination in enumerate(combinations):
        runs_made += [(name, combination) for name in (names if options.all_worlds else [names[i % len(names)]])]
    for name, combination in runs_made:
        found = outcome(combination, jobs[name], here / name / "run", builds[combination["build"]])
        reference.setdefault(name, found)
        wrong = [file for file in found.keys() | reference[name].keys() if found.get(file) != reference[name].get(file)]
        checks.that(not wrong, f"{name}: {words(combination)}: differs in {', '.join(sorted(wrong))}")
        seen[name].add(found["state"])
    if options.write_golden:
        golden = {name: min(states) for name, states in seen.items()}
        GOLDEN.write_text(json.dumps(golden, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name in WORLDS:
        checks.that(seen[name] == {golden.get(name)} and NO_STATE not in seen[name],
                    f"{name}: states {', '.join(sorted(seen[name]))}, golden is {golden.get(name)}")
    print(f"{len(combinations)} combinations on {len(seen)} data sets, {len(runs_made)} runs, {len(set(builds.values()))} builds, "
          f"{uncovered} pairs of levels not covered")
    checks.end()


main()
