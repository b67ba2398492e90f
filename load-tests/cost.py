"""Scenario `cost`: what hostile bodies cost the server a byte, beside an ordinary body of their format.

No server: `body_cost` inflates, parses and encodes a body in memory, in CPU time. A byte counts once as sent and once as inflated; what a
body that is refused has cost is counted over all of it. Factor: its cost beside that of the format's sample.
"""

import ctypes
import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import machine
from parse import copies
from rig import ROOT, RigError

SAMPLES = ROOT / "deploy" / "samples"
SIZE = 1 << 20  # of a hostile body, as sent or, when it is not compressed, inflated
BOUND = 5


class Bits:
    """Bits of a deflate stream, the first one lowest."""

    def __init__(self):
        self.value = self.size = 0

    def add(self, value, size):
        self.value |= value << self.size
        self.size += size
        return self

    def code(self, value, size):
        """A Huffman code: its highest bit first."""
        return self.add(int(f"{value:0{size}b}"[::-1], 2), size)

    def repeated(self, size):
        """So many bytes of the pattern again and again."""
        whole, count = 0, 8  # after eight times the pattern ends with a byte
        for i in range(count):
            whole |= self.value << (i * self.size)
        pattern = whole.to_bytes(self.size, "little")
        return pattern * (size // len(pattern))


GZIP_HEAD = bytes.fromhex("1f8b0800000000000003")


def fixed_block(literals=0, match=0):
    bits = Bits().add(0, 1).add(1, 2)
    for _ in range(literals):
        bits.code(0x30 + ord("a"), 8)
    if match:  # of 3 to 10 bytes, one back
        bits.code(match - 2, 7).code(0, 5)
    return bits.code(0, 7)


def dynamic_block(literals=0):
    """The shortest header that a decoder takes: two literals, no distances."""
    bits = Bits().add(0, 1).add(2, 2).add(0, 5).add(0, 5).add(14, 4)
    order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]
    lengths = {18: 1, 0: 2, 1: 2}
    for symbol in order:
        bits.add(lengths.get(symbol, 0), 3)

    def zeros(count):
        bits.code(0, 1).add(count - 11, 7)

    zeros(97)
    bits.code(3, 2)  # 'a' has one bit
    zeros(138)
    zeros(20)
    bits.code(3, 2)  # so has the block's end
    bits.code(2, 2)  # no distance code
    for _ in range(literals):
        bits.code(0, 1)
    return bits.code(1, 1)


def stored_block(size):
    return b"\0" + struct.pack("<HH", size, size ^ 0xFFFF) + bytes(i * i % 251 for i in range(size))


def gzip_of(pattern, size=SIZE):
    """Cut off at its end: what matters is what comes before. Something to match first."""
    return GZIP_HEAD + b"\0\x10\0\xef\xff" + b"a" * 16 + pattern.repeated(size)


def gzip_of_one_byte_at_a_time(text):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return b"".join(packer.compress(text[i : i + 1]) + packer.flush(zlib.Z_FULL_FLUSH) for i in range(len(text)))


def zstd_frame(blocks):
    return bytes.fromhex("28b52ffd0058") + blocks


def zstd_block(kind, size, content=b""):
    return struct.pack("<I", kind << 1 | size << 3)[:3] + content


def texts(size):
    """Lines that are alike and never the same: each block of them has tables of its own."""
    words = [f"{i * i % 9973:x}" for i in range(997)]
    return "".join(f'{{"event_name":"{words[i % 997]}","message":"{words[i * 7 % 991]} {words[i * 3 % 983]}"}}\n' for i in range(size // 50)).encode()


def zstd_flushed(text, every):
    """A stream with a flush behind each so many bytes, from libzstd."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_createCCtx.restype = ctypes.c_void_p
    library.ZSTD_compressStream2.restype = ctypes.c_size_t

    class Buffer(ctypes.Structure):
        _fields_ = [("bytes", ctypes.c_char_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]

    context = ctypes.c_void_p(library.ZSTD_createCCtx())
    room = ctypes.create_string_buffer(4 * len(text))
    out = Buffer(ctypes.cast(room, ctypes.c_char_p), len(room), 0)
    for at in range(0, len(text), every):
        piece = text[at : at + every]
        library.ZSTD_compressStream2(context, ctypes.byref(out), ctypes.byref(Buffer(piece, len(piece), 0)), 1)
    library.ZSTD_compressStream2(context, ctypes.byref(out), ctypes.byref(Buffer(b"", 0, 0)), 2)
    library.ZSTD_freeCCtx(context)
    return room.raw[: out.at]


def wire():
    """(name, format, coding, body)"""
    line = b'{"event_name":"x","sensor_kind":"can_ids"}\n'
    empty_member = gzip.compress(b"", mtime=0)
    empty_frame = zstd_frame(b"\x01\0\0")
    yield "gzip: empty fixed blocks", "vsoc_json", "gzip", GZIP_HEAD + bytes.fromhex("0208208000") * (SIZE // 5)
    yield "gzip: fixed blocks of one letter", "vsoc_json", "gzip", gzip_of(fixed_block(literals=1))
    yield "gzip: fixed blocks of five letters", "vsoc_json", "gzip", gzip_of(fixed_block(literals=5))
    yield "gzip: fixed blocks of one match", "vsoc_json", "gzip", gzip_of(fixed_block(match=3))
    yield "gzip: fixed blocks of a match of ten", "vsoc_json", "gzip", gzip_of(fixed_block(match=10))
    yield "gzip: empty dynamic blocks", "vsoc_json", "gzip", gzip_of(dynamic_block())
    yield "gzip: dynamic blocks of one letter", "vsoc_json", "gzip", gzip_of(dynamic_block(literals=1))
    yield "gzip: dynamic blocks of 32 letters", "vsoc_json", "gzip", gzip_of(dynamic_block(literals=32))
    yield "gzip: empty stored blocks", "vsoc_json", "gzip", GZIP_HEAD + b"\0\0\0\xff\xff" * (SIZE // 5)
    yield "gzip: stored blocks of one byte", "vsoc_json", "gzip", GZIP_HEAD + b"\0\1\0\xfe\xffa" * (SIZE // 6)
    for name, few in ("empty blocks", bytes.fromhex("0208208000") * 204), ("blocks of one letter", fixed_block(literals=1).repeated(1008)):
        yield f"gzip: {name} among stored ones", "vsoc_json", "gzip", GZIP_HEAD + (few + stored_block(5115 - len(few))) * (SIZE // 5120)
    for literals in (10, 20, 40, 60, 100):
        yield f"gzip: fixed blocks of {literals} letters", "vsoc_json", "gzip", gzip_of(fixed_block(literals=literals))
    for literals in (100, 200, 400):
        yield f"gzip: dynamic blocks of {literals} letters", "vsoc_json", "gzip", gzip_of(dynamic_block(literals=literals))
    yield "gzip: empty members", "vsoc_json", "gzip", empty_member * (SIZE // len(empty_member))
    yield "gzip: members of a line", "vsoc_json", "gzip", gzip.compress(line, mtime=0) * (SIZE // 80)
    yield "gzip: a flush behind each byte", "vsoc_json", "gzip", gzip_of_one_byte_at_a_time(line * 2000)
    yield "gzip: a name of 1 MiB", "vsoc_json", "gzip", bytes.fromhex("1f8b0808000000000003") + b"n" * SIZE
    yield "deflate: empty fixed blocks", "vsoc_json", "deflate", b"\x78\x9c" + bytes.fromhex("0208208000") * (SIZE // 5)
    yield "deflate: empty dynamic blocks", "vsoc_json", "deflate", b"\x78\x9c" + dynamic_block().repeated(SIZE)
    yield "deflate: bare, stored blocks of one byte", "vsoc_json", "deflate", b"\0\1\0\xfe\xffa" * (SIZE // 6)
    yield "zstd: empty raw blocks", "vsoc_json", "zstd", zstd_frame(b"\0\0\0" * (SIZE // 3))
    yield "zstd: blocks of one byte", "vsoc_json", "zstd", zstd_frame(zstd_block(0, 1, b"a") * (SIZE // 4))
    yield "zstd: empty runs", "vsoc_json", "zstd", zstd_frame(zstd_block(1, 0, b"a") * (SIZE // 4))
    yield "zstd: compressed blocks of nothing", "vsoc_json", "zstd", zstd_frame(zstd_block(2, 2, b"\0\0") * (SIZE // 5))
    for flush in (24, 64, 200):
        yield f"zstd: a flush behind {flush} bytes", "vsoc_json", "zstd", zstd_flushed(texts(SIZE), flush)
    yield "zstd: empty frames", "vsoc_json", "zstd", empty_frame * (SIZE // len(empty_frame))
    yield "zstd: empty skippable frames", "vsoc_json", "zstd", bytes.fromhex("502a4d1800000000") * (SIZE // 8)
    window = bytes.fromhex("28b52ffd0068") + b"\x01\0\0"
    yield "zstd: empty frames with a window of 8 MiB", "vsoc_json", "zstd", window * (SIZE // len(window))


def many(text, size=SIZE):
    return text * (size // len(text))


def lines():
    """(name, format, coding, body)"""
    for name in ("vsoc_json", "cef", "leef", "syslog", "auditd", "candump", "eve", "hec", "hec_raw", "cloudevents"):
        yield f"{name}: lines of one letter", name, "identity", many(b"x\n", 90000)
        yield f"{name}: empty lines", name, "identity", many(b"\n")
        yield f"{name}: CR LF lines of one letter", name, "identity", many(b"x\r\n", 120000)
        yield f"{name}: a line of 1 MiB", name, "identity", b"x" * SIZE
        yield f"{name}: bytes that are no UTF-8", name, "identity", many(b"\xff\xfe\n", 120000)
    for name in ("vsoc_json", "eve", "hec", "cloudevents"):
        yield f"{name}: empty objects", name, "identity", many(b"{}", 90000)
        yield f"{name}: brackets", name, "identity", b"[" * SIZE
        yield f"{name}: open objects", name, "identity", b'{"a":' * (SIZE // 5)
        yield f"{name}: quotes", name, "identity", many(b'{"', SIZE)
        yield f"{name}: backslashes in a text", name, "identity", b'{"a":"' + b"\\\\" * 120000 + b'"}'
        keys = ",".join(f'"{i}":0' for i in range(20000)).encode()
        yield f"{name}: 20,000 keys", name, "identity", many(b'{"event_name":"x",' + keys + b"}\n", SIZE)
        same = ",".join(f'"{"k" * 40}{i}":0' for i in range(4000)).encode()
        yield f"{name}: long keys that begin alike", name, "identity", many(b"{" + same + b"}\n", SIZE)
        yield f"{name}: nested to the limit", name, "identity", many((b'{"a":' * 31 + b"0" + b"}" * 31 + b"\n"), SIZE)
        yield f"{name}: array of numbers", name, "identity", b"[" + many(b"0,", 90000) + b"0]"
        yield f"{name}: long arrays of numbers", name, "identity", many(b'{"event_name":"x","a":[' + many(b"0,", 100000) + b"0]}\n", SIZE)
        yield f"{name}: numbers of 300 digits", name, "identity", many(b'{"event_name":"x","a":[' + many(b"0." + b"1" * 300 + b",", 60000) + b"0]}\n")
        yield f"{name}: control characters", name, "identity", many(b'{"event_name":"x","message":"' + b"\\u0001" * 20000 + b'"}\n')
    pairs = b" ".join(b"k%d=v" % i for i in range(8000))
    yield "cef: many pairs", "cef", "identity", many(b"CEF:0|V|P|1|C|N|5|" + pairs + b"\n")
    yield "cef: one key again and again", "cef", "identity", many(b"CEF:0|V|P|1|C|N|5|" + b"a=b " * 20000 + b"\n")
    yield "cef: equals signs", "cef", "identity", many(b"CEF:0|V|P|1|C|N|5|" + b"=" * 60000 + b"\n")
    yield "cef: shortest", "cef", "identity", many(b"CEF:0||||||\n", 500000)
    yield "leef: many pairs", "leef", "identity", many(b"LEEF:1.0|V|P|1|C|" + pairs.replace(b" ", b"\t") + b"\n")
    yield "leef: shortest", "leef", "identity", many(b"LEEF:1.0|||||\n", 600000)
    yield "syslog: shortest", "syslog", "identity", many(b"<1>\n", 200000)
    yield "syslog: shortest frames", "syslog", "identity", many(b"5 <1>ab", 350000)
    yield "syslog: priorities that are no frames", "syslog", "identity", b"5 <1>ab" + many(b" 9 <1>", 700000)
    yield "syslog: many parameters", "syslog", "identity", many(
        b"<1>1 2026-04-27T15:46:41Z h a 1 - [a@1 " + b" ".join(b'k%d="v"' % i for i in range(6000)) + b"]\n"
    )
    yield "syslog: many elements", "syslog", "identity", many(b"<1>1 2026-04-27T15:46:41Z h a 1 - " + b"".join(b"[a%d]" % i for i in range(9000)) + b"\n")
    yield "syslog: control characters", "syslog", "identity", many(b'<1>1 2026-04-27T15:46:41Z h a 1 - [a@1 b="' + b"\x01" * 60000 + b'"]\n')
    audit = b"type=AVC msg=audit(1795342505.123:%d): "
    yield "auditd: shortest", "auditd", "identity", b"".join(b"type=A msg=audit(1.0:%d):\n" % i for i in range(30000))
    yield "auditd: many fields", "auditd", "identity", b"".join(audit % i + pairs + b"\n" for i in range(15))
    yield "auditd: one event of many lines", "auditd", "identity", (audit % 1 + b"a=b\n") * 20000
    yield "auditd: open events among each other", "auditd", "identity", b"".join(b"type=A msg=audit(1.0:%d):\n" % (i % 63) for i in range(40000))
    yield "candump: shortest", "candump", "identity", many(b"(1.0) c 1#\n", 500000)
    yield "candump: remote frames", "candump", "identity", many(b"(1.0) c 1#R\n", 500000)
    yield "dlt: shortest messages", "dlt", "identity", many(struct.pack(">BBH", 0x20, 0, 4), 190000)
    yield "dlt: no message", "dlt", "identity", b"\xff" * SIZE
    yield "qsev: shortest messages", "qsev", "identity", many(bytes(8), 390000)
    yield "qsev: no message", "qsev", "identity", b"\xff" * SIZE
    yield "otlp: empty records in JSON", "otlp", "identity", b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + many(b"{},", 140000) + b"{}]}]}]}"
    yield "otlp: empty parts in JSON", "otlp", "identity", b'{"resourceLogs":[' + many(b"{},", SIZE) + b"{}]}"
    yield "otlp: numbers for records", "otlp", "identity", b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + many(b"0,", 90000) + b"0]}]}]}"
    record = b"\x12\x00"
    scope = b"\x12" + varint(len(record * 45000)) + record * 45000
    yield "otlp: empty records", "otlp", "identity", b"\x0a" + varint(len(scope)) + scope
    yield "otlp: empty parts", "otlp", "identity", many(b"\x0a\x00")
    yield "otlp: fields that nobody knows", "otlp", "identity", b"\x0a\x00" + many(b"\x78\x00")
    yield "otlp: nested unknown messages", "otlp", "identity", b"\x0a\x00" + many(b"\x7a\x06\x0a\x04\x0a\x02\x0a\x00")


def shared():
    """What stands once in a body and goes with each of its events."""
    texts_ = {
        "words": b"some text and " * 570,
        "one letter": b"r" * 8000,
        "base64": b"aB3-" * 2000,
        "hex pairs": b"ab cd ef " * 880,
        "VINs": b"1M8GDM9AXKP042788 " * 440,
        "quotes": b'"\\' * 1900,
    }
    for name, text in texts_.items():
        yield f"otlp: resource of {name}", "otlp", "identity", otlp(otlp_attribute(b"k", text), 5000)
    keys = b"".join(otlp_attribute(b"vi%d" % i, b"") for i in range(500))
    yield "otlp: resource of keys", "otlp", "identity", otlp(keys, 5000)
    yield "otlp: small resource of one letter", "otlp", "identity", otlp(otlp_attribute(b"k", b"r" * 2000), 500)
    lines_ = r"\n".join(["CEF:0|V|P|1|C|N|5|"] * 4000)
    for name, text in ("words", "r " * 3900), ("one letter", "r" * 7800):
        one = f'{{"sourcetype":"cef","fields":{{"k":"{text}"}},"event":"{lines_}"}}\n'
        yield f"hec: fields of {name}", "hec", "identity", one.encode() * 8
    data = ",".join(['{"message":"m"}'] * 4000)
    one = f'{{"specversion":"1.0","id":"1","source":"/s","type":"t","k":"{"r" * 7000}","data":[{data}]}}\n'
    yield "cloudevents: attribute of one letter", "cloudevents", "identity", one.encode() * 8


def field(tag, content):
    return bytes([tag]) + varint(len(content)) + content


def otlp_attribute(key, text):
    return field(0x0A, field(0x0A, key) + field(0x12, field(0x0A, text)))


def otlp(attributes, records):
    """A request of one resource and so many small records."""
    record = b"".join(field(0x12, field(0x32, field(0x0A, b"a") + field(0x12, field(0x0A, b"%05d" % i)))) for i in range(records))
    return field(0x0A, field(0x0A, attributes) + field(0x12, record))


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def cost(build, folder, name, coding, body, seconds):
    path = pathlib.Path(folder, "body")
    path.write_bytes(body)
    done = subprocess.run([str(build / "body_cost"), name, coding, path, str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(done.stderr.strip())
    result = json.loads(done.stdout)
    result["ns"] = result["inflate_ns"] + result["parse_ns"]
    result["ns_a_byte"] = result["ns"] / (result["wire_bytes"] + result["inflated_bytes"] * (coding != "identity"))
    return result


def ordinary(build, folder, seconds):
    """ns a byte of each format's most expensive sample, and of the native one in each coding."""
    costs = {}
    for path in sorted(SAMPLES.glob("*.*")):
        body = copies(path, max(1, (SIZE // 2) // path.stat().st_size))
        one = cost(build, folder, path.stem, "identity", body, seconds)["ns_a_byte"]
        costs[path.stem, "identity"] = max(one, costs.get((path.stem, "identity"), 0))
    native = copies(SAMPLES / "vsoc_json.ndjson", 500)
    costs["vsoc_json", "gzip"] = cost(build, folder, "vsoc_json", "gzip", gzip.compress(native, 6), seconds)["ns_a_byte"]
    costs["vsoc_json", "deflate"] = cost(build, folder, "vsoc_json", "deflate", zlib.compress(native, 6), seconds)["ns_a_byte"]
    costs["vsoc_json", "zstd"] = costs["vsoc_json", "gzip"]
    return costs


def table(rows):
    lines_ = [
        "| body | bytes sent | inflated | items | ns a byte as sent | ns a byte | ordinary | factor | refused |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for r in rows:
        lines_.append(
            f"| {r['name']} | {r['wire_bytes']} | {r['inflated_bytes']} | {r['items']} | {r['ns'] / r['wire_bytes']:.1f} "
            f"| {r['ns_a_byte']:.1f} | {r['ordinary']:.1f} | {'**' if r['factor'] > BOUND else ''}{r['factor']:.1f}"
            f"{'**' if r['factor'] > BOUND else ''} | {r['end']} |"
        )
    return "\n".join(lines_)


def run(options):
    build = options.build.resolve()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        usual = ordinary(build, folder, options.seconds)
        for name, form, coding, body in [*wire(), *lines(), *shared()]:
            row = cost(build, folder, form, coding, body, options.seconds)
            row.update(name=name, ordinary=usual[form, coding])
            row["factor"] = row["ns_a_byte"] / row["ordinary"]
            rows.append(row)
    rows.sort(key=lambda row: -row["factor"])
    text = table(rows)
    print(text)
    over = [row["name"] for row in rows if row["factor"] > BOUND]
    print(f"{len(rows)} bodies, {len(over)} of them over {BOUND} times an ordinary one of their format", file=sys.stderr)
    if options.write:
        about = f"# What hostile bodies cost, {time.strftime('%Y-%m-%d')}\n\n`load-tests/run cost`: {len(over)} of {len(rows)} bodies cost over {BOUND} times an ordinary byte of their format."
        machine.write_result("cost", about + " Where other programs use the machine, factors hold to about a fifth.\n\n" + text)
    return rows
