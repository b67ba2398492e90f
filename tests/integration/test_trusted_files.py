"""Files that decide what the server and its senders do are refused when somebody else could have written them or read their secrets."""

import os
import signal
import subprocess

import pytest
from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until

PLAIN = "listen: { ingest: { tls: false } }\n"


@pytest.fixture
def run(build):
    def run_program(*words, **options):
        """(exit status, stdout, stderr)"""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VSOCD_")}
        done = subprocess.run(
            [str(build / "vsocd"), *map(str, words)], capture_output=True, text=True, env=clean, timeout=60, **options
        )
        return done.returncode, done.stdout, done.stderr

    return run_program


def write(path, text, mode=0o644):
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("command", ["check-config", "serve", "migrate", "formats"])
@pytest.mark.parametrize("mode", [0o666, 0o622])
def test_settings_that_others_may_write_are_refused(run, tmp_path, command, mode):
    file = write(tmp_path / "vsocd.yaml", PLAIN, mode)
    code, out, err = run(command, "-c", file)
    assert (code, out) == (78, "")
    assert f"'{file}' may be written by users other than its owner: chmod go-w" in err


def test_settings_of_another_user_or_in_an_open_folder_are_refused(run, tmp_path):
    file = write(tmp_path / "vsocd.yaml", PLAIN)
    assert run("check-config", "-c", file)[0] == 0
    os.chown(file, 12345, 12345)
    code, _, err = run("check-config", "-c", file)
    assert code == 78 and "belongs to a user other than root and the server's: chown it" in err
    os.chown(file, 0, 0)
    tmp_path.chmod(0o777)
    code, _, err = run("check-config", "-c", file)
    assert code == 78 and f"is in a folder that users other than its owner may write: chmod go-w {tmp_path}" in err
    link = tmp_path.parent / (tmp_path.name + "-link.yaml")
    link.symlink_to(file)
    assert run("check-config", "-c", link)[0] == 78


SECRETS = {
    "password of a DSN": ("sinks:\n  postgres: { dsn: 'host=db password=hidden' }\n", "3:20: sinks.postgres.dsn"),
    "password in a URI": ("sinks:\n  postgres: { dsn: 'postgres://u:hidden@db/v' }\n", "3:20: sinks.postgres.dsn"),
    "password of Kafka": ("sinks:\n  kafka: { properties: { sasl.password: hidden } }\n", "sinks.kafka.properties"),
    "key of Kafka": ("sinks:\n  kafka: { properties: { ssl.key.pem: hidden } }\n", "sinks.kafka.properties"),
}


@pytest.mark.parametrize("what", SECRETS)
def test_settings_with_secrets_are_for_their_owner_alone(run, tmp_path, what):
    text, place = SECRETS[what]
    file = write(tmp_path / "vsocd.yaml", PLAIN + text)
    code, out, err = run("check-config", "-c", file)
    assert (code, out, len(err.splitlines())) == (78, "", 1), err
    assert place in err and "holds a secret, and users other than the owner of this file may read it: chmod 600" in err
    assert "hidden" not in err
    # It is in the file even when it is not what counts.
    assert run("check-config", "-c", file, "--set", "sinks.postgres.dsn=host=other")[0] == 78
    file.chmod(0o640)  # root's: its group may read
    assert run("check-config", "-c", file)[0] == 0
    file.chmod(0o600)
    assert run("check-config", "-c", file)[0] == 0


def test_settings_that_only_name_secrets_may_be_read(run, tmp_path):
    key = write(tmp_path / "kafka.key", "x", 0o600)
    file = write(
        tmp_path / "vsocd.yaml",
        PLAIN + f"sinks:\n  postgres: {{ dsn: 'host=db  user=u' }}\n  kafka: {{ properties: {{ ssl.key.location: {key}, sasl.username: u }} }}\n",
    )
    assert run("check-config", "-c", file) == (0, f"{file}: no mistakes\n", "")


def test_settings_may_come_through_a_pipe(run, tmp_path):
    assert run("check-config", "-c", "/dev/stdin", input=PLAIN)[0] == 0
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "is not a regular file" in run("check-config", "-c", fifo)[2]
    assert "is not a regular file" in run("check-config", "-c", f"/dev/fd/../../..{fifo}")[2]


def test_running_server_keeps_its_settings_when_others_may_write_them(make_server):
    server = make_server()
    server.config.chmod(0o666)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "may be written by users other than its owner" in server.log(), 30, "the refusal")
    assert server.post(ndjson([event(1)])).status == 200


def test_catalogues_that_others_may_write_are_refused(run, tmp_path):
    header = "format,id,name,category,severity\ncef,V|P|9,Known,other,3\n"
    good = write(tmp_path / "good.csv", header)
    file = write(tmp_path / "vsocd.yaml", PLAIN + f"ingest: {{ catalogs: [{good}] }}\n")
    record = write(tmp_path / "record", "CEF:0|V|P|1|9|N|5|\n")
    assert run("check-config", "-c", file, "--set", "sinks.postgres.enabled=false", "--set", "sinks.kafka.enabled=false")[0] == 0
    assert run("parse", "--format", "cef", "--catalog", good, record)[0] == 0
    good.chmod(0o666)
    code, _, err = run("check-config", "-c", file)
    assert code == 78 and "ingest.catalogs" in err and "may be written by users other than its owner: chmod go-w" in err
    code, out, err = run("parse", "--format", "cef", "--catalog", good, record)
    assert (code, out) != (0, "") and "may be written by users other than its owner" in err and not out


@pytest.mark.parametrize(
    "name,mode,words",
    [
        ("ssl.key.location", 0o644, "holds secrets and may be read by users other"),
        ("ssl.keystore.location", 0o640, None),
        ("ssl.keystore.location", 0o604, "holds secrets and may be read by users other"),
        ("ssl.certificate.location", 0o646, "may be written by users other"),
        ("ssl.ca.location", 0o666, "may be written by users other"),
        ("ssl.ca.location", 0o644, None),
    ],
)
def test_files_of_kafka_are_looked_at(run, tmp_path, name, mode, words):
    named = write(tmp_path / "named", "x", mode)
    file = write(tmp_path / "vsocd.yaml", PLAIN + f"sinks: {{ kafka: {{ properties: {{ {name}: {named} }} }} }}\n")
    code, _, err = run("check-config", "-c", file, "--set", "sinks.postgres.dsn=host=db")
    assert (code, words is None or f"'{named}' {words}" in err) == (78 if words else 0, True), err


@pytest.fixture
def secure(make_server, tmp_path):
    """(server on TLS, paths of certificate, key, CA, --url and the file to send)"""
    folder = tmp_path / "tls"
    folder.mkdir()
    authority = Authority(folder)
    server = make_server(tls_settings(authority))
    authority.vehicle("1M8GDM9AXKP042788", "vehicle")
    batch = tmp_path / "batch"
    batch.write_bytes(ndjson([event(1)]))
    return server, folder, batch


def files_of(folder):
    ca = next(p for p in sorted(folder.iterdir()) if "ca" in p.name and p.suffix in (".crt", ".pem"))
    certificate = next(p for p in sorted(folder.iterdir()) if p.name.startswith("vehicle") and p.suffix in (".crt", ".pem"))
    key = next(p for p in sorted(folder.iterdir()) if p.name.startswith("vehicle") and p.suffix == ".key")
    return certificate, key, ca


def test_files_of_a_sender_are_for_it_alone(run, secure):
    server, folder, batch = secure
    certificate, key, ca = files_of(folder)
    words = ["send", "--url", f"https://localhost:{server.port}", "--cert", certificate, "--key", key, "--ca", ca, batch]
    certificate.chmod(0o644)
    ca.chmod(0o644)
    key.chmod(0o600)
    assert run(*words)[0] == 0
    for file, mode, problem in [
        (key, 0o644, "holds secrets and may be read by users other than its owner: chmod 600"),
        (key, 0o602, "may be written by users other than its owner: chmod go-w"),
        (certificate, 0o666, "may be written by users other than its owner: chmod go-w"),
        (ca, 0o646, "may be written by users other than its owner: chmod go-w"),
    ]:
        before = file.stat().st_mode
        file.chmod(mode)
        code, _, err = run(*words)
        assert code == 1 and f"'{file}' {problem}" in err, err
        file.chmod(before)
    # Certificate and key in one file.
    both = write(folder / "both.pem", certificate.read_text() + key.read_text())
    together = ["send", "--url", f"https://localhost:{server.port}", "--cert", both, "--ca", ca, batch]
    code, _, err = run(*together)
    assert code == 1 and f"'{both}' holds secrets" in err, err
    both.chmod(0o600)
    assert run(*together)[0] == 0
    code, _, err = run(*words[:6], folder / "missing", *words[7:])
    assert code == 1 and f"'{folder / 'missing'}' can't be read: No such file or directory" in err


def test_token_file_of_a_sender_is_for_it_alone(run, make_server, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    token = server.run("token", "new", "--file", tokens, "--tenant", "demo", "--id", "gw").stdout.decode()
    server.start()
    file = write(tmp_path / "token", token)
    batch = tmp_path / "batch"
    batch.write_bytes(ndjson([event(1)]))
    words = ["send", "--url", server.url, "--token-file"]
    code, _, err = run(*words, file, batch)
    assert code == 64 and f"--token-file: '{file}' holds secrets and may be read by users other than its owner: chmod 600" in err
    file.chmod(0o600)
    assert run(*words, file, batch)[0] == 0
    # What a shell writes for <(command).
    assert run(*words, "/dev/stdin", batch, input=token)[0] == 0
