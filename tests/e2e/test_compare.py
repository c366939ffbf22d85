#!/usr/bin/env python3
"""Does compare.py see each kind of difference, and does the proxy write down what it passes on?

    python3 tests/e2e/test_compare.py
"""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import recording_proxy  # noqa: E402


def served(n, status=200, **usage):
    usage = {"prompt_tokens": 100 + n, "completion_tokens": n, "prompt_tokens_details": {"cached_tokens": 7}} | usage
    return {"status": status, "id": f"r{n}", "model": "m", "usage": usage if status == 200 else None}


def call(*numbers, **usage):
    def answer(n):
        return {"id": f"r{n}", "model": "m", "usage": {"input": 100 + n, "output": n, "cache_read": 7} | usage}

    return {"type": "call", "answers": [answer(n) for n in numbers]}


class Compare(unittest.TestCase):
    def run_with(self, record, events, query=None):
        with tempfile.TemporaryDirectory() as folder:
            arguments = []
            for name, rows in (("record", record), ("jobmon", events)):
                path = Path(folder, name)
                path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
                arguments.append(path)
            if query is not None:
                path = Path(folder, "query")
                path.write_text(json.dumps(query), encoding="utf-8")
                arguments += ["--query", path]
            command = [sys.executable, HERE / "compare.py", *arguments, "--at-least", "2"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def test_equal(self):
        # A failed attempt has no usage; one call may have several answers; other events are not calls.
        record = [served(1), served(2, status=429), served(2), served(3)]
        events = [call(1), {"type": "score"}, call(2, 3), {"type": "call"}]
        query = [{"input_tokens": 306, "output_tokens": 6, "calls": 3}]
        self.assertEqual(self.run_with(record, events, query)[0], 0, self.run_with(record, events, query))

    def test_differences(self):
        record = [served(1), served(2)]
        for events, word in (
            ([call(1)], "jobmon has nothing"),
            ([call(1, 2, 3)], "never answered"),
            ([call(1, 2), call(2)], "occurs 2 times"),
            ([call(1, 2, input=9)], "input is"),
            ([call(1, 2, output=9)], "output is"),
            ([call(1, 2, cache_read=None)], "cached is"),
        ):
            code, said = self.run_with(record, events)
            self.assertEqual(code, 1, said)
            self.assertIn(word, said)

    def test_too_few_and_wrong_totals(self):
        code, said = self.run_with([served(1)], [call(1)])
        self.assertEqual((code, "2 are needed" in said), (1, True), said)
        query = {"rows": [{"input_tokens": 203, "output_tokens": 4, "calls": 1}]}
        code, said = self.run_with([served(1), served(2)], [call(1, 2)], query)
        self.assertEqual((code, "output_tokens is 4, the sum is 3" in said), (1, True), said)
        self.assertIn("no row", self.run_with([served(1), served(2)], [call(1, 2)], [])[1])


class Upstream(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = b"not JSON" if asked["broken"] else json.dumps(served(1)).encode()
        self.send_response(500 if asked["broken"] else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Proxy(unittest.TestCase):
    def test_passes_on_and_writes_down(self):
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as record:
            upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
            handler = recording_proxy.handler(upstream.server_port, record.name)
            proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            for server in (upstream, proxy):
                threading.Thread(target=server.serve_forever, daemon=True).start()
                self.addCleanup(server.server_close)
                self.addCleanup(server.shutdown)
            connection = http.client.HTTPConnection("127.0.0.1", proxy.server_port)
            self.addCleanup(connection.close)
            seen = []
            for path, broken in (("/v1/a", False), ("/v1/a", True), ("/elsewhere", False)):
                connection.request("POST", path, json.dumps({"broken": broken}))
                response = connection.getresponse()
                seen.append((response.status, response.read()))
            self.assertEqual([status for status, _ in seen], [200, 500, 404])
            self.assertEqual((json.loads(seen[0][1]), seen[1][1]), (served(1), b"not JSON"))
            lines = [json.loads(line) for line in record]
            self.assertEqual([(line["status"], line["id"]) for line in lines], [(200, "r1"), (500, None)])
            self.assertEqual(lines[0]["usage"], served(1)["usage"])


if __name__ == "__main__":
    unittest.main()
