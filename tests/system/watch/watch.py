#!/usr/bin/python3
"""stratactl watch on a terminal: the picture at several widths, resizing, colours, the terminal given back on every way
out, and a job that is killed and started again.

    watch.py FAKE_JOB
"""
import concurrent.futures
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

FAKE_JOB = sys.argv[1]
STRATACTL = os.path.join(os.environ["STRATA_BIN"], "stratactl")
ENTER, LEAVE = "\033[?1049h\033[?25l", "\033[?25h\033[?1049l"


class Job:
    """A made-up job in a folder of its own; a with statement ends it."""

    def __init__(self, name, tick_ms=20, ticks=100000, ending="done"):
        self.run = os.path.abspath(f"run-{name}")
        os.makedirs(self.run, exist_ok=True)
        self.process = subprocess.Popen([FAKE_JOB, self.run, "ipc", str(tick_ms), str(ticks), ending],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def stop(self):
        """Let it finish with what it has."""
        subprocess.run([STRATACTL, "--run", self.run, "stop"], check=True, timeout=30, stdout=subprocess.DEVNULL)

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Terminal:
    """A program on a terminal of so many columns and 30 lines."""

    def __init__(self, columns, *arguments, **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, slave)
        environment = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
        self.process = subprocess.Popen([STRATACTL, *arguments], stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                                        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **environment})
        os.close(slave)
        self.bytes = b""

    @property
    def drawn(self):
        return self.bytes.decode(errors="replace")

    def resize(self, columns, file=None):
        fcntl.ioctl(self.master if file is None else file, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def read(self, seconds, condition=lambda text: False):
        """Read on until the condition, the end, or so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not condition(self.drawn):
            if not select.select([self.master], [], [], 0.05)[0]:
                continue
            try:
                self.bytes += os.read(self.master, 65536)
            except OSError:
                return
        return

    def finish(self, seconds=30):
        """Its exit code, when it has ended by itself."""
        self.read(seconds)
        code = self.process.wait(timeout=10)
        os.close(self.master)
        return code

    def frames(self):
        """Lines of every whole picture, without colours."""
        found = []
        for frame in self.drawn.split("\033[H")[1:]:
            if "\033[J" in frame:
                frame = re.sub(r"\033\[[0-9;]*[mK]", "", frame[:frame.index("\033[J")])
                found.append(re.sub("\r+\n", "\n", frame).split("\n"))
        return found


def check_width(frames, columns):
    assert frames, "nothing was drawn"
    for frame in frames:
        assert all(len(line) < columns for line in frame), (columns, frame)
    last = frames[-1]
    assert len(last[0]) == columns - 1 and len(last[1]) == columns - 1, (columns, last)


def is_at(frames, percent):
    """Whether a fit has been drawn that has come so far."""
    return any("Finding segments" in f[0] and int(re.search(r"(\d+)%", f[1])[1]) >= percent for f in frames)


def test_picture(columns):
    with Job(f"w{columns}", tick_ms=40) as job:
        terminal = Terminal(columns, "--run", job.run, "watch")
        terminal.read(20, lambda _: is_at(terminal.frames(), 30))
        job.stop()
        assert terminal.finish() == 0, terminal.drawn
    check_width(terminal.frames(), columns)
    fitting = [f for f in terminal.frames() if is_at([f], 30)]
    assert fitting, terminal.frames()
    picture = fitting[0]
    assert picture[0].startswith("fake-house") and re.search(r"\d s$", picture[0]), picture
    assert re.match("\u2595\u2588+.* *\u258f +[0-9]+%$", picture[1]), picture
    facts = {line.split("  ")[0].split(" ")[0]: line for line in picture[2:]}
    assert "not yet known" in facts["Time"] and "2,377" in facts["Customers"], picture
    assert re.search(r"[\u2581-\u2588]{4,} +[0-9.e+]+ +iteration [0-9]+$", facts["Objective"]), picture
    assert "3 of 70 live" in facts["Candidates"] and facts["Ranks"].split()[1] == "4", picture
    assert "\033[36m" in terminal.drawn, "colours"
    assert terminal.drawn.count(ENTER) == terminal.drawn.count(LEAVE) == 1
    assert re.search(re.escape(LEAVE) + r"Done in [^\r\n]*: 5 segments of 2,377 customers\r\n$", terminal.drawn), terminal.drawn[-200:]


def test_no_colour_and_ascii():
    with Job("plain") as job:
        bare = Terminal(80, "--run", job.run, "watch", NO_COLOR="1")
        ascii_only = Terminal(80, "--run", job.run, "watch", LC_ALL="C")
        for terminal in (bare, ascii_only):
            terminal.read(20, lambda _, one=terminal: is_at(one.frames(), 20))
        job.stop()
        assert bare.finish() == 0 and ascii_only.finish() == 0
    assert not re.search(r"\033\[[0-9;]*m", bare.drawn) and "\u2588" in bare.drawn
    assert ascii_only.drawn.isascii() and any(f[1].startswith("[####") for f in ascii_only.frames()), ascii_only.frames()[-1]
    check_width(bare.frames(), 80)
    check_width(ascii_only.frames(), 80)


def test_resizing():
    with Job("resized") as job:
        terminal = Terminal(120, "--run", job.run, "watch")
        terminal.read(10, lambda text: text.count("\033[J") > 3)
        for columns in (50, 90):
            before = len(terminal.frames())
            terminal.resize(columns)
            terminal.process.send_signal(signal.SIGWINCH)
            terminal.read(10, lambda text, n=before: len(terminal.frames()) > n + 3)
            check_width(terminal.frames()[before + 2:], columns)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.finish() == 130 and terminal.drawn.endswith(LEAVE)


def wait_until_stopped(pid):
    """As a shell does before it lets a program go on."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == "T":
                return
        time.sleep(0.01)
    raise AssertionError("it was not stopped")


def test_every_way_out():
    with Job("left", tick_ms=5) as job:
        for number, moment in ((signal.SIGINT, 0.0), (signal.SIGTERM, 0.1), (signal.SIGHUP, 0.2), (signal.SIGQUIT, 0.31),
                               (signal.SIGINT, 0.43)):
            terminal = Terminal(80, "--run", job.run, "watch")
            terminal.read(10, lambda text: ENTER in text)
            terminal.read(moment)
            terminal.process.send_signal(number)
            assert terminal.finish() == 130, (number, terminal.drawn[-200:])
            assert terminal.drawn.endswith(LEAVE), (number, terminal.drawn[-200:])
        terminal = Terminal(80, "--run", job.run, "watch")
        terminal.read(10, lambda text: "\033[J" in text)
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.read(10, lambda text: text.endswith(LEAVE))
        assert terminal.drawn.endswith(LEAVE), "the shell has its screen while the watch is stopped"
        wait_until_stopped(terminal.process.pid)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read(10, lambda text: text.count(ENTER) == 2 and text.rfind("\033[J") > text.rfind(ENTER))
        assert terminal.drawn.count(ENTER) == 2
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.finish() == 130 and terminal.drawn.endswith(LEAVE)
    with Job("failed", ending="failed") as job:
        terminal = Terminal(80, "--run", job.run, "watch")
        terminal.read(20, lambda text: "\033[J" in text)
        job.stop()
        assert terminal.finish() == 69 and "orders.csv:7" in terminal.drawn[terminal.drawn.rindex(LEAVE):]
    with Job("gone") as job:
        terminal = Terminal(80, "--run", job.run, "--wait", "1", "watch")
        terminal.read(20, lambda text: "\033[J" in text)
        job.process.kill()
        assert terminal.finish() == 69
        assert "the job is gone" in terminal.drawn[terminal.drawn.rindex(LEAVE):], terminal.drawn[-300:]


def restart(name, start, has_begun, has_gone_on):
    """Start a watch, kill its job, start the job again, and let it finish."""
    with Job(name) as job:
        watch = start(job)
        has_begun(watch)
    time.sleep(0.3)
    with Job(name) as job:
        has_gone_on(watch)
        job.stop()
        return watch, watch.finish()


def test_restart_on_a_terminal():
    note = "the job was started again"
    terminal, code = restart("again", lambda job: Terminal(100, "--run", job.run, "watch"),
                             lambda terminal: terminal.read(20, lambda _: is_at(terminal.frames(), 5)),
                             lambda terminal: terminal.read(20, lambda text: note in text))
    assert code == 0, terminal.drawn[-300:]
    assert any(note in line for frame in terminal.frames() for line in frame)
    check_width(terminal.frames(), 100)


class Pipe:
    """A watch that writes into a file."""

    def __init__(self, name, *arguments):
        self.path = name
        with open(name, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen([STRATACTL, *arguments, "watch"], stdout=file, stderr=subprocess.PIPE, text=True)

    def output(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def wait_for(self, condition):
        end = time.monotonic() + 20
        while not condition(self.output()):
            assert time.monotonic() < end, self.output()
            time.sleep(0.05)

    def finish(self):
        errors = self.process.communicate(timeout=30)[1]
        assert not errors and "\033" not in self.output(), (errors, self.output())
        return self.process.returncode


def test_restart_in_a_pipe():
    watch, code = restart("piped", lambda job: Pipe("piped.txt", "--run", job.run),
                          lambda watch: watch.wait_for(lambda text: "Finding segments" in text),
                          lambda watch: watch.wait_for(lambda text: "The job was started again.\n" in text))
    assert code == 0 and watch.output().splitlines()[-1].startswith("Done in "), watch.output()


def test_restart_in_json():
    watch, code = restart("json", lambda job: Pipe("json.txt", "--run", job.run, "--json"),
                          lambda watch: watch.wait_for(lambda text: text.count("\n") > 5),
                          lambda watch: watch.wait_for(lambda text: len(set(re.findall('"incarnation":"([^"]+)"', text))) == 2))
    lines = [json.loads(line) for line in watch.output().splitlines()]
    lives = [line["incarnation"] for line in lines if line["incarnation"]]
    assert code == 0 and len(set(lives)) == 2 and lives == sorted(lives, key=lives.index), "one life after the other"
    for life in set(lives):
        numbers = [int(line["number"]) for line in lines if line["incarnation"] == life and "number" in line]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "every event once and in order"


def test_events_in_lines():
    with Job("events") as job:
        events = subprocess.Popen([STRATACTL, "--run", job.run, "events"], stdout=subprocess.PIPE, text=True)
        first = events.stdout.readline()
        job.stop()
        output = first + events.communicate(timeout=30)[0]
    assert events.returncode == 0, output
    lines = [re.fullmatch(r"\S+Z +(\d+)  (\S+) +(\S.*)", line) for line in output.splitlines()]
    assert all(lines) and lines[0][2] == "snapshot", output
    numbers = [int(line[1]) for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers


def timed(test):
    begin = time.monotonic()
    test()
    return time.monotonic() - begin


def main():
    tests = [(f"picture at {columns}", lambda columns=columns: test_picture(columns)) for columns in (40, 80, 200)]
    tests += [(name[5:], test) for name, test in globals().items() if name.startswith("test_") and name != "test_picture"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they mostly wait
        started = [(name, pool.submit(timed, test)) for name, test in tests]
        for name, future in started:
            print(f"{name}: {future.result():.1f} s", flush=True)
    print(f"{len(tests)} scenarios passed")


main()
