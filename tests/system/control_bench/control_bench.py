"""bench/control/control works: every measure, for a moment.  Its times say nothing here; what was asked was answered, and who
read the events missed none."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, SOURCE, Checks  # noqa: E402

BUILD = BIN.parent


def measure(checks, *words):
    line = [str(SOURCE / "bench" / "control" / "control"), *words, "--rows", "3000", "--rounds", "1", "--window", "0.3",
            "--seconds", "1", "--build", str(BUILD), "--json", "out.json"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRATA_")}
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, env=env, check=False)
    checks.that(done.returncode == 0, f"{words}: exit {done.returncode}:\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        return []
    return json.loads(pathlib.Path("out.json").read_text(encoding="utf-8"))["records"]


def main():
    if not (BUILD / "bench" / "bench_control_load").exists():
        print("SKIPPED: the benches are not built (STRATA_BENCHES)")
        return
    checks = Checks()
    records = measure(checks, "isolation", "latency", "subscribers", "assign", "--rates", "200", "--subscribers", "40",
                      "--batch", "50")
    records += measure(checks, "isolation", "idle", "--place", "bound", "--rates", "200", "--idle", "50")
    seen = {record["what"] for record in records}
    checks.that(seen == {"isolation", "latency", "subscribers", "assign", "idle"}, f"measured only {seen}")
    for record in records:
        if record["what"] == "isolation":
            checks.that(record["apart"] == (record["place"] == "bound" and os.cpu_count() > 1),
                        f"the channel's threads keep off the rank's core where it is bound, and only there: {record}")
        if "answered" in record:
            checks.that(0 < record["answered"] == record["sent"] and record["refused"] == 0, f"not all was answered: {record}")
        if record["what"] == "subscribers":
            checks.that(record["events"] > 0 and record["lost"] == 0, f"events were lost: {record}")
    checks.end()


main()
