"""`vsocd parse` as a dry run of ingestion: what would be stored, and what would be refused with which answer."""

import gzip
import json
import subprocess

import pytest

from own_errors import own_errors

RECORDS = b'{"message":"a"}\n{}\n{"message":"b"}\n'


@pytest.fixture
def parse(build):
    def run(*options, body=RECORDS):
        done = subprocess.run([build / "vsocd", "parse", *options], input=body, capture_output=True, timeout=60, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], own_errors(done)

    return run


def test_events_go_out_and_quarantined_records_are_reported(parse):
    code, events, problems = parse("--format", "vsoc_json")
    assert code == 1 and [event["message"] for event in events] == ["a", "b"]
    assert problems.startswith("vsocd parse: record 1 at byte 16: ")


def test_media_type_and_coding_choose_as_headers_do(parse):
    body = gzip.compress(b'{"message":"a"}\n')
    code, events, problems = parse("--content-type", "application/x-ndjson", "--content-encoding", "gzip", body=body)
    assert (code, problems) == (0, "") and [event["message"] for event in events] == ["a"]


def test_text_is_guessed(parse):
    code, events, _ = parse("--content-type", "text/plain", body=b"CEF:0|a|b|1|2|name|5|\n")
    assert code == 0 and len(events) == 1
    code, events, problems = parse("--content-type", "text/plain", body=b"nothing that is known\n")
    assert (code, events) == (1, []) and "no_parser" in problems


@pytest.mark.parametrize(
    "options,body,answer",
    [
        ([], b"", "400 empty_batch"),
        (["--content-encoding", "gzip"], gzip.compress(RECORDS)[:-9], "400 truncated_body"),
        (["--content-encoding", "gzip"], gzip.compress(gzip.compress(RECORDS)), "415 undeclared_encoding"),
        (["--content-encoding", "gzip"], gzip.compress(b" " * 50_000_000), "413 inflate_"),
        ([], b" " * (8 << 20) + b"{}", "413 body_too_large"),
        (["--set", "limits.batch_events=2"], RECORDS, "413 batch_events"),
    ],
    ids=["empty", "truncated", "packed twice", "bomb", "large", "many records"],
)
def test_what_the_server_would_refuse_is_refused_with_its_answer(parse, options, body, answer):
    code, events, problems = parse("--format", "vsoc_json", *options, body=body)
    assert (code, events) == (1, []) and problems.startswith(f"vsocd parse: refused with {answer}"), problems


@pytest.mark.parametrize(
    "options,status,sentence",
    [
        (["--content-type", "application/x-unknown"], 64, "no format has this media type"),
        ([], 64, "--format NAME or --content-type TYPE is needed"),
        (["--format", "cef", "--header", "ce-id"], 64, "--header: must be NAME:VALUE"),
        (["--format", "cef", "--vin", "VEHICLE1"], 64, "--vin: is not a VIN"),
        (["--format", "cef", "--plugin", "none.so"], 1, "--plugin: plug-in none.so can't be read: No such file"),
        (["--format", "cef", "/"], 1, "/: is a folder; name a file"),
        (["--format", "vsoc_json", "--content-encoding", "br"], 64, "must be gzip, deflate, zstd or identity"),
        (["--format", "vsoc_json", "--set", "limits.batch_evnets=2"], 78, "limits.batch_events"),
    ],
)
def test_wrong_options_are_refused(parse, options, status, sentence):
    code, events, problems = parse(*options)
    assert (code, events) == (status, []) and sentence in problems, problems


def test_answers_are_those_of_the_server(parse, make_server):
    """The same bodies, posted: the same status, code and counts."""
    server = make_server()
    for body in (RECORDS, b"", b"[" * 40):
        code, events, problems = parse("--format", "vsoc_json", body=body)
        answer = server.post(body, path="/v1/events/vsoc_json")
        if answer.status == 200:
            assert answer.json["accepted"] == len(events)
            assert answer.json["quarantined"] == problems.count("vsocd parse: record")
        elif "errors" in answer.json:
            assert answer.status == 422 and not events
        else:
            assert f"refused with {answer.status} {answer.json['code']}: " in problems
