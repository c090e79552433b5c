#!/usr/bin/env python3
"""Finds the functions that a node runs from its start until it idles, and writes them as the linker's script `link/start.ld`.

The kernel maps a program in windows of 64 KiB. As the compiler orders it, what a start needs is all over the program, so that an idle node
occupies most of its text; next to each other these functions are a third of it.

usage: benches/order.py BINARY... > link/start.ld

A BINARY is a release build with its symbols. It is run under valgrind's `callgrind` with one model and one endpoint. A name is written without
what the compiler hashes into it, so that the script outlives a new version of anything: what is new in the program is then merely not in it,
and what is gone matches nothing. Of several builds the compiler has put different functions into their callers: what ran in any is written.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import end_to_end

# How much of what begins with a part of a name must have run, in bytes, for the part to stand for all of them: with more, the script is
# twice as long, with less, it brings along what does not run.
SHARE = 0.5
HASH = re.compile(r"17h[0-9a-f]{16}E")


def traced(binary, folder):
    """The names of the functions of `binary` that a node ran."""
    with open(f"{folder}/schema.xml", "w") as file:
        file.write(end_to_end.schema(end_to_end.UPDATE))
    with open(f"{folder}/webhookc.toml", "w") as file:
        file.write(end_to_end.configuration([end_to_end.endpoint("e0", '"*"')]))
    command = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={folder}/calls", binary, "serve", folder]
    with open(f"{folder}/log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"WEBHOOKC_KEY": "07" * 32})
        end_to_end.wait_until_ready(process, f"{folder}/log")
        time.sleep(20)
        process.send_signal(signal.SIGTERM)
        process.wait()
    programs, functions, ran, program = {}, {}, set(), None
    with open(f"{folder}/calls") as calls:
        for line in calls:
            if entry := re.match(r"(c?ob|c?fn)=\((\d+)\)(?: (.*))?$", line):
                kind, number, name = entry.groups()
                known = programs if kind.endswith("ob") else functions
                if name:
                    known[number] = name
                if kind == "ob":
                    program = known[number]
                elif kind == "fn" and program == binary:
                    ran.add(re.sub(r"'\d+$", "", known[number]))
    return ran


def sizes(binary):
    """Bytes of each function of `binary`."""
    found = {}
    for line in subprocess.run(["nm", "-S", binary], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tTwW":
            found[words[3]] = found.get(words[3], 0) + int(words[1], 16)
    return found


def parts(name):
    """A name in the parts by which it may be shortened: the folders and files of what is Rust's own way of writing it."""
    if not name.startswith("_ZN"):
        return [lasting(name)]
    found, at = ["_ZN"], 3
    while length := re.match(r"\d+", name[at:]):
        if HASH.match(name[at:]):
            return [*found, "17h"]
        end = at + len(length[0]) + int(length[0])
        found.append(name[at:end])
        at = end
    return found


def lasting(name):
    """A name of C, or one of the newer kind of Rust's, as it stays from one version to the next."""
    name = re.sub(r"\.(constprop|isra|part|llvm)\..*", ".*", name)
    name = re.sub(r"aws_lc_[0-9_]+_", "aws_lc_*_", name)
    return re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name) if name.startswith("_R") else name


class Names:
    """All names that begin alike."""

    def __init__(self):
        self.longer, self.bytes, self.ran = {}, 0, 0

    def add(self, name, size, ran):
        here = self
        for part in parts(name):
            here = here.longer.setdefault(part, Names())
            here.bytes += size
            here.ran += size if ran else 0

    def patterns(self, beginning=""):
        for part, names in self.longer.items():
            if names.ran == 0:
                continue
            text = beginning + part
            if names.longer and (text == "_ZN" or names.ran < SHARE * names.bytes):
                yield from names.patterns(text)
            else:
                yield f"{text}*" if text.startswith("_ZN") else text


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    patterns = set()
    for binary in map(os.path.realpath, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            ran = traced(binary, folder)
        names = Names()
        for name, size in sizes(binary).items():
            names.add(name, size, name in ran)
        patterns.update(names.patterns())
    # The rest of the program's functions follow in the same section: what reads a program looks for them in one.
    print("/* The functions that a node runs until it idles, next to each other. Written by `benches/order.py`. */")
    print("SECTIONS {\n  .text : {\n    *(")
    for pattern in sorted(patterns):
        print(f"      .text.{pattern}")
    print("    )\n  }\n} INSERT AFTER .init;")


if __name__ == "__main__":
    main()
