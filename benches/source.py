#!/usr/bin/env python3
"""Measures what a node spends on the changes of a database that it reads: CPU time for each row of one large transaction, from a private cluster into
SQLite. Every row is decided, and none fires.

usage: benches/source.py --postgres BIN [--binary FILE ...] [--tables 1 300] [--runs 3] [--rows 100000]

  --postgres  folder with PostgreSQL's binaries
  --binary    of several, runs alternate; it is given again for each
  --tables    how many tables the database and the schema have; the rows are those of the last one

One line a run, and one of medians for each binary and number of tables.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from end_to_end import Cluster, cpu_seconds

# How long a run may take.
PATIENCE_S = 300
MODEL = """<model name="{name}" label="Row">
    <field name="name" label="Name" type="text" />
    <field name="total" label="Total" type="number" />
    <field name="open" label="Open" type="boolean" />
    <field name="placed" label="Placed" type="datetime" />
    <display>{{name}}</display>
    <webhook type="update" name="{name}_owed" when="(object.total or 0) &lt; 0" />
</model>"""
COLUMNS = "id int PRIMARY KEY, name text, total numeric(8,2), open boolean, placed timestamptz"


def wait_until(what, so, node):
    began = time.time()
    while not so():
        if node.poll() is not None or time.time() - began > PATIENCE_S:
            sys.exit(f"never: {what}")
        time.sleep(0.1)


def run(binary, cluster, tables, rows):
    """CPU time for a row, in microseconds."""
    names = [f"t{number:04}" for number in range(tables)]
    cluster.psql("bench", "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    cluster.psql("bench", ";".join(f"CREATE TABLE {name} ({COLUMNS})" for name in names))
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/schema.xml", "w") as file:
            file.write("<data-model>" + "".join(MODEL.format(name=name) for name in names) + "</data-model>")
        with open(f"{folder}/webhookc.toml", "w") as file:
            file.write('[[endpoints]]\nname = "all"\nevents = ["*"]\nurl = "https://receiver.example/"\n')
            file.write(f'[source.postgres]\nurl = "{cluster.url}"\n')
        subprocess.run([binary, "source", "init", folder], stdout=subprocess.DEVNULL, check=True)
        with open(f"{folder}/log", "w") as log:
            node = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", folder], stdout=log, stderr=log)
        try:
            state = "FROM pg_replication_slots WHERE slot_name = 'webhookc'"
            wait_until("the node reads", lambda: cluster.psql("bench", f"SELECT active {state}") == "t", node)
            time.sleep(1)
            before = cpu_seconds(node.pid)
            row = "n, 'order ' || n, n % 1000, n % 2 = 0, now()"
            cluster.psql("bench", f"INSERT INTO {names[-1]} SELECT {row} FROM generate_series(1, {rows}) n")
            end = cluster.psql("bench", "SELECT pg_current_wal_lsn()")
            wait_until("all is taken in", lambda: cluster.psql("bench", f"SELECT confirmed_flush_lsn >= '{end}' {state}") == "t", node)
            return (cpu_seconds(node.pid) - before) / rows * 1e6
        finally:
            node.kill()
            node.wait()
            time.sleep(0.5)
            subprocess.run([binary, "source", "drop", folder], stdout=subprocess.DEVNULL, check=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--postgres", required=True)
    arguments.add_argument("--binary", action="append")
    arguments.add_argument("--tables", type=int, nargs="+", default=[1, 300])
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--rows", type=int, default=100_000)
    options = arguments.parse_args()
    binaries = options.binary or [os.path.join(os.path.dirname(__file__), "..", "target", "release", "webhookc")]
    cluster = Cluster(options.postgres)
    try:
        for setting in ("wal_level = logical", "fsync = off"):
            cluster.psql("postgres", f"ALTER SYSTEM SET {setting}")
        cluster.run("pg_ctl", "-D", f"{cluster.folder}/data", "-l", f"{cluster.folder}/log", "-w", "-s", "-m", "fast", "restart")
        spent = {}
        for _ in range(options.runs):
            for tables in options.tables:
                for binary in binaries:
                    cost = run(os.path.realpath(binary), cluster, tables, options.rows)
                    spent.setdefault((binary, tables), []).append(cost)
                    print(f"{binary}, {tables} tables: {cost:.1f} µs a row", flush=True)
        for (binary, tables), costs in spent.items():
            print(f"median of {binary}, {tables} tables: {statistics.median(costs):.1f} µs a row")
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
