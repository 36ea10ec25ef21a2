"""SMTP server (aiosmtpd) and HTTP receiver for the tests of the channels.

Prints the two ports when both listen. The tests read what arrived with GET /mails and GET /posts, and choose with
PUT /mode how the servers answer: {"smtp": "ok" | "450" | "550" | "hang", "http": {"/path": status}, "retry_after": 1}.
"""

import asyncio
import base64
import email
import email.policy
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

mode = {"smtp": "ok", "http": {}, "retry_after": None}
mails, posts = [], []


class Mails:
    async def handle_DATA(self, server, session, envelope):
        if mode["smtp"] == "hang":
            await asyncio.sleep(30)
        if mode["smtp"] in ("450", "550"):
            return f"{mode['smtp']} the test says so"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        mails.append({
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "type": message.get_content_type(),
            "parts": parts,
            "at": time.time(),
        })
        return "250 taken"


class Posts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status, value):
        content = json.dumps(value).encode()
        self.send_response(status)
        if status in (429, 503) and mode["retry_after"] is not None:
            self.send_header("retry-after", str(mode["retry_after"]))
        if 300 <= status < 400:
            self.send_header("location", "/elsewhere")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.answer(200, mails if self.path == "/mails" else posts)

    def do_PUT(self):
        mode.update(json.loads(self.body()))
        self.answer(200, mode)

    def do_POST(self):
        body = self.body()
        status = mode["http"].get(self.path, 200)
        posts.append({
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": base64.b64encode(body).decode(),
            "status": status,
            "at": time.time(),
        })
        self.answer(status, {"taken": status < 300})

    def log_message(self, *arguments):
        pass


smtp_port = int(sys.argv[1])
http = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Posts)
threading.Thread(target=http.serve_forever, daemon=True).start()
controller = Controller(Mails(), hostname="127.0.0.1", port=smtp_port)
controller.start()
print("ready", flush=True)
# It ends with the test that started it.
sys.stdin.read()
controller.stop()
