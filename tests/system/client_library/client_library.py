#!/usr/bin/python3
"""The client library as a program outside has it: installed, found by pkg-config, compiled against, run.

    client_library.py BUILD FAKE_JOB
"""
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
SOURCE = pathlib.Path(os.environ["STRATA_SOURCE_DIR"])
BUILD, FAKE_JOB = sys.argv[1:3]
PREFIX = pathlib.Path("prefix").absolute()


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False, **options)
    assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def install():
    for component in ("client", "completion"):
        run("cmake", "--install", BUILD, "--prefix", PREFIX, "--component", component)
    names = {str(p.relative_to(PREFIX)) for p in PREFIX.rglob("*") if p.is_file()}
    for name in ("include/strata/client.h", "include/strata/v1/control.pb-c.h", "share/strata/proto/strata/v1/control.proto",
                 "share/bash-completion/completions/stratactl", "share/zsh/site-functions/_stratactl"):
        assert name in names, (name, sorted(names))
    return next(PREFIX.rglob("strata-client.pc")).parent


def build(folder, name):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(folder)}
    flags = run("pkg-config", "--cflags", "--libs", "strata-client", env=environment).split()
    run("cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-deprecated-declarations",
        HERE / f"{name}.c", *flags, "-o", name)
    assert str(PREFIX) in " ".join(flags), flags


def test_example():
    os.mkdir("run")
    with subprocess.Popen([FAKE_JOB, "run", "ipc", "20", "100", "done"], stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout.readline() == "ready\n"
        time.sleep(0.3)
        lines = run("./example", "run").splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["1", "2", "3", "4", "5"], lines
    assert re.fullmatch(r"FITTING at iteration \d+", lines[5]), lines
    assert lines[-1] == "over", lines
    lines = run("./example", "run").splitlines()
    assert len(lines) == 5 and lines[0].endswith("Young discount hunters"), lines


def test_readme_shows_the_example():
    text = (SOURCE / "src/client/README.md").read_text()
    for line in (HERE / "example.c").read_text().splitlines()[4:]:
        assert line in text, f"src/client/README.md does not have the example's line: {line}"


def main():
    build(install(), "example")
    test_example()
    test_readme_shows_the_example()
    print("installed, built, run")


main()
