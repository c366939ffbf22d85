"""ClickHouse's engine, as chDB brings it, behind as much of ClickHouse's HTTP protocol as jobmon speaks.

    chdb_server.py PORT FOLDER

A statement is the body, or `?query=` with rows of an insert as the body. Answers as ClickHouse does: 200, or a status and
`X-ClickHouse-Exception-Code`.
"""

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import parse_qsl, urlsplit

from chdb import session

INSERT = re.compile(r"INSERT INTO (\S+) FORMAT JSONEachRow\s*$")
ENGINE, LOCK = session.Session(sys.argv[2]), threading.Lock()


def answer(statement, rows):
    insert = INSERT.match(statement)
    with LOCK:
        if not insert:
            return ENGINE.query(statement).bytes()
        with NamedTemporaryFile(suffix=".json") as file:
            file.write(rows)
            file.flush()
            described = ENGINE.query(f"DESCRIBE TABLE {insert[1]} FORMAT TSVRaw").bytes().decode()
            columns = [line.split("\t")[:2] for line in described.splitlines()]
            shape = ", ".join(f"`{name}` {kind}" for name, kind in columns).replace("'", "\\'")
            names = ", ".join(f"`{name}`" for name, _ in columns)
            return ENGINE.query(f"INSERT INTO {insert[1]} ({names}) SELECT {names} FROM file('{file.name}', JSONEachRow, '{shape}')").bytes()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if urlsplit(self.path).path == "/ping":
            return self.reply(200, b"Ok.\n")
        return self.do_POST()

    def do_POST(self):
        parameters = dict(parse_qsl(urlsplit(self.path).query))
        body = self.body()
        statement = parameters.get("query") or body.decode()
        settings = [f"{name} = {value}" for name, value in parameters.items() if name.startswith("output_format_")]
        if settings and "FORMAT" in statement:
            head, _, form = statement.rpartition("FORMAT")
            statement = f"{head} SETTINGS {', '.join(settings)} FORMAT{form}"
        try:
            self.reply(200, answer(statement, body if "query" in parameters else b""))
        except Exception as error:  # whatever the engine says is the answer
            code = re.search(r"Code: (\d+)", str(error))
            self.reply(400 if code else 500, str(error).encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "0"})

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def reply(self, status, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
