#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Simulates producers and consumers on one memory node, for docs/scaling.md.

Half of the CPUs allocate, and each hands its objects to one of the other half, which
free. The time of an operation passes on its CPU. One CPU at a time holds a line that
CPUs share; the line is passed on first come, first served. The simulation counts how
often a batch moves and how long its lines are held, as listed in docs/scaling.md. It
knows nothing else of an allocator, so the figures say where a line saturates, and not
how fast an allocator is.

With --nodes it simulates instead a CPU that frees objects of other memory nodes at
random, and counts the lines and locked operations that the outbox of hakmem takes.
"""
import argparse
import heapq
import random
from collections import deque

BARN_FULL = 10          # MAX_FULL_SHEAVES of mm/slub.c, and as many empty ones
SHEAF = 60              # objects of a sheaf, for objects of 64 bytes
MAGAZINES, BATCH = 2, 32
LEAST = 4               # HAK_OUTBOX_LEAST of kernel/outbox.c


class Line:
    """A resource that one CPU has at a time."""

    def __init__(self):
        self.free_at = 0.0

    def take(self, now, hold):
        """When the holder is done, if it asks at NOW and holds it so long."""
        self.free_at = max(now, self.free_at) + hold
        return self.free_at


class Slub:
    """Sheaves through a barn: one lock a node, ten full sheaves at the most."""

    batch = SHEAF

    def __init__(self, cpus, opt):
        self.opt = opt
        self.barn, self.partial = Line(), Line()
        self.full = 0

    def get(self, now, _cpu):
        """Refill: the lock's line, and a neighbour's on either list."""
        if self.full:
            self.full -= 1
            return self.barn.take(now, 3 * self.opt.transfer), 0
        # From slabs: the list of partial slabs, and each object's line.
        done = self.partial.take(now, 2 * self.opt.transfer)
        return done + SHEAF * self.opt.transfer / self.opt.overlap, 1

    def put(self, now, _cpu):
        """Give a full sheaf away; a barn that is full sends it to the slabs."""
        if self.full < BARN_FULL:
            self.full += 1
            return self.barn.take(now, 3 * self.opt.transfer), 0
        return now + SHEAF * self.opt.transfer / self.opt.overlap, 1


class Hakmem:
    """Magazines through a depot: a push without a lock, a lock that is tried."""

    batch = BATCH

    def __init__(self, cpus, opt):
        self.opt = opt
        self.incoming, self.lock = Line(), Line()
        self.home = [MAGAZINES] * cpus
        self.sent = deque()

    def get(self, now, _cpu):
        """Receive: the lock's line, and the magazine's for its link."""
        if self.sent and self.lock.free_at <= now + self.opt.spin:
            self.home[self.sent.pop()] += 1
            return self.lock.take(now, 2 * self.opt.transfer), 0
        return now + BATCH * self.opt.transfer / self.opt.overlap, 1

    def put(self, now, cpu):
        """Send, if a magazine is home: one line."""
        if self.home[cpu]:
            self.home[cpu] -= 1
            self.sent.append(cpu)
            return self.incoming.take(now, self.opt.transfer), 0
        return now + BATCH * self.opt.transfer / self.opt.overlap, 1


def simulate(kind, cpus, opt):
    """Objects a second and CPU pair, and the share of batches by way of slabs."""
    allocator = kind(cpus, opt)
    pairs = cpus // 2
    # What is between producer and consumer, and how far each has come.
    ring = [0] * pairs
    events = [(cpu * 0.1, cpu) for cpu in range(cpus)]
    heapq.heapify(events)
    moved = slow = batches = 0
    end = opt.milliseconds * 1e6
    while events:
        now, cpu = heapq.heappop(events)
        if now > end:
            break
        pair, consumer = cpu // 2, cpu & 1
        room = ring[pair] if consumer else opt.ring - ring[pair]
        if room < allocator.batch:
            heapq.heappush(events, (now + opt.transfer, cpu))
            continue
        # The batch is used or made, object by object, then its sheaf moves.
        now += allocator.batch * opt.work
        ring[pair] += -allocator.batch if consumer else allocator.batch
        done, by_slab = (allocator.put if consumer else allocator.get)(now, cpu)
        moved += allocator.batch if consumer else 0
        slow += by_slab
        batches += 1
        heapq.heappush(events, (done, cpu))
    return moved / pairs / opt.milliseconds * 1e-3, slow / max(batches, 1)


def outbox(nodes, frees=200000):
    """The objects of each magazine, and how many are pushed, for so many nodes."""
    rng = random.Random(1)
    waiting, magazines, pushed = [], [], 0
    for _ in range(frees):
        if len(waiting) == BATCH:
            n = waiting.count(waiting[0])
            waiting = [nid for nid in waiting if nid != waiting[0]]
            if n >= LEAST:
                magazines.append(n)
            else:
                pushed += n
        waiting.append(rng.randrange(nodes - 1))
    return magazines, pushed


def magazine_lines(n):
    """What a magazine of n objects takes on both sides, as docs/scaling.md counts."""
    own = -(-(16 + 8 * n) // 64)
    # incoming, the magazine; lock, incoming, the magazine, full.
    return 1 + own + 2 + own + 1


def print_nodes(opt):
    """A table of what sending an object home costs."""
    print("| nodes | objects a magazine | pushed | lines an object | locked an object |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for nodes in opt.nodes:
        magazines, pushed = outbox(nodes)
        sent = sum(magazines)
        lines = sum(magazine_lines(n) for n in magazines) + 2 * pushed
        locked = 3 * len(magazines) + 2 * pushed
        print(f"| {nodes} | {sent / max(len(magazines), 1):.1f} | {pushed / (sent + pushed):.0%} "
              f"| {lines / (sent + pushed):.2f} | {locked / (sent + pushed):.2f} |")


def main():
    """Prints a table for docs/scaling.md."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=float, default=15.0, metavar="NS",
                        help="own time of an object on each side (default %(default)s)")
    parser.add_argument("--transfer", type=float, default=100.0, metavar="NS",
                        help="time a line takes from core to core (default %(default)s)")
    parser.add_argument("--overlap", type=float, default=4.0, metavar="N",
                        help="misses of a batch that overlap (default %(default)s)")
    parser.add_argument("--spin", type=float, default=1000.0, metavar="NS",
                        help="how long a receiver tries the lock (default %(default)s)")
    parser.add_argument("--ring", type=int, default=512, metavar="N",
                        help="objects between a producer and its consumer (default %(default)s)")
    parser.add_argument("--milliseconds", type=float, default=5.0, metavar="MS",
                        help="simulated time (default %(default)s)")
    parser.add_argument("--cpus", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64, 128, 256])
    parser.add_argument("--nodes", type=int, nargs="+", metavar="N",
                        help="what it costs to free objects of N - 1 other nodes, instead")
    opt = parser.parse_args()
    if opt.nodes:
        if min(opt.nodes) < 2:
            parser.error("--nodes takes 2 at least")
        print_nodes(opt)
        return
    if min(opt.cpus) < 2 or min(opt.work, opt.transfer, opt.overlap, opt.milliseconds) <= 0:
        parser.error("it takes two CPUs at least, and times above 0")
    if opt.ring < 2 * SHEAF:
        parser.error(f"--ring takes {2 * SHEAF} at least")
    print("| CPUs | SLUB, M objects/s a pair | by way of slabs "
          "| hakmem, M objects/s a pair | by way of slabs |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for cpus in opt.cpus:
        cells = []
        for kind in (Slub, Hakmem):
            rate, slow = simulate(kind, cpus, opt)
            cells += [f"{rate:.1f}", f"{slow:.0%}"]
        print(f"| {cpus} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
