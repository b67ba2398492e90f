"""`vsocd spool verify --reparse`: the bodies as received against the events that are stored, whatever the hashes say."""

import base64
import gzip
import json
import pathlib

import pytest
import spool_rewriter
from harness import event, ndjson

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"


def reparse(server, *options, code=0):
    done = server.run("spool", "verify", "--json", "--reparse", server.spool_dir, *options, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_every_format_gives_the_stored_events_again(make_server):
    """All golden files through the server: no difference where nothing was changed."""
    server = make_server({"limits": {"event_bytes": "256KiB"}})
    taken = 0
    for path in sorted(DATA.glob("*/*.in")):
        headers = {}
        if path.with_suffix(".headers").exists():
            lines = path.with_suffix(".headers").read_text().splitlines()
            headers = {name: value.strip() for name, value in (line.split(":", 1) for line in lines) if not name.startswith("?")}
        kind = headers.pop("content-type", headers.pop("Content-Type", "application/octet-stream"))
        reply = server.post(path.read_bytes(), kind, f"/v1/events/{path.parent.name}", **{k.replace("-", "_"): v for k, v in headers.items()})
        assert reply.status in (200, 400, 422), (path, reply)
        taken += reply.status != 400
    assert server.terminate() == 0
    done = server.run("spool", "verify", "--json", "--reparse", server.spool_dir, check=False)
    report = json.loads(done.stdout)
    assert [f for f in report["findings"] if f["kind"] == "events_differ"] == []
    assert taken > 30 and report["reparsed"]["batches"] == taken == report["records"] - 2 and report["reparsed"]["events"] > 100
    assert {f["detail"] for f in report["findings"]} <= {"a part of its events came from headers or a query, which are not stored"}
    assert report["reparsed"]["not_compared"] == len(report["findings"])


def test_the_requests_own_vin_is_no_difference_however_it_is_written(make_server):
    """The body has it, the stored event its pseudonym; whose it was is known at receipt only."""
    vin = "WVWZZZ1JZXW000027"  # no check digit that says what it is
    server = make_server()
    digits = vin.encode().hex()
    coded = [base64.b64encode(b"\xfe" * before + vin.encode() + b"\xfa" * behind).decode() for before in range(4) for behind in range(3)]
    groups = [gap.join((vin[:3], vin[3:9], vin[9:])) for gap in ("-", " ", " - ", ".")]
    wide = "".join(chr(ord(c) + 0xFEE0) for c in vin)
    texts = (vin, f"a{vin}b", f"%57{vin[1:]}", digits, digits.upper(), f"DID=0xf190{digits}ff", bytes(vin, "ascii").hex(" "), "vin:redacted",
             *coded, f"x={coded[4]}, {coded[5]}", base64.urlsafe_b64encode(b"\xfe\xff" + vin.encode()).decode(), *groups, wide, f"\\u0057{vin[1:]}")
    for text in texts:
        assert server.post(ndjson([{"event_name": "x", "severity_id": 1, "message": text, "note": text}]), VSOC_Vehicle=vin).json["accepted"] == 1
    frame = f"(1700000000.000000) can0 123##1{digits.upper()}000000\n".encode()
    assert server.post(frame, "text/plain", "/v1/events/candump", VSOC_Vehicle=vin).json["accepted"] == 1
    assert server.terminate() == 0
    assert reparse(server)["reparsed"] == {"batches": len(texts) + 1, "events": len(texts) + 1, "differ": 0, "not_compared": 0}
    shown = server.run("spool", "export", server.spool_dir).stdout.decode()
    assert shown.count("vin:") >= 2 * (len(groups) + 2) and vin not in shown


def test_what_is_beside_a_hidden_vin_must_be_the_same(make_server):
    """A label in base64 excuses the VIN's own bits, not those of the bytes beside it."""
    vin = "WVWZZZ1JZXW000027"
    server = make_server()
    code = lambda before, behind: base64.b64encode(before + vin.encode() + behind).decode()
    for before in range(4):
        text = code(b"AAAA"[:before], b"BB")
        assert server.post(ndjson([{"event_name": "x", "severity_id": 1, "message": text}]), VSOC_Vehicle=vin).json["accepted"] == 1
    assert server.terminate() == 0
    assert reparse(server)["reparsed"]["differ"] == 0
    others = {1: (b"A", b"CB"), 2: (b"AB", b"BB"), 3: (b"AAA", b"BC")}

    def apply(record):
        if record.position > 2 and record.kind == 1:  # behind the record of the start
            before, behind = others[record.position - 2]
            body = json.dumps({"event_name": "x", "severity_id": 1, "message": code(before, behind)}).encode() + b"\n"
            assert len(body) == len(record.body) and body != record.body
            record.body = body

    spool_rewriter.rewrite(server.spool_dir, apply)
    report = reparse(server, code=1)
    assert report["reparsed"]["differ"] == 3 and {f["position"] for f in report["findings"]} == {3, 4, 5}


@pytest.fixture
def posted(make_server):
    """A stopped server with ten batches, of JSON, gzip and syslog."""
    server = make_server()
    for n in range(8):
        body = ndjson(event(100 * n + k) for k in range(10))
        server.post(gzip.compress(body) if n % 2 else body, **({"Content_Encoding": "gzip"} if n % 2 else {}))
    server.post(b"<13>Nov 29 10:00:00 gw sshd[1]: Failed password for root from 192.0.2.7 port 22 ssh2\n" * 3, "text/plain", "/v1/events/syslog")
    server.post(ndjson([{"event_name": "x", "severity_id": 99999}, event(999, message="VIN 1M8GDM9AXKP042788 seen")]), VSOC_Software="2026.9")
    assert server.terminate() == 0
    assert reparse(server)["reparsed"] == {"batches": 10, "events": 84, "differ": 0, "not_compared": 0}
    return server




def test_event_that_was_changed_in_place_is_found_with_its_field(posted):
    def apply(record):
        if record.position == 5:
            at = record.events.index(b"SEV_UDS_SECURITY_ACCESS_FAILED")
            record.events = record.events[:at] + b"SEV_UDS_SECURITY_ACCESS_PASSED" + record.events[at + 30 :]

    spool_rewriter.rewrite(posted.spool_dir, apply)
    assert json.loads(posted.run("spool", "verify", "--json", posted.spool_dir).stdout)["whole"]  # hashes see nothing
    report = reparse(posted, code=1)
    (finding,) = report["findings"]
    assert (finding["kind"], finding["position"], finding["index"]) == ("events_differ", 5, 0)
    assert "event_name differs from the body" in finding["detail"] and not report["whole"]
    assert reparse(posted, "--to", "4")["reparsed"]["batches"] == 3


def test_body_that_was_changed_in_place_is_found(posted):
    def apply(record):
        if record.position == 6:
            record.body = record.body.replace(b"103", b"104")

    spool_rewriter.rewrite(posted.spool_dir, apply)
    (finding,) = reparse(posted, code=1)["findings"]
    assert (finding["kind"], finding["position"]) == ("events_differ", 6)


@pytest.mark.parametrize("damage", ["drop", "truncate", "format", "version"])
def test_events_that_were_taken_out_or_hidden_are_found(posted, damage):
    def apply(record):
        if record.position == 8:
            if damage == "drop":
                record.body = record.body + ndjson([event(5)])
                record.inflated_bytes = len(record.body)
            elif damage == "truncate":
                record.body = record.body[: record.body.index(b"\n") + 1]
                record.inflated_bytes = len(record.body)
            elif damage == "format":
                record.texts["format"] = "none"
            else:
                record.texts["parser_version"] = "9.9.9"

    spool_rewriter.rewrite(posted.spool_dir, apply)
    (finding,) = reparse(posted, code=1)["findings"]
    expected = {
        "drop": ("events_differ", "more records than are stored"),
        "truncate": ("events_differ", "more records are stored than the body has"),
        "format": ("events_differ", "no parser read the body"),
        "version": ("events_not_compared", "was version 9.9.9"),
    }[damage]
    assert finding["position"] == 8 and finding["kind"] == expected[0] and expected[1] in finding["detail"]


def test_settings_of_reparse_are_checked(posted):
    assert posted.run("spool", "list", posted.spool_dir, "--set", "limits.json_depth=3", check=False).returncode == 64
    assert posted.run("spool", "verify", "--reparse", posted.spool_dir, "--set", "limits.json_depth=none", check=False).returncode == 78
    done = posted.run("spool", "verify", "--reparse", posted.spool_dir, "--set", "ingest.plugins=/nowhere.so", check=False)
    assert done.returncode == 78 and b"nowhere" in done.stderr
