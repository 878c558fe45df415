# SPDX-License-Identifier: GPL-2.0
"""
The programs of mimalloc-bench under every allocator in turn. The user builds them and
says where they are; none of them is part of hakmem.
"""
import os
import re
import statistics
import subprocess
import sys

import command_line
import figures

# The program with its arguments, what it does, how its output tells millions of
# operations per second, and how many rounds are enough where Larson has 15. Without a
# pattern what counts is how long it takes.
PROGRAMS = [
    ("xmalloc-test -w 2 -t 3 -s 64", "2 threads allocate, 2 others free",
     r"free/sec: ([0-9.]+) M", 5),
    ("mstress 2 50 25", "2 threads exchange blocks", None, 15),
    ("cache-scratch 2 1000 1 2000000 2", "false sharing, 2 threads", None, 5),
    ("cache-thrash 2 1000 1 2000000 2", "false sharing, 2 threads", None, 5),
    ("alloc-test 1", "random sizes to 1 KiB, 1 thread", None, 3),
    ("alloc-test 2", "random sizes to 1 KiB, 2 threads", None, 3),
]


def found(directory):
    """Those that are in DIRECTORY."""
    return [entry for entry in PROGRAMS
            if os.access(os.path.join(directory, entry[0].split()[0]), os.X_OK)]


def run(measure, command, pattern, settings):
    """
    One run, with SETTINGS as environment: its speed and its peak RSS in KiB. None if
    the program failed. The program MEASURE says what it took.
    """
    done = command_line.run([measure, "env", *settings, *command], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    match = re.search(pattern, done.stdout) if pattern else None
    if done.returncode or (pattern and not match):
        return None
    seconds, peak = done.stderr.split()
    return float(match[1]) if match else 1 / float(seconds), int(peak)


def one_program(args, measure, entry, who):
    """The runs of one program: by allocator, a list of what run() returns."""
    text, title, pattern, rounds = entry
    command = text.split()
    command[0] = os.path.join(args.programs, command[0])
    rounds = max(2, rounds * args.rounds // 15)
    runs = {name: [] for name, _ in who}
    for turn in range(rounds):
        for name, settings in who if turn % 2 == 0 else reversed(who):
            got = None if runs[name] is None else run(measure, command, pattern, settings)
            runs[name] = runs[name] + [got] if got else None
    print(f"bench-larson: {text}: done", file=sys.stderr, flush=True)
    return {"arguments": text, "title": title, "unit": "M/s" if pattern else "s",
            "rounds": rounds, "allocators": evaluate(runs)}


def evaluate(runs):
    ours = [speed for speed, _ in runs["hakmem"]]
    entry = {}
    for name, got in runs.items():
        if got is None:
            entry[name] = {"failed": True}
            continue
        speeds = [speed for speed, _ in got]
        entry[name] = {"speeds": speeds, "speed": statistics.median(speeds),
                       "peak_rss_kib": statistics.median(peak for _, peak in got),
                       "hakmem_over_it": figures.ratio(ours, speeds)}
    return entry


def measure_all(args, measure, who):
    """WHO is pairs of a name and what has to be in the environment."""
    return [one_program(args, measure, entry, who) for entry in found(args.programs)]


def is_peer(name, entry):
    return not name.startswith("hakmem") and name != "no-op" and "failed" not in entry


def cell(row, entry):
    if "failed" in entry:
        return "failed"
    return f"{entry['speed']:.1f} M/s" if row["unit"] == "M/s" else f"{1 / entry['speed']:.3f} s"


def tables(rows):
    """Two tables, of speed and of memory, from what measure_all() returned."""
    if not rows:
        return ""
    names = list(rows[0]["allocators"])
    speed, memory = [], []
    for row in rows:
        entries = row["allocators"]
        peers = {name: entry for name, entry in entries.items() if is_peer(name, entry)}
        best = max(peers, key=lambda name: peers[name]["speed"])
        ahead = peers[best]["hakmem_over_it"]
        spread = "" if ahead is None or row["rounds"] < 3 else f"{100 * ahead['spread']:.0f} %"
        ratio = entries["hakmem"]["speed"] / peers[best]["speed"]
        speed.append([f"`{row['arguments']}` {row['title']}"] +
                     [cell(row, entries[name]) for name in names] +
                     [f"{ratio:.2f} ({best})", spread])
        middle = statistics.median(entry["peak_rss_kib"] for entry in peers.values())
        memory.append([f"`{row['arguments']}`"] + [
            "" if "failed" in entries[name] else f"{entries[name]['peak_rss_kib'] / 1024:.1f}"
            for name in names] + [f"{middle / 1024:.1f}"])
    return ("### Programs of mimalloc-bench: seconds, or million frees per second\n\n" +
            figures.table(["program"] + names + ["speed, hakmem / best peer", "spread"], speed) +
            "\n\n### Their peak RSS, MiB\n\n" +
            figures.table(["program"] + names + ["median of the peers"], memory))
