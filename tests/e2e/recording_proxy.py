#!/usr/bin/env python3
"""Passes requests on to a server and writes down what it answered: the server's own word on tokens.

    recording_proxy.py LISTEN_PORT UPSTREAM_PORT RECORD.jsonl

Everything below /v1/ goes through unchanged. Each answer to a POST becomes one line of the record:

    {"status": 200, "id": "chatcmpl-…", "model": "…", "usage": {…}, "ms": 412}

with null for what the answer does not say.
"""

import http.client
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


def handler(upstream, record):
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.forward()

        def do_POST(self):
            self.forward()

        def forward(self):
            if not self.path.startswith("/v1/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            started = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=300)
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                answer = response.read()
                connection.close()
            except OSError as error:
                self.send_error(502, str(error))
                return
            if self.command == "POST":
                self.note(response.status, answer, started)
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in HOP_BY_HOP | {"date", "server"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def note(self, status, answer, started):
            try:
                value = json.loads(answer)
            except ValueError:
                value = {}
            line = {
                "status": status,
                "id": value.get("id"),
                "model": value.get("model"),
                "usage": value.get("usage"),
                "ms": round((time.monotonic() - started) * 1000),
            }
            # Written before the client has its answer, so that the record is never behind.
            with lock, open(record, "a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")

        def log_message(self, *_):
            pass

    return Handler


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    listen, upstream, record = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    open(record, "w", encoding="utf-8").close()
    ThreadingHTTPServer(("127.0.0.1", listen), handler(upstream, record)).serve_forever()


if __name__ == "__main__":
    main()
