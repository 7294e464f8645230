"""Sums up what ctest wrote: failures with their output, skipped tests with their reasons, counts.

    summary.py build/PRESET/junit.xml...

Ends with 1 if a test failed or if there was none.
"""

import os
import re
import sys
import xml.etree.ElementTree

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
OUTPUT_LINES = 120


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def tests(path):
    """(name, what happened, its output, seconds) of each test in one report."""
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        state = {"run": "passed", "fail": "failed"}.get(case.get("status"), "skipped")
        output = case.findtext("system-out") or ""
        if state == "skipped" and "SKIPPED: " not in output:
            state = "failed"  # ctest could not start it
            detail = case.find("skipped")
            output = output or (detail.get("message", "") if detail is not None else "")
        yield case.get("name"), state, output, float(case.get("time") or 0)


def main(reports):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    failed, skipped, slow = [], [], []
    for report in reports:
        preset = os.path.basename(os.path.dirname(report))
        for name, state, output, seconds in tests(report):
            count[state] += 1
            slow.append((seconds, preset, name))
            if state == "failed":
                failed.append((preset, name, output))
            elif state == "skipped":
                reason = re.search(r"SKIPPED: (.*)", output)[1]
                skipped.append((preset, name, reason))

    for preset, name, output in failed:
        print(f"\n{paint(31, 'failed')}   {preset}: {name}")
        lines = output.rstrip().splitlines()
        if len(lines) > OUTPUT_LINES:
            lines = [f"... {len(lines) - OUTPUT_LINES} lines before"] + lines[-OUTPUT_LINES:]
        print("".join(f"    {line}\n" for line in lines), end="")
        print(f"    again: ctest --test-dir build/{preset} --verbose -R '^{re.escape(name)}$'")
    if skipped:
        print()
    for preset, name, reason in skipped:
        print(f"{paint(33, 'skipped')}  {preset}: {name}: {reason}")
    if os.environ.get("CI"):
        print()
        for seconds, preset, name in sorted(slow, reverse=True)[:10]:
            if seconds >= 5:
                print(f"slow     {preset}: {name}: {seconds:.0f} s")

    text = f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"
    is_good = count["passed"] > 0 and count["failed"] == 0
    print(f"\n{paint(32 if is_good else 31, text)}")
    return 0 if is_good else 1


sys.exit(main(sys.argv[1:]))
