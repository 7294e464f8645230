#!/usr/bin/python3
"""Completion of stratactl in bash and zsh: it knows exactly the commands, options and settings that `stratactl --help` names."""
import os
import re
import shutil
import subprocess

SOURCE = os.environ["STRATA_SOURCE_DIR"]
STRATACTL = os.path.join(os.environ["STRATA_BIN"], "stratactl")
SCRIPT = os.path.join(SOURCE, "deploy/completion/stratactl.bash")


def completed(*words):
    """What bash offers for the last of these words, which follow `stratactl`."""
    line = f"""source {SCRIPT}
COMP_WORDS=(stratactl "$@"); COMP_CWORD=$#
_stratactl
printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", line, "bash", *words], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return [word for word in done.stdout.split("\n") if word]


def check_zsh(commands, options, settings):
    """The words of the file for zsh; that zsh reads it, where there is one."""
    path = os.path.join(SOURCE, "deploy/completion/_stratactl")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert re.findall(r"""^ {8}['"]([a-z]+):""", text, re.M) == commands, "commands of zsh"
    assert set(re.findall(r"(--[a-z]+)", text.split("_arguments", 1)[1])) == set(options), "options of zsh"
    assert re.search(r"settings=\((.*)\)", text)[1].split() == settings, "settings of zsh"
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", path], check=True, timeout=20)


def main():
    text = subprocess.run([STRATACTL, "--help"], capture_output=True, text=True, timeout=20, check=True).stdout
    commands = re.findall(r"^  ([a-z]+) ", text, re.M)
    options = re.findall(r"(--[a-z]+)", text[text.index("\noptions:"):])
    settings = re.findall(r"\b([a-z_]+=)", re.search(r"^  set .*$", text, re.M)[0])
    assert len(commands) > 15 and len(settings) == 5 and "--run" in options, (commands, options, settings)
    assert sorted(completed("")) == sorted(commands), set(completed("")) ^ set(commands)
    assert sorted(completed("--")) == sorted(set(options)), set(completed("--")) ^ set(options)
    assert sorted(completed("--run", "x", "set", "")) == sorted(settings)
    assert completed("--run", "x", "pe") == ["persona"]
    assert completed("--run", "x", "--json", "eva") == ["evaluation"]
    assert completed("-r", "x", "set", "to") == ["tolerance="]
    assert completed("--run", "x", "set", "log_level", "=", "w") == ["warn"]
    assert completed("--run", "x", "status", "") == []
    os.makedirs("folder-of-a-run", exist_ok=True)
    open("customers.csv", "w", encoding="utf-8").close()
    assert completed("--run", "folder-") == ["folder-of-a-run"]
    assert completed("--run", "x", "assign", "cust") == ["customers.csv"]
    check_zsh(commands, options, settings)
    print("completion knows what --help names")


main()
