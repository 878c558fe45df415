# SPDX-License-Identifier: GPL-2.0
"""Figures, tables and plots: the common part of bench-slub and bench-larson."""
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
    the distance between their quartiles in relation to the ratio. Where the ratio
    itself is beyond the quartiles, because the medians are those of rounds that had
    the machine at different speeds, the distance is that from the farther quartile.
    """
    rounds = [a / b for a, b in zip(ours, theirs) if b > 0]
    middle = statistics.median(theirs)
    if len(rounds) < 2 or middle <= 0 or statistics.median(ours) <= 0:
        return None
    value = statistics.median(ours) / middle
    low, _, high = statistics.quantiles(rounds, n=4, method="inclusive")
    return {"ratio": value, "spread": (max(high, value) - min(low, value)) / value,
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


COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#7f7f7f", "#17becf"]


def bars(path, title, ylabel, labels, series):
    """Groups of bars; SERIES is a list of (name, values), None for a gap."""
    data = ["$data << end"]
    for i, label in enumerate(labels):
        cells = ["NaN" if values[i] is None else f"{values[i]:.4f}" for _, values in series]
        data.append(" ".join([quoted(label)] + cells))
    data.append("end")
    plots = [f"$data using {i + 2}:xtic(1) lc rgb '{COLOURS[i % len(COLOURS)]}' "
             f"title {quoted(name)}" for i, (name, _) in enumerate(series)]
    gnuplot(path, title, (1000, 520), data + [
        f"set ylabel {quoted(ylabel)}", "set grid ytics", "set key outside right top noenhanced",
        "set style data histogram", "set style histogram clustered gap 1",
        "set style fill solid 0.9 noborder", "set xtics rotate by -30 scale 0 noenhanced",
        "set yrange [0:*]", "plot " + ", ".join(plots)])


def ratios(path, title, labels, series):
    """
    Horizontal bars, a line of text to each, on a scale on which twice and half
    are as far from 1. SERIES as for bars().
    """
    count, height = len(labels), 0.8 / len(series)
    values = [value for _, found in series for value in found if value]
    low, high = min([0.5] + values) / 1.3, max([2.0] + values) * 1.3
    data, plots = ["$data << end"], []
    for i, label in enumerate(labels):
        cells = [f"{found[i]:.4f}" if found[i] else "NaN" for _, found in series]
        data.append(" ".join([quoted(label), str(count - 1 - i)] + cells))
    data.append("end")
    for i, (name, _) in enumerate(series):
        at = f"$2+{(len(series) - 1) * height / 2 - i * height:.3f}"
        plots.append(f"$data using (1):({at}):(1):{i + 3}:({at}-{height / 2:.3f}):"
                     f"({at}+{height / 2:.3f}) with boxxyerror "
                     f"lc rgb '{COLOURS[i]}' title {quoted(name)}")
        # The figure stands beyond the end of its bar.
        for side, test, offset in (("right", "<", -0.5), ("left", ">=", 0.5)):
            plots.append(f"$data using (${i + 3}{test}1?${i + 3}:NaN):({at}):"
                         f"(sprintf('%.2f', ${i + 3})) with labels {side} offset {offset},0 "
                         "font ',10' notitle")
    plots.append("$data using (1):2 with lines lc rgb 'black' notitle")
    gnuplot(path, title + "; below 1 hakmem is ahead",
            (1000, 110 + count * (11 + 11 * len(series))),
            data + ["set logscale x 2", f"set xrange [{low}:{high}]",
                    f"set yrange [-0.7:{count - 0.3}]", "set ytics scale 0 noenhanced (" + ", ".join(
                        f"{quoted(label)} {count - 1 - i}" for i, label in enumerate(labels)) + ")",
                    "set xtics (0.125, 0.25, 0.5, 0.71, 1, 1.41, 2, 4, 8)", "set grid xtics",
                    "set style fill solid 0.9 noborder", "set key outside bottom center horizontal",
                    "plot " + ", ".join(plots)])


def lines(path, title, xlabel, ylabel, series, log=False):
    """
    Lines with points; SERIES is a list of (name, [(x, y), ...]), in pairs: theirs
    and ours.
    """
    least = min(x for _, points in series for x, _ in points)
    most = max(x for _, points in series for x, _ in points)
    data, plots = [f"set xlabel {quoted(xlabel)}", f"set ylabel {quoted(ylabel)}",
                   "set grid", "set key outside right top noenhanced"], []
    if log:
        data += ["set logscale x 2", f"set xrange [{least / 1.2}:{most * 1.2}]",
                 "set xtics (" + ", ".join(str(2 ** i) for i in range(20)) + ")"]
    else:
        data += [f"set xrange [{least - 0.1}:{most + 0.1}]", "set xtics 1"]
    for i, (name, points) in enumerate(series):
        data += [f"$d{i} << end"] + [f"{x} {y}" for x, y in points] + ["end"]
        plots.append(f"$d{i} with linespoints lc rgb '{COLOURS[i // 2 % len(COLOURS)]}' "
                     f"{'dt 2 pt 6' if i % 2 == 0 else 'dt 1 pt 7'} title {quoted(name)}")
    gnuplot(path, title, (1000, 520),
            data + ["set yrange [0:*]", "plot " + ", ".join(plots)])


def gnuplot(path, title, size, commands):
    script = [f"set terminal svg size {size[0]},{size[1]} dynamic background 'white' "
              "font 'sans,12'", f"set output {quoted(path)}",
              f"set title {quoted(title)} noenhanced"]
    try:
        subprocess.run(["gnuplot"], input="\n".join(script + commands) + "\n",
                       text=True, check=True)
    except FileNotFoundError:
        print(f"gnuplot is not installed, so no {os.path.basename(path)}")
        return
    add_licence(path)


def add_licence(path):
    """Puts the licence's name into a picture, after the line that says it is XML."""
    with open(path, encoding="utf-8") as picture:
        first, rest = picture.readline(), picture.read()
    with open(path, "w", encoding="utf-8") as picture:
        picture.write(f"{first}<!-- SPDX-License-Identifier: GPL-2.0 -->\n{rest}")


def commit(top):
    """The commit that is measured, marked if the tree differs from it."""
    def git(*args):
        return subprocess.run(["git", "-C", top, *args], capture_output=True,
                              text=True, check=False).stdout.strip()
    dirty = git("status", "--porcelain", "--", "kernel", "userspace_shim", "qemu")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+changes" if dirty else "")


def host():
    """What the figures were measured on."""
    facts = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for text in file:
            name, _, value = text.partition(":")
            facts.setdefault(name.strip(), value.strip())
    # A hypervisor may say no more of the name than the maker's.
    cpu = facts.get("model name", "unknown")
    if "cpu family" in facts:
        cpu += f" (family {facts['cpu family']}, model {facts['model']})"
    return {"cpu": cpu, "cpus": os.cpu_count(), "load": list(os.getloadavg())}
