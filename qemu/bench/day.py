# SPDX-License-Identifier: GPL-2.0
"""Turns the figures of qemu/bench/bench-day into JSON and Markdown.

Reads the guest's lines on standard input: whose, round, phase, figure, value.
"""
import argparse
import json
import statistics
import sys

sys.dont_write_bytecode = True

PHASES = (("morning", "before"), ("growth", "allocated, files written"), ("churn", "each replaced twice"),
          ("evening", "90 % freed at random, half the files"), ("night", "5 s later"),
          ("pressure", "others want the rest"), ("huge", "2 MiB pages wanted"),
          ("end", "all freed, 3 s later"))
MEMORY = (("Slab", "Slab, MiB"), ("free_2m", "free in 2 MiB and more, MiB"),
          ("unmovable_blocks", "unmovable blocks of 2 MiB"))
COUNTERS = ("compact_stall", "compact_fail", "compact_success", "compact_migrate_scanned",
            "pgmigrate_success", "allocstall", "pgsteal_kswapd", "pgsteal_direct")


def read(lines):
    """{whose: [{phase: {figure: value}}, one for each round]}."""
    data = {}
    for line in lines:
        whose, number, phase, figure, value = line.split()
        rounds = data.setdefault(whose, {})
        figures = rounds.setdefault(int(number), {}).setdefault(phase, {})
        # There is one for each zone.
        name = "allocstall" if figure.startswith("allocstall") else figure
        figures[name] = figures.get(name, 0) + int(value)
    return {whose: [rounds[n] for n in sorted(rounds)] for whose, rounds in data.items()}


def median(rounds, phase, figure):
    return statistics.median(day[phase].get(figure, 0) for day in rounds)


def over_the_day(rounds, figure):
    """What a counter has risen by, from morning to evening."""
    return statistics.median(day["end"].get(figure, 0) - day["morning"].get(figure, 0)
                             for day in rounds)


def in_mib(figure, value):
    return value if figure == "unmovable_blocks" else value / 1024


def markdown(data, args):
    hak, slub = data["hak"], data["slub"]
    out = [f"Linux {args.release}, {args.mem} MiB, 2 CPUs, {args.live} MiB of objects of 8 to "
           f"1024 bytes; medians of {len(hak)} days.", "",
           "| phase | " + " | ".join(f"{name}: hakmem | SLUB" for _, name in MEMORY) + " |",
           "| --- |" + " --- |" * (2 * len(MEMORY))]
    for phase, name in PHASES:
        cells = [name]
        for figure, _ in MEMORY:
            cells += [f"{in_mib(figure, median(who, phase, figure)):.0f}" for who in (hak, slub)]
        out.append("| " + " | ".join(cells) + " |")
    out += ["", "| over the day | hakmem | SLUB |", "| --- | --- | --- |"]
    got = [f"{median(who, 'huge', 'got'):.0f} of {median(who, 'huge', 'wanted'):.0f}"
           for who in (hak, slub)]
    out.append(f"| 2 MiB pages got, of those asked for | {got[0]} | {got[1]} |")
    for figure in COUNTERS:
        out.append(f"| {figure} | {over_the_day(hak, figure):.0f} | "
                   f"{over_the_day(slub, figure):.0f} |")
    return "\n".join(out) + "\n"


def main():
    args = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    args.add_argument("--release", required=True)
    args.add_argument("--live", required=True)
    args.add_argument("--mem", required=True)
    args.add_argument("--json", required=True)
    args.add_argument("--markdown", required=True)
    args = args.parse_args()
    data = read(sys.stdin)
    with open(args.json, "w", encoding="ascii") as f:
        json.dump({"release": args.release, "live_mib": int(args.live), "days": data}, f, indent=1)
    text = markdown(data, args)
    with open(args.markdown, "w", encoding="ascii") as f:
        f.write(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
