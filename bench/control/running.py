"""What the measures of bench/control share: a job that iterates for long, servers of finished runs, loads, crowds."""
import atexit
import json
import os
import pathlib
import random
import re
import selectors
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
from strata_client import Client, StrataError, pb  # noqa: E402

JOB = """job: bench
sources:
  - {{name: customers, files: {path}, key: id, header: yes, columns: {{{columns}}}}}
customers: select * from customers
features:
{features}
model: {{estimator: gmm-diag, segments: {{from: {k}, to: {k}}}, starts: {starts}, max_iter: {iterations}, tolerance: 0}}
threads: 1
"""


def write_job(folder, name, rows, columns, k, starts, iterations):
    """A job of customers without groups, whose mixture takes long to come to rest: its iterations are all alike."""
    draw = random.Random(1)
    names = [f"c{i}" for i in range(columns)]
    path = folder / f"{name}.csv"
    if not path.exists():
        with open(path, "w", encoding="ascii") as file:
            file.write(",".join(["id", *names]) + "\n")
            for row in range(rows):
                file.write(f"{row}," + ",".join(str(draw.getrandbits(14)) for _ in names) + "\n")
    job = folder / f"{name}.yaml"
    job.write_text(JOB.format(path=path, k=k, starts=starts, iterations=iterations,
                              columns=", ".join(f"{c}: integer" for c in names),
                              features="\n".join(f"  - {{name: {c}, type: numeric}}" for c in names)))
    return job


def on_core(cores):
    """For preexec_fn: the process may run there."""
    return lambda: os.sched_setaffinity(0, cores)


class Server:
    """A process of strata that listens: `run` or `serve`."""

    def __init__(self, build, words, run, cores, launcher=()):
        self.run, self.client, self.keys = pathlib.Path(run), None, None
        (self.run / "control.json").unlink(missing_ok=True)  # of one that was killed
        self.process = subprocess.Popen([*launcher, str(build / "bin" / "strata"), *words], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=on_core(cores))
        atexit.register(self.process.kill)
        self.channel = self.wait_for_channel()
        self.pid = self.channel["pid"]

    def wait_for_channel(self):
        """control.json of this process."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit(f"strata ended with {self.process.returncode}: {self.process.stderr.read()}")
            try:
                return json.loads((self.run / "control.json").read_text())
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        sys.exit("strata does not listen")

    def ask(self, kind):
        if not self.client:
            self.client = Client(str(self.run))
        return self.client.ask(kind)

    def wait_until_fitting(self):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if self.ask("get_status").status.state == pb.JOB_STATE_FITTING:
                return
            time.sleep(0.05)
        sys.exit("the job does not come to its fit")

    def is_fitting(self):
        return self.ask("get_status").status.state == pb.JOB_STATE_FITTING

    def pin_threads(self, compute, others):
        """The main thread, which computes, on one core; the threads of the channel on others."""
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            os.sched_setaffinity(int(thread), compute if int(thread) == self.pid else others)

    def is_apart(self):
        """Whether threads keep off the processors of the one that computes: those of the channel, and nobody else does."""
        tasks = [int(thread) for thread in os.listdir(f"/proc/{self.pid}/task")]
        return any(not os.sched_getaffinity(thread) & os.sched_getaffinity(self.pid) for thread in tasks)

    def cpu_s(self):
        """Seconds of processor, of the thread that computes and of all others."""
        used = {}
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            text = pathlib.Path(f"/proc/{self.pid}/task/{thread}/stat").read_text(encoding="ascii")
            fields = text.rsplit(")", 1)[1].split()
            used[int(thread)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return used[self.pid], sum(used.values()) - used[self.pid]

    def computing_s(self):
        """Seconds that the thread that computes has run, and that it has waited for a processor."""
        fields = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text(encoding="ascii").split()
        return int(fields[0]) / 1e9, int(fields[1]) / 1e9

    def resident(self):
        """Bytes of memory."""
        if self.process.poll() is not None:
            sys.exit("the job has ended meanwhile: give it more --rows")
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def log(self, event):
        """Lines of the log with this event."""
        lines = (self.run / "log.jsonl").read_text(encoding="utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def end(self, kind="cancel"):
        """Ask a running job to end."""
        try:
            self.ask(kind)
        except StrataError:
            pass
        self.process.wait(timeout=120)

    def close(self):
        if self.client:
            self.client.close()
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.communicate()


def seconds_of(stamp):
    """A log line's time as seconds of the epoch."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(f"0.{rest}")


def iteration_s(ends, begin, end):
    """Mean seconds of the iterations that lie wholly within a window; None when there are none."""
    within = [at for at in ends if begin <= at <= end]
    return (within[-1] - within[0]) / (len(within) - 1) if len(within) > 2 else None


def request_file(folder, kind, fill=None):
    """A packed request without id, as bench_control_load wants it."""
    request = pb.Request()
    getattr(request, kind).SetInParent()
    if fill:
        fill(getattr(request, kind))
    path = folder / f"{kind}.request"
    path.write_bytes(request.SerializeToString())
    return path


def load(build, endpoint, request, cores, **words):
    """One load to its end; what it tells."""
    line = [str(build / "bench" / "bench_control_load"), f"endpoint={endpoint}", f"request={request}",
            *(f"{name}={value}" for name, value in words.items() if value is not None)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, preexec_fn=on_core(cores))
    if done.returncode != 0:
        sys.exit(f"{' '.join(line)}: {done.stderr}")
    return json.loads(done.stdout)


def crowd(endpoint, n, seconds, again):
    """So many connections that never speak; those that the server closes come again, or not.  How many it closed."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    chosen, closed = selectors.EpollSelector(), 0

    def come():
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((host, int(port)))
        chosen.register(one, selectors.EVENT_READ)

    def stays(one):
        try:
            return len(one.recv(4096)) > 0
        except OSError:
            return False

    for _ in range(n):
        come()
    print("ready", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in chosen.select(0.1):
            if stays(key.fileobj):
                continue
            chosen.unregister(key.fileobj)
            key.fileobj.close()
            closed += 1
            if again:
                come()
    print(closed)
