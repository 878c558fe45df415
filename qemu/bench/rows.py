# SPDX-License-Identifier: GPL-2.0
"""The rows that bench-slub measures, in their order."""

CLASSES = [8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448,
           512, 640, 768, 896, 1024]

ANY = ("hak", "kmalloc")
TYPED = ("hak_cache", "kmem_cache")
BULK = ("hak", "kmem_cache")
KINDS = {"const": ("constant size", ANY), "any": ("run-time size", ANY),
         "typed": ("typed cache", TYPED)}

SHORT, DEFAULT, FULL = range(3)


class Row:
    """One comparison: a workload, its parameters, and who is compared."""

    def __init__(self, name, workload, ours, theirs, size=64, most=0, n=1, order="fifo",
                 holes=0, threads=1, lives=1, ops=1000, group="", level=DEFAULT):
        self.name, self.workload, self.ours, self.theirs = name, workload, ours, theirs
        self.size, self.ops, self.threads, self.group = size, ops, threads, group
        self.level = level
        self.tail = f"{order} {size} {most} {n} {holes} {threads} {lives} {ops}"
        # Where threads wait for each other, time is no sum of loop and allocator.
        self.waits = workload.startswith(("ring", "to_one", "pingpong"))
        # Differences from slice to slice are noise, except where they come from the
        # heap's shape.
        self.noisy = not holes
        self.big = n * threads >= 500000
        self.split = workload in ("burst", "burst_const", "touch", "irq_free", "irq_both",
                                  "longest", "second")
        # Flush only for rows that fill more than the caches of a CPU.
        self.flush = n > 64
        # What was measured: by allocator and round the records of its slices.
        self.rounds = {}
        self.slices = 0
        self.seconds = 0.0

    def spec(self, allocator, seed):
        return f"{self.workload} {allocator} {self.tail} {seed}"


class Rows:
    """
    The rows of a backend. Exact counts need few operations; where time is
    measured a slice is to take some 5 to 10 ms.
    """

    def __init__(self, exact, cpus):
        self.exact, self.cpus, self.rows = exact, cpus, []

    def add(self, *args, **kwargs):
        self.rows.append(Row(*args, **kwargs))

    def burst(self, n, order="fifo", kinds=("any",), holes=0, touch=False, level=DEFAULT):
        times = max(1, (2000 if self.exact else 200000) // n)
        name = f"burst of {n:,}" + ("" if order == "fifo" else f", {order}")
        name += ", fragmented heap" if holes else ", touched" if touch else ""
        for kind in kinds:
            self.add(f"{name}, {KINDS[kind][0]}",
                     "touch" if touch else "burst_const" if kind == "const" else "burst",
                     *KINDS[kind][1], n=n, order=order, holes=holes, ops=n * times,
                     group="burst", level=level)

    def pairs(self):
        ops = 400 if self.exact else 300000
        for kind, (label, who) in KINDS.items():
            for size in CLASSES if self.exact else [8, 64, 256, 1024]:
                self.add(f"pair, {size} B, {label}",
                         "pair_const" if kind == "const" else "pair", *who, size=size, ops=ops,
                         group=f"pair {kind}", level=SHORT if size == 64 else DEFAULT)

    def bursts(self):
        every = ("const", "any", "typed")
        self.burst(64, kinds=every, level=SHORT)
        self.burst(64, "lifo")
        self.burst(64, "random")
        # As many as SLUB's two sheaves of 60 hold, and more than hakmem's cache holds.
        self.burst(120)
        self.burst(1000, kinds=every)
        self.burst(1000, "lifo")
        self.burst(1000, "random")
        self.burst(10000, kinds=every, level=SHORT)
        self.burst(10000, "lifo")
        self.burst(10000, "random", ("any", "typed"))
        self.burst(1000, "random", holes=5000 if self.exact else 200000)
        if not self.exact:
            self.burst(10000, "random", touch=True)
            self.burst(1000000)
            self.burst(1000000, "lifo", level=FULL)
            self.burst(1000000, "random", level=FULL)
            self.burst(1000000, "random", touch=True, level=FULL)

    def longest(self):
        """The sum is of the longest allocation and the longest free, which are apart."""
        if not self.exact:
            return
        for workload, name in (("longest", "longest"), ("second", "longest but one")):
            self.add(f"{name} of 200,000, random, run-time size", workload, *ANY, n=10000,
                     order="random", ops=200000, group="longest", level=FULL)

    def others(self):
        for n in (16, 64):
            self.add(f"bulk of {n}", "bulk", *BULK, n=n, ops=n * (20 if self.exact else 4000),
                     group="bulk", level=SHORT if n == 64 else DEFAULT)
        # Long enough for most of the objects to come back meanwhile.
        for who, label in ((ANY, "run-time size"), (TYPED, "typed cache")):
            self.add(f"alloc, free after a grace period, {label}", "rcu_free", *who, n=64,
                     ops=64 * (5000 if self.exact else 3000), group="rcu")
        for workload, name in (("irq_free", "alloc in task, free in hard irq"),
                               ("irq_both", "alloc and free in hard irq")):
            self.add(f"{name}, 64 at a time", workload, *ANY, n=64,
                     ops=64 * (20 if self.exact else 300), group="irq")

    def whole_caches(self):
        """Management, by time: it waits for other CPUs and for grace periods."""
        if self.exact:
            return
        for n in (1, 1000):
            objects = "1 object" if n == 1 else f"{n:,} objects"
            self.add(f"create a cache, {objects}, destroy it", "lifetime", *TYPED, n=n, ops=4,
                     group="caches")
            self.add(f"{objects} and back, shrink", "shrink", *TYPED, n=n, ops=20,
                     group="caches")

    def replacing(self):
        ops = 12000 if self.exact else 300000
        self.add("replace 1 of 1,000, 8..127 B", "replace", *ANY, size=8, most=128, n=1000,
                 ops=ops, group="scaling replace", level=SHORT)
        self.add("replace 1 of 1,000, 8..1023 B", "replace", *ANY, size=8, most=1024, n=1000,
                 ops=ops, group="replace")
        self.add("replace 1 of 1,000, recorded sizes", "mixed", *ANY, size=64, most=65, n=1000,
                 ops=ops, group="replace", level=SHORT)
        if self.exact:
            return
        self.add("replace 1 of 500,000, 8..127 B", "replace", *ANY, size=8, most=128,
                 n=500000, ops=500000, group="replace")
        for threads in range(1, self.cpus + 1):
            if threads > 1:
                self.add(f"N to N, {threads} CPUs", "ring", *ANY, threads=threads, ops=40000,
                         group="scaling N to N", level=SHORT)
                self.add(f"N to N, {threads} CPUs, touched", "ring_touch", *ANY,
                         threads=threads, ops=40000, group="scaling N to N, touched")
                self.add(f"replace 1 of 1,000, 8..127 B, {threads} CPUs", "replace", *ANY,
                         size=8, most=128, n=1000, threads=threads, ops=ops,
                         group="scaling replace")
            self.add(f"Larson 8..127 B, {threads} CPU{'s' if threads > 1 else ''}", "larson",
                     *ANY, size=8, most=128, n=1024, threads=threads, lives=16, ops=16384,
                     group="scaling Larson", level=SHORT if threads == self.cpus else DEFAULT)

    def from_cpu_to_cpu(self):
        if self.exact or self.cpus < 2:
            return
        for tail, workload, who, level in (("", "to_one", ANY, SHORT),
                                           (", touched", "to_one_touch", ANY, SHORT),
                                           (", typed cache", "to_one", TYPED, DEFAULT)):
            self.add(f"one producer to one consumer{tail}", workload, *who,
                     threads=2, ops=80000, group="remote", level=level)
        self.add("ownership ping-pong, 64 at a time", "pingpong", *ANY, n=64, threads=2,
                 ops=64 * 300, group="remote", level=SHORT)
        # The sizes and arrays of larson 1 5 1 1000 100 10000 42.
        self.add("Larson 5..8 B, 1,000 blocks, 2 CPUs", "larson", *ANY, size=5, most=9,
                 n=1000, threads=2, lives=16, ops=16000, group="remote")
        if self.cpus > 2:
            self.add(f"{self.cpus - 1} producers to one consumer", "to_one", *ANY,
                     threads=self.cpus, ops=20000, group="remote")


def rows_for(exact, level, cpus):
    found = Rows(exact, cpus)
    found.pairs()
    found.bursts()
    found.longest()
    found.others()
    found.whole_caches()
    found.replacing()
    found.from_cpu_to_cpu()
    return [row for row in found.rows if row.level <= level]


def plan_of(rows, rounds, slices, before=0):
    """
    The lines for qemu/bench/guest/slub, and for each the row and the round it belongs
    to. A round measures each allocator SLICES times, in the order A B, B A, ...;
    the next round begins with the other. BEFORE: slices made by an earlier plan.
    """
    text, index = [], []

    def measure(number, turn, who, seed):
        text.append(rows[number].spec(who, seed))
        index.append((number, turn, who))
        if rows[number].flush and who != "empty":
            text.append("flush")

    for number, row in enumerate(rows):
        text += [f"say {number + 1}/{len(rows)} {row.name}", "flush"]
        for turn in range(rounds_of(row, rounds)):
            for i in range(before, before + slices):
                both = [row.theirs, row.ours] if (turn + i) % 2 == 0 else [row.ours, row.theirs]
                for who in both:
                    measure(number, turn, who, 1 + turn + 1000 * i)
            measure(number, turn, "empty", 1 + turn + 1000 * before)
    return "\n".join(text) + "\n", index


def rounds_of(row, rounds):
    return min(rounds, 7) if row.big else rounds
