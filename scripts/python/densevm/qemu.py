# SPDX-License-Identifier: GPL-2.0-only
"""Running QEMU, talking to it, and reading what its guests say."""
import json
import os
import re
import socket

PROGRAM = os.environ.get("QEMU", "qemu-system-x86_64")
# Lines of the console that a sound kernel does not print.
SPLAT = re.compile(r"WARNING: CPU|WARNING: at|BUG: |kernel BUG at|Oops|general protection|"
                   r"Kernel panic|Call Trace|double fault|unchecked MSR|Unpatched return thunk|"
                   r"missing return thunk|Something went|self-detected stall|detected stalls|"
                   r"lockdep|ftrace bug|corrupt")


class MonitorError(Exception):
    """QEMU has refused a command, or is gone."""


class Monitor:
    """A connection to the socket of -qmp, for a with statement."""

    def __init__(self, path, timeout):
        self.path, self.timeout = path, timeout
        self.sock = self.stream = None

    def __enter__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.path)
            self.stream = self.sock.makefile("rw", encoding="utf-8")
            self.execute("qmp_capabilities")
        except BaseException:
            self.sock.close()
            raise
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.sock.close()

    def execute(self, command, **arguments):
        """Events and QEMU's greeting are passed over."""
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.stream, flush=True)
        for line in iter(self.stream.readline, ""):
            answer = json.loads(line)
            if "error" in answer:
                raise MonitorError(f"QEMU: {command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]
        raise MonitorError(f"QEMU: {command}: no answer")

    def execute_human(self, line):
        return self.execute("human-monitor-command", **{"command-line": line})


def icount_options(plugin, log, first, last):
    """Count the instructions from the address first to the address last, in log.

    The clock on the board follows the guest's time and RDRAND is seeded: every run is the same.
    """
    return ["-seed", "1", "-rtc", "base=2026-01-01,clock=vm", "-icount", "shift=0,sleep=off",
            "-d", "plugin", "-D", log, "-plugin", f"{plugin},from={first:#x},to={last:#x}"]


def icount_result(log):
    """What was counted; None as long as the guest is not at its end."""
    if not os.path.exists(log):
        return None
    with open(log, encoding="utf-8", errors="replace") as file:
        match = re.search(r"insn (\d+)\n", file.read())
    return match and int(match.group(1))
