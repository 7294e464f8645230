"""Every command in any README is run: the lines of its `sh` blocks, in order, each README in a shell of its own.

A block is ```sh; lines that begin with `$ ` are commands, the rest is their output (not compared).  A comment
`<!-- not run here: REASON -->` right before a block names a block that this test cannot run, and why."""
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["STRATA_SOURCE_DIR"])
REASON = re.compile(r"<!-- not run here: (.+?) -->\s*$")


def blocks(text):
    """(commands, reason or None) of each sh block."""
    lines, found, at = text.splitlines(), [], 0
    while at < len(lines):
        if lines[at].strip() != "```sh":
            at += 1
            continue
        before = next((l for l in reversed(lines[:at]) if l.strip()), "")
        reason, commands, at = REASON.search(before), [], at + 1
        while lines[at].strip() != "```":
            if lines[at].startswith("$ "):
                commands.append(lines[at][2:])
            at += 1
        if not commands:
            sys.exit(f"a block ends at line {at + 1} without any line that begins with '$ ': {lines[at - 1]}")
        found.append((commands, reason.group(1) if reason else None))
    return found


def main():
    made = {".deps", "build", "runs"}
    found = [p.relative_to(SOURCE) for p in SOURCE.rglob("README.md")]
    files = sorted(str(p) for p in found if p.parts[0] not in made)
    ran = failed = 0
    for name in files:
        commands = []
        for block, reason in blocks((SOURCE / name).read_text()):
            if reason:
                print(f"{name}: not run here ({reason}): {'; '.join(block)}")
            else:
                commands += block
        if not commands:
            continue
        script = "set -euo pipefail\n" + "\n".join(f"echo '+' {c!r} >&2\n{c}" for c in commands)
        env = {**os.environ, "PATH": f"{os.environ['STRATA_BIN']}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", script], cwd=SOURCE, env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=900)
        ran += len(commands)
        if done.returncode:
            failed += 1
            print(f"FAILED: {name}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        else:
            print(f"{name}: {len(commands)} commands ran")
    print(f"{ran} commands ran, {failed} files failed")
    sys.exit(1 if failed or not ran else 0)


main()
