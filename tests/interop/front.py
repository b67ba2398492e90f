"""A reverse proxy that fails each marked batch once: what clients do then is what docs/clients.md says.

The ids of a batch's events hold its marker. The first request that holds `-429-` is answered 429, and so on; `-lost-` is handed on, but
the connection ends without the answer. All later requests are handed on.
"""

import gzip
import http.client
import http.server
import json
import subprocess
import threading
import zlib

FAULTS = ("429", "503", "400", "lost")
REFUSALS = {status: json.dumps({"text": "refused", "code": code}).encode() for status, code in (("429", 9), ("503", 9), ("400", 6))}
HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "te", "upgrade"}


def decoded(body, coding):
    if coding == "gzip":
        return gzip.decompress(body)
    if coding == "zstd":
        return subprocess.run(["zstd", "-dc"], input=body, stdout=subprocess.PIPE, check=True).stdout
    return zlib.decompress(body) if coding == "deflate" else body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def hand_on(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP | {"content-length"}}
        connection.request(self.command, self.path, body=body if self.command == "POST" else None, headers=headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply, content

    def answer(self, status, headers, content):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_any(self):
        body = self.read_body()
        fault = self.server.next_fault(decoded(body, self.headers.get("Content-Encoding", "")))
        if fault in REFUSALS:
            self.answer(int(fault), [("Retry-After", "1"), ("Content-Type", "application/json")], REFUSALS[fault])
        else:
            reply, content = self.hand_on(body)
            if fault == "lost":
                self.close_connection = True
            else:
                self.answer(reply.status, reply.getheaders(), content)

    do_POST = do_GET = do_HEAD = do_OPTIONS = handle_any

    def log_message(self, *_):
        pass


class Front(http.server.ThreadingHTTPServer):
    """with Front(port of the server) as front: front.url; front.again are the faults whose request came again as it was."""

    daemon_threads = True

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Handler)
        self.target, self.failed, self.again, self.lock = target, {}, set(), threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self, text):
        for fault in FAULTS:
            if f"-{fault}-".encode() in text:
                with self.lock:
                    first = self.failed.setdefault(fault, text)
                    if first is text:
                        return fault
                    if first == text:
                        self.again.add(fault)
        return None

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()
