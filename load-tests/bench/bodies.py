"""The generator's events in the protocols of the peers: the same events, once captured from `fleet`, then written whole for peer_send."""

import gzip
import http.server
import json
import struct
import subprocess
import threading

from rig import RigError

CAPTURED_EVENTS = 20000  # different ones; a run repeats them
SEVERITY_NUMBER = {1: 9, 2: 13, 3: 13, 4: 17, 5: 21}  # of the event's severity_id in OTLP; 9 is INFO, 13 WARN, 17 ERROR, 21 FATAL


class Catcher(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def capture(build, batch, events=CAPTURED_EVENTS):
    """Batches of `fleet`, each a list of JSON texts (bytes), one an event."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Catcher) as server:
        server.bodies = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["--events", str(max(events, batch)), "--batch", str(batch), "--connections", "4", "--encoding", "identity", "--no-report"]
        done = subprocess.run([str(build / "fleet"), "--url", f"http://127.0.0.1:{server.server_port}/", *words], capture_output=True, text=True)
        server.shutdown()
    if done.returncode != 0:
        raise RigError(f"fleet ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return [body.splitlines() for body in server.bodies if body.count(b"\n") == batch]


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, content):
    """A protobuf field of bytes, text or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def any_value(value):
    """opentelemetry.proto.common.v1.AnyValue"""
    if isinstance(value, bool):
        return b"\x10" + bytes([value])
    if isinstance(value, int):
        return b"\x18" + varint(value & (1 << 64) - 1)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    return field(1, value if isinstance(value, str) else json.dumps(value))


def attribute(name, value):
    return field(1, name) + field(2, any_value(value))


def otlp_record(event, time_ns):
    """LogRecord: the message is the body, every other member an attribute."""
    number = SEVERITY_NUMBER.get(event.get("severity_id"), 9)
    record = b"\x09" + struct.pack("<Q", time_ns) + b"\x10" + varint(number) + field(5, any_value(event.get("message", "")))
    members = ((name, value) for name, value in event.items() if name not in ("vin", "time", "message"))
    return record + b"".join(field(6, attribute(name, value)) for name, value in members) + b"\x59" + struct.pack("<Q", time_ns)


def nanoseconds(text):
    """Of an event's time, 2026-11-30T02:06:14.737Z."""
    import datetime

    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000) * 1000000


def otlp(lines):
    """ExportLogsServiceRequest of one vehicle: its VIN is a resource attribute."""
    events = [json.loads(line) for line in lines]
    records = b"".join(field(2, otlp_record(event, nanoseconds(event["time"]))) for event in events)
    resource = field(1, attribute("vehicle.vin", events[0]["vin"])) + field(1, attribute("service.name", "vehicle"))
    return field(1, field(1, resource) + field(2, records))


def ndjson(lines):
    return b"".join(line + b"\n" for line in lines)


def unended(lines):
    """As ndjson without the last line end, where a peer would take an empty line for an event."""
    return b"\n".join(lines)


def array(lines):
    return b"[" + b",".join(lines) + b"]"


def syslog(lines):
    """RFC 5424 messages in octet counting (RFC 6587): the JSON is the message, its time and VIN are in the header."""
    parts = []
    for line in lines:
        event = json.loads(line)
        message = f"<134>1 {event['time']} {event['vin']} vsoc - {event['sensor_kind']} - ".encode() + line
        parts.append(b"%d %s" % (len(message), message))
    return b"".join(parts)


FORMATS = {
    "ndjson": (ndjson, "application/x-ndjson"),
    "lines": (unended, "application/x-ndjson"),
    "json": (array, "application/json"),
    "otlp": (otlp, "application/x-protobuf"),
    "syslog": (syslog, None),
}


def request(path, content_type, body, coded):
    """A whole HTTP/1.1 request, in gzip where the peer takes it."""
    if coded:
        body = gzip.compress(body, 6)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return (head + "Content-Encoding: gzip\r\n" * coded + "\r\n").encode() + body


def write(path, batches, form, target="", coded=False):
    """Writes the file that peer_send reads. Returns the mean bytes of an event in it."""
    make, content_type = FORMATS[form]
    events = size = 0
    with open(path, "wb") as out:
        for lines in batches:
            body = make(lines)
            if content_type:
                body = request(target, content_type, body, coded)
            out.write(struct.pack("<II", len(body), len(lines)) + body)
            events, size = events + len(lines), size + len(body)
    return size / events
