#!/usr/bin/env python3
"""Backends that go away, come back, speak TLS, or refuse: nothing is lost that can be kept, callers are not held up, and
there is one line for each problem.

    tests/e2e/delivery.py [--outage SECONDS]"""

import argparse
import gzip
import json
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import harness
import peers

RATE = 500


def fields(data):
    """Fields of a Protocol Buffers message: number, and what is in it."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
        else:
            length = varint() if kind == 2 else {1: 8, 5: 4}[kind]
            yield tag >> 3, data[at:at + length]
            at += length


def span_ids(request):
    """The ids of all spans in a request of traces."""
    inside = lambda message, number: [content for field, content in fields(message) if field == number]
    return [
        bytes(inside(span, 2)[0]) for resource in inside(request, 1) for scope in inside(resource, 2)
        for span in inside(scope, 2)
    ]


class Backend:
    """An OTLP/HTTP receiver that keeps the ids of spans."""

    def __init__(self, port=0, context=None):
        self.ids, self.requests, self.connections, outer = [], 0, [], self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.connections.append(self.connection)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    outer.requests += 1
                    outer.ids += span_ids(memoryview(body))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        # Those that are kept alive, too.
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def last_line(text):
    return json.loads(text.strip().splitlines()[-1])


def outage(checks, load, seconds):
    """A backend that is away for a time in the middle of steady traffic."""
    harness.title(f"away for {seconds} s at {RATE} calls a second")
    whole = seconds + 10
    plain = last_line(harness.run([load, "http://127.0.0.1:1", RATE, 10, "--plain"], seconds=60).out)
    for name, options in (("in memory", []), ("on disk", ["--spool", None])):
        with tempfile.TemporaryDirectory() as folder:
            options = [folder if option is None else option for option in options]
            before = Backend()
            port = before.port
            with harness.started(
                [load, f"http://127.0.0.1:{port}", RATE, whole, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process:
                time.sleep(3)
                before.stop()
                time.sleep(seconds)
                after = Backend(port)
                out, err = process.communicate(timeout=whole + 120)
            found = last_line(out.decode())
            arrived = len(set(before.ids) | set(after.ids))
            twice = len(before.ids) + len(after.ids) - arrived
            after.stop()
            checks.that(arrived == found["calls"] == found["exported"], f"{name}: nothing is lost", found)
            checks.that(twice <= 2 * RATE, f"{name}: what arrives twice is bounded", twice)
            checks.that(found["retried"] > 0 and found["spooled"] == 0, f"{name}: what was kept was sent", found)
            checks.that(found["memory_kib"] < 96 * 1024, f"{name}: memory stays bounded", found)
            print(f"        {found}\n        without an exporter: p99.9 {plain['p999_ns']} ns")
            lines = [line for line in err.decode().splitlines() if line]
            checks.that(len(lines) <= 6, f"{name}: a line for each problem, and no storm", "\n".join(lines))


def killed(checks, load):
    """SIGKILL while the backend is away: what was on disk arrives with the next run."""
    harness.title("killed while the backend is away")
    port = peers.free_port()
    with tempfile.TemporaryDirectory() as folder:
        with harness.started(
            [load, f"http://127.0.0.1:{port}", RATE, 60, "--spool", folder], stdout=subprocess.PIPE
        ) as process:
            begun = 0
            end = time.monotonic() + 8
            while time.monotonic() < end:
                begun = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            process.wait()
        backend = Backend(port)
        again = harness.run([load, f"http://127.0.0.1:{port}", RATE, 5, "--spool", folder], seconds=120)
        found = last_line(again.out)
        ids = backend.ids
        backend.stop()
        # Batches are closed each second, and events wait in the pipeline for a fifth of one.
        least = begun - int(2.5 * RATE)
        checks.that(found["recovered"] >= least, "all but the last moments arrive", (found, begun))
        checks.that(len(set(ids)) == found["recovered"] + found["exported"], "each of them once", len(set(ids)))
        checks.that(len(ids) - len(set(ids)) <= RATE, "what arrives twice is at most one request")
        left = [path.name for path in Path(folder).iterdir()]
        checks.none(left, "nothing stays behind")

        # Killed again and again while it delivers what is left.
        harness.run([load, f"http://127.0.0.1:{port}", RATE, 6, "--spool", folder], seconds=120)
        backend, kept = Backend(port), set()
        for _ in range(5):
            with harness.started(
                [load, f"http://127.0.0.1:{port}", 1, 60, "--spool", folder], stdout=subprocess.DEVNULL
            ) as process:
                time.sleep(0.15)
                process.send_signal(signal.SIGKILL)
                process.wait()
        rest = last_line(harness.run([load, f"http://127.0.0.1:{port}", 1, 2, "--spool", folder], seconds=120).out)
        kept = set(backend.ids)
        twice = len(backend.ids) - len(kept)
        requests = backend.requests
        backend.stop()
        checks.that(len(kept) >= 6 * RATE, "five kills while it delivers lose nothing", (len(kept), rest))
        checks.that(twice <= 5 * 2 * RATE, "each kill doubles one request at most", (twice, requests))


def tls(checks, load):
    """Encrypted, with a certificate of one's own and with one that nobody trusts."""
    harness.title("TLS")
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = peers.certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        backend = Backend(context=context)
        url = f"https://localhost:{backend.port}"
        trusted = harness.run([load, url, 50, 2, "--certificate", certificate, "--gzip"])
        found = last_line(trusted.out)
        checks.that(found["exported"] == len(set(backend.ids)) == 100, "a certificate of one's own is trusted", trusted)
        distrusted = harness.run([load, url, 50, 2, "--spool", Path(folder) / "spool"])
        found = last_line(distrusted.out)
        lines = [line for line in distrusted.err.splitlines() if "TLS fails" in line]
        checks.that(found["exported"] == 0 and found["spooled"] == 100, "one that nobody trusts is not", distrusted)
        checks.that(len(lines) == 1, "and told once", distrusted.err)
        backend.stop()


GRPC = """
import sys, grpc
from concurrent import futures
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as T, trace_service_pb2_grpc as G
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as M, metrics_service_pb2_grpc as MG
script, seen = sys.argv[2].split(','), set()
class S(G.TraceServiceServicer):
    def Export(self, request, context):
        if dict(context.invocation_metadata()).get('x-token') != 'secret-token':
            context.abort(grpc.StatusCode.UNAUTHENTICATED, 'no token')
        code = script.pop(0) if len(script) > 1 else script[0]
        if code != 'OK':
            context.abort(getattr(grpc.StatusCode, code), 'as the script says')
        for r in request.resource_spans:
            for s in r.scope_spans:
                seen.update(x.span_id for x in s.spans)
        print(len(seen), flush=True)
        return T.ExportTraceServiceResponse()
class P(MG.MetricsServiceServicer):
    def Export(self, request, context): return M.ExportMetricsServiceResponse()
server = grpc.server(futures.ThreadPoolExecutor(2))
G.add_TraceServiceServicer_to_server(S(), server); MG.add_MetricsServiceServicer_to_server(P(), server)
server.add_insecure_port('127.0.0.1:' + sys.argv[1]); server.start(); print('up', flush=True); server.wait_for_termination()
"""


def grpc(checks, load):
    """Statuses of gRPC, by the table of the specification."""
    harness.title("gRPC")
    token = ["--header", "x-token=secret-token"]
    for script, options, exported, lost, word in (
        ("UNAVAILABLE,ABORTED,OK", token, 200, 0, "Unavailable"),
        ("RESOURCE_EXHAUSTED", token, 0, 200, "max_request_bytes"),
        ("UNIMPLEMENTED", token, 0, 200, "right address"),
        ("OK", [], 0, 200, "Unauthenticated"),
    ):
        port = peers.free_port()
        command = [peers.python("judge"), "-c", GRPC, port, script]
        with harness.started(command, stdout=subprocess.PIPE) as server:
            server.stdout.readline()
            done = harness.run([load, f"http://127.0.0.1:{port}", 100, 2, "--grpc", *options])
            found = last_line(done.out)
        checks.that((found["exported"], found["lost"]) == (exported, lost), f"{script} {' '.join(options[:1])}", done)
        about = [line for line in done.err.splitlines() if word in line]
        checks.that(len(about) == 1 and "secret-token" not in done.err, "told once, without the token", done.err)
    nobody = harness.run([load, f"http://127.0.0.1:{peers.free_port()}", 50, 2, "--grpc"])
    found = last_line(nobody.out)
    checks.that(found["exported"] == 0 and found["lost"] == 100, "nobody listens: lost at the end, and said so", nobody)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--outage", type=int, default=8, help="how long the backend is away (default: 8)")
    options = parser.parse_args()
    # Whoever ends this ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    checks = harness.Checks()
    load = harness.built(["-p", "load"])
    outage(checks, load, options.outage)
    killed(checks, load)
    tls(checks, load)
    grpc(checks, load)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
