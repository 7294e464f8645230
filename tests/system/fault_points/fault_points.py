"""Points of faults are in the program for tests, and nothing of them in the one for users."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, SOURCE, Checks  # noqa: E402

checks = Checks()
points = set()
for path in (SOURCE / "src").rglob("*.c"):
    points |= set(re.findall(r'STRATA_FAULT(?:_AT|_BYTES|_CALL)?\("([^"]+)"', path.read_text()))
with_faults, without = (BIN / "faults/strata").read_bytes(), (BIN / "strata").read_bytes()
reachable = [name for name in points if name.encode() + b"\0" in with_faults]
checks.that(len(reachable) >= 25, f"only {len(reachable)} of {len(points)} named points are in bin/faults/strata")
for name in sorted(points) + ["STRATA_FAULT", "STRATA_FAULT_TRACE"]:
    checks.that(name.encode() + b"\0" not in without, f"{name} is in bin/strata")
for call in ("strata_fault_visit", "strata_fault_call", "strata_fault_bytes"):
    checks.that(call.encode() not in without, f"{call} is in bin/strata")
checks.end()
