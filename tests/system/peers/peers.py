"""bench/peers/peers works: every measure on a few rows, everybody who is installed, the same optimum by all of them.
Its times say nothing here."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, SOURCE, Checks  # noqa: E402

BUILD = BIN.parent
MEASURES = ["pass", "fit", "seeding", "sweep", "large", "price", "checkpoints", "hashes", "scaling", "allreduce", "stages"]


def main():
    if not (BUILD / "bench" / "bench_strata").exists():
        print("SKIPPED: the benches are not built (STRATA_BENCHES)")
        return
    checks = Checks()
    line = [str(SOURCE / "bench" / "peers" / "peers"), *MEASURES, "--n", "3000", "--d", "5", "--k", "4", "--threads", "2",
            "--rounds", "1", "--fit-rounds", "1", "--seeds", "1", "--sweep", "2,4", "--starts", "2", "--copies", "3",
            "--at-ranks", "64,4096",
            "--build", str(BUILD), "--data", "data", "--json", "out.json"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRATA_")}
    done = subprocess.run(line, capture_output=True, text=True, timeout=580, env=env, check=False)
    checks.that(done.returncode == 0, f"exit {done.returncode}:\n{done.stdout}{done.stderr}")
    if done.returncode == 0:
        records = json.loads(pathlib.Path("out.json").read_text(encoding="utf-8"))["records"]
        check(checks, records)
    checks.end()


def check_ranks(checks, by_what):
    """Checkpoints and hashes change no model; what is projected is what a model of waiting can be."""
    for record in by_what["checkpoints"] + by_what["hashes"]:
        checks.that(record["same"], f"{record['contender']}: another model than without")
    kept = [r for r in by_what["checkpoints"] if " every " in r["contender"]]
    checks.that(len(kept) == 6 and all(r["drafts"] > 0 for r in kept), f"no drafts: {kept}")
    two = [r for r in by_what["scaling"] if r["threads"] == 2]
    checks.that(len(two) == 2 and all(0 < r["wait_share"] < 1 for r in two), f"not two ranks: {two}")
    for rows, projected in by_what["allreduce"][0]["projected"].items():
        checks.that([at["ranks"] for at in projected] == [64, 4096], f"{rows}: projected {projected}")
        for at in projected:
            checks.that(all(0 < share < 1 for share in at["efficiency"].values()), f"{rows}: efficiency {at}")
        checks.that(all(projected[1]["sum_s"][name] > projected[0]["sum_s"][name] for name in projected[0]["sum_s"]),
                    f"{rows}: a sum over more ranks is not slower: {projected}")
    jobs = by_what["stages"][0]
    checks.that({"ingesting", "encoding", "seeding", "fitting", "writing"} <= set(jobs["stages"]), f"stages: {jobs['stages']}")
    checks.that(all(0 < speed <= at["ranks"] for at in jobs["projected"] for speed in at["speedup"].values()),
                f"speed-ups: {jobs['projected']}")


def check(checks, records):
    by_what = {what: [r for r in records if r["what"] == what] for what in MEASURES}
    for what, found in by_what.items():
        checks.that({"strata"} <= {r["contender"].partition(",")[0] for r in found}, f"{what}: Strata is missing")
        # Seeding's is what one fit takes longer than another, which noise may turn round.
        checks.that(what == "seeding" or all(r["median"] > 0 for r in found), f"{what}: a time is not positive: {found}")
    everybody = {r["contender"] for r in by_what["pass"]}
    checks.that({"strata", "plain", "plain-fast", "sklearn-lloyd"} <= everybody, f"only {everybody} took part")
    for record in by_what["fit"]:
        checks.that(abs(record["inertia_off"]) <= 2e-5, f"{record['contender']} ends elsewhere: {record['inertia_off']:.1e}")
    strata = by_what["fit"][0]
    told = strata["last"]["objective"]
    checks.that(abs(strata["inertia"] / told - 1) < 1e-9, f"Strata says {told}, its centres give {strata['inertia']}")
    check_ranks(checks, by_what)
    share = by_what["allreduce"][0]
    checks.that(share["iterations"] < share["reductions"] <= share["iterations"] + 8,
                f"{share['reductions']} reductions in {share['iterations']} iterations")


main()
