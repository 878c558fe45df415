# SPDX-License-Identifier: GPL-2.0
"""Tables and plots of bench-slub's results."""
import os

import figures
from rows import KINDS

WHO = (("slub", "SLUB"), ("hakmem", "hakmem"))


def kind_of(run):
    return "hardened" if run["hardened"] else "plain"


def ours_of(run):
    """hakmem.ko may have been loaded with hardened=1."""
    return "hardened hakmem" if run["hakmem"].get("hardened") == "Y" else "plain hakmem"


def figure(entry):
    text = f"{entry['total']['median']:.1f}"
    if "alloc" in entry:
        text += f" ({entry['alloc']:.0f} + {entry['free']:.0f})"
    return text


def verdict(value):
    """What a ratio and its spread allow to say."""
    if value["ratio"] > 1:
        return "loses"
    return "tie" if 1 - value["ratio"] < value["spread"] else ""


def collapsed(rows):
    """Pairs that cost the same whatever the size are one line of a table."""
    groups, out = {}, []
    for row in rows:
        if row["group"].startswith("pair") and "error" not in row:
            groups.setdefault(row["group"], []).append(row)
    same = {name for name, found in groups.items() if len(found) > 2 and len(
        {tuple(round(row[who]["total"]["median"]) for who, _ in WHO) for row in found}) == 1}
    for row in rows:
        if row["group"] not in same:
            out.append(row)
        elif row is groups[row["group"]][0]:
            sizes = [other["size"] for other in groups[row["group"]]]
            spread = max(groups[row["group"]], key=lambda other: other["ratio"]["spread"])
            out.append({**spread, "names": [other["name"] for other in groups[row["group"]]],
                        "name": f"pair, each of {len(sizes)} classes of {min(sizes)}.."
                                f"{max(sizes)} B, {row['name'].split(', ')[2]}"})
    return out


def ratio_cells(row):
    value = row and row.get("ratio")
    if not value:
        return ["", ""]
    return [f"{value['ratio']:.2f}", f"{100 * value['spread']:.0f} %"]


def table_of(run, hardened):
    """RUN's rows; what HARDENED has to the same rows, in columns of their own."""
    more = {row["name"]: row for row in hardened["rows"]} if hardened else {}
    rows = []
    for row in collapsed(run["rows"]):
        other = more.get(row.get("names", [row["name"]])[0])
        if other and "error" in other:
            other = None
        if "error" in row:
            cells = ["", f"failed ({row['error']})", "", "", "", ""]
        else:
            cells = [f"{row['loop']:.1f}" if row["loop_taken_off"] else "within",
                     figure(row["slub"]), figure(row["hakmem"])] + ratio_cells(row)
            cells.append(verdict(row["ratio"]) if row["ratio"] else "")
        if hardened:
            cells += [figure(other["slub"]) if other else ""] + ratio_cells(other)
        rows.append([row["name"]] + cells)
    header = ["workload", "loop", "SLUB", "hakmem", "hakmem / SLUB", "spread", ""]
    if hardened:
        header += ["hardened SLUB", "hakmem / it", "spread"]
    return figures.table(header, rows)


def title(run):
    cpus = "1 CPU" if run["cpus"] == 1 else f"{run['cpus']} CPUs"
    against = f"{kind_of(run)} SLUB, {ours_of(run)}"
    on = "" if run["backend"] == "icount" else f", {figures.host()['cpu']}"
    return f"{run['kernel']}, {run['backend']}, {cpus}{on}: {run['unit']} per operation; {against}"


def paired(runs):
    """Of each backend the plain run, or else the hardened one, and what is beside it."""
    out = []
    for backend in dict.fromkeys(run["backend"] for run in runs):
        found = {kind_of(run): run for run in runs if run["backend"] == backend}
        first = found.get("plain") or found["hardened"]
        out.append((first, found.get("hardened") if first is not found.get("hardened") else None))
    return out


def tables(result):
    parts = []
    for run, hardened in paired(result["runs"]):
        parts.append(f"### {title(run)}\n\n{table_of(run, hardened)}")
    return "\n\n".join(parts)


def described(run):
    config = ", ".join(f"{name}={value}" for name, value in run["config"].items()
                       if value != "n" and name != "CC_VERSION_TEXT")
    ours = ", ".join(f"{name} {value}" for name, value in run["hakmem"].items())
    slub = ", ".join(f"{name} {value}" for name, value in run["slub"].items())
    return (f"{run['backend']}, {kind_of(run)}: Linux {run['kernel']} ({config}; "
            f"{run['config']['CC_VERSION_TEXT']}); SLUB {slub or 'without sheaves'}; hakmem {ours}; "
            f"{'each CPU on a core of its own; ' if run['pinned'] else ''}"
            f"{run['rounds']} rounds of {run['slices']} slices, to {run['most_slices']} where the "
            f"spread asked for it; {run['seconds']:.0f} s." + "".join(
                f" **Not to be quoted where several CPUs meet: {text}.**"
                for text in run["doubts"]))


def description(result):
    return "\n\n".join([
        f"Measured {result['date']} on {result['host']['cpu']}, {result['host']['cpus']} CPUs, "
        f"load {result['host']['load'][0]:.1f}."] + [described(run) for run in result["runs"]])


# --- plots ---

def plot_pairs(path, run):
    series = []
    for kind, (label, _) in KINDS.items():
        rows = [row for row in run["rows"] if row["group"] == f"pair {kind}" and "error" not in row]
        for who, name in WHO:
            points = [(row["size"], row[who]["total"]["median"]) for row in rows]
            if len(points) > 1:
                series.append((f"{name}, {label}", points))
    if series:
        figures.lines(path, f"Allocate and free at once, Linux {run['kernel']}, {kind_of(run)} SLUB",
                      "size, bytes", f"{run['unit']} per pair", series, log=True)


def plot_ratios(path, run, hardened):
    rows = [row for row in run["rows"] if row.get("ratio") and
            (not row["group"].startswith("pair") or row["size"] == 64)]
    # Of a single row Debian 12's gnuplot dies.
    if len(rows) < 2:
        return
    series = [(f"{kind_of(run)} SLUB", [row["ratio"]["ratio"] for row in rows])]
    if hardened:
        more = {row["name"]: row["ratio"] for row in hardened["rows"] if row.get("ratio")}
        series.append(("hardened SLUB", [
            more[row["name"]]["ratio"] if row["name"] in more else None for row in rows]))
    figures.ratios(path, f"hakmem / SLUB, {run['unit']}, Linux {run['kernel']}",
                   [row["name"] for row in rows], series)


def plot_scaling(path, run):
    series = []
    for group in sorted({row["group"] for row in run["rows"]
                         if row["group"].startswith("scaling") and "error" not in row}):
        rows = [row for row in run["rows"] if row["group"] == group and "error" not in row]
        for who, name in WHO:
            points = [(row["threads"], 1000 * row["threads"] / row[who]["total"]["median"])
                      for row in rows if row[who]["total"]["median"] > 0]
            if len(points) > 1:
                series.append((f"{name}, {group[8:]}", points))
    if series:
        figures.lines(path, f"Throughput by CPUs, Linux {run['kernel']}, {kind_of(run)} SLUB",
                      "CPUs", "million operations per second, all CPUs", series)


def plots(result, out):
    for run, hardened in paired(result["runs"]):
        path = os.path.join(out, run["backend"])
        plot_pairs(f"{path}-pair.svg", run)
        plot_ratios(f"{path}-ratio.svg", run, hardened)
        plot_scaling(f"{path}-scaling.svg", run)
