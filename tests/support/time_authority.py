"""A time-stamp authority (RFC 3161) of a test's own: OpenSSL's `openssl ts` behind a small HTTP server that can also answer wrongly."""

import http.server
import subprocess
import threading

from certificates import Authority
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

SETTINGS = """[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
"""


class TimeAuthority:
    """url answers as self.mode says; self.asked counts requests. Modes: good, wrong_imprint, replayed (the answer to the first request),
    foreign (certificate of another CA), expired, truncated, huge, html, refused (HTTP 500), closed."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.authority, stranger = Authority(folder / "ca", "test time CA"), Authority(folder / "other", "another time CA")
        self.ca = self.authority.ca_path
        self._certificate(self.authority, "good", 30)
        self._certificate(self.authority, "expired", -1)
        self._certificate(stranger, "foreign", 30)
        (folder / "ts.cnf").write_text(SETTINGS)
        (folder / "serial").write_text("01\n")
        self.mode, self.asked, self.first = "good", 0, None
        handler = type("Handler", (http.server.BaseHTTPRequestHandler,), {"do_POST": lambda request: self._answer(request), "log_message": lambda *_: None})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/tsr"
        self.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _certificate(self, authority, name, days):
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
                              key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False)
        extensions = [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True), (usage, True)]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"time {name}")])
        certificate = authority._sign(subject, key.public_key(), extensions, days)
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    def _run(self, *words, cwd=None):
        return subprocess.run(["openssl", "ts", *map(str, words)], cwd=self.folder, capture_output=True, check=True, timeout=60)

    def _reply(self, query, certificate):
        (self.folder / "query").write_bytes(query)
        self._run("-reply", "-config", "ts.cnf", "-section", "tsa", "-queryfile", "query", "-signer", f"{certificate}.crt",
                  "-inkey", f"{certificate}.key", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def _other_query(self):
        (self.folder / "other.txt").write_bytes(b"another text\n")
        self._run("-query", "-data", "other.txt", "-sha256", "-cert", "-out", "other.tsq")
        return (self.folder / "other.tsq").read_bytes()

    def _body(self, query, mode):
        with self.lock:
            if mode == "wrong_imprint":
                query = self._other_query()
            answer = self._reply(query, mode if mode in ("foreign", "expired") else "good")
            self.first = self.first or answer
        return {"replayed": self.first, "truncated": answer[:-40], "huge": answer + bytes(1 << 20), "html": b"<html>sign in</html>"}.get(mode, answer)

    def _answer(self, request):
        query = request.rfile.read(int(request.headers["Content-Length"]))
        mode = self.mode
        self.asked += 1
        if mode == "closed" or request.headers["Content-Type"] != "application/timestamp-query":
            request.connection.close()
            return
        body = self._body(query, mode)
        request.send_response(500 if mode == "refused" else 200)
        request.send_header("Content-Type", "application/timestamp-reply")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        try:
            request.wfile.write(body)
        except OSError:
            pass  # it wants no more

    def verify(self, token, text):
        """OpenSSL's judgement of a token over a text, with no help of ours."""
        (self.folder / "text").write_bytes(text)
        (self.folder / "token").write_bytes(token)
        done = subprocess.run(["openssl", "ts", "-verify", "-in", "token", "-data", "text", "-CAfile", str(self.ca)], cwd=self.folder,
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode == 0 and "Verification: OK" in done.stdout + done.stderr

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
