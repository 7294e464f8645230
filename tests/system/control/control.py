#!/usr/bin/python3
"""The control channel from outside: the Python client and stratactl against a made-up job.

    control.py FAKE_JOB
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN  # noqa: E402
from strata_client import Client, NoReply, Sync, pb  # noqa: E402

FAKE_JOB = sys.argv[1]
STRATACTL = str(BIN / "stratactl")
N_JOBS = 0


class Job:
    """A made-up job in a folder of its own; a with statement ends it."""

    def __init__(self, tick_ms=20, ticks=100000, ending="done", endpoint="ipc"):
        global N_JOBS
        N_JOBS += 1
        self.run = os.path.abspath(f"run-{N_JOBS}")
        os.mkdir(self.run)
        self.process = subprocess.Popen([FAKE_JOB, self.run, endpoint, str(tick_ms), str(ticks), ending],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait(self):
        output, _ = self.process.communicate(timeout=30)
        return output


def ctl(*arguments, code=0, timeout=30, **environment):
    done = subprocess.run([STRATACTL, *arguments], capture_output=True, text=True, timeout=timeout, check=False,
                          env={**os.environ, **environment})
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    assert (done.stderr != "") == (code not in (0, 130)), (arguments, done.stderr)
    return done.stderr if code else done.stdout


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def state_of(client):
    return pb.JobState.Name(client.ask("get_status").status.state)


# --- the Python client ---------------------------------------------------------------------------


def test_python_reads_a_running_job():
    with Job() as job:
        client = Client(job.run)
        until(lambda: state_of(client) == "JOB_STATE_FITTING")
        status = client.ask("get_status")
        assert status.code == pb.CODE_OK and status.status.job == "fake-households"
        assert status.incarnation == client.channel.incarnation
        assert not status.status.HasField("remaining_s")
        segments = client.ask("get_segments")
        assert segments.segments.interim and len(segments.segments.segments) == 5
        refused = client.ask("get_personas")
        assert refused.code == pb.CODE_UNAVAILABLE and "FITTING" in refused.text
        later = client.ask("get_status")
        assert later.seq >= status.seq and later.incarnation == status.incarnation
        client.close()


def test_python_follows_events_to_the_end():
    with Job(tick_ms=10, ticks=150) as job:
        client = Client(job.run)
        client.subscribe()
        events = []
        while not events or not events[-1].last:
            event = client.next_event(5)
            assert event is not None, "silence before the last event"
            events.append(event)
        numbers = [e.number for e in events if not e.HasField("heartbeat")]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no event was lost"
        assert [e.seq for e in events] == sorted(e.seq for e in events)
        assert {e.incarnation for e in events} == {client.channel.incarnation}
        assert events[-1].status.state == pb.JOB_STATE_DONE
        fractions = [e.status.fraction for e in events if e.HasField("status")]
        assert fractions == sorted(fractions), "progress never falls"
        client.close()
        job.wait()


def test_events_are_at_most_twenty_a_second_and_heartbeats_one():
    with Job(tick_ms=1) as job:
        client = Client(job.run)
        client.subscribe()
        assert client.next_event(5)
        end, count = time.monotonic() + 2, 0
        while time.monotonic() < end:
            event = client.next_event(0.5)
            count += event is not None and event.HasField("status")
        assert 5 <= count <= 42, count
        client.close()
    with Job(tick_ms=3600000) as job:
        client = Client(job.run)
        client.subscribe()
        beats = []
        while len(beats) < 3:
            event = client.next_event(5)
            assert event
            if event.HasField("heartbeat"):
                beats.append((time.monotonic(), event.number, event.seq))
        assert 1.5 < beats[2][0] - beats[0][0] < 3.5, beats
        assert len({beat[1:] for beat in beats}) == 1, "a heartbeat repeats the last number and sequence"
        client.close()


# --- stratactl -----------------------------------------------------------------------------------


def test_stratactl_asks_a_running_job():
    with Job() as job:
        client = Client(job.run)
        until(lambda: state_of(client) == "JOB_STATE_FITTING")
        client.close()
        text = ctl("--run", job.run, "status")
        assert "fake-households  FITTING" in text and "2,377 in 18 columns" in text, text
        reply = json.loads(ctl("--run", job.run, "--json", "status"))
        assert reply["status"]["state"] == "JOB_STATE_FITTING" and reply["status"]["customers"] == "2377", reply
        text = ctl("--run", job.run, "segments")
        assert text.startswith("Interim") and "Segment 5" in text, text
        assert json.loads(ctl("--run", job.run, "-j", "segments"))["segments"]["interim"] is True
        assert "FITTING" in ctl("--run", job.run, "persona", "1", code=69)
        with open(os.path.join(job.run, "control.json"), encoding="utf-8") as file:
            endpoint = json.load(file)["requests"]
        assert "FITTING" in ctl("--endpoint", endpoint, "status")


def test_stratactl_stops_a_job_which_then_finishes():
    with Job(tick_ms=30) as job:
        client = Client(job.run)
        until(lambda: state_of(client) == "JOB_STATE_FITTING")
        client.close()
        assert re.match(r"Stopped in iteration \d+: the job finishes with the best model so far", ctl("--run", job.run, "stop"))
        assert "stopped at iteration" in job.wait()
        assert "DONE" in ctl("--run", job.run, "status"), "the finished run answers by itself"
        assert "DONE" in ctl("--run", job.run, "stop", code=69)


def test_commands_are_answered_when_they_have_taken_effect():
    with Job(tick_ms=30) as job:
        client = Client(job.run)
        until(lambda: state_of(client) == "JOB_STATE_FITTING")
        paused = int(re.match(r"Paused after iteration (\d+), which is on disk", ctl("--run", job.run, "pause"))[1])
        assert state_of(client) == "JOB_STATE_PAUSED"
        assert "PAUSED" in ctl("--run", job.run, "status")
        reply = json.loads(ctl("--run", job.run, "--json", "set", "tolerance=0.001"))
        assert reply["set"]["iteration"] == str(paused), reply
        assert ctl("--run", job.run, "set", "drop=5/2") == f"In effect from iteration {paused} on.\n"
        assert "cannot be set" in ctl("--run", job.run, "set", "drop=0", code=64)
        assert "cannot be set" in ctl("--run", job.run, "set", "colour=3", code=64)
        assert "0 to 0.1" in ctl("--run", job.run, "set", "tolerance=3", code=64)
        assert ctl("--run", job.run, "resume") == f"The job goes on after iteration {paused}.\n"
        assert state_of(client) == "JOB_STATE_FITTING"
        client.close()


def test_a_command_that_waits_is_answered_at_its_deadline():
    with Job(tick_ms=1500) as job:
        client = Client(job.run)
        until(lambda: state_of(client) == "JOB_STATE_FITTING")
        begin = time.monotonic()
        text = ctl("--run", job.run, "--timeout", "0.5", "set", "max_iter=9", code=75)
        assert "has accepted it" in text and time.monotonic() - begin < 1.4, text
        begin = time.monotonic()
        status = client.ask("get_status")
        assert status.code == pb.CODE_OK and time.monotonic() - begin < 0.5, "others are not kept waiting"
        client.timeout_s = 0.2
        assert client.ask("pause").code == pb.CODE_ACCEPTED
        client.timeout_s = 9
        reply = client.ask("stop")
        assert reply.code == pb.CODE_OK and reply.stop.iteration > 0, reply
        client.close()


def test_commands_of_a_job_that_ends_are_answered_too():
    with Job(tick_ms=300, ticks=2) as job:
        client = Client(job.run)
        until(lambda: state_of(client) == "JOB_STATE_FITTING")
        reply = client.ask("cancel")
        assert reply.code == pb.CODE_UNAVAILABLE and "too late" in reply.text, reply
        client.close()


def test_stratactl_reads_a_finished_run_without_a_server():
    with Job(tick_ms=1, ticks=3) as job:
        job.wait()
        assert not os.path.exists(os.path.join(job.run, "control.json"))
        text = ctl("--run", job.run, "segments")
        assert "Young discount hunters" in text and "near the store." in text, text
        text = ctl("--run", job.run, "persona", "2")
        assert text.startswith("High-income loyalists\nSegment 2,") and "How they buy" in text, text
        assert text == ctl("--run", job.run, "persona", "High-income loyalists")
        assert ctl("--run", job.run, "persona").count("customers,") == 5
        reply = json.loads(ctl("--run", job.run, "--json", "persona", "2"))
        assert reply["persona"]["persona"]["name"] == "High-income loyalists"
        assert "name" in ctl("--run", job.run, "persona", "nobody", code=66)
        ctl("--run", job.run, "persona", "77", code=66)


def test_watch_follows_to_the_end():
    with Job(tick_ms=10, ticks=40) as job:
        text = ctl("--run", job.run, "watch")
        assert text.splitlines()[-1].startswith("Done in "), text
        assert "Finding segments: 2,377 customers" in text, text
        assert "\033" not in text
    with Job(tick_ms=10, ticks=40) as job:
        lines = [json.loads(line) for line in ctl("--run", job.run, "--json", "watch").splitlines()]
        assert lines[0]["code"] == "CODE_OK", "first the snapshot, then events"
        assert lines[-1]["status"]["state"] == "JOB_STATE_DONE"
        numbers = [int(line["number"]) for line in lines[1:]]
        assert numbers == sorted(numbers)
    assert ctl("--run", job.run, "watch").startswith("Done"), "a finished run is told at once"


def test_watch_tells_how_the_job_ended():
    with Job(tick_ms=10, ticks=30, ending="failed") as job:
        assert "orders.csv:7" in ctl("--run", job.run, "watch", code=69)
    with Job(tick_ms=10, ticks=30, ending="cancelled") as job:
        ctl("--run", job.run, "watch", code=130)
    with Job(tick_ms=10, ticks=100, ending="killed") as job:
        begin = time.monotonic()
        text = ctl("--run", job.run, "--wait", "1", "watch", code=69)
        assert "gone" in text and time.monotonic() - begin < 15, text


def test_usage_errors():
    for arguments in ([], ["status"], ["--run", "x"], ["--run", "x", "dance"], ["--run", "x", "--endpoint", "y", "status"],
                      ["--run", "x", "status", "extra"], ["--timeout", "soon", "--run", "x", "status"], ["--what"],
                      ["--run"]):
        assert "stratactl" in ctl(*arguments, code=64)
    assert "usage" in ctl("--help") and ctl("--version").startswith("stratactl ")
    os.makedirs("empty", exist_ok=True)
    ctl("--run", "empty", "status", code=69)
    ctl("--run", "no-such-folder", "status", code=69)
    ctl("--endpoint", "nonsense", "status", code=64)
    begin = time.monotonic()
    ctl("--endpoint", "tcp://127.0.0.1:9", "--timeout", "2", "status", code=69)
    assert time.monotonic() - begin < 4


# --- clients that do not behave, and servers that died -------------------------------------------


def test_a_killed_server_is_told_in_time_and_replaced():
    with Job() as job:
        job.process.kill()
        job.process.wait()
        begin = time.monotonic()
        assert "gone" in ctl("--run", job.run, "status", code=69)
        assert time.monotonic() - begin < 3
        again = subprocess.Popen([FAKE_JOB, job.run, "ipc", "20", "10000", "done"], stdout=subprocess.PIPE, text=True)
        assert again.stdout.readline() == "ready\n"
        ctl("--run", job.run, "status")
        again.kill()
        again.communicate()


def test_a_stopped_server_is_silent_and_not_taken_for_one_that_refuses():
    with Job(endpoint="tcp://127.0.0.1:*") as job, Client(job.run, timeout_s=1) as client:
        assert client.status().job == "fake-households"
        events = client.events()
        assert isinstance(next(events), Sync)
        job.process.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            try:
                client.timeout_s = 1 if time.monotonic() - begin < 1 else 4
                client.status()
                raise AssertionError("it is stopped")
            except NoReply:
                pass
        job.process.send_signal(signal.SIGCONT)
        client.wait_s = 5
        assert client.status().job == "fake-households"
        numbers = [next(events).number for _ in range(10)]
        assert numbers == sorted(numbers), "and the same watch goes on"


def test_garbage_oversize_and_idle_connections_disturb_nobody():
    with Job(endpoint="tcp://127.0.0.1:*") as job:
        client = Client(job.run)
        host, port = re.fullmatch(r"tcp://([\d.]+):(\d+)", client.channel.requests).groups()
        idle = [socket.create_connection((host, int(port))) for _ in range(200)]
        for i in range(50):
            stranger = socket.create_connection((host, int(port)))
            stranger.sendall(os.urandom(300) if i % 2 else b"GET / HTTP/1.1\r\n\r\n")
            stranger.close()
        context = zmq.Context()
        rude = context.socket(zmq.DEALER)
        rude.linger = 0
        rude.connect(client.channel.requests)
        rude.send(os.urandom(1000))
        assert rude.poll(2000)
        assert pb.Reply.FromString(rude.recv()).code == pb.CODE_BAD_REQUEST
        rude.send(b"\0" * 1100000)
        assert not rude.poll(300), "no reply to an oversize message"
        begin = time.monotonic()
        for _ in range(50):
            assert client.ask("get_status").code == pb.CODE_OK
        assert time.monotonic() - begin < 2
        for connection in idle:
            connection.close()
        rude.close()
        context.term()
        client.close()


def test_subscribers_that_never_read_do_not_stop_the_job():
    with Job(tick_ms=5, ticks=200) as job:
        context = zmq.Context()
        for _ in range(20):
            deaf = context.socket(zmq.SUB)
            deaf.rcvhwm = 1
            deaf.linger = 0
            deaf.subscribe(b"")
            deaf.connect(Client(job.run).channel.events)
        job.wait()
        assert job.process.returncode == 0
        context.destroy(0)


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        begin = time.monotonic()
        test()
        print(f"{name[5:]}: {time.monotonic() - begin:.1f} s", flush=True)
    print(f"{len(tests)} scenarios passed")


main()
