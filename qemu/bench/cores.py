# SPDX-License-Identifier: GPL-2.0
"""
Keeps the CPUs of user-mode Linux on cores of their own, and reports what else ran.

A CPU of user-mode Linux is a thread of the host. If the host's scheduler puts two of
them onto one core, no cache line moves from core to core, and the rows in which two
CPUs work together are wrong.
"""
import os
import threading
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")


def read(path):
    """The text of a file of /proc; empty if what it is about has gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def cpu_seconds(stat):
    """User and system time, from the text of a stat file."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK if len(fields) > 12 else 0.0


def busy_seconds():
    """What all cores have worked so far, guests of other machines left out."""
    user, nice, system, _, _, irq, softirq = map(int, read("/proc/stat").split()[1:8])
    return (user + nice + system + irq + softirq) * TICK


def below(ancestor):
    """ANCESTOR and the processes below it."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(pid))
    found = [ancestor]
    for pid in found:
        found += parents.get(pid, [])
    return found


class Cores:
    """
    While it is entered, pins the CPUS busiest threads of the program IMAGE below
    process ROOT, each to a core of its own. Afterwards: pinned says whether that was
    done, others is the share of the machine's time that other work took from then on.
    """

    PERIOD = 0.3

    def __init__(self, root, image, cpus):
        self.root, self.name, self.cpus = root, os.path.basename(image)[:15], cpus
        self.cores = sorted(os.sched_getaffinity(0))
        self.pinned, self.others = False, 0.0
        self.spent, self.ours = {}, {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.begin()
        self.thread.start()
        return self

    def begin(self):
        """What is used from here on counts."""
        self.start, self.busy = time.monotonic(), busy_seconds()
        self.before = sum(self.ours.values())

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        worked = busy_seconds() - self.busy - (sum(self.ours.values()) - self.before)
        self.others = max(0.0, worked / (time.monotonic() - self.start) / os.cpu_count())

    def watch(self):
        """Looks every so often, until told to stop."""
        while not self.done.wait(self.PERIOD):
            for pid in below(self.root):
                stat = read(f"/proc/{pid}/stat")
                if stat:
                    self.ours[pid] = cpu_seconds(stat)
                if not self.pinned and read(f"/proc/{pid}/comm").strip() == self.name:
                    self.pin(pid)

    def pin(self, pid):
        """Pins the threads of PID that have worked since the last look, if all have."""
        try:
            threads = list(map(int, os.listdir(f"/proc/{pid}/task")))
        except OSError:
            return
        worked = []
        for tid in threads:
            spent = cpu_seconds(read(f"/proc/{pid}/task/{tid}/stat"))
            worked.append((spent - self.spent.get(tid, spent), tid))
            self.spent[tid] = spent
        worked = sorted(worked, reverse=True)[:self.cpus]
        if len(self.cores) < self.cpus or len(worked) < self.cpus or \
                worked[-1][0] < self.PERIOD / 4:
            return
        try:
            for core, (_, tid) in zip(self.cores, worked):
                os.sched_setaffinity(tid, {core})
            self.pinned = True
            self.begin()
        except OSError:
            pass
