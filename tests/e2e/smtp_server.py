"""A mail server (aiosmtpd) that takes nothing without STARTTLS and a password, and refuses the first message for now.

    smtp_server.py port key certificate folder

Each message becomes a file in the folder."""

import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, key, certificate, folder = sys.argv[1:]
refused = []


class Handler:
    async def handle_DATA(self, _server, session, envelope):
        if not refused:
            refused.append(True)
            return "451 4.3.0 try again"
        path = Path(folder) / f"{time.time_ns()}.eml"
        to = "\n".join(f"X-To: {to}" for to in envelope.rcpt_tos)
        path.write_bytes(f"X-Encrypted: {bool(session.ssl)}\n{to}\n".encode() + envelope.content)
        return "250 2.0.0 taken"


def authenticate(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"alerts", b"s3cr3t-mail"))


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
controller = Controller(
    Handler(), hostname="127.0.0.1", port=int(port), tls_context=context, require_starttls=True,
    auth_required=True, authenticator=authenticate,
)
controller.start()
while True:
    time.sleep(60)
