"""Time over heads: tokens of a time-stamp authority (OpenSSL's), and which wrong answers are refused."""

import itertools
import json
import pathlib
import tarfile

import pytest
from harness import Vsocd, event, ndjson, wait_until
from time_authority import TimeAuthority

FAILURES = "vsocd_evidence_time_failures_total"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = TimeAuthority(tmp_path_factory.mktemp("time") / "authority")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(build, tmp_path_factory, authority):
    """One server of the module, whose authority answers as a test says."""
    settings = {"evidence": {"time_authorities": [authority.url], "time_ca": str(authority.ca), "time_interval": "1s"}}
    made = Vsocd(build, tmp_path_factory.mktemp("time") / "server", settings)
    made.start()
    yield made
    made.stop_for_good()


def tokens(server):
    folder = pathlib.Path(server.settings["data_dir"]) / "evidence" / "tokens"
    return sorted(folder.glob("*.tsr")) if folder.exists() else []


def heads(server):
    """Text of each signed head by its size."""
    listed = server.get("/evidence/heads?limit=1000").json
    return {head["size"]: head["note"].partition("\n\n")[0] + "\n" for head in listed["heads"]}


NUMBERS = itertools.count()


def grow(server):
    """One record more: another batch, and no repeat."""
    assert server.post(ndjson([event(next(NUMBERS))])).status == 200


def new_token(server, before):
    wait_until(lambda: len(tokens(server)) > before, what="a token")
    return tokens(server)[-1]


def test_head_is_attested_by_an_authority(server, authority):
    before = len(tokens(server))
    grow(server)
    token = new_token(server, before)
    size, _, number = token.stem.partition("-")
    text = heads(server)[int(size)].encode()
    assert number == "0"
    assert authority.verify(token.read_bytes(), text)
    assert not authority.verify(token.read_bytes(), text.replace(b"\n", b"x\n", 1))
    wait_until(lambda: server.metric("vsocd_evidence_time_token_timestamp_seconds") > 1.7e9, what="the metric")
    assert abs(server.metric("vsocd_evidence_time_offset_seconds")) < 2


@pytest.mark.parametrize("mode,why", [
    ("wrong_imprint", "of another request"), ("replayed", "of another request"), ("foreign", "not trusted"), ("expired", "not trusted"),
    ("truncated", "no time-stamp response"), ("html", "no time-stamp response"), ("huge", "too large"), ("refused", "HTTP status 500"), ("closed", "")])
def test_wrong_answer_is_refused_and_asked_for_again(server, authority, mode, why):
    grow(server)  # so that there is a first answer to replay
    wait_until(lambda: authority.first, what="a first answer")
    authority.mode = mode
    failures = server.metric(FAILURES)
    grow(server)
    wait_until(lambda: server.metric(FAILURES) > failures, what="the refusal")
    before = len(tokens(server))
    assert why in [line for line in server.log().splitlines() if "gave no token" in line][-1]
    grow(server)  # nothing waits for the authority
    wait_until(lambda: server.metric(FAILURES) > failures + 1, what="another try")
    assert len(tokens(server)) == before
    authority.mode = "good"
    token = new_token(server, before)
    assert authority.verify(token.read_bytes(), heads(server)[int(token.stem.partition("-")[0])].encode())


def test_bundle_has_the_tokens_and_verify_checks_them(server, authority, tmp_path):
    report = server.post(ndjson([event(next(NUMBERS))]))
    assert report.status == 200
    wait_until(lambda: any(int(path.stem.partition("-")[0]) >= report.json["position"] for path in tokens(server)), what="a token over its head")
    bundle, log = tmp_path / "bundle.tar", (pathlib.Path(server.settings["data_dir"]) / "evidence" / "head.vkey").read_text().strip()
    server.run("evidence", "export", "-c", server.config, "-o", bundle, "--reason", "time", "--by", "A. Auditor", "--batch", report.json["batch_id"])
    with tarfile.open(bundle) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    stamped = [name for name in files if name.startswith("time/")]
    assert stamped
    for name in stamped:
        size = name.removeprefix("time/").partition("-")[0]
        assert authority.verify(files[name], files[f"heads/{size}.checkpoint"].partition(b"\n\n")[0] + b"\n")

    def verify(*options, check=True):
        return server.run("evidence", "verify", bundle, "--log", log, *options, check=check)

    said = json.loads(verify("--json", "--time-ca", authority.ca).stdout)
    assert said["proven"] and said["tokens"] == len(stamped) and said["tokens_checked"] and said["attested"]
    assert b"not checked" in verify().stdout and not json.loads(verify("--json").stdout)["tokens_checked"]
    stranger = authority.folder / "other"
    other = next(path for path in stranger.iterdir() if path.suffix in (".crt", ".pem"))
    done = verify("--time-ca", other, check=False)
    assert done.returncode == 1 and b"not proven" in done.stderr and b"time/" in done.stderr


def test_every_token_stays_valid_and_status_shows_the_newest(server, authority):
    wait_until(lambda: int(tokens(server)[-1].stem.partition("-")[0]) == max(heads(server)), what="a token over the last head: no other comes")
    known = heads(server)
    assert all(authority.verify(path.read_bytes(), known[int(path.stem.partition("-")[0])].encode()) for path in tokens(server))
    shown = json.loads(server.run("evidence", "status", "-c", server.config, "--json").stdout)
    newest = tokens(server)[-1]
    assert (shown["time_tokens"], shown["time_token_size"]) == (len(tokens(server)), int(newest.stem.partition("-")[0]))
    assert shown["time_token_time"].startswith("20") and shown["time_token_problem"] is None and shown["time_token_signer"] == "CN=time good"
    shown = json.loads(server.run("evidence", "status", server.settings["data_dir"], "--json").stdout)
    assert "was not checked: name the settings" in shown["time_token_problem"]
    damaged = newest.read_bytes()
    newest.write_bytes(damaged[:-1] + bytes([damaged[-1] ^ 1]))
    shown = json.loads(server.run("evidence", "status", "-c", server.config, "--json").stdout)
    newest.write_bytes(damaged)
    assert "not trusted" in shown["time_token_problem"]


def test_authority_that_is_away_at_the_start_is_asked_when_it_is_back(build, tmp_path, authority):
    settings = {"evidence": {"time_authorities": ["http://127.0.0.1:1/", authority.url], "time_ca": str(authority.ca), "time_interval": "1s"}}
    server = Vsocd(build, tmp_path / "server", settings)
    server.start()
    grow(server)
    assert new_token(server, 0).stem.endswith("-1")
    server.terminate()
    count = len(tokens(server))
    server.start()
    grow(server)
    new_token(server, count)
    server.stop_for_good()


@pytest.mark.parametrize("ca", [None, "missing", "empty"])
def test_authorities_need_their_certificates(make_server, tmp_path, ca):
    (tmp_path / "empty").write_text("")
    settings = {"evidence": {"time_authorities": ["http://127.0.0.1:1/"], **({"time_ca": str(tmp_path / ca)} if ca else {})}}
    server = make_server(settings, start=False)
    server.start(wait=False)
    assert server.ended() == 78 and "evidence.time_ca" in server.log()
