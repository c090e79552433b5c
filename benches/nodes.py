#!/usr/bin/env python3
"""Measures what several nodes on one PostgreSQL database cost beside one: CPU time of all nodes for each delivery, and of the server apart.

Runs of 1 and of more nodes alternate, each on a database of its own in a private cluster, with its disk as careful as a server is delivered. Every
node gets as many saves as the others from a `load` of its own; one `sink` receives everything. Loopback only. A run counts when everything has come once
and is settled.

usage: benches/nodes.py --programs DIR --postgres BIN [--binary FILE] [--nodes 3] [--runs 3] [--saves 12000] [SCENARIO ...]

  --programs  folder with the programs `load` and `sink`
  --postgres  folder with PostgreSQL's binaries

Scenarios: `burst` and `crowd` as fast as they are taken, over 64 and 192 connections in all; `rate` 400 saves a second in all. One line a run, one of medians for each number of
nodes, and one with the ratios, of which `node_cpu_us` is the one with an aim: at most 1.3.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from end_to_end import SAVE, SINK, UPDATE, Cluster, cpu_seconds, endpoint, schema, show

FIRST_PORT = 7401
SCENARIOS = {"burst": ["-c", 64], "crowd": ["-c", 192], "rate": ["-c", 16, "--rate", 400]}
# Saves before those that are measured; can be shared by any number of nodes up to five.
WARM_UP = 6000
# How long a run may take.
PATIENCE_S = 300


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


def wait_until(what, so, process=None, log=None):
    began = time.time()
    while True:
        if process and process.poll() is not None:
            sys.exit(f"webhookc ended: {open(log).read()}")
        try:
            if so():
                return
        except OSError:
            pass
        if time.time() - began > PATIENCE_S:
            sys.exit(f"never: {what}")
        time.sleep(0.05)


class Fleet:
    """Nodes on one database, each with an address of its own."""

    def __init__(self, binary, cluster, folder, count):
        self.cluster, self.processes = cluster, []
        cluster.psql("bench", "DROP SCHEMA IF EXISTS webhookc CASCADE; CHECKPOINT")
        with open(f"{folder}/schema.xml", "w") as file:
            file.write(schema(UPDATE))
        with open(f"{folder}/webhookc.toml", "w") as file:
            file.write(f'[store]\nurl = "{cluster.url}"\n[egress]\nallow_networks = ["127.0.0.0/8"]\n' + endpoint("all"))
        self.ports = range(FIRST_PORT, FIRST_PORT + count)
        for port in self.ports:
            log = f"{folder}/log{port}"
            command = [binary, "serve", "--listen", f"127.0.0.1:{port}", folder]
            environment = os.environ | {"WEBHOOKC_KEY": "07" * 32}
            process = subprocess.Popen(command, stdout=open(log, "w"), stderr=subprocess.STDOUT, env=environment)
            self.processes.append(process)
            wait_until("webhookc is ready", lambda: get(f"http://127.0.0.1:{port}/readyz"), process, log)
        # Until each has its part of the endpoint.
        wait_until("the nodes agree", lambda: cluster.psql("bench", "SELECT min(cardinality(crew)) FROM webhookc.nodes") == str(count))
        time.sleep(3)

    def cpu(self):
        return sum(cpu_seconds(process.pid) for process in self.processes)

    def is_settled(self):
        return self.cluster.psql("bench", "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0"

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()


def loads(options, fleet, folder, kind, saves, prefix):
    """One `load` a node, together so many saves, and as much at once as one alone would send."""
    count = len(fleet.ports)
    with open(f"{folder}/save.json", "w") as file:
        file.write(SAVE)
    # Numbers are shared among them; words are the same for each.
    shared = [str(max(1, word // count)) if isinstance(word, int) else word for word in kind]
    started = []
    for port in fleet.ports:
        url = f"http://127.0.0.1:{port}/api/v1/tenants/default/objects/asset/{{id}}"
        command = [f"{options.programs}/load", "--url", url, "--method", "PUT", "--template", f"{folder}/save.json", "--prefix", f"{prefix}{port}x"]
        command += ["-n", str(saves // count), *shared]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    return started


def send(options, fleet, folder, kind, saves, prefix, come):
    """Seconds until the sink has so many messages in all; returns when all is settled."""
    began = time.time()
    started = loads(options, fleet, folder, kind, saves, prefix)
    wait_until("everything has come", lambda: json.loads(get(f"http://{SINK}/stats"))["unique"] >= come)
    took = time.time() - began
    wait_until("everything is settled", fleet.is_settled)
    failed = [load.returncode for load in started if load.wait()]
    if failed:
        sys.exit(f"load failed: {failed}")
    return took


def run(options, cluster, count, kind):
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(os.path.realpath(options.binary), cluster, folder, count)
        sink = subprocess.Popen([f"{options.programs}/sink", "--addr", SINK], stderr=subprocess.DEVNULL)
        try:
            wait_until("the sink is there", lambda: get(f"http://{SINK}/stats"))
            # Connections are made and statements prepared when they are first needed: not part of what a delivery costs.
            send(options, fleet, folder, ["-c", 64], WARM_UP, "w", WARM_UP)
            saves = options.saves // count * count
            nodes, server = fleet.cpu(), cluster.cpu_seconds()
            took = send(options, fleet, folder, kind, saves, "n", WARM_UP + saves)
            nodes, server = fleet.cpu() - nodes, cluster.cpu_seconds() - server
            each = fleet.cluster.psql("bench", "SELECT count(*) FROM webhookc.deliveries WHERE attempts = 1")
            if int(each) != WARM_UP + saves:
                sys.exit(f"{each} of {WARM_UP + saves} were sent once")
            return {"delivered/s": saves / took, "node_cpu_us": 1e6 * nodes / saves, "server_cpu_us": 1e6 * server / saves}
        finally:
            sink.terminate()
            sink.wait()
            fleet.stop()


def medians(rows):
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--programs", required=True)
    arguments.add_argument("--postgres", metavar="BIN", required=True)
    arguments.add_argument("--binary", default=os.path.join(os.path.dirname(__file__), "..", "target", "release", "webhookc"))
    arguments.add_argument("--nodes", type=int, default=3)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--saves", type=int, default=12000)
    arguments.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    options = arguments.parse_args()
    cluster = Cluster(options.postgres)
    try:
        for name in options.scenarios or SCENARIOS:
            if name not in SCENARIOS:
                arguments.error(f"`{name}` is no scenario, expected one of {', '.join(SCENARIOS)}")
            rows = {1: [], options.nodes: []}
            for _ in range(options.runs):
                for count, found in rows.items():
                    found.append(run(options, cluster, count, SCENARIOS[name]))
                    print(f"{name} {count} node{'s'[: count != 1]}: {show(found[-1])}", flush=True)
            for count, found in rows.items():
                print(f"{name} {count} node{'s'[: count != 1]}, medians: {show(medians(found))}")
            pairs = list(zip(rows[options.nodes], rows[1]))
            ratios = {key: statistics.median(many[key] / one[key] for many, one in pairs) for key in pairs[0][0]}
            print(f"{name} {options.nodes} : 1 nodes, medians of the ratios: {show(ratios)}", flush=True)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
