"""VINs with check digits that fit, and where they show: in clear, in another case, percent- or JSON-escaped, in hex or base64, or by their hash."""

import base64
import hashlib
import hmac
import itertools
import re

WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VALUES = {**dict(zip("ABCDEFGH", range(1, 9))), **dict(zip("JKLMN", range(1, 6))), "P": 7, "R": 9, **dict(zip("STUVWXYZ", range(2, 10))),
          **{str(n): n for n in range(10)}}


def make_vin(number):
    """A VIN of its own for each number below 90."""
    vin = f"1V9HP{'ABCDEFGHJ'[number % 9]}{'KLMN'[number % 4]}80{'RSTV'[number % 4]}{number:02d}{(number * 7919 + 10007) % 100000:05d}"
    total = sum(VALUES[c] * w for c, w in zip(vin, WEIGHTS)) % 11
    return vin[:8] + ("X" if total == 10 else str(total)) + vin[9:]


HEX_RUN = re.compile(rb"[0-9a-f]{34,}")
SPACED_HEX = re.compile(rb"(?:[0-9a-f]{2}[ '.:,-]){16,}[0-9a-f]{2}")
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{22,}")
GAPS = re.compile(rb"[ .:_/,-]+")
WIDE = re.compile(rb"\xef(?:\xbc[\x90-\x99\xa1-\xba]|\xbd[\x81-\x9a])")
WIDE_ESCAPE = re.compile(rb"\\u(ff[0-9a-f]{2})", re.I)
FOLDED = bytes.maketrans(b"oqi", b"001")


def readings(data):
    """What the bytes may be read as: (how, bytes), in lower case."""
    yield "in clear", data.lower()
    if b"%" in data:
        yield "percent-escaped", re.sub(rb"%([0-9a-fA-F]{2})", lambda m: bytes.fromhex(m[1].decode()), data).lower()
    if b"\\u00" in data:
        yield "JSON-escaped", re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda m: bytes.fromhex(m[1].decode()), data).lower()
    yield "in groups", GAPS.sub(b"", data).lower()
    if b"\xef" in data or b"\\uff" in data.lower():
        narrow = WIDE_ESCAPE.sub(lambda m: chr(int(m[1], 16)).encode(), data)
        yield "in full width", WIDE.sub(lambda m: bytes([ord(m[0].decode()) - 0xFEE0]), narrow).lower()
    for run in HEX_RUN.findall(data.lower()):
        for start in (0, 1):
            even = run[start:start + (len(run) - start) // 2 * 2]
            yield "in hex", bytes.fromhex(even.decode()).lower()
    for run in SPACED_HEX.findall(data.lower()):
        yield "in spaced hex", bytes.fromhex(re.sub(rb"[^0-9a-f]", b"", run).decode()).lower()
    for run in BASE64_RUN.findall(data):
        run = run.translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            part = run[start:]
            part = part[:len(part) // 4 * 4] if len(part) % 4 == 1 else part + b"=" * (-len(part) % 4)
            yield "in base64", base64.b64decode(part).lower()


def hunt(data, vins):
    """[(VIN, how it is written, what is around)] of the VINs in the bytes."""
    names, found = {vin.lower().encode(): vin for vin in vins}, []
    pattern = re.compile(b"|".join(names))
    for how, reading in readings(data):
        for text in (reading, reading.translate(FOLDED)):
            for match in pattern.finditer(text):
                found.append((names[match[0]], how, reading[max(0, match.start() - 60):match.end() + 40]))
    return found


def dictionary(vins, tenants, texts):
    """{digest: what was hashed}: what somebody who reads the tables would try. texts: functions from a VIN to what may stand beside it."""
    digests = {}
    for vin, tenant in itertools.product(vins, tenants):
        for name in {vin, vin.lower(), f"urn:vin:{vin}", f"CN=vehicle {vin}", *(text(vin) for text in texts)}:
            word, t = name.encode(), tenant.encode()
            size = len(word).to_bytes(2, "big")
            parts = {word, t + word, t + b"\0" + word, word + b"\0" + t, t + b":" + word, t + b"/" + word, b"i" + size + word}
            parts |= {t + b"\0" + vin.encode() + b"\0k" + word, t + b"\0" + vin.encode() + b"\0b" + word}
            for part in parts:
                for method in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.sha512, hashlib.blake2b):
                    digests[method(part).digest()] = (vin, method().name, part)
                for key in (b"", bytes(32), t, b"vsocd"):
                    digests[hmac.new(key, part, hashlib.sha256).digest()] = (vin, "HMAC", part)
    return digests


def plain_dedup_keys(pids, ids, tenants):
    """{digest: what}: dedup_key as it would be without a key, of ids that are guessed."""
    digests = {}
    for pid, event_id, tenant in itertools.product(pids, ids, tenants):
        message = dedup_message(pid, event_id, tenant)
        digests[hashlib.sha256(message).digest()] = ("dedup_key", event_id)
        digests[hashlib.sha256(bytes(64) + message).digest()] = ("dedup_key, zero key", event_id)
        digests[hmac.new(bytes(32), message, hashlib.sha256).digest()] = ("dedup_key, zero key", event_id)
        digests[siphash128(bytes(16), message)] = ("dedup_key, zero key", event_id)
    return digests


def dedup_message(pid, event_id, tenant):
    field = lambda data: len(data).to_bytes(2, "big") + data
    vehicle = field(tenant.encode()) + field(pid)
    return vehicle + bytes(-len(vehicle) % 8) + b"i" + bytes(7) + event_id.encode()


def dedup_key(secret, pid, event_id, tenant):
    """As docs/formats.md says, for who has the key of the file."""
    key = hmac.new(secret, b"vsocd dedup key\0", hashlib.sha256).digest()[:16]
    return siphash128(key, dedup_message(pid, event_id, tenant))


def siphash128(key, message):
    """SipHash-2-4 with 16 bytes of output."""
    mask = (1 << 64) - 1
    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    rotate = lambda x, bits: (x << bits | x >> (64 - bits)) & mask

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    padded = message + bytes(-(len(message) + 1) % 8) + bytes([len(message) % 256])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    out = b""
    for lane, constant in ((2, 0xEE), (1, 0xDD)):
        v[lane] ^= constant
        rounds(4)
        out += (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    return out
