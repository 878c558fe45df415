# SPDX-License-Identifier: GPL-2.0
"""
hakmem as it lies in a kernel's memory, which drgn reads from a core file or from the
running kernel. The names are those of kernel/*.h, which say what they mean; only
what is a macro there, and so in no debug information, is written down here again.

Any of this memory may be overwritten or missing. What is found to be wrong is noted as
text in .broken of the slab, the cache or the Core, and the rest is read.
"""
import contextlib
import re
import struct

import drgn
from drgn.helpers.linux.cpumask import for_each_possible_cpu
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.nodemask import for_each_node
from drgn.helpers.linux.percpu import per_cpu_ptr

SLAB = 64 << 10
STATE_MASK, REAP_QUEUED, FREED_SHIFT = 3, 4, 3
STATES = ("owned", "parked", "pooled", "unused")
MARKS = {0: "inside", 1: "ready", 0xa0: "slow-only", 0xc0: "asleep", 0xe0: "closed"}
LOCKS = ("pool", "node", "superslabs", "depot")
# More pointers than any per-CPU cache or magazine has.
MOST_WORDS = 1 << 16


class Error(Exception):
    """Why there is nothing to show, for a person."""


def align(n):
    return (n + 63) & ~63


def fault(error):
    """What a FaultError says, for a person."""
    return f"memory at {error.address:#x} cannot be read"


def text_of(pointer):
    """A string. What no name has, other bytes than UTF-8, blanks and controls, is escaped."""
    return re.sub("[\0- \x7f]", lambda found: f"\\x{ord(found[0]):02x}",
                  pointer.string_().decode(errors="backslashreplace"))


def module_of(prog, name):
    for module in list_for_each_entry("struct module", prog["modules"].address_of_(), "list"):
        if module.name.string_() == name.encode():
            return module
    raise Error(f"no module {name} is loaded in this kernel")


def symbols_of(module):
    """The addresses of a module's symbols. drgn before 0.0.23 knows none since Linux 6.4."""
    prog, table = module.prog_, module.kallsyms
    number, names = table.num_symtab.value_(), table.strtab.value_()
    entries = list(struct.iter_unpack("<IBBHQQ", prog.read(table.symtab.value_(), 24 * number)))
    last = max(entry[0] for entry in entries)
    end = last + len(drgn.Object(prog, "char *", value=names + last).string_())
    text = prog.read(names, end) + b"\0"
    return {text[entry[0]:text.index(b"\0", entry[0])].decode(errors="backslashreplace"): entry[4]
            for entry in entries}


class Slab:
    """
    A slot of a superslab, at ADDR, that has a slab. The lists have the addresses of
    objects. The cache is None if the slab's pointer leads to none.
    """

    def __init__(self, core, slab, addr):
        self.core, self.addr, self.broken = core, addr, []
        if slab.addr.value_() != addr:
            self.broken.append(f"its address is given as {slab.addr.value_():#x}")
        self.cache = core.cache_at(slab.cache.value_())
        if not self.cache:
            self.broken.append(f"its cache is given as {slab.cache.value_():#x}, which is none")
        self.nid, self.bump = slab.nid.value_(), slab.bump.value_()
        rc = slab.rc.counter.value_() & 0xffffffff
        self.state, self.queued = STATES[rc & STATE_MASK], bool(rc & REAP_QUEUED)
        used = ((slab.taken.value_() << FREED_SHIFT) - (rc & ~7)) & 0xffffffff
        self.used = (used - (1 << 32) if used >> 31 else used) >> FREED_SHIFT
        self.home = None
        try:
            self.home = slab.entry.owner_tag.value_() if slab.entry else None
        except drgn.FaultError as error:
            self.broken.append(f"its entry: {fault(error)}")
        self._first = {"freelist": slab.freelist.value_(), "drained": slab.drained.value_(),
                       "remote": slab.remote.first.value_()}
        self._secret = slab.secret.value_()
        self._lists = None

    @property
    def owner(self):
        """The CPU that owns it, or owned it last."""
        cpus = self.cache.cpus if self.cache else []
        return next((cpu.nr for cpu in cpus if cpu.tag == self.home), -1)

    @property
    def lists(self):
        if self._lists is None:
            self._lists = {name: [] for name in self._first}
            if not self.cache or not self.cache.fits:
                return self._lists
            try:
                memory = self.core.read(self.addr, SLAB)
            except drgn.FaultError as error:
                self.broken.append(f"its objects: {fault(error)}")
                return self._lists
            for name, first in self._first.items():
                self._lists[name] = self._chain(memory, name, first)
        return self._lists

    def _chain(self, memory, name, node):
        found, cache = [], self.cache
        while node:
            offset = node - cache.link - self.addr
            if not 0 <= offset < cache.capacity * cache.size or offset % cache.size or \
                    len(found) >= cache.capacity:
                self.broken.append(f"a link is broken: {name} leads to {node:#x}")
                break
            found.append(self.addr + offset)
            link, = struct.unpack_from("<Q", memory, offset + cache.link)
            node = self._decode(node, link)
        return found

    def _decode(self, node, link):
        """What a link leads to, as hak_link_code() says."""
        if not self.core.hardened:
            return link
        return link ^ self._secret ^ int.from_bytes(node.to_bytes(8, "little"), "big")

    @property
    def free(self):
        return sum(map(len, self.lists.values()))


class Cpu:
    """The per-CPU cache of one CPU, with its magazines and its outbox."""

    def __init__(self, core, cache, nr):
        self.nr = nr
        pointer = per_cpu_ptr(cache.object.cpu, nr)
        self.base, self.tag = pointer.value_(), pointer.value_() >> 6 & 0xffffffff
        # Up to the flexible array; the objects are read by themselves.
        data = pointer[0]
        self.cap, self.limit = data.cap.value_(), data.limit.value_()
        count = data.nr.value_()
        self.mark = MARKS.get(data.mark.value_(), "trying")
        self.slab = data.cur.value_()
        self.counts = {name: getattr(data, name).value_()
                       for name in ("refills", "spills", "pushes", "drains", "sends")}
        self.objects = core.words(self.base + core.obj_offset, 0 if 0xfff8 < count <= 0xffff else count)
        at = self.base + align(core.obj_offset + 8 * max(self.cap, 1))
        batch = (self.cap + 1) // 2
        self.magazines = []
        for _ in range(data.mags.value_()):
            magazine = core.object("struct hak_magazine", at)
            full = magazine.full.value_()
            self.magazines.append((at, core.words(at + core.magazine_offset,
                                                  magazine.nr.value_()) if full else None))
            at += align(core.magazine_offset + 8 * batch)
        self.outbox = None
        if data.outbox:
            outbox = core.object("struct hak_outbox", at)
            self.outbox = core.words(at + core.outbox_offset, outbox.nr.value_())

    @property
    def under_way(self):
        return sum(len(objects) for _, objects in self.magazines if objects is not None)


class Cache:
    """A size class or a typed cache."""

    def __init__(self, core, pointer):
        self.object = data = pointer[0].read_()
        self.address, self.broken = pointer.value_(), []
        self.name = f"@{self.address:x}"
        with self.noting("its name"):
            self.name = text_of(data.name) or self.name
        for name in ("size", "capacity", "cap", "link", "usable", "map"):
            setattr(self, name, getattr(data, name).value_())
        # Do the objects, and the links in them, lie in a slab?
        self.fits = self.size > 0 and self.capacity > 0 and \
            (self.capacity - 1) * self.size + max(self.size, self.link + 8) <= SLAB
        if not self.fits:
            self.broken.append(f"{self.capacity} objects of {self.size} bytes make no slab")
        self.cpus, self.pools, self.received, self.fallback = [], {}, 0, 0
        for nr in core.cpus:
            with self.noting(f"CPU {nr}"):
                self.cpus.append(Cpu(core, self, nr))
        for nid in core.nodes:
            with self.noting(f"the pool of node {nid}"):
                pool = data.pool[nid]
                self.pools[nid] = (pool.nr.counter.value_(), self._depot(pool.depot))
                self.received += pool.depot.received.value_()
        if data.fallback:
            with self.noting("the count of SLUB's objects"):
                self.fallback = sum(per_cpu_ptr(data.fallback_live, nr)[0].value_()
                                    for nr in core.cpus)
        self.slabs = []
        self.places = self._places()

    @contextlib.contextmanager
    def noting(self, part):
        """If a part of the cache cannot be read, this is noted, and the rest is read."""
        try:
            yield
        except drgn.FaultError as error:
            self.broken.append(f"{part}: {fault(error)}")
        except Error as error:
            self.broken.append(f"{part}: {error}")

    def _depot(self, depot):
        """The magazines in it: of which CPU, and the objects."""
        owner = {at: (cpu.nr, objects) for cpu in self.cpus for at, objects in cpu.magazines}
        found = []
        for node in (depot.chain, depot.incoming.first):
            while node:
                # The link is the first member.
                found.append(owner.get(node.value_(), (-1, [])))
                if len(found) > len(owner):
                    raise Error("the depot has no end")
                node = node.next
        return found

    def _places(self):
        """Where the objects are that are free and in no slab."""
        found = {}
        for cpu in self.cpus:
            for p in cpu.objects:
                found[p] = f"free, in CPU {cpu.nr}'s cache"
            for _, objects in cpu.magazines:
                for p in objects or []:
                    found[p] = f"free, in a magazine of CPU {cpu.nr}"
            for p in cpu.outbox or []:
                found[p] = f"free, in CPU {cpu.nr}'s outbox"
        return found

    @property
    def cached(self):
        return sum(len(cpu.objects) + len(cpu.outbox or []) for cpu in self.cpus)

    @property
    def under_way(self):
        return sum(cpu.under_way for cpu in self.cpus)

    @property
    def live(self):
        return sum(max(slab.used, 0) for slab in self.slabs) - self.cached - self.under_way

    def total(self, name):
        return sum(cpu.counts[name] for cpu in self.cpus)


class Superslab:
    """Its slots: a Slab, None for one without a slab, False for one that was given back."""

    def __init__(self, core, data):
        self.addr, self.nid, self.order = (getattr(data, name).value_()
                                           for name in ("addr", "nid", "order"))
        full, used = data.full.value_(), data.used.value_() & data.full.value_()
        self.slots = []
        for i in range(full.bit_length()):
            slab = None if full >> i & 1 else False
            if used >> i & 1:
                slab = self._slab(core, data, i)
            self.slots.append(slab)
        self.full, self.used = bin(full).count("1"), bin(used).count("1")

    def _slab(self, core, data, i):
        addr = self.addr + i * SLAB
        try:
            slot = data.slab[i].read_()
        except drgn.FaultError as error:
            core.broken.append(f"the slab at {addr:#x}: {fault(error)}")
            return None
        return Slab(core, slot, addr) if slot.cache and slot.rc.counter & STATE_MASK != 3 else None


class Core:
    """All of hakmem in the kernel that PROG is about."""

    def __init__(self, prog):
        self.prog, self.broken = prog, []
        module = module_of(prog, "hakmem")
        self.version = text_of(module.version) if module.version else ""
        self.symbols = symbols_of(module)
        self.release = text_of(prog["init_uts_ns"].name.release)
        try:
            self.obj_offset = drgn.offsetof(prog.type("struct hak_cpu_cache"), "obj")
            self.magazine_offset = drgn.offsetof(prog.type("struct hak_magazine"), "obj")
            self.outbox_offset = drgn.offsetof(prog.type("struct hak_outbox"), "obj")
        except LookupError as error:
            raise Error("there is no debug information of hakmem.ko; name the file with -s, "
                        "as it was built, not stripped") from error
        self.cpus, self.nodes = list(for_each_possible_cpu(prog)), list(for_each_node(prog))
        self.hardened = self.variable("hak_hardened_on").key.enabled.counter.value_() > 0
        self.caches = self._list("hak_caches", "struct hak_cache", "list", Cache)
        self._by_address = {cache.address: cache for cache in self.caches}
        self.superslabs = sorted(
            self._list("hak_superslabs", "struct hak_superslab", "all",
                       lambda core, ss: Superslab(core, ss[0].read_())),
            key=lambda ss: ss.addr)
        for slab in self.slabs:
            if slab.cache:
                slab.cache.slabs.append(slab)

    def _list(self, name, kind, member, make):
        """What MAKE makes of the members of a list, as far as the list can be followed."""
        found, seen = [], set()
        try:
            for pointer in list_for_each_entry(kind, self.variable(name).address_of_(), member):
                if pointer.value_() in seen:
                    self.broken.append(f"{name} leads back to {pointer.value_():#x}")
                    break
                seen.add(pointer.value_())
                found.append(make(self, pointer))
        except drgn.FaultError as error:
            self.broken.append(f"{name} cannot be followed beyond {len(found)} members: "
                               f"{fault(error)}")
        return found

    def variable(self, name):
        """A variable of hakmem, of the type that the debug information says."""
        if name not in self.symbols:
            raise Error(f"the kernel does not know where {name} is; it lacks CONFIG_KALLSYMS_ALL")
        return drgn.Object(self.prog, self.prog[name].type_, address=self.symbols[name])

    def object(self, kind, address):
        return drgn.Object(self.prog, kind, address=address & (1 << 64) - 1)

    def read(self, address, size):
        if address + size > 1 << 64:
            raise drgn.FaultError("it is beyond all memory", address & (1 << 64) - 1)
        return self.prog.read(address, size)

    def words(self, address, number):
        if not 0 <= number <= MOST_WORDS:
            raise Error(f"there cannot be {number} objects at {address:#x}")
        return list(struct.unpack(f"<{number}Q", self.read(address, 8 * number)))

    def cache_at(self, address):
        """The cache there, or None."""
        return self._by_address.get(address)

    @property
    def slabs(self):
        return [slab for ss in self.superslabs for slab in ss.slots if slab]

    def slab_of(self, address):
        for ss in self.superslabs:
            slot = (address - ss.addr) // SLAB
            if 0 <= slot < len(ss.slots):
                return ss.slots[slot] or None
        return None

    def where(self, slab, p):
        """What is known of the object that begins at P."""
        cache = slab.cache
        nr = (p - slab.addr) // cache.size
        if nr >= cache.capacity:
            return "beyond the last object"
        if p in cache.places:
            return cache.places[p]
        for name, text in (("freelist", "on its slab's freelist"),
                           ("drained", "among those the owner has taken off the remote list"),
                           ("remote", "on its slab's remote list")):
            if p in slab.lists[name]:
                return "free, " + text
        if cache.map:
            try:
                bit = self.read(slab.addr + cache.map + nr // 8, 1)[0] >> nr % 8 & 1
            except drgn.FaultError as error:
                return fault(error)
            return "live" if bit else "never allocated"
        return "live" if nr < slab.bump else "never allocated"

    def statistics(self):
        """The lines of debugfs' stats."""
        def count(name):
            return self.variable(name).counter.value_()

        grown = [one.counter.value_() for one in self.variable("hak_grown")]
        least = 16 - self.prog["PAGE_SHIFT"].value_()
        nodes, books = self.variable("hak_node"), self.variable("hak_arena_node")
        yield "arena_bytes", sum(books[nid].bytes.counter.value_() for nid in self.nodes)
        yield "superslabs", len(self.superslabs)
        yield "superslabs_empty", sum(nodes[nid].nr_empty.value_() for nid in self.nodes)
        yield "superslabs_grown", sum(grown)
        for i, number in enumerate(grown):
            yield f"superslabs_grown_order{i + least}", number
        yield "superslabs_shrunk", count("hak_shrunk")
        yield "superslabs_broken", count("hak_broken")
        yield "superslab_pages", sum(ss.full for ss in self.superslabs) << least
        yield "slabs", sum(ss.used for ss in self.superslabs)
        events = [per_cpu_ptr(self.variable("hak_events"), nr)[0].nr for nr in self.cpus]
        for i, name in enumerate(self.variable("hak_event_name")):
            yield text_of(name), sum(event[i].value_() for event in events)
        for name, taken, waited in zip(LOCKS, self.variable("hak_locked"),
                                       self.variable("hak_contended")):
            yield f"lock_{name}_taken", taken.counter.value_()
            yield f"lock_{name}_waited", waited.counter.value_()
