# SPDX-License-Identifier: GPL-2.0
"""Figures, tables and plots: what bench-slub and bench-larson share."""
import os
import statistics
import subprocess


def summary(values):
    """Minimum, median and maximum."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def ratio(ours, theirs):
    """
    The ratio of the medians of OURS and THEIRS, which were measured in turn, and
    how far that can be believed: the ratios of the single rounds, and as "spread"
    the distance between their quartiles in relation to the ratio.
    """
    rounds = [a / b for a, b in zip(ours, theirs) if b > 0]
    middle = statistics.median(theirs)
    if len(rounds) < 2 or middle <= 0 or statistics.median(ours) <= 0:
        return None
    value = statistics.median(ours) / middle
    low, _, high = statistics.quantiles(rounds, n=4, method="inclusive")
    return {"ratio": value, "spread": (high - low) / value,
            "min": min(rounds), "max": max(rounds)}


def table(header, rows):
    """A Markdown table; every column but the first is flush right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(2, *(len(row[i]) for row in [header] + rows)) for i in range(len(header))]

    def line(row):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return "| " + " | ".join(cells) + " |"

    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join([line(header), line(rule)] + [line(row) for row in rows])


def quoted(text):
    return '"' + text.replace('"', "'") + '"'


def bars(path, title, ylabel, labels, series, line_at=None):
    """Groups of bars; SERIES is a list of (name, values), None for a gap."""
    data = ["$data << end"]
    for i, label in enumerate(labels):
        cells = ["NaN" if values[i] is None else f"{values[i]:.4f}" for _, values in series]
        data.append(" ".join([quoted(label)] + cells))
    data.append("end")
    plots = [f"$data using {i + 2}:xtic(1) title {quoted(name)}"
             for i, (name, _) in enumerate(series)]
    if line_at is not None:
        plots.append(f"{line_at} with lines lc rgb 'black' dt 2 notitle")
    gnuplot(path, title, ylabel, data + [
        "set style data histogram", "set style histogram clustered gap 1",
        "set style fill solid 0.8 border -1", "set xtics rotate by -40 noenhanced",
        "set bmargin 11", "set yrange [0:*]", "plot " + ", ".join(plots)])


def lines(path, title, xlabel, ylabel, series, log=False):
    """Lines with points; SERIES is a list of (name, [(x, y), ...])."""
    data, plots = [f"set xlabel {quoted(xlabel)}"], []
    if log:
        data.append("set logscale x 2")
    for i, (name, points) in enumerate(series):
        data += [f"$d{i} << end"] + [f"{x} {y}" for x, y in points] + ["end"]
        plots.append(f"$d{i} with linespoints title {quoted(name)}")
    gnuplot(path, title, ylabel, data + ["set yrange [0:*]", "plot " + ", ".join(plots)])


def gnuplot(path, title, ylabel, commands):
    script = ["set terminal svg size 1000,520 dynamic background 'white' font 'sans,13'",
              f"set output {quoted(path)}", f"set title {quoted(title)} noenhanced",
              f"set ylabel {quoted(ylabel)}", "set grid ytics", "set key top left noenhanced"]
    try:
        subprocess.run(["gnuplot"], input="\n".join(script + commands) + "\n",
                       text=True, check=True)
    except FileNotFoundError:
        print(f"gnuplot is not installed, so no {os.path.basename(path)}")


def commit(top):
    """The commit that is measured, marked if the tree differs from it."""
    def git(*args):
        return subprocess.run(["git", "-C", top, *args], capture_output=True,
                              text=True, check=False).stdout.strip()
    dirty = git("status", "--porcelain", "--", "kernel", "userspace_shim", "qemu")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+changes" if dirty else "")


def host():
    """What the figures were measured on."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for text in file:
            if text.startswith("model name"):
                model = text.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cpus": os.cpu_count(), "load": list(os.getloadavg())}
