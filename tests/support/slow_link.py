"""slow_link.py DELAY_MS LOSS_PERCENT NAME1 NAME2: two network devices, joined by a link that delays each frame and loses
some.  Says "ready" once they are there; they go when it ends.  The kernel's netem does the same, where it is built in."""
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, TAP_WITHOUT_HEADER = 0x400454CA, 0x0002 | 0x1000


def device(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_HEADER))
    return fd


def send(fd, frame):
    try:
        os.write(fd, frame)
    except OSError:
        pass  # a device that is down loses frames too


def main():
    delay_s, loss = float(sys.argv[1]) / 1000, float(sys.argv[2]) / 100
    ends = [device(name) for name in sys.argv[3:5]]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    chance, under_way, order = random.Random(1), [], 0
    print("ready", flush=True)
    while True:
        wait_s = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        for fd in select.select(ends, [], [], wait_s)[0]:
            frame = os.read(fd, 65536)
            if chance.random() >= loss:
                heapq.heappush(under_way, (time.monotonic() + delay_s, order, other[fd], frame))
                order += 1
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, to, frame = heapq.heappop(under_way)
            send(to, frame)


main()
