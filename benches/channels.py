"""Measures e-mails per second to a local SMTP server, and pushes to a browser while that server fails.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install aiosmtpd
    cargo build --release
    /tmp/venv/bin/python benches/channels.py target/release/lonceng [STORE_URL] [COUNT]

The SMTP server and the load run on the same machine and share its processors with the hub.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

from aiosmtpd.controller import Controller

BATCH = 500
PEOPLE = 100
PUSHES = 1_000

TYPE = 'code = "{}"\ntitle = "Title"\ntemplate = "Message {{title}}"\ntarget = "SELF"\nchannels = {}\n'


class Sink:
    reply = "250 taken"

    async def handle_DATA(self, server, session, envelope):
        if self.reply == "hang":
            import asyncio

            await asyncio.sleep(30)
        return self.reply


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Hub:
    def __init__(self, binary, store, smtp_port):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        store = store or f"sqlite://{self.folder.name}/lonceng.db"
        config = (
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n[nats]\nurl = ""\n[limits]\nper_user_per_minute = 0\n'
            f'[store]\nurl = "{store}"\n[channels.email]\nurl = "smtp://127.0.0.1:{smtp_port}"\n'
            'from = "Lonceng <no-reply@hub.example>"\npublic_url = "https://hub.example"\n'
            f'[[type]]\n{TYPE.format("MAILED", ["web", "email"])}[[type]]\n{TYPE.format("PLAIN", ["web"])}'
        )
        path = os.path.join(self.folder.name, "config.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        env = {**os.environ, "LONCENG_CONFIG": path, "RUST_LOG": "error"}
        self.process = subprocess.Popen([binary], env=env, cwd=self.folder.name)
        for _ in range(200):
            try:
                if self.call("GET", "/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise SystemExit("the hub does not start")

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None

    def memory_mb(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="utf-8") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1_024

    def sent(self):
        channels = self.call("GET", "/api/v1/admin/channels")[1]["channels"]
        return channels[0]["deliveries"].get("sent", 0)

    def mail(self, numbers):
        events = [{"type": "MAILED", "user_id": f"u{n % PEOPLE}", "title": f"t{n}"} for n in numbers]
        status, answer = self.call("POST", "/api/v1/events", events)
        assert status == 202, answer


def measure_throughput(hub, count):
    before, started = hub.memory_mb(), time.monotonic()
    for start in range(0, count, BATCH):
        hub.mail(range(start, start + BATCH))
    peak = before
    while hub.sent() < count:
        time.sleep(0.2)
        peak = max(peak, hub.memory_mb())
    took = time.monotonic() - started
    print(f"{count} e-mails in {took:.1f} s: {count / took:.0f}/s; memory {before:.0f} MB, at most {peak:.0f} MB (PSS)")


def watch(hub, latencies):
    connection = http.client.HTTPConnection("127.0.0.1", hub.port)
    connection.request("GET", "/api/v1/stream?user_id=live&sync=none")
    stream = connection.getresponse()
    while line := stream.readline():
        if line.startswith(b"data:") and b"sent_at" in line:
            latencies.append(time.time() - json.loads(line[5:])["data"]["metadata"]["sent_at"])


def measure_pushes(hub, latencies, what):
    latencies.clear()
    connection = http.client.HTTPConnection("127.0.0.1", hub.port)
    for _ in range(PUSHES):
        event = {"type": "PLAIN", "user_id": "live", "title": "x", "sent_at": time.time()}
        connection.request("POST", "/api/v1/events", json.dumps(event))
        connection.getresponse().read()
        time.sleep(0.008)
    time.sleep(0.5)
    took = sorted(latencies)
    p50, p99 = took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3
    print(f"{len(took)} pushes while the SMTP server {what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def main():
    binary = os.path.abspath(sys.argv[1])
    store = sys.argv[2] if len(sys.argv) > 2 else ""
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
    sink = Sink()
    smtp = Controller(sink, hostname="127.0.0.1", port=free_port())
    smtp.start()
    hub = Hub(binary, store, smtp.port)
    try:
        for n in range(PEOPLE):
            hub.call("PUT", f"/api/v1/admin/directory/u{n}", {"email": f"u{n}@people.example"})
        measure_throughput(hub, count)
        latencies = []
        threading.Thread(target=watch, args=(hub, latencies), daemon=True).start()
        time.sleep(0.5)
        measure_pushes(hub, latencies, "is idle")
        for reply, what in (("hang", "hangs"), ("550 no", "refuses"), ("450 later", "throttles")):
            sink.reply = reply
            hub.mail(range(400))
            measure_pushes(hub, latencies, what)
    finally:
        hub.process.terminate()
        hub.process.wait()
        smtp.stop()


main()
