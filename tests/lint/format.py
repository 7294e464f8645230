"""lint.format: every C file is as clang-format writes it.  With --fix, makes it so."""

import re
import shutil
import subprocess
import sys

from common import ROOT, c_files, finish, skip

VERSION = "14"  # other versions lay some lines out differently


def main():
    tool = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")
    if not tool:
        skip(f"clang-format {VERSION} is not installed")
    said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    if not re.search(rf"version {VERSION}\.", said):
        skip(f"clang-format {VERSION} is needed, this is: {said.strip()}")
    paths = c_files()
    if not paths:
        finish([])
    if "--fix" in sys.argv:
        subprocess.run([tool, "-i", *paths], cwd=ROOT, check=True)
        finish([])
    run = subprocess.run([tool, "--dry-run", "--Werror", *paths], cwd=ROOT, capture_output=True,
                         text=True, check=False)
    places = re.findall(r"^(\S+?):(\d+):\d+: error:", run.stderr, re.MULTILINE)
    first = {path: line for path, line in reversed(places)}
    findings = [f"{path}:{line}: not as clang-format writes it, from this line on"
                for path, line in sorted(first.items())]
    if run.returncode and not findings:
        findings = [run.stderr]
    if findings:
        findings.append("cmake --build build/dev --target format  puts it right")
    finish(findings)


main()
