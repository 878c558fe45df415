# SPDX-License-Identifier: GPL-2.0
"""
hakcore on memory that is overwritten or missing. The memory is made up, and so is drgn:
what of it hakmem_core uses is here, over a dictionary of objects by address.
"""
import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import re
import sys
import types

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SLAB, SUPERSLAB = 64 << 10, 0x10000000
CACHES = {"good": 0x1000, "other": 0x2000}


class FaultError(Exception):
    def __init__(self, message, address):
        super().__init__(message)
        self.address = address


class Number(int):
    def value_(self):
        return int(self)


class Struct(types.SimpleNamespace):
    def read_(self):
        return self

    def address_of_(self):
        return self


class Pointer(Number):
    """To an object of the memory, to an array of them, or to a string."""

    def __new__(cls, memory, address):
        self = super().__new__(cls, address)
        self.memory = memory
        return self

    def __getitem__(self, i):
        found = self.memory.at(int(self))
        return found[i] if isinstance(found, list) else found

    def __getattr__(self, name):
        return getattr(self[0], name)

    def string_(self):
        return self.memory.at(int(self))


class Memory(dict):
    """What lies at an address. It stands for drgn's Program, too."""

    def at(self, address):
        if address not in self:
            raise FaultError("could not find memory segment", address)
        return self[address]

    def read(self, address, size):
        return self.at(address) if size else b""

    @staticmethod
    def type(name):
        return name


def list_for_each_entry(_kind, head, _member):
    for pointer in head.members:
        yield pointer
        pointer[0]  # pylint: disable=pointless-statement


def fake_drgn():
    modules = {"drgn": {"FaultError": FaultError, "offsetof": lambda kind, member: 0,
                        "Object": lambda prog, kind, address: prog.at(address)}}
    for name, functions in {
            "cpumask": {"for_each_possible_cpu": lambda prog: [0]},
            "list": {"list_for_each_entry": list_for_each_entry},
            "nodemask": {"for_each_node": lambda prog: [0]},
            "percpu": {"per_cpu_ptr": lambda pointer, nr: pointer}}.items():
        modules[f"drgn.helpers.linux.{name}"] = functions
    for name in ("drgn.helpers", "drgn.helpers.linux"):
        modules[name] = {}
    for name, functions in modules.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(functions)


def load():
    """hakcore as a module, on this drgn."""
    fake_drgn()
    loader = importlib.machinery.SourceFileLoader("hakcore", os.path.join(TOOLS, "hakcore"))
    hakcore = importlib.util.module_from_spec(importlib.util.spec_from_loader("hakcore", loader))
    loader.exec_module(hakcore)
    import hakmem_core  # pylint: disable=import-outside-toplevel
    hakmem_core.module_of = lambda prog, name: Struct(version=None)
    hakmem_core.symbols_of = lambda module: {name: name for name in (
        "hak_hardened_on", "hak_caches", "hak_superslabs")}
    hakmem_core.Core.statistics = lambda core: []
    return hakcore


def numbers(**values):
    return {name: Number(value) for name, value in values.items()}


def add_cache(memory, name, at):
    memory[at + 1] = name.encode()
    memory[at + 2] = Struct(cur=Number(0), **numbers(
        cap=4, limit=4, nr=0, mark=1, mags=0, outbox=0, refills=0, spills=0, pushes=0, drains=0,
        sends=0))
    depot = Struct(chain=0, incoming=Struct(first=0), received=Number(0))
    memory[at + 3] = [Pointer(memory, at + 4)]
    memory[at + 4] = Struct(nr=Struct(counter=Number(0)), depot=depot)
    memory[at] = Struct(name=Pointer(memory, at + 1), cpu=Pointer(memory, at + 2),
                        pool=Pointer(memory, at + 3), fallback=0,
                        **numbers(size=64, capacity=1024, cap=4, link=0, usable=64, map=0))


def made_up():
    """Two caches, and a superslab with a slab of each, in which one object of one is live."""
    memory = Memory(
        init_uts_ns=Struct(name=Struct(release=Struct(string_=lambda: b"7.0"))),
        hak_hardened_on=Struct(key=Struct(enabled=Struct(counter=Number(0))), type_=""))
    for name, at in CACHES.items():
        add_cache(memory, name, at)
    memory[0x3000] = [Struct(
        cache=Pointer(memory, at), entry=Pointer(memory, 0),
        rc=Struct(counter=Number(1)), remote=Struct(first=Number(0)),
        **numbers(addr=SUPERSLAB + i * SLAB, nid=0, bump=1, taken=1, freelist=0, drained=0,
                  secret=0))
        for i, at in enumerate(CACHES.values())]
    for i in range(2):
        memory[SUPERSLAB + i * SLAB] = bytes(SLAB)
    memory[0x4000] = Struct(slab=Pointer(memory, 0x3000),
                            **numbers(addr=SUPERSLAB, nid=0, order=5, full=3, used=3))
    for name, at in {"hak_caches": list(CACHES.values()), "hak_superslabs": [0x4000]}.items():
        memory[name] = Struct(members=[Pointer(memory, one) for one in at], type_="")
    return memory


def gone(address):
    return lambda memory: memory.pop(address)


def put(address, value):
    return lambda memory: memory.__setitem__(address, value)


def member(address, i=None, **values):
    """A change of a structure, or of the one with the number I of an array."""
    def change(memory):
        at = memory[address] if i is None else memory[address][i]
        for name, value in values.items():
            setattr(at, name, Pointer(memory, value))
    return change


def again(name):
    return lambda memory: memory[name].members.append(memory[name].members[0])


SECOND = SUPERSLAB + SLAB
# What is changed, what the report says then, and what it still says.
BROKEN = {
    "a slab's cache is none": (
        member(0x3000, 1, cache=0xbad),
        [fr"slab {SECOND:#x} \? .*; its cache is given as 0xbad, which is none",
         r"64:1/1P \?:1/1P"],
        ["slab 0x10000000 good .* 1 used; 0 freelist"]),
    "a slab's address is not its own": (
        member(0x3000, 1, addr=0xbad),
        [f"slab {SECOND:#x} other .*; its address is given as 0xbad"], []),
    "a slab's entry is not there": (
        member(0x3000, 1, entry=0xbad),
        [f"slab {SECOND:#x} other .*; its entry: memory at 0xbad cannot be read"], []),
    "a slab's memory is not there": (
        gone(SECOND),
        [f"slab {SECOND:#x} other .*; its objects: memory at {SECOND:#x} cannot be read"],
        ["slab 0x10000000 good .* 1 used; 0 freelist, 0 drained, 0 remote$"]),
    "a link leads nowhere": (
        member(0x3000, 1, drained=0xbad),
        [f"slab {SECOND:#x} other .*; a link is broken: drained leads to 0xbad"], []),
    "the slabs of a superslab are not there": (
        gone(0x3000), [f"^broken: the slab at {SECOND:#x}: memory at 0x3000 cannot be read"],
        ["  good$", "  other$"]),
    "a superslab is not there": (
        gone(0x4000),
        ["^broken: hak_superslabs cannot be followed beyond 0 members: memory at 0x4000"],
        ["  good$", "  other$"]),
    "a cache is not there": (
        gone(0x2000), ["^broken: hak_caches cannot be followed beyond 1 members: memory at 0x2000",
                       "its cache is given as 0x2000, which is none"],
        ["  good$", "slab 0x10000000 good"]),
    "the list of caches leads back": (
        again("hak_caches"), ["^broken: hak_caches leads back to 0x1000"], ["  good$", "  other$"]),
    "a cache's name is not there": (
        gone(0x2001), ["  @2000; its name: memory at 0x2001 cannot be read"], ["  good$"]),
    "a cache's name is not UTF-8": (
        put(0x2001, b"caf\xe9\n\x1b["), [r"  caf\\xe9\\x0a\\x1b\[$"], ["  good$"]),
    "a cache's name is empty": (put(0x2001, b""), ["  @2000$"], ["  good$"]),
    "a cache's CPU is not there": (
        gone(0x2002), ["  other; CPU 0: memory at 0x2002 cannot be read"], ["  good$"]),
    "a CPU has more objects than there can be": (
        member(0x2002, nr=0x7fffffff),
        ["  other; CPU 0: there cannot be 2147483647 objects at 0x2002"], ["  good$"]),
    "a cache's pool is not there": (
        gone(0x2004), ["  other; the pool of node 0: memory at 0x2004 cannot be read"], ["  good$"]),
    "a cache's objects have no size": (
        member(0x2000, size=0), ["  other; 1024 objects of 0 bytes make no slab"],
        [f"slab {SECOND:#x} other", "  good$"]),
}


def run(hakcore, memory, *args):
    """What main() prints, on the memory, in place of a core file."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    hakcore.open_core = lambda _: memory
    before, sys.argv = sys.argv, ["hakcore", *args]
    status = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            hakcore.main()
    except SystemExit as end:
        status = end.code
    finally:
        sys.argv = before
    out.seek(0)
    return status, out.read(), err.getvalue()


def lines_with(pattern, text):
    return [line for line in text.split("\n") if re.search(pattern, line)]


def test(report, same):
    hakcore = load()
    status, text, error = run(hakcore, made_up())
    report(status == 0 and not error and "broken" not in text and not lines_with(";.*;", text),
           "hakcore finds nothing broken where nothing is", text + error)
    for name, (change, said, still) in BROKEN.items():
        memory = made_up()
        change(memory)
        status, text, error = run(hakcore, memory)
        missing = [pattern for pattern in said + still if not lines_with(pattern, text)]
        report(status == 0 and not missing, f"hakcore: {name}", f"lacks {missing}\n{text}{error}")
    memory = made_up()
    member(0x3000, 1, cache=0xbad)(memory)
    status, text, error = run(hakcore, memory, f"{SECOND + 70:x}", f"{SUPERSLAB:x}")
    report(status == 0 and lines_with("in slab 0x10010000, whose objects are not known; its cache", text)
           and lines_with("0x10000000: cache good, object 0 .*; live$", text),
           "hakcore: an address in a slab whose cache is none, and another", text + error)
    status, text, error = run(hakcore, memory, "--snapshot")
    same("hakcore: a snapshot has no slab whose cache is none",
         (status, text.split("\n")[-2], error),
         (0, "node 0 order 5 used 2/2 64:1/1P -",
          "hakcore: broken: slab 0x10010000: its cache is given as 0xbad, which is none\n"))
    memory = made_up()
    memory["hak_hardened_on"].key.enabled.counter = Struct(value_=lambda: memory.at(0xbad))
    status, text, error = run(hakcore, memory)
    same("hakcore: what it cannot do without", (status, text, error),
         (1, "", "hakcore: memory at 0xbad cannot be read\n"))
