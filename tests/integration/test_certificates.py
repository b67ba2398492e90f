"""Who a certificate is: every way to name a vehicle that is not the anchored one of identity.vehicle_from is refused with its reason."""

import hashlib
import http.client
import json
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certificates import Authority, name, tls_settings
from harness import event, ndjson, wait_until

VIN, OTHER = "1M8GDM9AXKP042788", "1G4AH59H45G118341"
OID = "1.3.6.1.4.1.55555.1.1"
SAN = x509.ObjectIdentifier("2.5.29.17")


def uri(text):
    return x509.UniformResourceIdentifier(text)


def der(tag, data):
    return bytes([tag, len(data)]) + data


def raw_san(data):
    return x509.UnrecognizedExtension(SAN, data)


def under_oid(data):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(OID), data)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def tls_server(make_server, authority):
    return lambda **settings: make_server({**tls_settings(authority), **settings})


def post(server, authority, paths, vin=OTHER):
    reply = server.request(
        "POST", "/v1/events", ndjson([event(1, vin=vin)]), {"Content-Type": "application/x-ndjson"}, context=authority.context(paths)
    )
    return reply.status, reply.json.get("code"), reply


OWN = uri(f"urn:vin:{VIN}")

# What stands in the certificate, and the code of its refusal.
REFUSED = {
    "only in the CN": (dict(common=VIN), "unknown_sender"),
    "nothing": (dict(common="x"), "unknown_sender"),
    "san dns": (dict(san=[x509.DNSName(f"{VIN.lower()}.vehicles.oem.example")]), "unknown_sender"),
    "uri with a slash behind": (dict(san=[uri(f"https://oem.example/{VIN}/")]), "unknown_sender"),
    "uri with a query": (dict(san=[uri(f"https://oem.example/{VIN}?v=1")]), "unknown_sender"),
    "uri with a path behind": (dict(san=[uri(f"https://oem.example/{VIN}/ecu/1")]), "unknown_sender"),
    "another urn": (dict(san=[uri(f"urn:vehicle:vin-{VIN}")]), "unknown_sender"),
    "urn with a path behind": (dict(san=[uri(f"urn:vin:{VIN}/ecu/1")]), "bad_certificate_vin"),
    "16 characters": (dict(san=[uri(f"urn:vin:{VIN[:-1]}")]), "bad_certificate_vin"),
    "O for 0": (dict(san=[uri(f"urn:vin:{VIN.replace('0', 'O')}")]), "bad_certificate_vin"),
    "two vehicles": (dict(san=[OWN, uri(f"urn:vin:{OTHER}")]), "bad_certificate_vin"),
    "another VIN in the CN": (dict(common=f"vehicle {OTHER}", san=[OWN]), "bad_certificate_vin"),
    "another VIN in an e-mail": (dict(san=[OWN, x509.RFC822Name(f"{OTHER}@oem.example")]), "bad_certificate_vin"),
    "another VIN in a name": (dict(san=[OWN, x509.DirectoryName(name(OTHER, "x"))]), "bad_certificate_vin"),
    "another VIN in an extension": (dict(san=[OWN], more=[under_oid(der(0x0C, OTHER.encode()))]), "bad_certificate_vin"),
    "another VIN deep in an extension": (
        dict(san=[OWN], more=[under_oid(der(0x30, der(0x0C, OTHER.encode())))]), "bad_certificate_vin",
    ),
    "a NUL before the VIN": (dict(more=[raw_san(der(0x30, der(0x86, b"urn:vin:evil\0:" + VIN.encode())))]), "bad_certificate"),
    "a NUL behind the VIN": (dict(more=[raw_san(der(0x30, der(0x86, b"urn:vin:" + VIN.encode() + b"\0")))]), "bad_certificate"),
    "1,501 names": (dict(san=[uri(f"urn:x:{n:05}") for n in range(1501)]), "bad_certificate"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_certificate_without_its_own_vin_in_its_place_sends_nothing(tls_server, authority, case):
    options, code = REFUSED[case]
    server = tls_server(identity={"vin_mismatch": "reject"})
    status, said, reply = post(server, authority, authority.issue("v", **{"common": "vehicle", **options}))
    assert (status, said) == (403, code)
    assert reply.headers["Content-Type"] == "application/problem+json" and reply.json["detail"]
    assert server.export() == []
    assert server.metric("vsocd_refusals_total", f'reason="{code}"') == 1
    wait_until(lambda: "sender refused" in server.log(), what="the line")
    line = next(line for line in server.log().splitlines() if "sender refused" in line)
    assert code in line and VIN not in line and OTHER not in line


def test_same_vin_again_is_fine(tls_server, authority):
    server = tls_server()
    certificate = authority.issue("v", VIN, san=[OWN, uri(f"urn:vin:{VIN.lower()}"), x509.DNSName(f"{VIN.lower()}.demo")])
    assert post(server, authority, certificate, vin=VIN)[2].json["accepted"] == 1


# DER of the extension, and the code; None: it is the vehicle.
OIDS = {
    "UTF8String": (der(0x0C, VIN.encode()), None),
    "PrintableString": (der(0x13, VIN.encode()), None),
    "IA5String": (der(0x16, VIN.encode()), None),
    "BMPString": (der(0x1E, VIN.encode("utf-16-be")), None),
    "UniversalString": (der(0x1C, VIN.encode("utf-32-be")), None),
    "absent": (None, "unknown_sender"),
    "raw": (VIN.encode(), "bad_certificate"),
    "SEQUENCE": (der(0x30, der(0x0C, VIN.encode())), "bad_certificate"),
    "OCTET STRING": (der(0x04, VIN.encode()), "bad_certificate"),
    "T61String": (der(0x14, VIN.encode()), "bad_certificate"),
    "length in its long form": (bytes([0x0C, 0x81, 17]) + VIN.encode(), "bad_certificate"),
    "in pieces": (b"\x2c\x80" + der(0x0C, VIN.encode()) + b"\0\0", "bad_certificate"),
    "bytes behind": (der(0x0C, VIN.encode()) + b"x", "bad_certificate"),
    "a NUL": (der(0x0C, b"\0" + VIN.encode()), "bad_certificate"),
    "half a character": (der(0x1E, VIN.encode("utf-16-be")[:-1]), "bad_certificate"),
    "more than the VIN": (der(0x0C, b"vin " + VIN.encode()), "unknown_sender"),
    "empty": (der(0x0C, b""), "unknown_sender"),
}


@pytest.mark.parametrize("case", OIDS)
def test_extension_is_decoded_or_refused(tls_server, authority, case):
    data, code = OIDS[case]
    server = tls_server(identity={"vehicle_from": f"oid:{OID}"})
    certificate = authority.issue("v", "vehicle", more=[under_oid(data)] if data else [])
    status, said, reply = post(server, authority, certificate)
    if code:
        assert (status, said) == (403, code)
    else:
        assert status == 422 and reply.json["errors"][0]["code"] == "vin_mismatch"
        assert post(server, authority, certificate, vin=VIN)[2].json["accepted"] == 1


@pytest.mark.parametrize(
    "form, san",
    [
        ("san_dns:{vin}.vehicles.oem.example", x509.DNSName(f"{VIN.lower()}.vehicles.oem.example")),
        ("san_uri:https://oem.example/*/{vin}/", uri(f"https://oem.example/eu-1/{VIN}/")),
        ("san_uri", uri(f"URN:VIN:{VIN}")),
        ("san_dns", x509.DNSName(VIN)),
    ],
)
def test_form_is_the_operators(tls_server, authority, form, san):
    server = tls_server(identity={"vehicle_from": form})
    status, _, reply = post(server, authority, authority.issue("v", "vehicle", san=[san]), vin=VIN)
    assert status == 200 and reply.json["accepted"] == 1


@pytest.mark.parametrize("form", ["san_uri:urn:vin:*", "san_uri:{vin}{vin}", "san_uri:*{vin}", "cn:{vin}", "oid:1..2", "san_dns:{VIN}"])
def test_form_that_cannot_be_one_is_told(make_server, form):
    server = make_server({"identity": {"vehicle_from": form}}, start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78 and b"identity.vehicle_from" in done.stderr


def test_listed_sender_may_send_for_its_vehicles_and_formats_only(tls_server, authority):
    senders = authority.sender(vehicles=["1M8*"], formats=["vsoc_json"], tenant="other")
    server = tls_server(identity={"senders_file": senders, "vin_mismatch": "flag"})
    gateway = authority.gateway()
    assert post(server, authority, gateway, vin=VIN)[2].json["accepted"] == 1
    assert server.export()[0]["tenant_id"] == "other"
    status, _, reply = post(server, authority, gateway, vin=OTHER)
    assert status == 422 and reply.json["errors"][0]["code"] == "vin_mismatch"
    reply = server.request("POST", "/v1/events/cef", b"x", context=authority.context(gateway))
    assert reply.status == 403 and reply.json["code"] == "format_refused"
    headers = {"Content-Type": "application/x-ndjson", "VSOC-Vehicle": OTHER}
    silent = event(2)
    del silent["vin"]
    reply = server.request("POST", "/v1/events", ndjson([silent]), headers, context=authority.context(gateway))
    assert reply.status == 422 and reply.json["errors"][0]["code"] == "vin_mismatch"


def test_gateway_of_another_issuer_or_name_is_nobody(tls_server, authority, tmp_path):
    second = Authority(tmp_path / "second", "second CA")
    bundle = tmp_path / "both.crt"
    bundle.write_bytes(authority.ca_path.read_bytes() + second.ca_path.read_bytes())
    settings = tls_settings(authority)["tls"]
    server = tls_server(tls={**settings, "client_ca": str(bundle)}, identity={"senders_file": authority.sender()})
    context = authority.context(second.gateway())
    for context in (authority.context(authority.gateway("a", dns="gateway.demo.example")), authority.context(second.gateway())):
        reply = server.request("POST", "/v1/events", ndjson([event(1)]), {"Content-Type": "application/x-ndjson"}, context=context)
        assert (reply.status, reply.json["code"]) == (403, "unknown_sender")
    assert post(server, authority, authority.gateway())[0] == 200


@pytest.mark.parametrize(
    "line, problem",
    [
        ('{"id":"a","issuer":"CN=x","name":"san_dns:g","tenant":"t","vehicle":["*"]}', b"line 2, column 69: 'vehicle' is not a member"),
        ('{"id":"a","issuer":"CN=x","name":"san_dns:g"}', b"line 2: id, issuer, name and tenant are required"),
        ('{"id":"a","issuer":"CN=x","name":"san_dns:{vin}","tenant":"t"}', b"line 2, column 34: name: {vin} is for"),
        ('{"id":"a","issuer":"CN=x","name":"gw","tenant":"t"}', b"line 2, column 34: name: must be san_uri"),
        ('{"id":"a","issuer":"CN=x","name":"san_dns:g","tenant":"t","vehicles":[]}', b"vehicles is a list"),
        ('{"id":"a","issuer":"CN=x","name":"san_dns:g","tenant":"t","vehicles":["1O*"]}', b"neither a VIN nor a VIN prefix"),
        ('{"id":"a"', b"line 2, column "),
        ("gateway-1", b"line 2, column "),
    ],
)
def test_mistake_in_the_senders_file_is_told_with_its_place(make_server, tmp_path, line, problem):
    path = tmp_path / "senders"
    path.write_text(f"# gateways\n{line}\n")
    path.chmod(0o600)
    server = make_server({"identity": {"senders_file": str(path)}}, start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78 and problem in done.stderr, done.stderr


def test_explain_says_who_a_certificate_is_and_why(tls_server, authority):
    server = tls_server(identity={"senders_file": authority.sender(vehicles=["1M8*"])})

    def explain(paths):
        done = server.run("identity", "explain", paths[0], "-c", server.config, check=False)
        return done.returncode, done.stdout.decode()

    code, said = explain(authority.vehicle(VIN))
    assert code == 0 and f"vehicle {VIN}" in said and "san_uri:urn:vin:{vin}" in said
    code, said = explain(authority.gateway())
    assert code == 0 and "sender gateway-1" in said and "senders_file" in said
    code, said = explain(authority.issue("stranger", VIN))
    assert code == 1 and "403 unknown_sender" in said and "identity.vehicle_from" in said


def explain(server, path):
    done = server.run("identity", "explain", path, "-c", server.config, check=False)
    return done.returncode, done.stdout.decode()


def test_explain_says_whether_a_handshake_takes_it(make_server, authority, tmp_path):
    vehicle = authority.vehicle(VIN)
    digest = x509.load_pem_x509_certificate(vehicle[0].read_bytes()).fingerprint(hashes.SHA256()).hex()
    deny = tmp_path / "deny"
    deny.write_text("")
    crl = tmp_path / "crl.pem"
    crl.write_bytes(authority.crl([]))
    server = make_server({**tls_settings(authority, deny_list=str(deny), crl=str(crl))}, start=False)

    code, said = explain(server, vehicle[0])
    assert code == 0 and re.search(r"chain +good: 2 certificates", said) and re.search(r"crl +a valid list of its issuer does not name it", said)
    assert "it is not on tls.deny_list" in said and re.search(r"key usage +clientAuth is named \(tls.client_eku: required\)", said)
    assert re.search(r"valid from +20\d\d-\d\d-\d\dT", said) and f"vehicle {VIN}" in said

    cases = [(authority.vehicle(VIN, "old", days=-1), "refused: expired,"), (authority.vehicle(VIN, "bare", usage=None), "refused: no_client_eku,")]
    stranger = Authority(tmp_path / "other", "test fleet CA").vehicle(VIN)
    cases.append((stranger, "refused: bad_certificate,"))
    for paths, reason in cases:
        code, said = explain(server, paths[0])
        assert code == 1 and reason in said and f"vehicle {VIN}" in said, said

    deny.write_text(digest + "\n")
    code, said = explain(server, vehicle[0])
    assert code == 1 and "refused: denied," in said and "it is on tls.deny_list" in said
    deny.write_text("")
    crl.write_bytes(authority.crl([vehicle[0]]))
    code, said = explain(server, vehicle[0])
    assert code == 1 and "refused: revoked," in said and re.search(r"crl +revoked", said)


def test_explain_needs_no_key_of_the_server_and_takes_a_chain(make_server, authority, tmp_path):
    middle = authority.sub_authority(tmp_path / "middle", "middle CA")
    path = middle.vehicle(VIN)[0]
    server = make_server(tls_settings(authority), start=False)
    (authority.folder / "server.key").unlink()
    code, said = explain(server, path)
    assert code == 1 and "refused: bad_certificate, client certificate: unable to get local issuer certificate" in said
    path.write_bytes(path.read_bytes() + middle.ca_path.read_bytes())
    code, said = explain(server, path)
    assert code == 0 and "good: 3 certificates" in said
    path.write_bytes(path.read_bytes() + b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
    assert explain(server, path)[0] == 1


def handshake_fails(server, context):
    try:
        server.request("GET", "/health", context=context)
    except (OSError, http.client.HTTPException):
        return True
    return False


def lines_of(server, fingerprint):
    """Of the log and of the audit log."""
    audit = [json.dumps(record) for record in server.audit()]
    return [[line for line in lines if fingerprint in line] for lines in (server.log().splitlines(), audit)]


def test_refused_certificate_of_the_fleet_is_known_by_its_pseudonym(make_server, authority, tmp_path):
    crl = tmp_path / "crl.pem"
    crl.write_bytes(authority.crl([]))
    server = make_server(tls_settings(authority, crl=str(crl)))
    vehicle = authority.vehicle(VIN)
    assert post(server, authority, vehicle, vin=VIN)[0] == 200
    pid = server.export()[0]["vehicle_pid"]

    expired = authority.vehicle(VIN, "expired", days=-1)
    revoked = authority.vehicle(VIN.lower(), "revoked")
    stranger = Authority(tmp_path / "other").vehicle(VIN, "stranger")
    real, authority.forger = authority.forger, ec.generate_private_key(ec.SECP256R1())
    forged = authority.vehicle(VIN, "forged")
    authority.forger = real
    crl.write_bytes(authority.crl([revoked[0], forged[0]]))
    wait_until(lambda: handshake_fails(server, authority.context(revoked)), what="the list being taken")
    for paths, known in ((expired, True), (revoked, True), (stranger, False), (forged, False)):
        assert handshake_fails(server, authority.context(paths))
        fingerprint = x509.load_pem_x509_certificate(paths[0].read_bytes()).fingerprint(hashes.SHA256()).hex()
        wait_until(lambda: all(lines_of(server, fingerprint)), what="the lines")
        log, audit = lines_of(server, fingerprint)
        said = "\n".join(log + audit)
        assert (f'"vehicle": "veh:{pid}"' in audit[0]) == known and (f"veh:{pid}" in log[0]) == known, said
        assert ("vin:" + pid[:8] in log[0]) == known and ("vehicle …" in log[0]) != known, log[0]
        assert VIN not in said.upper()


def test_refused_request_of_a_vehicle_is_audited_with_its_pseudonym(make_server, authority, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({**tls_settings(authority), "identity": {"tokens_file": str(tokens)}}, start=False)
    words = ("token", "new", "--file", tokens, "--tenant", "demo", "--id", "other", "--vehicles", OTHER)
    token = server.run(*words).stdout.decode().strip()
    server.start()
    vehicle = authority.vehicle(VIN)
    assert post(server, authority, vehicle, vin=VIN)[0] == 200
    pid = server.export()[0]["vehicle_pid"]
    headers = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {token}"}
    reply = server.request("POST", "/v1/events", ndjson([event(2, vin=VIN)]), headers, context=authority.context(vehicle))
    assert (reply.status, reply.json["code"]) == (403, "vehicle_refused")
    wait_until(lambda: all(lines_of(server, "vehicle_refused")), what="the lines")
    log, audit = lines_of(server, "vehicle_refused")
    assert f'"vehicle": "veh:{pid}"' in audit[0] and f"veh:{pid}" in log[0]
    assert VIN not in log[0] + audit[0]


def test_two_authorities_of_one_name_are_told_apart_by_their_key(make_server, authority, tmp_path):
    twin = Authority(tmp_path / "twin")
    assert twin.subject == authority.subject
    settings = tls_settings(authority)
    both = tmp_path / "both.crt"
    both.write_bytes(authority.ca_path.read_bytes() + twin.ca_path.read_bytes())
    settings["tls"]["client_ca"] = str(both)
    gateways = [one.gateway() for one in (authority, twin)]
    senders = tmp_path / "senders"
    settings["identity"] = {"senders_file": str(senders)}

    def write(*lines):
        senders.write_text("".join(json.dumps({"issuer": authority.subject.rfc4514_string(), "name": "san_dns:gateway.demo", **line}) + "\n" for line in lines))
        senders.chmod(0o600)

    write({"id": "any", "tenant": "any"})
    server = make_server(settings, start=False)
    keys = []
    for paths in gateways:
        code, said = explain(server, paths[0])
        assert code == 0 and "sender any" in said
        keys.append(re.search(r"^issuer_key +([0-9a-f]{64})$", said, re.M)[1])
    public = authority.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert keys[0] == hashlib.sha256(public).hexdigest() != keys[1]

    write({"id": "first", "tenant": "one", "issuer_key": keys[0]})
    assert "sender first" in explain(server, gateways[0][0])[1]
    assert "nobody: 403 unknown_sender" in explain(server, gateways[1][0])[1]
    server.start()
    assert [post(server, authority, paths)[:2] for paths in gateways] == [(200, None), (403, "unknown_sender")]

    write({"id": "first", "tenant": "one", "issuer_key": keys[0]}, {"id": "second", "tenant": "two", "issuer_key": keys[1]})
    assert "sender second" in explain(server, gateways[1][0])[1]
    write({"id": "first", "tenant": "one", "issuer_key": keys[0]}, {"id": "second", "tenant": "two"})
    assert "403 ambiguous_sender" in explain(server, gateways[0][0])[1]
    write({"id": "first", "tenant": "one", "issuer_key": keys[0][:-1]})
    done = server.run("identity", "explain", gateways[0][0], "-c", server.config, check=False)
    assert done.returncode == 78 and b"issuer_key is the SHA-256 of the public key of the issuer" in done.stderr


def test_token_may_name_its_vehicles_only(make_server, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    words = ("token", "new", "--file", tokens, "--tenant", "demo", "--id", "gw", "--vehicles", "1M8*")
    token = server.run(*words).stdout.decode().strip()
    assert json.loads(tokens.read_text())["vehicles"] == ["1M8*"]
    server.start()
    good = server.post(ndjson([event(1, vin=VIN)]), Authorization=f"Bearer {token}")
    assert good.status == 200
    bad = server.post(ndjson([event(2, vin=OTHER)]), Authorization=f"Bearer {token}")
    assert bad.status == 422 and bad.json["errors"][0]["code"] == "vin_mismatch"
