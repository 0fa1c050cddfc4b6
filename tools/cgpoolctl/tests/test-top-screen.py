#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs "cgpoolctl top" on a pseudo terminal, on a fake cgroup tree. TAP; needs no root.

usage: test-top-screen.py PROGRAM
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

ENTER = b"\033[?1049h"
LEAVE = b"\033[?1049l"
TIME_LIMIT = 20

STAT = """free 3
building 1
claimed 5
claims {claims}
misses 2
miss_empty 2
miss_cred 0
miss_stale 0
miss_limit 0
created 9
destroyed 1
stale 0
refill_usec 900
refill_lock_busy 0
refill_failed 0
"""

nr = 0
failed = 0


def check(ok, name, detail=""):
    global nr, failed
    nr += 1
    print(("ok" if ok else "not ok"), nr, "-", name)
    if not ok:
        failed += 1
        print("#", repr(detail)[:2000])


def write(path, text):
    # Never a moment without the file: the program reads it at any time.
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def make_tree(root):
    pool = os.path.join(root, "sandboxes")
    os.mkdir(pool)
    for directory in (root, pool):
        for name in ("cgroup.procs", "cgroup.controllers", "cgroup.subtree_control"):
            write(os.path.join(directory, name), "")
    write(os.path.join(pool, "cgroup.pool.max"), "8\n")
    write(os.path.join(pool, "cgroup.pool.low"), "4\n")
    write(os.path.join(pool, "cgroup.pool.nest"), "0\n")
    write(os.path.join(pool, "cgroup.pool.stat"), STAT.format(claims=100))
    write(os.path.join(pool, "cgroup.pool.events"), "empty 2\nlow 1\n")
    return pool


class Screen:
    """The program on a terminal of its own."""

    def __init__(self, argv, rows, cols):
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], argv)
        self.resize(rows, cols)

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read_until(self, wanted):
        """Reads until the bytes appear in what is new; returns what is new."""
        fresh = b""
        end = time.monotonic() + TIME_LIMIT
        while wanted is None or wanted not in fresh:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                break
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            fresh += data
        self.output += fresh
        return fresh

    def finish(self):
        self.read_until(None)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def lines_of(frame):
    plain = re.sub(rb"\033\[[0-9;?]*[a-zA-Z]", b"", frame)
    return [line.rstrip(b"\r") for line in plain.split(b"\n")]


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as root:
        pool = make_tree(root)
        os.environ["CGPOOL_FAKE_ROOT"] = "1"
        os.environ["TERM"] = "xterm"
        argv = [program, "--root", root, "top", "-d", "0.2"]

        endings = (
            ("q", lambda s: os.write(s.fd, b"q")),
            ("^C", lambda s: os.write(s.fd, b"\x03")),
            ("SIGTERM", lambda s: os.kill(s.pid, signal.SIGTERM)),
            ("SIGHUP", lambda s: os.kill(s.pid, signal.SIGHUP)),
        )
        for name, end in endings:
            screen = Screen(argv, 20, 120)
            screen.read_until(b"sandboxes")
            end(screen)
            status = screen.finish()
            check(status == 0, f"{name} ends it with 0", status)
            check(screen.output.count(ENTER) == 1 and screen.output.endswith(LEAVE),
                  f"{name} leaves the screen as it was", screen.output)

        screen = Screen(argv, 20, 120)
        frame = screen.read_until(b"sandboxes")
        check(b"      3       8       1" in frame, "free, max and building are shown", frame)
        write(os.path.join(pool, "cgroup.pool.stat"), STAT.format(claims=5100))
        frame = screen.read_until(b"0.0")
        rates = [float(rate) for rate in re.findall(rb"([0-9.]+) claims/s", frame)]
        # 5000 claims in an interval of 0.2 s and what the machine adds to it.
        check(any(1000 < rate <= 25000 * 1.5 for rate in rates), "claims per second are shown",
              frame)

        screen.resize(4, 20)
        screen.read_until(ENTER[:2] + b"H")
        frame = screen.read_until(b"\033[H").split(b"\033[H")[0]
        lines = lines_of(frame)
        check(len(lines) <= 4, "a small terminal does not scroll", frame)
        check(all(len(line) <= 20 for line in lines), "a narrow terminal cuts lines", frame)
        screen.resize(20, 120)
        frame = screen.read_until(b"sandboxes")
        check(b"sandboxes" in frame, "a terminal made larger shows the pool again", frame)
        os.write(screen.fd, b"q")
        screen.finish()

        run = subprocess.run(argv + ["-n", "2"], stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=TIME_LIMIT, check=False)
        check(run.returncode == 0 and b"\033" not in run.stdout and
              run.stdout.count(b"sandboxes") == 2,
              "output to a pipe is plain lines", run)
        run = subprocess.run(argv + ["-n", "0"], capture_output=True, timeout=TIME_LIMIT,
                             check=False)
        check(run.returncode == 2, "no iterations is wrong usage", run)
        with open("/dev/full", "w", encoding="ascii") as full:
            run = subprocess.run(argv + ["-n", "2"], stdout=full, stderr=subprocess.PIPE,
                                 timeout=TIME_LIMIT, check=False)
        check(run.returncode == 1, "a full disk is an error", run)

    print(f"1..{nr}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
