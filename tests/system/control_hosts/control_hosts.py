"""A job on one host, clients on two others: one sees the run directory, the other has an address and a key, no more.
The job is killed and started again on the same run directory, and their watches go on by themselves."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, SOURCE, Checks  # noqa: E402

HERE = pathlib.Path.cwd()
LONG = ["model.estimator=gmm-diag", "model.starts=4", "model.segments={from: 4, to: 7}", "model.tolerance=0",
        "model.max_iter=50000"]
LISTEN = ["control.interface=eth0", "control.ports={from: 7000, to: 7009}", f"control.keys={HERE / 'keys'}"]


def hosts(*words):
    return [str(SOURCE / "tests/support/hosts"), words[0], str(HERE / "hosts"), *words[1:]]


def ask(host, *words, **environment):
    return subprocess.run(hosts("exec", host, str(BIN / "stratactl"), "--timeout", "10", *words), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, env={**os.environ, **environment})


def start(output):
    line = [str(BIN / "strata"), "run", str(CONFIGS / "wholesale.yaml"), "--output", str(output), "--quiet"]
    return subprocess.Popen(hosts("exec", "h2", *line, *(w for s in LONG + LISTEN for w in ("--set", s))),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("waited in vain")
        time.sleep(0.02)


def kill(job):
    """The job's own process, whose parent has entered the host; control.json stays."""
    children = pathlib.Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    for pid in map(int, children):
        os.kill(pid, signal.SIGKILL)
    job.communicate(timeout=60)


class Watch:
    """A client on a host that watches until the job is over; what it says, as it comes."""

    def __init__(self, name, host, *words):
        self.name, self.path = name, HERE / f"{name.replace(' ', '-')}.jsonl"
        with open(self.path, "wb") as file:
            self.process = subprocess.Popen(hosts("exec", host, *map(str, words)), stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.PIPE, text=True)

    def lines(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def incarnations(self):
        """Of the servers whose events it has told."""
        return list(dict.fromkeys(line["incarnation"] for line in self.lines() if "number" in line))


def watches(out, channel):
    """In two languages, by run directory and by address."""
    python = ["/usr/bin/python3", SOURCE / "deploy/strata_client.py", "--wait", "60"]
    ctl = [BIN / "stratactl", "--json", "--wait", "60"]
    folder, address = ["--keys", HERE / "keys/anna"], ["--keys", HERE / "on-h3"]
    return [Watch("Python by folder", "h1", *python, *folder, out, "watch"),
            Watch("Python by address", "h3", *python, *address, channel["requests"], "watch"),
            Watch("stratactl by folder", "h1", *ctl, "--run", out, *folder, "watch"),
            Watch("stratactl by address", "h3", *ctl, "--endpoint", channel["requests"], *address, "watch")]


def check_watch(checks, watch, servers):
    """Each server's events, in order and without a gap, from a snapshot to the end."""
    _, errors = watch.process.communicate(timeout=60)
    lines, name = watch.lines(), watch.name
    checks.that(watch.process.returncode == 0, f"{name}: {watch.process.returncode} {errors}")
    checks.that(watch.incarnations() == servers, f"{name}: events of {watch.incarnations()}, not of {servers}")
    for server in servers:
        numbers = [int(line["number"]) for line in lines if line.get("incarnation") == server and "number" in line
                   and "heartbeat" not in line]
        checks.that(numbers == sorted(set(numbers)), f"{name}: events of {server} out of order: {numbers}")
        if name.startswith("Python") and "gap" not in {line.get("why") for line in lines}:
            checks.that(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"{name}: some are missing: {numbers}")
    if name.startswith("Python"):
        whys = [line["why"] for line in lines if line.get("why") not in (None, "gap")]
        checks.that(whys == ["begin", "restart"], f"{name}: snapshots at {whys}")
    states = [line["status"]["state"] for line in lines if "status" in line]
    checks.that(states[-1] == "JOB_STATE_DONE", f"{name}: {states[-3:]}")


def check_restart(checks, out, job):
    """The job, killed and started again; what the second attempt said."""
    first = json.loads((out / "control.json").read_text())
    watching = watches(out, first)
    wait_for(lambda: all(watch.incarnations() for watch in watching))
    saved = ask("h1", "--run", str(out), "--keys", str(HERE / "keys/anna"), "checkpoint")
    checks.that(saved.returncode == 0, f"a checkpoint: {saved}")
    kill(job)
    time.sleep(1)
    job = start(out)
    wait_for(lambda: json.loads((out / "control.json").read_text())["incarnation"] != first["incarnation"])
    second = json.loads((out / "control.json").read_text())
    wait_for(lambda: all(len(watch.incarnations()) == 2 for watch in watching))
    stopped = ask("h1", "--run", str(out), "--keys", str(HERE / "keys/anna"), "stop")
    checks.that(stopped.returncode == 0, f"an operator of another host stops it: {stopped}")
    text, _ = job.communicate(timeout=120)
    checks.that(job.returncode == 0 and "run.resume" in (out / "log.jsonl").read_text(),
                f"the job goes on where it was: {job.returncode}\n{text}")
    for watch in watching:
        check_watch(checks, watch, [first["incarnation"], second["incarnation"]])


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
        wait_for((out / "control.json").exists)
        channel = json.loads((out / "control.json").read_text())
        checks.that(channel["requests"] == "tcp://10.77.0.2:7000" and channel["events"] == "tcp://10.77.0.2:7001"
                    and channel["addresses"] == ["10.77.0.2"] and channel["host"] == "h2", f"where it listens: {channel}")
        check_reach(checks, out, channel)
        check_restart(checks, out, job)
    finally:
        subprocess.run(hosts("down"), check=True, stdin=subprocess.DEVNULL, timeout=60)
    checks.end()


main()
