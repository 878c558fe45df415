# SPDX-License-Identifier: GPL-2.0
"""
What haktop and hakmap read: debugfs' hakmem/{stats,classes,superslabs} as they are,
or saved snapshots of these.

A snapshot is the files one after the other, each below a line "==> NAME <==", as
tail -n +1 prints them; NAME may be a path. A section "time" has the seconds since 1970.
A file may hold many snapshots: one ends where a section comes again. Lines before the
first section may be comments, with a #. Only the first line of a section can be its
heading, which begins with a # and a blank, because a cache's name may begin with a #.

The name of a cache may have any byte above the blank but DEL. A byte that is not UTF-8 is
shown as \\xNN, and only blanks, tabs and newlines separate words: U+00A0 is part of a name.
"""
import os
import re
import time

FILES = ("stats", "classes", "superslabs")
LIVE = "/sys/kernel/debug/hakmem"
SLAB = 64 << 10
COLUMNS = ("name size per_slab slabs live cached refills spills pushes drains depot sends "
           "receives excess_frees fallback").split()


class Error(Exception):
    """What is wrong with the input, for the person who named it."""


def words_of(line):
    return [word for word in re.split("[ \t]+", line) if word]


class Cell:
    """A slot of a superslab: of what size its objects are, how many are used and carved."""

    def __init__(self, text):
        found = re.fullmatch(r"([0-9]+):(-?[0-9]+)/([0-9]+)([OPL])", text)
        if not found:
            raise Error(f"'{text}' is no slab")
        self.size, self.used, self.carved = (int(found.group(i)) for i in (1, 2, 3))
        self.state = found.group(4)

    @property
    def occupancy(self):
        return min(max(self.used * self.size / SLAB, 0.0), 1.0)


class Superslab:
    """Its slots: a Cell, None for one without a slab, False for one that was given back."""

    def __init__(self, line):
        words = words_of(line)
        if len(words) < 7 or words[0:5:2] != ["node", "order", "used"]:
            raise Error(f"'{line}' is no superslab")
        self.node, self.order = int(words[1]), int(words[3])
        self.slots = [{"-": None, ".": False}.get(w) if w in "-." else Cell(w) for w in words[6:]]

    @property
    def bytes(self):
        return SLAB * sum(slot is not False for slot in self.slots)

    @property
    def live_bytes(self):
        return sum(slot.used * slot.size for slot in self.slots if slot)

    @property
    def occupancy(self):
        return min(max(self.live_bytes / self.bytes, 0.0), 1.0) if self.bytes else 0.0


class Snapshot:
    """Of one moment: .time, .stats by name, .classes a dictionary each, .superslabs."""

    def __init__(self, sections):
        try:
            self.time = float("".join(sections.get("time", ["0"])) or 0)
            self.stats = {name: int(value) for name, value in
                          map(words_of, sections.get("stats", []))}
            lines = sections.get("classes", [])
            heading = bool(lines) and lines[0].startswith("# ")
            self.classes = [self._class(line) for line in lines[heading:]]
        except ValueError as error:
            raise Error(f"this is no snapshot of hakmem's: {error}") from error
        self.superslabs = [Superslab(line) for line in sections.get("superslabs", [])
                           if line.startswith("node ")]

    @staticmethod
    def _class(line):
        words = words_of(line)
        if len(words) != len(COLUMNS):
            raise Error(f"'{line}' is no class")
        return {key: word if key == "name" else int(word) for key, word in zip(COLUMNS, words)}

    @property
    def held(self):
        return self.stats.get("arena_bytes", 0)

    @property
    def live_bytes(self):
        return sum(max(c["live"], 0) * c["size"] for c in self.classes)

    @property
    def cached_bytes(self):
        return sum((c["cached"] + c["depot"]) * c["size"] for c in self.classes)

    @property
    def slab_bytes(self):
        return SLAB * sum(c["slabs"] for c in self.classes)


def parse(text):
    """All snapshots of a text, of which there is at least one."""
    found, sections, lines = [], {}, None
    for line in text.split("\n"):
        heading = re.fullmatch("==> (.*) <==", line)
        if heading:
            name = os.path.basename(heading.group(1))
            if name in sections:
                found.append(sections)
                sections = {}
            lines = sections[name] = []
        elif lines is not None and words_of(line):
            lines.append(line)
        elif words_of(line) and not line.startswith("#"):
            raise Error("this is no snapshot of hakmem's: it does not begin with '==> NAME <=='")
    if sections:
        found.append(sections)
    if not found:
        raise Error("there is no snapshot of hakmem's in it")
    snapshots = [Snapshot(s) for s in found]
    for snapshot in snapshots:
        if not snapshot.stats and not snapshot.classes and not snapshot.superslabs:
            raise Error("this is no snapshot of hakmem's: it has none of " + ", ".join(FILES))
    return snapshots


def read(path):
    with open(path, encoding="utf-8", errors="backslashreplace") as file:
        return file.read()


def text_of(folder=LIVE):
    """A snapshot of the files in FOLDER, as text."""
    parts = [f"==> time <==\n{time.time():.3f}\n"]
    for name in FILES:
        try:
            parts.append(f"==> {name} <==\n{read(os.path.join(folder, name))}")
        except OSError as error:
            hint = "" if folder != LIVE else "; is hakmem inserted, debugfs mounted, and this root?"
            raise Error(f"{error.filename}: {error.strerror}{hint}") from error
    return "\n".join(parts)


def load(path):
    """The snapshots of a file, or the one of a directory with debugfs' files."""
    if os.path.isdir(path):
        return parse(text_of(path))
    try:
        return parse(read(path))
    except OSError as error:
        raise Error(f"{path}: {error.strerror}") from error
    except Error as error:
        raise Error(f"{path}: {error}") from error


def size(n):
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024 or unit == "GiB":
            return f"{n:.0f} {unit}" if unit == "B" or n >= 100 else f"{n:.1f} {unit}"
        n /= 1024
    return ""
