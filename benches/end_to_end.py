#!/usr/bin/env python3
"""Measures saves from the API to a receiver on this machine: load -> webhookc -> sink, and in turn load -> pipeline -> sink.

`pipeline` is the least that a durable sender must do: HTTP, JSON, one SQLite writer with group commit at synchronous=FULL, or two connections to
PostgreSQL, HMAC, POST, settle; no rules, retries, limits or history. Loopback only.

usage: benches/end_to_end.py --programs DIR --e2e DIR [--binary FILE] [--postgres BIN] [--runs 3] [SCENARIO ...]

  --programs  folder with the programs `load`, `sink` and `pipeline`
  --e2e       folder with `e2e.py`
  --postgres  folder with PostgreSQL's binaries: every run, of `pipeline` too, is made once more on a private cluster in a temporary folder,
              with its disk as careful as a server is delivered

One line a run and one of medians a scenario, with ratios where `pipeline` runs beside it. Compare within one run only.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

API = "127.0.0.1:7391"
SINK = "127.0.0.1:9999"
OTHER_SINK = "127.0.0.1:9998"
FIELDS = [
    ("ts_ns", "integer"), ("name", "text"), ("serial_number", "text"), ("make", "text"), ("kind", "text"), ("status", "text"), ("notes", "text"),
    ("latitude", "number"), ("longitude", "number"), ("room", "text"), ("active", "boolean"), ("count", "integer"),
]
SAVE = (
    '{"ts_ns":{ts_ns},"name":"Pump {seq}","serial_number":"SN-{seq}","make":"Acme","kind":"X200","status":"in service","notes":"{pad:600}",'
    '"latitude":-33.918861,"longitude":18.4233,"room":"Room {mod:997}","active":true,"count":{seq}}'
)
OBJECT = f"http://{API}/api/v1/tenants/default/objects/asset/{{id}}"
SAVES = f"http://{API}/api/v1/tenants/default/saves"


def schema(webhooks):
    fields = "".join(f'<field name="{name}" label="{name}" type="{kind}" />\n' for name, kind in FIELDS)
    return f'<data-model>\n<model name="asset" label="Asset">\n{fields}<display>{{name}}</display>\n{webhooks}</model>\n</data-model>\n'


UPDATE = '<webhook type="update" name="asset_saved"><field name="name" /></webhook>\n'
FIRST_HALF = (
    '<webhook type="update" name="good"><field name="active" equals="true" /></webhook>\n'
    '<webhook type="update" name="stuck"><field name="active" equals="false" /></webhook>\n'
)


def endpoint(name, events='"*"', address=SINK, more=""):
    return f'[[endpoints]]\nname = "{name}"\nevents = {events}\nurl = "http://{address}/hook/{name}"\n{more}'


def configuration(endpoints):
    return f'[listen]\naddress = "{API}"\n[egress]\nallow_networks = ["127.0.0.0/8"]\n' + "".join(endpoints)


def sample(size, text=SAVE):
    return text.replace("{pad:600}", "{pad:%d}" % size)


# What is run: number of saves, options of load, endpoints, body, what `pipeline` gets.
SCENARIOS = {
    "burst": dict(saves=20000, load=["-c", "64"], pipeline=["-c", "64"]),
    "batch": dict(saves=40000, load=["-c", "8", "--batch", "100"], batch=True, pipeline=["-c", "64"]),
    "fanout": dict(saves=1000, load=["-c", "8"], endpoints=50),
    "rate200": dict(saves=2000, load=["-c", "16", "--rate", "200"], pipeline=["-c", "16", "--rate", "200"]),
    "rate1000": dict(saves=10000, load=["-c", "16", "--rate", "1000"], pipeline=["-c", "16", "--rate", "1000"]),
    "hang": dict(saves=4000, load=["-c", "16", "--rate", "400"], beside="hang:1"),
    "both-well": dict(saves=4000, load=["-c", "16", "--rate", "400"], beside=""),
    "no-hang": dict(saves=2000, load=["-c", "16", "--rate", "200"]),
    "queue-20k": dict(queued=20000),
    "queue-1m": dict(queued=1000000),
    "idle": dict(idle=60),
    "endpoints": dict(endpoints=100000, idle=10, events='["nothing"]'),
}


def wait_until_ready(process, log):
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"webhookc ended: {open(log).read()}")
        try:
            urllib.request.urlopen(f"http://{API}/readyz", timeout=5).read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("webhookc did not become ready")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        return sum(int(ticks) for ticks in file.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")


def pss_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024 / 1e6


def commits():
    """Transactions that the node has committed since it started."""
    with urllib.request.urlopen(f"http://{API}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("webhookc_store_commits_total") and 'outcome="done"' in line)


def pages(store):
    """Bytes of the store's pages, those too that are only in its write-ahead log."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]


class Cluster:
    """A private server with a socket in a temporary folder."""

    def __init__(self, binaries):
        self.binaries, self.folder = binaries, tempfile.mkdtemp(prefix="webhookc-bench-")
        os.chmod(self.folder, 0o755)
        self.owner = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "webhookc", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c shared_buffers=256MB"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "-s", "-o", options, "start")
        self.psql("postgres", "CREATE DATABASE bench")
        self.url = f"postgres://webhookc@localhost/bench?host={self.folder}"
        self.dsn = f"host={self.folder} user=webhookc dbname=bench"

    def run(self, program, *arguments):
        subprocess.run([*self.owner, f"{self.binaries}/{program}", *arguments], stdout=subprocess.DEVNULL, check=True)

    def psql(self, database, sql):
        command = [f"{self.binaries}/psql", "-h", self.folder, "-U", "webhookc", "-d", database, "-XqAtc", sql]
        environment = os.environ | {"PGOPTIONS": "-c client_min_messages=warning"}
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout.strip()

    def size(self):
        return int(self.psql("bench", "SELECT pg_database_size('bench')"))

    def cpu_seconds(self):
        """Of the server and its sessions, those too that have ended."""
        with open(f"{self.folder}/data/postmaster.pid") as file:
            postmaster = file.readline().strip()
        total = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
                if pid == postmaster:
                    total += sum(map(int, fields[11:15]))
                elif fields[1] == postmaster:
                    total += sum(map(int, fields[11:13]))
        return total / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-s", "stop")
        shutil.rmtree(self.folder)


class Bench:
    def __init__(self, options):
        self.options = options
        self.binary = os.path.realpath(options.binary)

    def e2e(self, label, process, url, saves, load, fanout=1, method="PUT", body=None, folder="."):
        command = [sys.executable, f"{self.options.e2e}/e2e.py", "--bin", self.options.programs, "--label", label, "-n", str(saves)]
        command += ["--fanout", str(fanout), "--timeout", "120", "--watch", f"{label}={process.pid}", "--url", url]
        if label == "webhookc":
            command += ["--sink-args", "--id-field id --ts-field ts_ns"]
            with open(f"{folder}/save.json", "w") as file:
                file.write(body or SAVE)
            load = ["--method", method, "--template", f"{folder}/save.json", *load]
        else:
            load = ["--template", f"{self.options.e2e}/save.json.tmpl", *load]
        return json.loads(subprocess.run([*command, "--", *load], stdout=subprocess.PIPE, text=True).stdout)

    def webhookc(self, scenario, cluster=None):
        with tempfile.TemporaryDirectory() as folder:
            count = scenario.get("endpoints", 1)
            events = scenario.get("events", '"*"')
            endpoints = [endpoint(f"e{number}", events) for number in range(count)]
            webhooks = UPDATE
            if scenario.get("events"):
                webhooks += '<webhook type="update" name="nothing"><field name="name" equals="nothing" /></webhook>\n'
            other = None
            if "beside" in scenario:
                webhooks = FIRST_HALF
                endpoints = [endpoint("good", '["good"]'), endpoint("stuck", '["stuck"]', OTHER_SINK)]
                other = [f"{self.options.programs}/sink", "--addr", OTHER_SINK, "--fault", scenario["beside"]]
                other = subprocess.Popen(other, stderr=subprocess.DEVNULL)
            with open(f"{folder}/schema.xml", "w") as file:
                file.write(schema(webhooks))
            with open(f"{folder}/webhookc.toml", "w") as file:
                file.write((f'[store]\nurl = "{cluster.url}"\n' if cluster else "") + configuration(endpoints))
            if cluster:
                cluster.psql("bench", "DROP SCHEMA IF EXISTS webhookc CASCADE; CHECKPOINT")
            size = cluster.size if cluster else lambda: pages(f"{folder}/webhookc.db")
            log = f"{folder}/log"
            process = subprocess.Popen([self.binary, "serve", folder], stdout=open(log, "w"), stderr=subprocess.STDOUT, env=os.environ | {"WEBHOOKC_KEY": "07" * 32})
            try:
                wait_until_ready(process, log)
                if "idle" in scenario:
                    time.sleep(5)
                    before = cpu_seconds(process.pid)
                    time.sleep(scenario["idle"])
                    used = cpu_seconds(process.pid) - before
                    return {"idle_cpu_percent": round(100 * used / scenario["idle"], 3), "idle_mb": round(pss_mb(process.pid), 1)}
                if "queued" in scenario:
                    return self.drained(process, scenario["queued"], folder)
                empty = size()
                body, url, method = SAVE, OBJECT, "PUT"
                if scenario.get("batch"):
                    body, url, method = f'{{"model":"asset","id":"{{id}}","fields":{SAVE}}}', SAVES, "POST"
                if "beside" in scenario:
                    return self.beside_another(process, scenario, folder)
                run = lambda: self.e2e("webhookc", process, url, scenario["saves"], scenario["load"], count, method, body, folder)
                result = with_server(cluster, run, scenario["saves"] * count)
                result["commits_a_save"] = commits() / scenario["saves"]
                if scenario.get("batch"):
                    result["commits_a_batch"] = commits() / (scenario["saves"] / 100)
                result["store_bytes"] = round((size() - empty) / scenario["saves"])
                return result
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
                if other:
                    other.terminate()
                    other.wait()

    def drained(self, process, queued, folder):
        """Saves for a suspended endpoint, then how fast what waits is sent when it is released, for a minute at most."""
        state = f"http://{API}/api/v1/tenants/default/endpoints/ep_e0"
        post = lambda url, body: urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"}, method="POST")).read()
        post(f"{state}/suspend", b"{}")
        with open(f"{folder}/batch.json", "w") as file:
            file.write(f'{{"model":"asset","id":"{{id}}","fields":{SAVE}}}')
        load = [f"{self.options.programs}/load", "--url", SAVES, "-n", str(queued), "-c", "8", "--batch", "100", "--template", f"{folder}/batch.json"]
        subprocess.run(load, stdout=subprocess.DEVNULL, check=True)
        sink = subprocess.Popen([f"{self.options.programs}/sink", "--addr", SINK], stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            full, peak, sent, began = pss_mb(process.pid), 0, 0, time.time()
            post(f"{state}/unsuspend", b"")
            while sent < queued and time.time() - began < 60:
                time.sleep(0.1)
                with urllib.request.urlopen(f"http://{SINK}/stats") as answer:
                    sent = json.load(answer)["unique"]
                peak = max(peak, pss_mb(process.pid))
            return {"queued": queued, "sent/s": round(sent / (time.time() - began)), "full_mb": round(full, 1), "peak_mb": round(peak, 1)}
        finally:
            sink.terminate()
            sink.wait()

    def beside_another(self, process, scenario, folder):
        """Half of the saves go to another endpoint, which may never answer; the figures are those of the first."""
        half, connections = scenario["saves"] // 2, ["-c", "8", "--rate", str(int(scenario["load"][3]) // 2)]
        with open(f"{folder}/stuck.json", "w") as file:
            file.write(SAVE.replace('"active":true', '"active":false'))
        stuck = [f"{self.options.programs}/load", "--url", OBJECT, "-n", str(half), "--prefix", "stuck", "--method", "PUT"]
        stuck = subprocess.Popen([*stuck, "--template", f"{folder}/stuck.json", *connections], stdout=subprocess.DEVNULL)
        try:
            return self.e2e("webhookc", process, OBJECT, half, connections, folder=folder)
        finally:
            stuck.wait()

    def pipeline(self, scenario, cluster=None):
        with tempfile.TemporaryDirectory() as folder:
            store = ["--dir", folder]
            if cluster:
                cluster.psql("bench", "CHECKPOINT")
                store = ["--pg", cluster.dsn]
            process = subprocess.Popen([f"{self.options.programs}/pipeline", "--port", "8091", "--sink", "9999", *store])
            time.sleep(0.5)
            try:
                run = lambda: self.e2e("pipeline", process, "http://127.0.0.1:8091/", scenario["saves"], scenario["pipeline"])
                return with_server(cluster, run, scenario["saves"])
            finally:
                process.terminate()
                process.wait()


def with_server(cluster, run, deliveries):
    """What a run found, with the CPU time of the server for each delivery where there is a server."""
    before = cluster.cpu_seconds() if cluster else 0
    result = run()
    if cluster:
        result["server_cpu_us"] = 1e6 * (cluster.cpu_seconds() - before) / deliveries
    return result


def figures(result):
    if "idle_mb" in result or "queued" in result:
        return result
    if not result["complete"] or result["duplicates"]:
        print(f"  incomplete or doubled: missing {result['missing']}, duplicates {result['duplicates']}")
    e2e, ingest = result["e2e_ms"], result["ingest_ms"]
    picked = {
        "delivered/s": result["delivered_per_s"], "cpu_us": 1000 * result["cpu_ms_per_delivery"], "p50_ms": e2e["p50"], "p99_ms": e2e["p99"],
        "acknowledged_p99_ms": ingest["p99"], "peak_mb": max(result["peak_pss_mib"].values()), "others_cpu": result["other_cpu_share"],
    }
    picked |= {name: result[name] for name in ("server_cpu_us", "store_bytes", "commits_a_save", "commits_a_batch") if name in result}
    return picked


def show(figures):
    return ", ".join(f"{name} {value:,.3g}" if value < 1000 else f"{name} {value:,.0f}" for name, value in figures.items())


def medians(rows):
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--programs", required=True)
    arguments.add_argument("--e2e", required=True)
    arguments.add_argument("--binary", default=os.path.join(os.path.dirname(__file__), "..", "target", "release", "webhookc"))
    arguments.add_argument("--postgres", metavar="BIN")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    options = arguments.parse_args()
    bench = Bench(options)
    cluster = Cluster(options.postgres) if options.postgres else None
    try:
        measure(arguments, options, bench, cluster)
    finally:
        if cluster:
            cluster.stop()


def measure(arguments, options, bench, cluster):
    for name in options.scenarios or SCENARIOS:
        if name not in SCENARIOS:
            arguments.error(f"`{name}` is no scenario, expected one of {', '.join(SCENARIOS)}")
        scenario = SCENARIOS[name]
        ways = {"webhookc": (bench.webhookc, None)}
        if "pipeline" in scenario:
            ways["pipeline"] = (bench.pipeline, None)
        if cluster:
            ways |= {f"{program} on PostgreSQL": (run, cluster) for program, (run, _) in ways.items()}
        rows = {way: [] for way in ways}
        for _ in range(1 if "load" not in scenario else options.runs):
            for way, (run, server) in ways.items():
                rows[way].append(figures(run(scenario, server)))
                print(f"{name} {way}: {show(rows[way][-1])}", flush=True)
        for way, found in rows.items():
            print(f"{name} {way}, medians: {show(medians(found))}")
        pairs = [("webhookc", "pipeline")] + [(f"{program} on PostgreSQL", program) for program in ("webhookc", "pipeline")]
        for one, other in pairs:
            if "load" in scenario and rows.get(one) and rows.get(other):
                keys = ("delivered/s", "cpu_us", "p50_ms", "p99_ms")
                ratios = {key: statistics.median(a[key] / b[key] for a, b in zip(rows[one], rows[other])) for key in keys}
                print(f"{name} {one} : {other}, medians of the ratios: {show(ratios)}", flush=True)


if __name__ == "__main__":
    main()
