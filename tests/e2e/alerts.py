#!/usr/bin/env python3
"""Alerts end to end: an agent whose model fails for a time tells a webhook (whose signature is checked), a receiver that
keeps Slack's rules, a mail server with STARTTLS, and a real Alertmanager; nobody hears of it twice, all hear that it is over, and of a channel that is
dead the others tell. With a history an agent heeds what the command line silences, and one that was killed goes on where it
was."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import signal
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import harness
import peers

SECRET = "whsec_" + base64.b64encode(b"a key that nobody else knows").decode()
SLACK_PATH = "/services/T000/B000/s3cr3tpath"

CONFIG = """
[[alerts]]
name = "High <error> rate"
condition = "error_rate > 50% and calls >= 20"
window = "10s"
by = ["feature"]
summary = "The model fails for <!channel>."
[[alerts]]
name = "Never"
condition = "panics > 0"
window = "10s"
[channels.webhook]
url = "{sink}/hook"
secret_env = "HOOK_SECRET"
[channels.slack]
url_env = "SLACK_URL"
[channels.alertmanager]
url = "{alertmanager}"
[channels.email]
url = "smtp://alerts:s3cr3t-mail@localhost:{mail}?tls=required"
from = "jobmon <alerts@example.com>"
to = ["team@example.com", "Ops <ops@example.com>"]
certificate = "{certificate}"
[channels.dead]
type = "slack"
url = "http://127.0.0.1:{closed}/services/dead-s3cret"
"""


class Sink:
    """Takes what is posted; the first request to each path is answered by 503."""

    def __init__(self):
        self.got, self.refused, outer = [], set(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                first = self.path not in outer.refused
                outer.refused.add(self.path)
                if not first:
                    outer.got.append((self.path, dict(self.headers.items()), body))
                self.send_response(503 if first else 200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"no" if first else b"ok")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path):
        return [(headers, body) for known, headers, body in self.got if known == path]


def signed(headers, body):
    """By the rules of Standard Webhooks: signature, age, and form of the id."""
    headers = {name.lower(): value for name, value in headers.items()}
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return hmac.compare_digest(expected, headers["webhook-signature"]) and fresh


def breaks_slack(payload):
    """What Slack would refuse, or take for a command."""
    wrong = []
    if not payload.get("text"):
        wrong.append("no fallback text")
    if len(payload["blocks"]) > 50:
        wrong.append("too many blocks")
    for block in payload["blocks"]:
        text = block["text"]
        most = {"header": 150, "section": 3000}.get(block["type"], 0)
        kind = {"header": "plain_text", "section": "mrkdwn"}.get(block["type"])
        if not 0 < len(text["text"]) <= most or text["type"] != kind:
            wrong.append(block)
        if text["type"] == "mrkdwn" and ("<" in text["text"] or ">" in text["text"]):
            wrong.append(f"not escaped: {text['text']}")
    if "<" in payload["text"]:
        wrong.append("not escaped")
    return wrong


RESTARTS = """
[[alerts]]
name = "failing"
condition = "error_rate > 50%"
window = "10s"
by = ["feature"]
[channels.webhook]
url = "{sink}/hook"
[exporters.sqlite]
"""


def check_restarts(checks, example, cli):
    harness.title("With a history")
    sink = Sink()
    sink.refused.add("/hook")
    told = lambda: [(message["state"], message["group"]["feature"]) for message in (json.loads(body) for _, body in sink.at("/hook"))]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jobmon.toml").write_text(RESTARTS.format(sink=sink.address))
        jobmon = lambda *words: harness.run([cli, *words], cwd=folder)
        first = harness.run([example, 0, 1], cwd=folder)
        checks.that(first.code == 0 and not told(), "a first run makes the history, and has nothing to tell", first)
        silenced = jobmon("alerts", "silence", "failing", "--for", "1h")
        checks.that(silenced.code == 0, "the alert is silenced", silenced)
        with harness.started([example, 120, 0], cwd=folder) as process:
            peers.until(lambda: "firing (silent)" in jobmon("alerts", "check").out, "it does not fire", 30)
            time.sleep(12)
            checks.that(not told(), "it fires, and nobody hears of it", told())
            checks.that(jobmon("alerts", "silence", "failing", "--end").code == 0, "the silence ends")
            peers.until(told, "the agent does not hear that the silence is over", 30)
            checks.that(told() == [("firing", "analysis")], "it is told that it fires", told())
            # Where it stands is kept before it is told.
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
        again = harness.run([example, 13, 0], cwd=folder)
        checks.that(again.code == 0 and len(told()) == 1, "killed and started again, it tells nothing twice", (told(), again))
        fine = harness.run([example, 0, 12], cwd=folder)
        checks.that(told()[1:] == [("resolved", "analysis")], "one that goes well tells that it is over, once", (told(), fine))
        account = jobmon("audit", "list").out
        checks.that(account.count("silence") >= 2 and jobmon("audit", "verify").code == 0, "both are in the audit log, which is whole", account)


def main():
    # Whoever ends this ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    checks = harness.Checks()
    example = harness.built(["--example", "alerts", "--features", "alertmanager,email,slack,sqlite,webhook"])
    cli = harness.built(["-p", "jobmon-cli", "--bin", "jobmon"])
    check_restarts(checks, example, cli)
    harness.title("Channels")
    sink = Sink()
    with tempfile.TemporaryDirectory() as folder, peers.alertmanager(folder) as alertmanager, peers.mail(folder) as smtp:
        config = Path(folder) / "jobmon.toml"
        mail_port, certificate, inbox = smtp
        config.write_text(CONFIG.format(
            sink=sink.address, alertmanager=alertmanager, closed=peers.free_port(), mail=mail_port, certificate=certificate,
        ))
        log = Path(folder) / "stderr.txt"
        env = harness.environment(HOOK_SECRET=SECRET, SLACK_URL=sink.address + SLACK_PATH)
        with log.open("wb") as out, harness.started([example, 18, 60], cwd=folder, env=env, stderr=out) as process:
            firing = lambda: [
                alert for alert in peers.get(f"{alertmanager}/api/v2/alerts") if alert["status"]["state"] == "active"
            ]
            found = peers.until(firing, "Alertmanager hears of nothing", 30)
            labels = {"alertname": "High <error> rate", "feature": "analysis", "service": "alerts-example"}
            checks.that(len(found) == 1 and found[0]["labels"] == labels, "Alertmanager has the alert", found)
            notes = found[0]["annotations"]
            checks.that("error_rate" in notes["figures"] and notes["summary"].startswith("The model"), "with figures", notes)
            peers.until(lambda: not any(one["labels"]["alertname"] == "High <error> rate" for one in firing()),
                        "Alertmanager hears of no end", 60)
            checks.that(process.wait(timeout=120) == 0, "the agent ends well")
            left = [alert["labels"]["alertname"] for alert in firing()]
            checks.that(left == ["Dead channel dead"], "what is over stays over; the dead channel is what is left", left)

        hook = [(headers, json.loads(body), body) for headers, body in sink.at("/hook")]
        checks.that(all(signed(headers, body) for headers, _, body in hook), "every message is signed and fresh")
        ids = [headers.get("Webhook-Id") or headers.get("webhook-id") for headers, _, _ in hook]
        checks.that(len(set(ids)) == len(ids), "no id comes twice", ids)
        about = lambda dead: [
            message for _, message, _ in hook
            if (message["summary"] or "").startswith("Channel `dead` was not told that High <error> rate") == dead
        ]
        states = [message["state"] for message in about(dead=False)]
        checks.that(states == ["firing", "resolved"], "fired once, resolved once, though the first try was refused", states)
        first = about(dead=False)[0]
        checks.that(
            first["group"] == {"feature": "analysis"} and first["figures"]["error_rate"] > 0.5
            and first["figures"]["calls"] >= 20 and first["service"] == "alerts-example",
            "with group, figures and origin", first,
        )
        checks.that(len(about(dead=True)) == 1, "a dead channel is told of by another, once", about(dead=True))

        slack = [json.loads(body) for _, body in sink.at(SLACK_PATH)]
        checks.none([wrong for payload in slack for wrong in breaks_slack(payload)], "Slack's rules are kept")
        titles = [payload["blocks"][0]["text"]["text"] for payload in slack]
        checks.that(any("Firing" in t for t in titles) and any("Resolved" in t for t in titles), "it is told both", titles)

        texts = [path.read_bytes() for path in sorted(inbox.iterdir())]
        letters = [email.message_from_bytes(text, policy=email.policy.default) for text in texts]
        dead = [letter for letter in letters if "Dead channel dead" in letter["subject"]]
        ours = [letter for letter in letters if letter not in dead]
        subjects = [letter["subject"] for letter in ours]
        checks.that(
            subjects == [f"[{state}] High <error> rate (feature=analysis)" for state in ("firing", "resolved")],
            "two letters, the first after it was refused for a time", subjects or (Path(folder) / "mail.log").read_text(),
        )
        checks.that(
            all(letter["x-encrypted"] == "True" and len(letter.get_all("x-to")) == 2 for letter in letters),
            "encrypted, to both", texts,
        )
        checks.that(
            ours[1]["in-reply-to"] == ours[0]["message-id"] == ours[1]["references"], "the second answers the first", texts,
        )
        checks.that(len({letter["message-id"] for letter in letters}) == len(letters) == len(dead) + 2 == 3, "the dead channel is a third, no id comes twice", texts)
        parts = {part.get_content_type(): part.get_content() for part in ours[0].walk() if not part.is_multipart()}
        checks.that(
            "error_rate" in parts["text/plain"] and "High &lt;error&gt; rate" in parts["text/html"],
            "as text, and as HTML that is escaped", parts,
        )

        said = log.read_text()
        secrets = ["s3cr3t-mail", "s3cr3tpath", "dead-s3cret", SECRET, SECRET.removeprefix("whsec_")]
        checks.none([secret for secret in secrets if secret in said], "no secret is in any line")
        lines = [line for line in said.splitlines() if "channel `dead`" in line]
        checks.that(0 < len(lines) <= 4, "the dead channel is a few lines, and no storm", said)

        broken = config.read_text().replace("error_rate > 50%", "eror_rate > 50%")
        config.write_text(broken)
        done = harness.run([example, 1, 1], cwd=folder, env=env)
        checks.that(done.code == 1 and "jobmon.toml:4:14: unknown measure `eror_rate`, did you mean" in done.err,
                    "a wrong condition is told at its place", done)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
