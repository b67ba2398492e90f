"""Files of credentials are watched: what is taken away stops working, and what is given starts, without a signal."""

import datetime
import json
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until

VIN = "1M8GDM9AXKP042788"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


def status(server, context):
    try:
        reply = server.request("POST", "/v1/events", ndjson([event(1)]), {"Content-Type": "application/x-ndjson"}, context=context)
    except OSError:
        return None
    return reply.status


def crl(authority, path, revoked=(), days=1, signer=None):
    """Replaces the file by a list of the authority."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(now - datetime.timedelta(days=2)).next_update(now + datetime.timedelta(days=days))
    for certificate in revoked:
        serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - datetime.timedelta(hours=1)).build()
        )
    fresh = path.with_suffix(".new")
    made = builder.sign((signer or authority).key, hashes.SHA256())
    fresh.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    os.replace(fresh, path)
    return str(path)


def test_revoked_token_stops_working_without_a_signal(make_server, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    made = ("token", "new", "--file", tokens, "--tenant", "demo", "--id")
    first = server.run(*made, "first").stdout.decode().strip()
    server.start()

    def answer(token):
        return server.post(ndjson([event(1)]), Authorization=f"Bearer {token}").status

    assert answer(first) == 200
    server.run("token", "revoke", "--file", tokens, "--id", "first")
    wait_until(lambda: answer(first) == 403, what="the revocation")
    second = server.run(*made, "second").stdout.decode().strip()
    wait_until(lambda: answer(second) == 200, what="the new token")
    tokens.write_text("no token\n")
    wait_until(lambda: server.metric("vsocd_config_last_reload_successful") == 0, what="the refusal of the file")
    assert answer(second) == 200 and answer(first) == 403
    wait_until(lambda: "the old files stay in force" in server.log(), what="the line")


def test_senders_file_that_loses_a_line_takes_its_rights(make_server, authority):
    senders = authority.sender()
    server = make_server({**tls_settings(authority), "identity": {"senders_file": senders}})
    context = authority.context(authority.gateway())
    assert status(server, context) == 200
    authority.sender(dns="another.demo")
    wait_until(lambda: status(server, context) == 403, what="the end of its rights")
    authority.sender()
    wait_until(lambda: status(server, context) == 200, what="its rights")


def test_lists_are_taken_when_they_are_good_and_kept_when_the_new_one_is_not(make_server, authority, tmp_path):
    vehicle = authority.vehicle(VIN)
    path = tmp_path / "fleet.crl"
    server = make_server(tls_settings(authority, crl=crl(authority, path)))
    context = authority.context(vehicle)
    assert status(server, context) == 200
    crl(authority, path, [vehicle[0]])
    wait_until(lambda: status(server, context) is None, what="the revocation")
    # Neither an expired list nor one that somebody else signed lets it in again.
    for options in ({"days": -1}, {"signer": Authority(tmp_path / "other", "test fleet CA")}):
        before = server.log().count("the old files stay in force")
        crl(authority, path, **options)
        wait_until(lambda: server.log().count("the old files stay in force") > before, what="the refusal of the list")
        assert status(server, context) is None
    assert "has expired" in server.log() and "is not signed by that CA" in server.log()
    crl(authority, path)
    wait_until(lambda: status(server, context) == 200, what="the good list")


def test_certificate_is_taken_from_a_folder_that_is_swapped(make_server, authority, tmp_path):
    """As Kubernetes mounts secrets: tls.crt → ..data/tls.crt, ..data → ..1, which is replaced by ..2."""
    mount = tmp_path / "mount"
    for number in ("..1", "..2"):
        (mount / number).mkdir(parents=True)
        certificate, key = authority.server(f"server{number}")
        (mount / number / "tls.crt").write_bytes(certificate.read_bytes())
        (mount / number / "tls.key").write_bytes(key.read_bytes())
        (mount / number / "tls.key").chmod(0o440)
    mount.chmod(0o1777)
    (mount / "..data").symlink_to("..1")
    for name in ("tls.crt", "tls.key"):
        (mount / name).symlink_to(f"..data/{name}")
    settings = tls_settings(authority, certificate=str(mount / "tls.crt"), key=str(mount / "tls.key"))
    server = make_server(settings)
    before = server.metric("vsocd_config_last_reload_success_timestamp_seconds")
    (mount / "..next").symlink_to("..2")
    os.replace(mount / "..next", mount / "..data")
    wait_until(lambda: server.metric("vsocd_config_last_reload_success_timestamp_seconds") > before, what="the new certificate")
    assert status(server, authority.context(authority.vehicle(VIN))) == 200


def test_settings_that_were_edited_wait_for_the_signal(make_server, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    token = server.run("token", "new", "--file", tokens, "--tenant", "demo", "--id", "gw").stdout.decode().strip()
    server.start()
    server.settings["limits"] = {"batch_events": 1}
    server.write_config()
    server.run("token", "new", "--file", tokens, "--tenant", "demo", "--id", "gw-2")
    wait_until(lambda: "reloaded: a file has changed" in server.log(), what="the new file of tokens")
    reply = server.post(ndjson(event(n) for n in range(5)), Authorization=f"Bearer {token}")
    assert reply.status == 200


def test_open_connection_of_a_denied_certificate_is_refused_and_audited(make_server, authority, tmp_path):
    vehicle = authority.vehicle(VIN)
    certificate = x509.load_pem_x509_certificate(vehicle[0].read_bytes())
    denied = tmp_path / "denied"
    denied.write_text("# none\n")
    server = make_server(tls_settings(authority, deny_list=str(denied)))
    context = authority.context(vehicle)
    assert status(server, context) == 200
    denied.write_text(f"serial={certificate.serial_number:x} issuer={certificate.issuer.rfc4514_string()}\n")
    wait_until(lambda: status(server, context) is None, what="the denial")
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()

    def audited():
        return [record for record in server.audit("--kind", "refused") if record["credential"].endswith(fingerprint) and int(record["serial"], 16) == certificate.serial_number]

    wait_until(audited, what="the line of the audit log")
    assert VIN not in server.log() and VIN not in json.dumps(audited())
