#!/usr/bin/env python3
"""Measures lists and pages of a tenant that has made very many endpoints: webhookc's own API with each filter and a page far behind the first,
the lists of the APIs of other systems, and the pages of the console.

usage: benches/lists.py BINARY [--endpoints 100000] [--rounds 100]

The endpoints are made by API, one in twenty disabled, one in a thousand suspended; then each list is asked for on one connection. Milliseconds
from request to answer, and how many of the aims are missed: 20 for a list, 300 for a page.
"""

import argparse
import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import time

ADDRESS = "127.0.0.1:7396"
TENANT = "/api/v1/tenants/default"
SCHEMA = """<data-model>
<model name="application" label="A"><field name="name" label="N" type="text" /><display>{name}</display></model>
<model name="workflow" label="W"><field name="name" label="N" type="text" /><display>{name}</display></model>
<model name="process" label="P"><field name="name" label="N" type="text" /><display>{name}</display></model>
<model name="municipality" label="M"><field name="name" label="N" type="text" /><display>{name}</display></model>
<model name="action" label="A"><field name="status" label="S" type="text" /><field name="action_type" label="T" type="text" />
<belongs-to model="application" /><belongs-to model="workflow" /><belongs-to model="process" /><belongs-to model="municipality" />
<display>{status}</display>
<webhook type="update" name="action_started"><field name="status" equals="started" /></webhook>
<webhook type="update" name="action_failed"><field name="status" equals="failed" /></webhook></model>
</data-model>"""
TOML = f"""[listen]
address = "{ADDRESS}"
[egress]
allow_networks = ["127.0.0.0/8"]
[compat]
dialects = ["socotra", "devopness", "portant", "gemeindeconnect"]
"""


class Node:
    """A connection to the node."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(ADDRESS, timeout=120)

    def call(self, method, path, body=None, accept="application/json"):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {"accept": accept})
        answer = self.connection.getresponse()
        read = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {read[:300]}")
        return read


def own(index):
    event = ["action_started"] if index % 3 else ["*"]
    return {
        "name": f"e{index}", "event_types": event, "url": f"https://93.184.216.34/hook/{index}", "enabled": index % 20 != 0,
        "headers": {"Authorization": [f"Bearer token-{index}"], "X-Source": ["{{ object.id }}"]},
    }


def make(count):
    """Makes the endpoints, a hundredth of them by each API of another system."""
    def some(first, step):
        node = Node()
        for index in range(first, count, step):
            kind = index % 100
            if kind == 1:
                node.call("POST", "/hooks/outgoing", {
                    "name": f"h{index}", "action_type": "deploy", "resource_type": "application", "resource_id": index % 50,
                    "target_url": "https://93.184.216.34/x", "trigger_when": {"events": ["action.started"]}})
            elif kind == 2:
                node.call("POST", f"/workflows/w{index}/outgoing-webhooks/", {"webhookUrl": "https://93.184.216.34/x"})
            elif kind == 3 and index < 30_000:
                node.call("POST", "/webhookconfig", {
                    "whname": f"g{index}", "whcomment": "c", "applicationId": "a", "municipalityId": "m", "callbackUrl": "https://93.184.216.34/x",
                    "processes": ["p"]})
            else:
                made = json.loads(node.call("POST", f"{TENANT}/endpoints", own(index)))
                if index % 1000 == 7:
                    node.call("POST", f"{TENANT}/endpoints/{made['id']}/suspend")
    threads = [threading.Thread(target=some, args=(first, 16)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lists(count):
    last = json.loads(Node().call("GET", f"{TENANT}/endpoints?offset={max(count - 51, 0)}&limit=1"))
    behind = f"&cursor={last['next']}" if last["next"] else ""
    native = [
        "", "limit=500", f"offset={count - 60}", f"limit=50{behind}", f"name=e{count // 2}", "enabled=true", "enabled=false", "suspended=true",
        "suspended=false", "active=true", "active=false", "event_types=action_failed", "event_types=action_started,action_failed",
        f"enabled=true&offset={count * 9 // 10}", f"active=true&offset={count * 9 // 10}", f"suspended=false&offset={count * 9 // 10}",
        f"event_types=action_started&offset={count // 2}", f"event_types=action_started&enabled=true&suspended=false&offset={count // 2}",
    ]
    socotra = ["", "count=500", f"offset={count - 60}", "name=e7", "enabled=false", "suspended=true", "active=true", "eventTypes=action_started"]
    found = [("native", f"{TENANT}/endpoints?{query}", 20) for query in native]
    found += [("socotra", f"/event/default/webhooks/list?{query}", 20) for query in socotra]
    found += [("devopness", "/applications/1/hooks", 20), ("portant", f"/workflows/w{count // 200 * 100 + 2}/outgoing-webhooks/", 20)]
    found += [("gemeindeconnect", "/webhookconfig", 20)]
    found += [("console", f"/ui/default/endpoints{query}", 300) for query in ["", "?q=e7", f"?cursor={last['next']}" if last["next"] else ""]]
    found += [("console", f"/ui/default{page}", 300) for page in ["", "/deliveries", "/webhooks", "/webhooks/action_started", "/diverted"]]
    return found


def measure(node, path, rounds):
    times, size = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        size = len(node.call("GET", path, accept="text/html" if path.startswith("/ui/") else "application/json"))
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, len(times) * 95 // 100)], size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--endpoints", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in [("schema.xml", SCHEMA), ("webhookc.toml", TOML)]:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            serving = subprocess.Popen([os.path.abspath(options.binary), "serve"], cwd=folder, stdout=log, stderr=log)
            try:
                wait()
                began = time.time()
                make(options.endpoints)
                print(f"{options.endpoints} endpoints made in {time.time() - began:.0f} s\n")
                report(options)
            finally:
                serving.send_signal(signal.SIGTERM)
                serving.wait()


def report(options):
    missed, node = 0, Node()
    print(f"{'':16}{'p50':>8}{'p95':>8}{'KiB':>8}")
    for system, path, aim in lists(options.endpoints):
        middle, slow, size = measure(node, path, options.rounds)
        missed += slow > aim
        print(f"{system:16}{middle:8.2f}{slow:8.2f}{size / 1024:8.0f}  {path}{'' if slow <= aim else f'  MISSED {aim} ms'}", flush=True)
    print(f"\n{missed} of the aims are missed")


def wait():
    for _ in range(600):
        try:
            Node().call("GET", "/readyz")
            return
        except (OSError, SystemExit):
            time.sleep(0.1)
    raise SystemExit("the node did not become ready")


if __name__ == "__main__":
    main()
