"""A sender that connects again resumes its TLS session; what has changed since counts for it all the same."""

import pathlib
import socket
import ssl

import pytest

from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until

VIN = "1M8GDM9AXKP042788"


class Sender:
    """Posts on a connection of its own each time, with the session of the last one."""

    def __init__(self, server, context, version):
        self.server, self.context, self.session, self.count = server, context, None, 0
        context.minimum_version = context.maximum_version = version

    def post(self):
        """(status, whether the session was resumed). ssl.SSLError and ConnectionError: refused in the handshake."""
        self.count += 1
        body = ndjson([event(self.count)])
        raw = socket.create_connection(("127.0.0.1", self.server.port), 60)
        with self.context.wrap_socket(raw, server_hostname="localhost", session=self.session) as link:
            link.sendall(b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            answer = link.recv(65536)
            if not answer:
                raise ConnectionError("closed without an answer")
            self.session = link.session
            return int(answer.split()[1]), link.session_reused


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")



def test_sender_that_connects_again_resumes(make_server, authority, version):
    server = make_server(tls_settings(authority))
    sender = Sender(server, authority.context(authority.vehicle(VIN)), version)
    assert [sender.post() for _ in range(4)] == [(200, False), (200, True), (200, True), (200, True)]
    assert server.metric("vsocd_tls_handshakes_resumed_total") == 3
    assert server.metric("vsocd_tls_handshakes_total", 'result="ok"') == 4


def test_resumption_can_be_disabled(make_server, authority, version):
    settings = tls_settings(authority)
    settings["tls"]["resumption"] = "0s"
    server = make_server(settings)
    sender = Sender(server, authority.context(authority.vehicle(VIN)), version)
    assert [sender.post() for _ in range(2)] == [(200, False), (200, False)]


def test_denied_certificate_is_refused_although_it_has_a_session(make_server, authority, version, tmp_path):
    deny = tmp_path / "deny"
    deny.write_text("# nobody yet\n")
    settings = tls_settings(authority)
    settings["tls"]["deny_list"] = str(deny)
    server = make_server(settings)
    paths = authority.vehicle(VIN)
    sender = Sender(server, authority.context(paths), version)
    assert [sender.post() for _ in range(2)] == [(200, False), (200, True)]
    deny.write_text(ssl_fingerprint(paths[0]) + "\n")

    def is_refused():
        try:
            return sender.post()[0] != 200
        except (ssl.SSLError, ConnectionError):
            return True

    wait_until(is_refused, what="the new deny list")  # by 401 on a connection that was open when it came
    wait_until(lambda: is_refused() and server.metric("vsocd_tls_handshakes_total", 'result="denied"') >= 1, what="a refused handshake")


def ssl_fingerprint(path):
    import hashlib

    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pathlib.Path(path).read_text())).hexdigest()


def test_sender_that_is_no_longer_listed_is_refused_although_it_has_a_session(make_server, authority, version):
    settings = tls_settings(authority)
    listed = authority.sender()
    settings["identity"] = {"senders_file": listed}
    server = make_server(settings)
    sender = Sender(server, authority.context(authority.gateway()), version)
    assert [sender.post() for _ in range(2)] == [(200, False), (200, True)]
    authority.sender(dns="another.demo")
    wait_until(lambda: sender.post()[0] in (401, 403), what="the new list of senders")


def test_ticket_of_one_listener_is_nothing_to_another(make_server, authority, version):
    """The same files on two servers, as in a cluster: the second one verifies the certificate itself."""
    one, two = (make_server(tls_settings(authority)) for _ in range(2))
    sender = Sender(one, authority.context(authority.vehicle(VIN)), version)
    assert sender.post() == (200, False)
    sender.server = two
    assert sender.post() == (200, False)
    assert two.metric("vsocd_tls_handshakes_resumed_total") == 0
