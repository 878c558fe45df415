# SPDX-License-Identifier: GPL-2.0
"""Turns the figures of qemu/bench/bench-mem into JSON and Markdown, and judges them.

Reads the guest's lines on standard input. Ends with "N passed, N failed".
"""
import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
import figures  # noqa: E402

MIB = 1 << 20
SUPERSLAB = 2 * MIB
SLAB = 64 << 10
CLASSES = 22
RING_BYTES = 4096 * 1024


def read(lines):
    """The guest's lines as {"reclaim": {...}, "footprint": {...}, "ring": {...}}."""
    data = {"reclaim": {}, "footprint": {}, "ring": {}}
    for line in lines:
        w = line.split()
        if w[0] == "cpus":
            data["cpus"] = int(w[1])
        elif w[0] == "reclaim":
            data["reclaim"].setdefault(w[1], {})[w[2]] = int(w[3])
        elif w[0] == "footprint":
            size = data["footprint"].setdefault(w[2], {})
            size.setdefault(w[1], {})[w[3]] = {"taken": int(w[4]), "live": int(w[5])}
        elif w[0] == "ring":
            data["ring"][w[2]] = {"arena_bytes": int(w[3]), "objects": int(w[4])}
    return data


def back(run, when):
    """Share of the peak's superslab pages that is back."""
    return 1 - run[when] / run["peak"]


def judge_reclaim(data, limits):
    runs = data["reclaim"]
    for name, run, when, least in (
            ("freed on another CPU in random order, after shrink", "at_once", "shrunk", 0.99),
            ("freed in order, after shrink", "order", "shrunk", 0.99),
            ("freed in order, a second later", "order", "second", 0.90),
            ("freed in random order, after the idle trim", "random", "trimmed", 0.90)):
        share = back(runs[run], when)
        limits.append({"name": "pages back: " + name, "value": share,
                       "limit": least, "ok": share >= least})


def judge_footprint(data, limits):
    cpus = data["cpus"]
    for size, by in data["footprint"].items():
        n = int(size)
        hak, slub = by["hak"], by["slub"]
        # One superslab, and one slab for each class and CPU, come on top.
        classes = CLASSES if n == 0 else 1
        extra = SUPERSLAB + classes * cpus * SLAB
        for when, factor in (("peak", 1.01 if n else 1.0),
                             ("tenth", 1.05 if 0 < n <= 128 else 1.25)):
            # A mix is random: bytes taken for each live byte are compared.
            h = hak[when]["taken"] / hak[when]["live"]
            s = slub[when]["taken"] / slub[when]["live"]
            slack = extra / hak[when]["live"] if n or when == "tenth" else 0
            what = f"{n} bytes" if n else "8..1024 mixed"
            limits.append({"name": f"taken per live byte, {what}, {when}",
                           "value": h, "slub": s, "ratio": h / s,
                           "limit": factor * s + slack,
                           "ok": h <= factor * s + slack})


def judge_ring(data, limits):
    # The ring, a superslab of stock and one not yet full, and what both CPUs
    # may hold: a slab a class, and cached objects.
    bound = RING_BYTES + 2 * SUPERSLAB + 2 * CLASSES * (SLAB + 64 * 1024)
    most = data["ring"]["most"]["arena_bytes"]
    limits.append({"name": "producer and consumer: most bytes held", "value": most,
                   "limit": bound, "ok": most <= bound})


def markdown(data, title):
    out = [f"# Memory: {title}", "", f"{data['cpus']} CPUs, 4 KiB pages.", "",
           "| bytes taken per live byte | hakmem | SLUB | ratio | hakmem, 10 % left | SLUB, 10 % left | ratio |",
           "| --- | --- | --- | --- | --- | --- | --- |"]
    for size, by in data["footprint"].items():
        cells = [size if size != "0" else "8..1024"]
        for when in ("peak", "tenth"):
            h, s = (by[who][when]["taken"] / by[who][when]["live"] for who in ("hak", "slub"))
            cells += [f"{h:.3f}", f"{s:.3f}", f"{h / s:.3f}"]
        out.append("| " + " | ".join(cells) + " |")
    out += ["", "| limit | value | at most or least | met |", "| --- | --- | --- | --- |"]
    for lim in data["limits"]:
        out.append(f"| {lim['name']} | {lim['value']:.4g} | {lim['limit']:.4g} | "
                   f"{'yes' if lim['ok'] else 'NO'} |")
    return "\n".join(out) + "\n"


def plot(data, path):
    """Bytes taken per live byte, at the peak; the mix is of 8 to 1024 bytes."""
    by_size = data["footprint"]
    figures.bars(path, f"Memory at the peak, Linux {data['kernel']}", "bytes taken per live byte",
                 [f"{size} B" if size != "0" else "8..1024 B" for size in by_size],
                 [(name, [by[who]["peak"]["taken"] / by[who]["peak"]["live"]
                          for by in by_size.values()])
                  for who, name in (("slub", "SLUB"), ("hak", "hakmem"))])


def main():
    args = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    args.add_argument("--release", required=True)
    args.add_argument("--flavour", required=True)
    args.add_argument("--json", required=True)
    args.add_argument("--markdown", required=True)
    args = args.parse_args()

    data = read(sys.stdin)
    data["kernel"], data["flavour"] = args.release, args.flavour
    limits = data["limits"] = []
    if data["reclaim"]:
        judge_reclaim(data, limits)
    judge_footprint(data, limits)
    if data["ring"]:
        judge_ring(data, limits)
    with open(args.json, "w", encoding="ascii") as f:
        json.dump(data, f, indent=1)
    plot(data, os.path.splitext(args.json)[0] + ".svg")
    text = markdown(data, f"{args.release} ({args.flavour})")
    with open(args.markdown, "w", encoding="ascii") as f:
        f.write(text)
    print(text)
    for lim in limits:
        print(f"{'ok' if lim['ok'] else 'not ok'} - {lim['name']}")
    bad = sum(not lim["ok"] for lim in limits)
    print(f"{len(limits) - bad} passed, {bad} failed")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
