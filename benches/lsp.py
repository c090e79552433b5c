#!/usr/bin/env python3
"""How long the editor's server takes to answer while somebody types, on a schema of some size.

usage: lsp.py BINARY SCHEMA [--keys N]

Opens the schema as an editor does, types N keys into a webhook's condition and a template in the middle of it, one every 60 ms, and after
each key asks for what an editor asks for; then finishes what was typed, and asks for what is asked at rest. Prints p50 and p95 of each kind of request in milliseconds, from the last byte of the request
written to the last byte of the answer read; how long the diagnostics took after the last key; and the memory of the server.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time


class Server:
    def __init__(self, binary, folder):
        self.process = subprocess.Popen([binary, "lsp"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.answers, self.arrived, self.shown = {}, {}, {}
        self.news = threading.Condition()
        self.next_id = 0
        threading.Thread(target=self.read_all, daemon=True).start()

    def read_all(self):
        output = self.process.stdout
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                part = output.read(1 << 20)
                if not part:
                    return
                buffer += part
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
            parts, have = [buffer], len(buffer)
            while have < length:
                part = output.read(1 << 20)
                parts.append(part)
                have += len(part)
            buffer = b"".join(parts)
            body, buffer = buffer[:length], buffer[length:]
            now = time.perf_counter()
            message = json.loads(body)
            with self.news:
                if "id" in message:
                    self.answers[message["id"]], self.arrived[message["id"]] = message, now
                elif message.get("method") == "textDocument/publishDiagnostics":
                    self.shown[message["params"]["uri"]] = (message["params"], now)
                self.news.notify_all()

    def send(self, message):
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def tell(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method, params):
        self.next_id += 1
        wanted = self.next_id
        message = {"jsonrpc": "2.0", "id": wanted, "method": method, "params": params}
        body = json.dumps(message).encode()
        body = b"Content-Length: %d\r\n\r\n" % len(body) + body
        self.process.stdin.write(body)
        began = time.perf_counter()
        with self.news:
            self.news.wait_for(lambda: wanted in self.answers, 60)
        answer = self.answers.pop(wanted)
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"], (self.arrived.pop(wanted) - began) * 1000

    def wait_shown(self, uri, version):
        with self.news:
            if not self.news.wait_for(lambda: self.shown.get(uri, ({}, 0))[0].get("version") == version, 60):
                raise SystemExit("no diagnostics")
        return self.shown[uri]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary")
    arguments.add_argument("schema")
    arguments.add_argument("--keys", type=int, default=120)
    options = arguments.parse_args()
    text = pathlib.Path(options.schema).read_text()
    binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "schema.xml")
        file.write_text(text)
        run(Server(binary, folder), file.as_uri(), text, options.keys)


def run(server, uri, text, keys):
    server.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {"general": {"positionEncodings": ["utf-8"]}}})
    server.tell("initialized", {})
    began = time.perf_counter()
    document = {"uri": uri}
    server.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "xml", "version": 1, "text": text}})
    _, at = server.wait_shown(uri, 1)
    print(f"{len(text.encode()) / 1e6:.1f} MB, {text.count('<model ')} models: diagnostics {(at - began) * 1000:.0f} ms after opening")

    lines = text.split("\n")
    middle = next(n for n in range(len(lines) // 2, len(lines)) if "</webhook>" in lines[n])
    model = next(n for n in range(middle, 0, -1) if "<model " in lines[n])
    declared = next(n for n in range(middle, 0, -1) if '<field name="quantity"' in lines[n])
    # A condition and a request are typed before the end of a webhook in the middle of the file.
    typed = '<field name="quantity" required="true" /><request url="https://x.example/{{ object.quantity }}/{{ object.name|upper }}">'
    typed += "<header name=\"X-A\">{{ object.code }}</header></request>\n"
    column = lines[middle].index("</webhook>")
    version, times, at = 1, {}, column

    def measure(kind, method, params):
        _, took = server.ask(method, params)
        times.setdefault(kind, []).append(took)

    def place(line, character):
        return {"textDocument": document, "position": {"line": line, "character": character}}

    last = time.perf_counter()
    for key in (typed * (keys // len(typed) + 1))[:keys]:
        time.sleep(max(0.0, 0.06 - (time.perf_counter() - last)))
        last = time.perf_counter()
        version += 1
        line = middle + typed[: at - column].count("\n")
        here = {"line": middle, "character": at}
        change = {"range": {"start": here, "end": here}, "text": key if key != "\n" else " "}
        server.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]})
        typed_at = time.perf_counter()
        at += 1
        measure("completion", "textDocument/completion", place(line, at))
        measure("hover (typed)", "textDocument/hover", place(line, at))
        measure("hover (model)", "textDocument/hover", place(model, lines[model].index('name="') + 7))
        measure("hover (field)", "textDocument/hover", place(declared, lines[declared].index('name="') + 7))
        measure("definition", "textDocument/definition", place(model, lines[model].index('name="') + 7))
        measure("highlight", "textDocument/documentHighlight", place(model, lines[model].index('name="') + 7))
        measure("prepareRename", "textDocument/prepareRename", place(declared, lines[declared].index('name="') + 7))
    _, shown_at = server.wait_shown(uri, version)
    print(f"diagnostics {(shown_at - typed_at) * 1000:.0f} ms after the last key")
    # What is half-written is finished in one go.
    here = {"line": middle, "character": at}
    change = {"range": {"start": here, "end": here}, "text": typed[keys % len(typed) :].strip()}
    server.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": version + 1}, "contentChanges": [change]})
    found, _ = server.wait_shown(uri, version + 1)
    errors = [one["message"] for one in found["diagnostics"] if one["severity"] == 1]
    if errors:
        raise SystemExit(f"the text should be right: {errors[0]}")
    time.sleep(1)
    for _ in range(20):
        context = {"includeDeclaration": True, "diagnostics": []}
        measure("references (at rest)", "textDocument/references", {**place(model, lines[model].index('name="') + 7), "context": context})
        start = {"line": middle, "character": 0}
        span = {"textDocument": document, "range": {"start": start, "end": start}, "context": context}
        measure("codeAction (at rest)", "textDocument/codeAction", span)
    for turn in range(20):
        measure("documentSymbol", "textDocument/documentSymbol", {"textDocument": document})
        at_model, at_field = place(model, lines[model].index('name="') + 7), place(declared, lines[declared].index('name="') + 7)
        measure("rename (model)", "textDocument/rename", {**at_model, "newName": "renamed_model"})
        measure("rename (field)", "textDocument/rename", {**at_field, "newName": f"renamed_field_{turn}"})
        measure("formatting", "textDocument/formatting", {"textDocument": document, "options": {"tabSize": 4, "insertSpaces": True}})
    for _ in range(5):
        # A model that is called as fields are: a name that stands elsewhere is judged by compiling.
        measure("rename, compiled twice", "textDocument/rename", {**at_model, "newName": "weight"})
    print(f"{'request':24} {'n':>5} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}")
    for kind, took in times.items():
        took.sort()
        print(f"{kind:24} {len(took):5} {took[len(took) // 2]:8.2f} {took[int(len(took) * 0.95)]:8.2f} {took[-1]:8.2f}")
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    print("memory:", re.search(r"VmRSS:\s*(\d+) kB", status).group(1), "kB now,", re.search(r"VmHWM:\s*(\d+) kB", status).group(1), "kB at most")
    server.ask("shutdown", None)
    server.tell("exit", None)
    server.process.wait(10)


if __name__ == "__main__":
    main()
