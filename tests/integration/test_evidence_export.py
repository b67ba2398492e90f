"""`vsocd evidence export`: a bundle of a running server's records that verifiers accept, recorded in the log before it has a name."""

import importlib.util
import json
import pathlib
import stat
import subprocess
import tarfile

import pytest

from harness import Vsocd, event, ndjson, wait_until

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "verify_bundle.py"
OTHER = "WVWZZZ1JZXW000001"


@pytest.fixture(scope="module")
def server(build, tmp_path_factory):
    made = Vsocd(build, tmp_path_factory.mktemp("export") / "server", {})
    made.start()
    made.reports = []
    for n in range(6):
        vehicle = {"vin": OTHER} if n == 4 else {}
        answer = made.post(ndjson([event(10 * n + i, message=f"event {i} of batch {n}", **vehicle) for i in range(5)]))
        assert answer.status == 200
        made.reports.append(answer.json)
    yield made
    made.stop_for_good()


@pytest.fixture
def policy(server, tmp_path):
    path = tmp_path / "policy.txt"
    key = pathlib.Path(server.settings["data_dir"]) / "evidence" / "head.vkey"
    path.write_text(f"log {key.read_text().strip()}\nquorum none\n")
    return path


def export(server, file, *options, check=True):
    return server.run("evidence", "export", "-c", server.config, "-o", file, "--reason", "test of the export", "--by", "A. Auditor", *options, check=check)


def python_says(bundle, policy):
    spec = importlib.util.spec_from_file_location("verify_bundle", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.verify(bundle.read_bytes(), policy.read_bytes()))


def files_of(bundle):
    with tarfile.open(bundle) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def verified(server, bundle, policy):
    done = server.run("evidence", "verify", bundle, "--policy", policy, "--json")
    python_says(bundle, policy)
    return json.loads(done.stdout)


def test_a_batch_is_exported_as_it_was_received(server, policy, tmp_path):
    bundle, report = tmp_path / "bundle.tar", server.reports[2]
    export(server, bundle, "--batch", report["batch_id"])
    said = verified(server, bundle, policy)
    assert [r["position"] for r in said["records"]] == [report["position"]] and said["records"][0]["accepted"] == 5
    files = files_of(bundle)
    folder = f"records/{report['position']}"
    assert files[f"{folder}/body"] == ndjson([event(20 + i, message=f"event {i} of batch 2") for i in range(5)])
    assert [json.loads(line)["message"] for line in files[f"{folder}/events.ndjson"].splitlines()] == [f"event {i} of batch 2" for i in range(5)]
    assert b"1M8GDM9AXKP042788" not in b"".join(d for n, d in files.items() if not n.endswith("/body"))
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def test_the_export_is_an_audit_record_that_the_bundle_proves(server, policy, tmp_path):
    bundle = tmp_path / "bundle.tar"
    export(server, bundle, "--batch", server.reports[0]["batch_id"])
    custody = json.loads(files_of(bundle)["custody/body"])
    assert "A. Auditor: test of the export" in json.dumps(custody)
    assert verified(server, bundle, policy)["custody_position"] > server.reports[-1]["position"]


def test_a_vehicle_is_found_by_its_vin_that_is_written_nowhere(server, policy, tmp_path):
    bundle = tmp_path / "bundle.tar"
    export(server, bundle, "--vehicle", OTHER)
    assert [r["position"] for r in verified(server, bundle, policy)["records"]] == [server.reports[4]["position"]]
    assert OTHER.encode() not in b"".join(d for n, d in files_of(bundle).items() if not n.endswith("/body"))


def test_a_range_of_time_is_exported(server, policy, tmp_path):
    bundle = tmp_path / "bundle.tar"
    export(server, bundle, "--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
    assert [r["position"] for r in verified(server, bundle, policy)["records"]] == [r["position"] for r in server.reports]
    export(server, tmp_path / "none.tar", "--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z", check=False)
    assert not (tmp_path / "none.tar").exists()


def test_nothing_is_exported_without_who_and_why_or_over_another_file(server, tmp_path):
    bundle, batch = tmp_path / "bundle.tar", server.reports[0]["batch_id"]
    for missing in ("--by", "--reason"):
        words = ["-o", bundle, "--batch", batch, *(w for o in ("--by", "--reason") if o != missing for w in (o, "x"))]
        assert server.run("evidence", "export", "-c", server.config, *words, check=False).returncode == 64
    bundle.write_text("mine")
    assert export(server, bundle, "--batch", batch, check=False).returncode == 1
    assert bundle.read_text() == "mine"
    unknown = "01900000-0000-7000-8000-000000000000"
    assert export(server, tmp_path / "other.tar", "--batch", unknown, check=False).returncode == 1


def test_a_bundle_is_refused_under_another_key(server, tmp_path):
    bundle = tmp_path / "bundle.tar"
    export(server, bundle, "--batch", server.reports[0]["batch_id"])
    done = server.run("evidence", "verify", bundle, "--log", "other+82a2c7c0+AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", check=False)
    assert done.returncode in (1, 78)


def test_a_stopped_server_is_exported_under_a_head_of_its_own(make_server, tmp_path):
    server = make_server()
    report = server.post(ndjson([event(1)])).json
    assert server.terminate() == 0
    bundle, policy = tmp_path / "bundle.tar", tmp_path / "policy.txt"
    key = pathlib.Path(server.settings["data_dir"]) / "evidence" / "head.vkey"
    policy.write_text(f"log {key.read_text().strip()}\nquorum none\n")
    export(server, bundle, "--batch", report["batch_id"])
    said = verified(server, bundle, policy)
    assert [r["position"] for r in said["records"]] == [report["position"]] and said["head"] > report["position"]
    server.start()
    assert server.post(ndjson([event(2)])).status == 200
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > said["head"], what="a head that goes on")
    assert server.metric("vsocd_evidence_head_refused") == 0
