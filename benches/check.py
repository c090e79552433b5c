#!/usr/bin/env python3
"""Measures `webhookc check` as a process beside `xmllint --noout` on the same data model, in turn: CPU time, peak memory, wall time.

usage: benches/check.py [--binary target/release/webhookc] [--models 5000] [--runs 9]

Prints medians with the least and the greatest value; compare within one run only. Exits with 1 when a process fails.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

NOUNS = ["asset", "branch", "contract", "invoice", "meter", "permit", "room", "sensor", "ticket", "vehicle"]

MODEL = """  <model name="{name}" label="Model {number}">
    <field name="name" label="Name" type="text" />
    <field name="code" label="Code" type="text" />
    <field name="contact" label="Contact e-mail" type="text:email" />
    <field name="quantity" label="Quantity" type="integer" />
    <field name="weight" label="Weight (kg)" type="number" />
    <field name="started_on" label="Started on" type="date" />
    <field name="changed_at" label="Changed at" type="datetime" />
    <field name="archived" label="Archived" type="boolean" />
    <field name="status" label="Status" type="single-choice-integer">
      <option key="0">New</option>
      <option key="1">In progress</option>
      <option key="2">Done</option>
    </field>
    <field name="picture" label="Picture" type="photo" auto-download="true" />

    <belongs-to model="{owner}" name="owner" />
    <belongs-to model="{origin}" name="origin" />

    <display>{{code}} {{name}} ({{owner.name}})</display>

    <webhook type="{kind}" name="{kind}_{name}">
      <field name="owner" embed="true" />
      <field name="{field}" required="false" {condition} />
    </webhook>
  </model>

"""


def model_name(number):
    return f"{NOUNS[number % len(NOUNS)]}_{number:05}"


def data_model(count, mistakes=0):
    """A data model; each of its first `mistakes` webhooks names a field that does not exist."""
    models = [
        MODEL.format(
            name=model_name(number),
            number=number,
            owner=model_name((number * 7 + 1) % count),
            origin=model_name((number * 13 + 2) % count),
            kind="ready" if number % 2 else "update",
            field="image" if number < mistakes else "picture",
            condition='changed="true"' if number < mistakes else 'state="uploaded"',
        )
        for number in range(count)
    ]
    return '<?xml version="1.0" encoding="UTF-8"?>\n<data-model>\n' + "".join(models) + "</data-model>\n"


def project(folder, name, text):
    """A project folder with this data model and an endpoint that receives everything."""
    path = os.path.join(folder, name)
    os.mkdir(path)
    with open(os.path.join(path, "schema.xml"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(path, "webhookc.toml"), "w", encoding="utf-8") as file:
        file.write('[[endpoints]]\nname = "all"\nevents = "*"\nurl = "https://example.com/hook"\n')
    return path


def run(command, expected):
    """CPU ms, peak KB and wall ms of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}, expected {expected}")
    return (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss, wall * 1000


def show(label, values, unit):
    return f"{label} {statistics.median(values):.1f} {unit} ({min(values):.1f}–{max(values):.1f})"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binary", default=os.path.join(os.path.dirname(__file__), "..", "target", "release", "webhookc"))
    arguments.add_argument("--models", type=int, default=5000)
    arguments.add_argument("--runs", type=int, default=9)
    options = arguments.parse_args()
    binary = os.path.realpath(options.binary)
    if not shutil.which("xmllint"):
        sys.exit("xmllint is needed to compare with; it comes with libxml2 (`libxml2-utils`)")
    with tempfile.TemporaryDirectory() as folder:
        whole = project(folder, "whole", data_model(options.models))
        tenth = project(folder, "tenth", data_model(options.models // 10))
        wrong = project(folder, "wrong", data_model(max(1000, options.models // 5), mistakes=1000))
        source = os.path.getsize(os.path.join(whole, "schema.xml"))
        print(f"{source / 1e6:.1f} MB, {options.models} models, {options.runs} runs in turn; median (least–greatest)")
        processes = {
            "check": ([binary, "check", whole], 0),
            "xmllint --noout": (["xmllint", "--noout", os.path.join(whole, "schema.xml")], 0),
            "check, a tenth of the models": ([binary, "check", tenth], 0),
            "check, 1,000 mistakes shown in full": ([binary, "check", wrong, "--output-format", "full"], 1),
            "check, the same in one line each": ([binary, "check", wrong, "--output-format", "concise"], 1),
            "--version": ([binary, "--version"], 0),
        }
        measured = {name: [] for name in processes}
        for _ in range(options.runs):
            for name, (command, expected) in processes.items():
                measured[name].append(run(command, expected))
        for name, rows in measured.items():
            cpu, memory, wall = zip(*rows)
            # A process starts with the peak of the one that made it, which is this one.
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            peak = show("memory", [kib * 1024 / 1e6 for kib in memory], "MB") if min(memory) > own else f"memory below {own * 1024 / 1e6:.0f} MB"
            print(f"{name}: {show('CPU', cpu, 'ms')}, {peak}, {show('wall', wall, 'ms')}")
        check, lint = ([row[0] for row in measured[name]] for name in ("check", "xmllint --noout"))
        print(f"check : xmllint, median of the ratios: {statistics.median(a / b for a, b in zip(check, lint)):.2f}")
        peak = max(row[1] for row in measured["check"]) * 1024
        print(f"memory : source: {peak / source:.1f}")


if __name__ == "__main__":
    main()
