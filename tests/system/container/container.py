"""The container recipe and the Kubernetes job of deploy/.

    container.py           what can be told by reading them: files, programs, ports and volumes belong together
    container.py --build   the recipe's steps in bare Debian roots, and a job in the one that they make"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import CONFIGS, SOURCE, Checks, hashes, must  # noqa: E402

HERE = pathlib.Path.cwd()
RECIPE = SOURCE / "deploy/container/Containerfile"
KNOWN = {"FROM", "COPY", "RUN", "WORKDIR", "USER", "ENV", "CMD"}


def instructions():
    """(instruction, its words as one text) of the recipe, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", RECIPE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def stages():
    """[(name, instructions after FROM)], each of Debian bookworm."""
    found = []
    for instruction, words in instructions():
        if instruction == "FROM":
            found.append((words.partition(" AS ")[2], []))
        else:
            found[-1][1].append((instruction, words))
    return found


def made_files(steps):
    """Where the last stage's files come from: {path in the image: path in the checkout}."""
    found = {}
    for instruction, words in steps:
        if instruction == "COPY" and not words.startswith("--from"):
            *sources, target = words.split()
            for source in sources:
                found[target + pathlib.Path(source).name if target.endswith("/") else target] = SOURCE / source
    return found


def read_recipe(checks):
    for instruction, words in instructions():
        checks.that(instruction in KNOWN, f"{instruction} is an instruction that this test knows")
        if instruction == "FROM":
            checks.that(words.startswith("debian:bookworm-slim"), f"the base is pinned to a release: {words}")
        if instruction == "RUN":
            done = subprocess.run(["shellcheck", "--shell=sh", "-"], input=words, capture_output=True, text=True)
            checks.that(done.returncode == 0, f"RUN {words}\n{done.stdout}")
        if instruction == "CMD":
            checks.that(isinstance(json.loads(words), list), "CMD is a list")
    files = made_files(stages()[-1][1])
    for source in files.values():
        checks.that(source.exists(), f"{source} is in the checkout")
    return files


def read_job(checks, files):
    job = yaml.safe_load((SOURCE / "deploy/kubernetes/mpijob.yaml").read_text())
    checks.that((job["apiVersion"], job["kind"]) == ("kubeflow.org/v2beta1", "MPIJob"), "an MPIJob")
    replicas = job["spec"]["mpiReplicaSpecs"]
    checks.that(set(replicas) == {"Launcher", "Worker"} and replicas["Launcher"]["replicas"] == 1, "one launcher, workers")
    sshd = dict(line.split(" ", 1) for line in files["/home/strata/sshd_config"].read_text().splitlines() if line[0] != "#")
    client = files["/home/strata/ssh_config"].read_text()
    checks.that(sshd["HostKey"].rpartition("/")[0] == job["spec"]["sshAuthMountPath"], "the server's keys are the mounted ones")
    checks.that(f"Port {sshd['Port']}\n" in client, "client and server meet at one port")
    for name, replica in replicas.items():
        pod = replica["template"]["spec"]
        volumes = {v["name"] for v in pod["volumes"]}
        for container in pod["containers"]:
            program = container["command"][0]
            checks.that(program in files or program == "/usr/sbin/sshd", f"{name}: {program} is in the image")
            checks.that({m["name"] for m in container["volumeMounts"]} <= volumes, f"{name}: its volumes are named")
            checks.that("requests" in container["resources"], f"{name}: it says what it needs")
            checks.that(container["securityContext"]["runAsUser"] == 1000, f"{name}: it runs as the image's user")
            ports = [p["containerPort"] for p in container.get("ports", [])]
            checks.that(ports in ([], [int(sshd["Port"])]), f"{name}: its port is the server's")
    command = replicas["Launcher"]["template"]["spec"]["containers"][0]["command"]
    (HERE / "hostfile").write_text("strata-worker-0.strata.default.svc slots=4\n# end\n")
    words = [str(SOURCE / "deploy/strata-supervise"), "--dry-run"]
    words += [str(HERE / "hostfile") if w == "/etc/mpi/hostfile" else w for w in command[1:]]
    done = subprocess.run(words, capture_output=True, text=True)
    checks.that(done.returncode == 0 and "--host strata-worker-0.strata.default.svc:4" in done.stdout,
                f"the launcher's command line is one: {done.stdout}{done.stderr}")


class Root:
    """A bare Debian, and what the recipe's steps make of it."""

    def __init__(self, name):
        self.path, self.folder, self.user, self.env = HERE / name, "/", None, {}
        self.mounted = []

    def bare(self, base):
        subprocess.run(["cp", "-a", str(base), str(self.path)], check=True)
        for place in ("proc", "dev", "sys"):
            subprocess.run(["mount", "--rbind", "--make-rslave", f"/{place}", str(self.path / place)], check=True)
            self.mounted.append(self.path / place)
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        # As in container images: installing a service does not start it.
        (self.path / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (self.path / "usr/sbin/policy-rc.d").chmod(0o755)

    def leave(self):
        for place in self.mounted:
            subprocess.run(["umount", "--lazy", "--recursive", str(place)])

    def run(self, text, check=True):
        user = [f"--userspec={self.user}:{self.user}"] if self.user else []
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/strata" if self.user else "/root", **proxies(), **self.env}
        line = [shutil.which("chroot"), *user, str(self.path), "/bin/sh", "-c", f"cd {self.folder} && {text}"]
        done = subprocess.run(line, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500)
        if check and done.returncode != 0:
            sys.exit(f"RUN {text}\nended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def inside(self, path):
        path = path if path.startswith("/") else f"{self.folder}/{path}"
        return self.path / path.lstrip("/")

    def copy(self, words, roots):
        words = words.split()
        origin, ignored = SOURCE, [".git", "build", "runs"]
        if words[0].startswith("--from="):
            origin, ignored = roots[words.pop(0)[7:]].path, []
        *sources, target = words
        self.inside(target if target.endswith("/") else str(pathlib.Path(target).parent)).mkdir(parents=True, exist_ok=True)
        for source in sources:
            where = origin / source.lstrip("/")
            if where.is_dir():
                left_out = [f"--exclude=./{name}" for name in ignored] + ["--exclude=./.deps/[!a]*"] * bool(ignored)
                self.inside(target).mkdir(exist_ok=True)
                pack = subprocess.Popen(["tar", "-C", str(where), "--dereference", *left_out, "-c", "."], stdout=subprocess.PIPE)
                subprocess.run(["tar", "-C", str(self.inside(target)), "-x"], stdin=pack.stdout, check=True)
            else:
                to = self.inside(target)
                shutil.copy(where, to / where.name if to.is_dir() else to)

    def follow(self, steps, roots):
        for instruction, words in steps:
            print(f"{instruction} {words}", flush=True)
            if instruction == "RUN":
                self.run(words)
            elif instruction == "COPY":
                self.copy(words, roots)
            elif instruction == "WORKDIR":
                self.folder = words
            elif instruction == "USER":
                self.user = words
            elif instruction == "ENV":
                self.env[words.split("=", 1)[0]] = words.split("=", 1)[1]


def proxies():
    """How this machine reaches the world, if not directly."""
    return {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy") or k.startswith("npm_config_")}


def bare_debian():
    """A minimal root as the base image is one, with this machine's package sources."""
    base = HERE / "base"
    line = ["debootstrap", "--variant=minbase", "bookworm", str(base)]
    done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    if done.returncode != 0:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    for name in ("apt", "ssl"):  # sources, proxies, and whom they trust
        subprocess.run(["cp", "-rT", f"/etc/{name}", str(base / "etc" / name)], check=True)
    return base


def try_image(checks, image):
    """The programs, and ranks started over ssh as the MPI operator does."""
    checks.that("segments customers" in image.run("strata --help").stdout, "the image's program runs")
    os.makedirs(image.path / "data")
    shutil.copytree(CONFIGS, image.path / "data/configs")
    os.chown(image.path / "data", 1000, 1000)
    image.run("mkdir -p .ssh && ssh-keygen -q -t rsa -N '' -f .ssh/id_rsa && cp .ssh/id_rsa.pub .ssh/authorized_keys")
    image.run("/usr/sbin/sshd -f sshd_config -E sshd.log")
    try:
        image.run("echo '127.0.0.1 slots=2' >/data/hosts")
        done = image.run("/opt/strata/deploy/strata-supervise --hosts /data/hosts run /data/configs/wholesale.yaml --output /data/run",
                         check=False)
        checks.that(done.returncode == 0, f"the supervisor over ssh: {done.returncode}\n{done.stdout}{done.stderr}")
        must(CONFIGS / "wholesale.yaml", HERE / "here")
        checks.that(hashes(image.path / "data/run") == hashes("here"), "the image's bytes are this build's")
    finally:
        image.run("kill $(cat sshd.pid)", check=False)


def build(checks):
    base, roots = bare_debian(), {}
    try:
        for number, (name, steps) in enumerate(stages()):
            root = roots[name or "image"] = Root(f"root{number}")
            root.bare(base)
            root.follow(steps, roots)
        try_image(checks, root)
    finally:
        for root in roots.values():
            root.leave()
        for entry in HERE.glob("root*"):
            if not any(place.is_mount() for place in map(entry.joinpath, ("proc", "dev", "sys"))):
                shutil.rmtree(entry)
        shutil.rmtree(base)


def main():
    checks = Checks()
    if "--build" in sys.argv:
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            print("SKIPPED: a bare root needs root and debootstrap")
            return
        build(checks)
    else:
        read_job(checks, read_recipe(checks))
    checks.end()


main()
