"""lint.tidy: clang-tidy has nothing to say about any C file of ours.

    tidy.py BUILD_FOLDER         which holds compile_commands.json
"""

import os
import re
import shutil
import subprocess
import sys

from common import ROOT, finish, skip


def main(build):
    tool = shutil.which("run-clang-tidy-14") or shutil.which("run-clang-tidy")
    if not tool:
        skip("clang-tidy is not installed")
    ours = f"^{re.escape(ROOT)}/(src|tests|bench)/.*\\.c$"
    run = subprocess.run(
        [tool, "-p", build, "-quiet", "-j", str(os.cpu_count()),
         "-extra-arg=-Wno-unknown-warning-option", "-extra-arg=-Wno-error", ours],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout)
    findings = sorted({line for line in plain.splitlines()
                       if re.search(r":\d+:\d+: (warning|error):", line)})
    if run.returncode and not findings:
        findings = [plain]
    finish([line.replace(ROOT + "/", "") for line in findings])


main(sys.argv[1])
