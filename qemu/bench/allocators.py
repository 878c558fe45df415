# SPDX-License-Identifier: GPL-2.0
"""The allocators that can be preloaded, and their versions."""
import glob
import hashlib
import os
import re
import subprocess
import sys

# As Debian installs them; libc.so.6 stands for no preloading at all.
LIBRARIES = ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2",
             "libmimalloc.so.2.0", "libmimalloc.so.3", "libsnmallocshim.so", "librpmalloc.so"]

# Run with the library preloaded, as not all can be opened later: asks for its version.
ASK = """
import ctypes
library = ctypes.CDLL(None)
if hasattr(library, "mi_version"):
    number = library.mi_version()
    print(f"{number // 10000}.{number // 100 % 100}.{number % 100}" if number >= 10000
          else f"{number // 100}.{number // 10 % 10}.{number % 10}")
elif hasattr(library, "tc_version"):
    library.tc_version.restype = ctypes.c_char_p
    print(library.tc_version(None, None, None).decode().split()[-1])
elif hasattr(library, "mallctl"):
    text, size = ctypes.c_char_p(), ctypes.c_size_t(8)
    if not library.mallctl(b"version", ctypes.byref(text), ctypes.byref(size), None, 0):
        print(text.value.decode().split("-")[0])
"""


def plain_name(path):
    """libjemalloc.so.2 is jemalloc, of version 2 as far as its name tells."""
    match = re.fullmatch(r"lib(.+?)(?:shim|_minimal)?\.so(?:\.(.+))?", os.path.basename(path))
    return match.groups() if match else (os.path.basename(path), None)


# Likewise: in which file is malloc()?
WHOSE = """
import ctypes
address = ctypes.cast(ctypes.CDLL(None).malloc, ctypes.c_void_p).value
for line in open("/proc/self/maps"):
    begin, end = (int(text, 16) for text in line.split()[0].split("-"))
    if begin <= address < end:
        print(line.split(maxsplit=5)[5].strip())
"""


def preloaded(path, program):
    """What the Python program PROGRAM prints with PATH preloaded; empty if it fails."""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60,
                          env=environment(path), capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def asked_version(path):
    """What the library itself says; None if it does not."""
    return preloaded(path, ASK) or None


def display_name(path):
    """Name and version. What has none is told by the first digits of its checksum."""
    name, named = plain_name(path)
    version = asked_version(path) or named
    if not version:
        with open(path, "rb") as file:
            version = "of sha256 " + hashlib.sha256(file.read()).hexdigest()[:8]
    return f"{name} {version}"


def libc_name():
    return os.confstr("CS_GNU_LIBC_VERSION") or "the C library"


def found(libraries, products):
    """Name and library to preload, hakmem first; None preloads nothing."""
    who = [("hakmem", os.path.join(products, "libhakmem.so")), (libc_name(), None)]
    seen = set()
    paths = [path for name in LIBRARIES for path in
             glob.glob(f"/usr/lib/*/{name}") + glob.glob(f"/usr/local/lib/{name}")]
    for path in paths + list(libraries):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        if preloaded(real, WHOSE) == real:
            who.append((display_name(real), real))
        else:
            print(f"{path} does not serve malloc() when it is preloaded, and is left out",
                  file=sys.stderr)
    return who


def environment(library):
    """The environment, with nothing but LIBRARY preloaded."""
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if library:
        env["LD_PRELOAD"] = library
    return env
