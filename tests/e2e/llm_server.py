#!/usr/bin/env python3
"""Serves a GGUF model on loopback with llama.cpp's own HTTP server, until it is asked to stop (SIGTERM).

    llm_server.py MODEL.gguf PORT [--alias NAME] [--ctx N] [--threads N]

`--alias` is what the server calls its model in every answer: the name of a model that has a price makes a
free model cost something.
"""

import argparse
import os
import signal
import threading

import xllamacpp


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("port", type=int)
    parser.add_argument("--alias")
    parser.add_argument("--ctx", type=int, default=4096)
    # One thread: more of them spin for each other on busy machines and are slower.
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    many = not isinstance(getattr(params, "hostnames", None), str)
    params.hostnames = ["127.0.0.1"] if many else "127.0.0.1"
    params.port = options.port
    params.n_ctx = options.ctx
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.use_jinja = True
    params.sampling.seed = 42
    if options.alias:
        params.model_alias = [options.alias]

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    server = xllamacpp.Server(params)
    print(f"serving on {server.listening_address}", flush=True)
    stop.wait()
    # The server's threads have no way to be joined; nothing is left to be written.
    os._exit(0)


if __name__ == "__main__":
    main()
