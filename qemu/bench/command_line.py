# SPDX-License-Identifier: GPL-2.0
"""
The values that the arguments of the benchmarks take, and how these run commands. All
arguments are checked before anything is built. If one is wrong the program exits with
status 2 and a message that names it. qemu/lib/options.sh does the same for shell scripts.
"""
import argparse
import os
import re
import signal
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))



def out(name):
    """The directory NAME of out/, or of what the variable OUT names, unless that is empty."""
    return os.path.abspath(os.path.join(os.environ.get("OUT") or os.path.join(TOP, "out"), name))


class Parser(argparse.ArgumentParser):
    """Takes options by their whole names only, so that a typo is never another option."""

    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **kwargs)
        on_signal(end, signal.SIGTERM, signal.SIGHUP)


# Before a command: it gets SIGTERM if the program ends before it, even by SIGKILL.
OWNED = ["setpriv", "--pdeathsig", "TERM"]

running = set()


class Command(subprocess.Popen):
    """For a with statement: a command that SIGTERM and SIGHUP end, too. It can clean up."""

    def __init__(self, command, **kwargs):
        super().__init__([*OWNED, *command], **kwargs)
        running.add(self)

    def __exit__(self, *args):
        super().__exit__(*args)
        running.discard(self)


def run(command, check=False, timeout=None, **kwargs):
    """subprocess.run() of a Command."""
    with Command(command, **kwargs) as process:
        try:
            texts = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return subprocess.CompletedProcess(command, process.returncode, *texts)


def end(number, _frame):
    """Ends the program, and removes its temporary files."""
    for process in list(running):
        process.terminate()
    sys.exit(128 + number)


def on_signal(handler, *numbers):
    """Has HANDLER called on those signals that are not ignored, as nohup(1) ignores SIGHUP."""
    for number in numbers:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def check(true, what, text):
    if not true:
        raise argparse.ArgumentTypeError(f"takes {what}, not '{text}'")
    return text


def number(least, most):
    def parse(text):
        found = re.fullmatch("0|[1-9][0-9]{0,9}", text) and least <= int(text) <= most
        return int(check(found, f"a whole number from {least} to {most}", text))
    return parse


def seconds(text):
    found = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) and float(text) > 0
    return float(check(found, "a number above 0", text))


def kernel(text):
    tree = "/" in text and os.path.isfile(os.path.join(text, "kernel", "fork.c"))
    known = text == "newest" or re.fullmatch(r"[0-9]+\.[0-9]+", text)
    return check(tree or known, "newest, a version such as 6.12, or the path of a source tree, "
                                "with a slash in it", text)


def flavour(text):
    names = subprocess.run([f"{TOP}/qemu/kernel", "--print=flavours"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    return check(text in names, ", ".join(names), text)


def size(text):
    return check(re.fullmatch("[1-9][0-9]{0,6}[MG]", text),
                 "a whole number with M or G, such as 512M", text)


def regex(text):
    check(text, "a regular expression", text)
    try:
        re.compile(text)
    except re.error as error:
        check(False, f"a regular expression ({error})", text)
    return text


def file(text):
    return check(os.path.isfile(text) and os.access(text, os.R_OK), "a file that can be read",
                 text)


def directory(text):
    return check(os.path.isdir(text), "a directory that is there", text)


def new_directory(text):
    path = os.path.abspath(text)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return check(text and os.path.isdir(path) and os.access(path, os.W_OK),
                 "a directory, which is made if it is not there", text)


def module_parameters():
    """The least and the most of hakmem.ko's numeric parameters by name, from their table."""
    with open(os.path.join(TOP, "kernel", "params.h"), encoding="utf-8") as table:
        return {name: (int(least), int(most)) for name, least, most in re.findall(
            r'X\((\w+),\s*(?:uint|bool),\s*"\w+",\s*\d+,\s*(\d+),\s*(\d+),', table.read())}


def parameter(text):
    known = module_parameters()
    name, equals, value = text.partition("=")
    check(equals and name in known, "NAME=VALUE with one of " + ", ".join(known), text)
    least, most = known[name]
    good = re.fullmatch("0|[1-9][0-9]{0,9}", value) and least <= int(value) <= most
    return check(good, f"{name}=N, N from {least} to {most}", text)
