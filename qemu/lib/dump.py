# SPDX-License-Identifier: GPL-2.0
"""
usage: dump.py DIR FILE

Writes the memory of a guest of qemu/vm to FILE, as often as the guest asks for it. DIR
has the sockets of QEMU: asks, the guest's serial port, and qmp, QEMU's monitor. The
guest does not run while its memory is written. Run by qemu/vm alone.
"""
import json
import os
import socket
import sys
import time


def connect(path):
    """QEMU makes the socket when it starts."""
    while True:
        try:
            to = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            to.connect(path)
            return to.makefile("rwb", buffering=0)
        except OSError:
            time.sleep(0.1)


def execute(monitor, command, **arguments):
    """Runs a command of the monitor, and waits for its end."""
    monitor.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    for line in monitor:
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"dump.py: {command}: {answer['error']['desc']}")
        if "return" in answer:
            return


def main():
    if len(sys.argv) != 3:
        sys.exit(2)
    folder, path = sys.argv[1], os.path.abspath(sys.argv[2])
    guest = connect(os.path.join(folder, "asks"))
    monitor = connect(os.path.join(folder, "qmp"))
    monitor.readline()
    execute(monitor, "qmp_capabilities")
    for line in guest:
        if line.strip() == b"dump":
            # With the virtual addresses, by which drgn finds the page tables.
            execute(monitor, "dump-guest-memory", paging=True, protocol=f"file:{path}")
            guest.write(b"done\n")


if __name__ == "__main__":
    main()
