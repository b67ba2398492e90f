"""The certificate is the vehicle: mutual TLS, tenants, and records that claim another VIN."""

import ssl

import pytest

from certificates import Authority, tls_settings
from harness import event, ndjson

VIN, OTHER = "1M8GDM9AXKP042788", "1G4AH59H45G118341"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def tls_server(make_server, authority):
    def make(**settings):
        base = tls_settings(authority)
        base.update(settings)
        return make_server(base)

    return make


def post(server, context, events, **headers):
    return server.request(
        "POST", "/v1/events", ndjson(events), {"Content-Type": "application/x-ndjson", **headers}, context=context
    )


def test_vehicle_posts_with_its_certificate(tls_server, authority):
    server = tls_server()
    reply = post(server, authority.context(authority.vehicle(VIN)), [event(1, vin=VIN)])
    assert reply.status == 200 and reply.json["accepted"] == 1
    one = server.export()[0]
    assert one["tenant_id"] == "demo" and len(one["transport_identity"]) == 64 and one["wmi"] == "1M8"


def test_record_without_vin_is_the_certificates_vehicle(tls_server, authority):
    server = tls_server()
    context = authority.context(authority.vehicle(VIN))
    post(server, context, [event(1, vin=VIN)])
    silent = event(2)
    del silent["vin"]
    post(server, context, [silent])
    first, second = server.export()
    assert first["vehicle_pid"] == second["vehicle_pid"]


def test_foreign_vin_is_quarantined(tls_server, authority):
    server = tls_server()
    report = post(server, authority.context(authority.vehicle(VIN)), [event(1, vin=VIN), event(2, vin=OTHER)]).json
    assert (report["accepted"], report["quarantined"]) == (1, 1)
    assert report["errors"][0]["code"] == "vin_mismatch"


def test_foreign_vin_refuses_the_batch_where_that_is_the_policy(tls_server, authority):
    server = tls_server(identity={"vin_mismatch": "reject"})
    reply = post(server, authority.context(authority.vehicle(VIN)), [event(1, vin=VIN), event(2, vin=OTHER)])
    assert reply.status == 403 and reply.json["code"] == "vin_mismatch"
    assert server.export() == []


def test_foreign_vin_is_flagged_where_that_is_the_policy(tls_server, authority):
    server = tls_server(identity={"vin_mismatch": "flag"})
    report = post(server, authority.context(authority.vehicle(VIN)), [event(1, vin=OTHER)]).json
    assert report["accepted"] == 1
    assert server.export()[0]["parse_status"] == "partial"


def test_listed_gateway_speaks_for_many(tls_server, authority):
    server = tls_server(identity={"senders_file": authority.sender()})
    context = authority.context(authority.gateway())
    report = post(server, context, [event(1, vin=VIN), event(2, vin=OTHER)]).json
    assert report["accepted"] == 2
    assert len({one["vehicle_pid"] for one in server.export()}) == 2


def test_sender_without_certificate_gets_no_connection(tls_server, authority):
    server = tls_server()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(server, authority.context(), [event(1)])


def test_certificate_of_another_authority_gets_no_connection(tls_server, authority, tmp_path):
    server = tls_server()
    stranger = Authority(tmp_path / "stranger", "another CA")
    context = authority.context(stranger.vehicle(VIN))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(server, context, [event(1)])


def test_expired_certificate_gets_no_connection(tls_server, authority):
    server = tls_server()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(server, authority.context(authority.vehicle(VIN, file="old", days=-1)), [event(1)])


def test_optional_certificate_means_401_without_one(tls_server, authority):
    server = tls_server(tls={**tls_settings(authority)["tls"], "client_auth": "optional"})
    assert post(server, authority.context(), [event(1)]).status == 401
    assert post(server, authority.context(authority.vehicle(VIN)), [event(1)]).status == 200


def test_certificate_without_tenant_is_403(tls_server, authority):
    server = tls_server()
    reply = post(server, authority.context(authority.vehicle(VIN, organization=None)), [event(1)])
    assert reply.status == 403 and reply.json["code"] == "no_tenant"


def test_same_key_of_two_senders_is_two_batches(tls_server, authority):
    server = tls_server()
    for vin in (VIN, OTHER):
        reply = post(server, authority.context(authority.vehicle(vin)), [event(1, vin=vin)], **{"Idempotency-Key": "same"})
        assert reply.status == 200 and "duplicate" not in reply.json
    assert len(server.export()) == 2
