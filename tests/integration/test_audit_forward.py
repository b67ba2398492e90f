"""The audit log reaches a syslog receiver over TLS: every record, in order, also those of a time when the receiver was away."""

import json
import re
import subprocess

import pytest

from certificates import Authority
from harness import event, free_port, ndjson, wait_until

RSYSLOG = """
global(workDirectory="{folder}" maxMessageSize="64k" DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{folder}/ca.crt"
    DefaultNetstreamDriverCertFile="{folder}/server.crt" DefaultNetstreamDriverKeyFile="{folder}/server.key")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="{tls}" StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="all")
template(name="line" type="string" string="%pri%\\t%hostname%\\t%app-name%\\t%msgid%\\t%structured-data%\\t%msg%\\n")
ruleset(name="all") {{ action(type="omfile" file="{folder}/received" template="line" asyncWriting="off" flushOnTXEnd="on") }}
"""


class Receiver:
    """An rsyslog of the test's own."""

    def __init__(self, folder, tls=True):
        self.folder, self.port, self.process = folder, free_port(), None
        authority = Authority(folder)
        authority.server()
        (folder / "rsyslog.conf").write_text(RSYSLOG.format(folder=folder, port=self.port, tls=int(tls)))
        self.url = f"{'tls' if tls else 'tcp'}://127.0.0.1:{self.port}"

    def start(self):
        command = ["/usr/sbin/rsyslogd", "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]
        self.process = subprocess.Popen(command, stdout=open(self.folder / "log", "ab"), stderr=subprocess.STDOUT)

    def stop(self, kill=False):
        if self.process:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(60)
        self.process = None

    def received(self):
        """The fields of each message, in the order of arrival."""
        path = self.folder / "received"
        return [line.split("\t", 5) for line in path.read_text().splitlines() if line] if path.exists() else []


@pytest.fixture
def make_receiver(tmp_path):
    made = []

    def make(tls=True):
        folder = tmp_path / f"receiver{len(made)}"
        made.append(Receiver(folder, tls))
        return made[-1]

    yield make
    for receiver in made:
        receiver.stop()


def settings(receiver, **more):
    return {"audit": {"forward": {"url": receiver.url, "ca": str(receiver.folder / "ca.crt"), **more}}}


def stored(server):
    return [json.loads(line) for line in server.run("audit", "list", server.spool_dir, "--json").stdout.splitlines()]


def uids(receiver):
    return [re.search(r'uid="([^"]+)"', fields[4])[1] for fields in receiver.received()]


def in_order(found):
    """Without repeats, by first arrival."""
    return list(dict.fromkeys(found))


def test_every_record_arrives_over_tls_once_the_receiver_is_there(make_server, make_receiver):
    receiver = make_receiver()
    server = make_server(settings(receiver))
    assert server.post(ndjson([event(1)])).status == 200
    server.export()
    wait_until(lambda: "can't be forwarded" in server.log(), what="the warning")
    assert server.metric("vsocd_audit_forward_up") == 0
    receiver.start()
    wait_until(lambda: len(in_order(uids(receiver))) == len(stored(server)), what="the records")
    for n in range(3):  # a receiver that dies loses nothing
        receiver.stop(kill=True)
        server.export()
        receiver.start()
    assert server.terminate() == 0
    found = stored(server)
    assert in_order(uids(receiver)) == [one["record"]["audit_uid"] for one in found]
    for pri, host, app, kind, data, text in receiver.received():
        record = json.loads(text)
        assert (host, app, kind) == (server.settings["instance"], "vsocd", record["kind"]) and int(pri) // 8 == 13
        assert f'uid="{record["audit_uid"]}"' in data and 'position="' in data and 'leaf="' in data
    server.start()
    assert server.terminate() == 0
    assert in_order(uids(receiver)) == [one["record"]["audit_uid"] for one in stored(server)]


def test_server_that_is_killed_goes_on_where_it_was(make_server, make_receiver):
    receiver = make_receiver(tls=False)
    receiver.start()
    server = make_server(settings(receiver))
    for _ in range(3):
        server.export()
        server.kill()
        server.start()
    assert server.terminate() == 0
    assert in_order(uids(receiver)) == [one["record"]["audit_uid"] for one in stored(server)]


def test_cef(make_server, make_receiver):
    receiver = make_receiver(tls=False)
    receiver.start()
    server = make_server(settings(receiver, format="cef"))
    server.export()
    assert server.terminate() == 0
    wait_until(lambda: len(in_order(uids(receiver))) == len(stored(server)), what="the records")
    lines = {fields[3]: fields[5] for fields in receiver.received()}
    viewed = lines["raw_viewed"].strip()
    assert re.match(r"CEF:0\|vsocd\|vsocd\|[^|]+\|raw_viewed\|audit raw_viewed\|6\|rt=\d+ externalId=", viewed)
    assert " suser=" in viewed and " msg={" in viewed and '\\=' not in viewed.split(" msg=")[0]


def test_receiver_that_is_not_trusted_gets_nothing(make_server, make_receiver, tmp_path):
    receiver = make_receiver()
    receiver.start()
    other = Authority(tmp_path / "other")
    server = make_server(settings(receiver, ca=str(other.ca_path)))
    wait_until(lambda: "is not trusted" in server.log(), what="the refusal")
    assert receiver.received() == []


@pytest.mark.parametrize("wrong", [{"url": "udp://x:1"}, {"url": "tls://"}, {"url": "tls://x:1", "key": "k"}, {"format": "leef"}])
def test_wrong_settings_are_named(make_server, wrong):
    server = make_server({"audit": {"forward": wrong}}, start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78 and b"audit.forward" in done.stderr
