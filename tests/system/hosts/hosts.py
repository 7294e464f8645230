"""Three hosts that share no network device, no process, no home: mpirun with a host file, over ssh.

    hosts.py            a job whose files only the first host has
    hosts.py --slow     a host whose link is cut or whose power goes, a slow link; with and without a shared
                        file system: the host is named, the job goes on on the two others, to the same bytes"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import CONFIGS, SOURCE, Checks, hashes, must  # noqa: E402

HERE = pathlib.Path.cwd()
JOB = CONFIGS / "wholesale.yaml"
LONG = ["model.starts=400", "model.segments={from: 40, to: 47}", "model.min_share=0"]
LIMIT_S = 240


def hosts(*words, **options):
    return subprocess.run([str(SOURCE / "tests/support/hosts"), words[0], str(HERE / "hosts"), *words[1:]],
                          check=True, stdin=subprocess.DEVNULL, timeout=60, **options)


class World:
    """Three hosts with a folder `work`: all hosts', or each host's own, where only the first has the job."""

    def __init__(self, shared):
        self.shared, self.work = shared, HERE / "work"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        hosts("up", "3", *([] if shared else [str(self.work)]))
        self.seen = self.work if shared else HERE / "hosts/h1/files0"  # from outside
        shutil.copy(JOB, self.seen)
        shutil.copytree(CONFIGS / "wholesale", self.seen / "wholesale")
        (self.seen / "hosts").write_text("h1 slots=1\nh2 slots=1\nh3 slots=1\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        hosts("down")
        shutil.rmtree(HERE / "hosts")

    def start(self, output, sets, **settings):
        """The supervisor with one rank a host, on the first; a link is given up after 5 s instead of 30.  Where
        the watch ended the job before that, mpirun would hang."""
        keepalive = {f"OMPI_MCA_oob_tcp_keepalive_{k}": v for k, v in (("time", "2"), ("intvl", "1"), ("probes", "3"))}
        line = [str(SOURCE / "deploy/strata-supervise"), "--hosts", "hosts", "--pause", "0", "run", JOB.name,
                "--output", output, "--quiet", "--stall-limit", "1"]
        line += [w for s in sets + ([] if self.shared else ["readers=coordinator"]) for w in ("--set", s)]
        line = [str(SOURCE / "tests/support/hosts"), "exec", str(HERE / "hosts"), "h1"] + line
        return subprocess.Popen(line, cwd=self.work, env={**os.environ, **keepalive, **settings}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_until_fitting(self, output):
        log, end = self.seen / output / "log.jsonl", time.monotonic() + LIMIT_S
        while time.monotonic() < end and not (log.exists() and '"fit.iter"' in log.read_text()):
            time.sleep(0.05)


def finish(process):
    text, _ = process.communicate(timeout=LIMIT_S)
    return process.returncode, text


def in_the_suite(checks):
    """Nothing that a rank needs is on the first host alone, but what the coordinator reads and writes."""
    must(JOB, HERE / "one-rank")
    with World(shared=False) as world:
        code, text = finish(world.start("out", []))
        checks.that(code == 0 and "ranks=3 hosts=h1 h2 h3" in text, f"three hosts: {code}\n{text}")
        checks.that("--stall-limit is 15 s, not 1 s" in text, f"a stall limit that mpirun does not bear is raised:\n{text}")
        checks.that("hear no datagram" not in text, f"datagrams pass:\n{text}")
        checks.that("out is on h1 alone" in text, f"what is lost with the first host is told at the start:\n{text}")
        checks.that('"directory.unshared"' in (world.seen / "out/log.jsonl").read_text(), "and in the log")
        checks.that(code == 0 and hashes(world.seen / "out") == hashes("one-rank"), "the same bytes on three hosts")
        others = [p for i in (2, 3) for p in (HERE / f"hosts/h{i}/files0").iterdir()]
        checks.that(not others, f"other hosts are left as they were: {others}")


def six_only(checks):
    """Without IPv4 the ranks and their watch hear each other as well."""
    with World(shared=True) as world:
        hosts("six", "3")
        code, text = finish(world.start("out", []))
        checks.that(code == 0 and "hear no datagram" not in text, f"IPv6 only: {code}\n{text}")


def lose_a_host(checks, shared, how):
    """The third host goes while ranks fit."""
    with World(shared) as world:
        process = world.start("out", LONG)
        world.wait_until_fitting("out")
        hosts(how, "h3")
        begin = time.monotonic()
        code, text = finish(process)
        name = f"{how}, {'shared' if shared else 'own'} files"
        print(f"{name}: ended with {code} after {time.monotonic() - begin:.1f} s", flush=True)
        checks.that(shared != ("is on h1 alone" in text), f"{name}: the run directory's place\n{text}")
        checks.that("on node h3" in text or "on h3" in text, f"{name}: the host is named\n{text}")
        checks.that("host h3 does not answer" in text and "ranks=2 hosts=h1 h2" in text, f"{name}: goes on on two\n{text}")
        checks.that(code == 0 and hashes(world.seen / "out") == hashes("undisturbed"), f"{name}: the same bytes\n{text}")
        if how == "cut":
            hosts("heal", "h3")
            time.sleep(2)
            checks.that(hashes(world.seen / "out") == hashes("undisturbed"), f"{name}: and when the link is back")


def slow_link(checks):
    """Delay and loss are no reason for an alarm."""
    with World(shared=True) as world:
        hosts("slow", "h3", "5", "1", stdout=subprocess.DEVNULL)
        code, text = finish(world.start("out", LONG))
        checks.that(code == 0 and "restarts=1" not in text, f"a slow link: {code}\n{text}")
        checks.that(code == 0 and hashes(world.seen / "out") == hashes("undisturbed"), "a slow link: the same bytes")


def main():
    if not all(map(shutil.which, ("ip", "ssh", "dropbear"))) or os.geteuid() != 0:
        print("SKIPPED: hosts of their own need root, iproute2, openssh-client and dropbear-bin")
        return
    checks = Checks()
    if "--slow" in sys.argv:
        must(JOB, HERE / "undisturbed", sets=LONG)
        for shared in (True, False):
            for how in ("cut", "kill"):
                lose_a_host(checks, shared, how)
        slow_link(checks)
        six_only(checks)
    else:
        in_the_suite(checks)
    checks.end()


main()
