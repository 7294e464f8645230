"""A job on one host, clients on two others: one sees the run directory, the other has an address and a key, no more."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, SOURCE, Checks  # noqa: E402

HERE = pathlib.Path.cwd()
LONG = ["model.starts=60", "model.segments={from: 40, to: 47}", "model.min_share=0"]
LISTEN = ["control.interface=eth0", "control.ports={from: 7000, to: 7009}", f"control.keys={HERE / 'keys'}"]


def hosts(*words):
    return [str(SOURCE / "tests/support/hosts"), words[0], str(HERE / "hosts"), *words[1:]]


def ask(host, *words, **environment):
    return subprocess.run(hosts("exec", host, str(BIN / "stratactl"), "--timeout", "10", *words), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, env={**os.environ, **environment})


def start(output):
    line = [str(BIN / "strata"), "run", str(CONFIGS / "wholesale.yaml"), "--output", str(output), "--quiet"]
    job = subprocess.Popen(hosts("exec", "h2", *line, *(w for s in LONG + LISTEN for w in ("--set", s))), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 60
    while not (output / "control.json").exists() and job.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    return job


def check_reach(checks, out, channel):
    own = HERE / "on-h3"  # what the client of the third host was given
    shutil.copytree(HERE / "keys/wall", own)
    by_folder = ask("h1", "--run", str(out), "--keys", str(HERE / "keys/anna"), "--json", "status")
    checks.that(by_folder.returncode == 0 and '"wholesale"' in by_folder.stdout, f"by the run directory: {by_folder}")
    by_address = ask("h3", "--endpoint", channel["requests"], "--json", "status", STRATA_KEYS=str(own))
    checks.that(by_address.returncode == 0 and '"wholesale"' in by_address.stdout, f"by address: {by_address}")
    no_key = ask("h3", "--endpoint", channel["requests"], "status")
    checks.that(no_key.returncode == 77, f"without a key: {no_key}")
    small = ask("h3", "--endpoint", channel["requests"], "--keys", str(own), "stop")
    checks.that(small.returncode == 77 and "operator" in small.stderr, f"a viewer cannot stop: {small}")


def main():
    if not all(map(shutil.which, ("ip", "ssh", "dropbear"))) or os.geteuid() != 0:
        print("SKIPPED: hosts of their own need root, iproute2, openssh-client and dropbear-bin")
        return
    checks, out = Checks(), HERE / "out"
    subprocess.run([str(BIN / "strata"), "keygen", "keys", "--client=anna:operator", "--client=wall:viewer"], check=True)
    subprocess.run(hosts("up", "3"), check=True, stdin=subprocess.DEVNULL, timeout=60)
    try:
        job = start(out)
        channel = json.loads((out / "control.json").read_text())
        checks.that(channel["requests"] == "tcp://10.77.0.2:7000" and channel["events"] == "tcp://10.77.0.2:7001"
                    and channel["addresses"] == ["10.77.0.2"] and channel["host"] == "h2", f"where it listens: {channel}")
        check_reach(checks, out, channel)
        watch = subprocess.Popen(hosts("exec", "h3", str(BIN / "stratactl"), "--endpoint", channel["requests"], "--keys",
                                       str(HERE / "on-h3"), "--json", "watch"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 text=True)
        first = watch.stdout.readline()
        stopped = ask("h1", "--run", str(out), "--keys", str(HERE / "keys/anna"), "stop")
        checks.that(stopped.returncode == 0, f"an operator of another host stops it: {stopped}")
        text, _ = job.communicate(timeout=120)
        seen = [json.loads(line) for line in [first, *watch.communicate(timeout=60)[0].splitlines()]]
        checks.that(job.returncode == 0, f"the job: {job.returncode}\n{text}")
        checks.that(seen[-1].get("status", {}).get("state") == "JOB_STATE_DONE", f"events come to another host: {seen[-1:]}")
    finally:
        subprocess.run(hosts("down"), check=True, stdin=subprocess.DEVNULL, timeout=60)
    checks.end()


main()
