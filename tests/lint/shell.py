"""lint.shell: shellcheck has nothing to say about any shell script."""

import os
import shutil
import subprocess

from common import ROOT, files, finish, skip


def is_shell(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and b"sh" in first.split(b"/")[-1]


def main():
    tool = shutil.which("shellcheck")
    if not tool:
        skip("shellcheck is not installed")
    scripts = [path for path in files((".ci", "deploy", "tests", "bench", "configs"), ("",))
               if is_shell(path)]
    run = subprocess.run([tool, "--external-sources", "--format=gcc", *scripts], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    finish(run.stdout.splitlines() + run.stderr.splitlines())


main()
