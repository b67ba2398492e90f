"""No output shows any part of a password, however the connection string around it is broken."""

import contextlib
import json
import os
import subprocess

import pytest

from harness import Vsocd, wait_until

# Stands where a part of a password comes to stand when the string is read in another way than it is meant.
MARK = "Zq9MARKq"
BROKEN = [
    f"host=127.0.0.1 password=abc {MARK}",
    f"password=abc {MARK}",
    f"password=abc {MARK}=x host=a",
    f"host=a password='abc {MARK}",
    f"host=a password=abc' {MARK}'",
    f"host=a password = abc = {MARK}",
    f"{MARK}",
    f"host=a {MARK} password=abc",
    f"host=u:abc@{MARK}@b",
    f"host=u:{MARK}@127.0.0.1",
    f"dbname=postgresql://u:{MARK}@127.0.0.1/vsoc host=127.0.0.1",
    f"dbname='host=127.0.0.1 password={MARK}' host=127.0.0.1",
    f"hostaddr=u:{MARK}@127.0.0.1",
    f"port={MARK} host=127.0.0.1",
    f"postgresql://u:{MARK}%zzPART@127.0.0.1/vsoc",
    f"postgresql://u:abc%zz{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:abc%0{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:abc%00{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:{MARK}@PART@127.0.0.1/vsoc",
    f"postgresql://u:abc@{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:abc/{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:{MARK}/abc@127.0.0.1/vsoc",
    f"postgresql://u:12/{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:abc?{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:1?sslmode={MARK}@127.0.0.1/vsoc",
    f"postgresql://u:[{MARK}@127.0.0.1/vsoc",
    f"postgresql://u:abc:{MARK}@127.0.0.1:port/vsoc",
    f"postgresql://127.0.0.1/vsoc?password=abc&{MARK}",
    f"postgresql://127.0.0.1/vsoc?password=abc&{MARK}=1",
    f"postgresql://127.0.0.1/vsoc?password=abc={MARK}",
    f"postgresql://127.0.0.1/vsoc?user=m@x&password={MARK}",
    f"POSTGRESQL://u:{MARK}@127.0.0.1/vsoc",
    f"postgres:/u:{MARK}@127.0.0.1/vsoc",
    f"u:{MARK}@PART@127.0.0.1",
    f"u:{MARK}@127.0.0.1",
]
# Ways in which the string is given; each returns words, environment and the text of the file.
QUOTED = json.dumps


def by_file(tmp_path, dsn):
    return [], {}, f"sinks: {{ postgres: {{ dsn: {QUOTED(dsn)} }} }}\n"


def by_bare_file(tmp_path, dsn):
    return [], {}, f"sinks:\n  postgres: {{ dsn: {dsn} }}\n"


def by_comma_in_flow(tmp_path, dsn):
    return [], {}, f"sinks:\n  postgres: {{ dsn: host=a,{dsn} }}\n" if "=" in dsn or ":" in dsn else ""


def by_dsn_file(tmp_path, dsn):
    (tmp_path / "dsn").write_text(f"host=127.0.0.1\n{dsn}\n" if "://" not in dsn else dsn)
    (tmp_path / "dsn").chmod(0o600)
    return [], {}, f"sinks: {{ postgres: {{ dsn_file: {tmp_path}/dsn }} }}\n"


def in_place_of_dsn_file(tmp_path, dsn):
    return [], {}, f"sinks: {{ postgres: {{ dsn_file: {QUOTED(dsn)} }} }}\n" if set(dsn) & set("=:") else ""


def by_environment(tmp_path, dsn):
    return [], {"VSOCD_SINKS__POSTGRES__DSN": dsn}, ""


def by_set(tmp_path, dsn):
    return ["--set", f"sinks.postgres.dsn={dsn}"], {}, ""


def by_set_without_quotes(tmp_path, dsn):
    return ["--set", *f"sinks.postgres.dsn={dsn}".split()], {}, ""


def by_set_with_a_wrong_name(tmp_path, dsn):
    return ["--set", f"sinks.postgres.dsn {dsn}=1"], {}, ""


WAYS = [by_file, by_bare_file, by_comma_in_flow, by_dsn_file, in_place_of_dsn_file, by_environment, by_set, by_set_without_quotes,
        by_set_with_a_wrong_name]


def outputs(build, tmp_path, way, dsn):
    words, environment, text = way(tmp_path, dsn)
    file = tmp_path / "vsocd.yaml"
    file.write_text(
        f"data_dir: {tmp_path}/data\nlisten: {{ ingest: {{ address: '127.0.0.1:0', tls: false }}, admin: {{ address: '127.0.0.1:0' }} }}\n"
        f"privacy: {{ keys_file: {tmp_path}/keys }}\nspool: {{ reserve_bytes: 1MiB }}\n" + text
    )
    file.chmod(0o600)
    for command in (["check-config"], ["check-config", "--print"], ["migrate"],
                    ["check-config", "--print", "--set", "sinks.postgres.enabled=false"]):
        done = subprocess.run([build / "vsocd", *command, "-c", file, *words], env={**os.environ, **environment}, capture_output=True, timeout=60)
        yield command, done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_command_shows_a_part_of_a_password(build, tmp_path, way):
    refused = 0
    for dsn in BROKEN:
        for command, code, output in outputs(build, tmp_path, way, dsn):
            assert MARK.encode() not in output, f"{command} {dsn}: {output}"
            refused += code != 0
    assert refused >= 2 * len(BROKEN)


def told_by_server(server):
    """What its probe says of the sink, once it says something; None when the server has ended."""

    def ask():
        if server.process.poll() is not None:
            return [None]
        with contextlib.suppress(OSError):
            text = server.get("/readyz?verbose").body + server.get("/metrics").body
            if "problem" in server.log() or b"down" in text:
                return [text]

    return wait_until(ask, what="the server saying what is wrong")[0]


@pytest.mark.parametrize("dsn", [*BROKEN[:2], *BROKEN[8:26], f"host=127.0.0.1 port=1 user=u password={MARK}", f"postgresql://u:{MARK}@127.0.0.1:1/d"])
def test_server_shows_no_part_of_a_password(build, tmp_path, dsn):
    """Where the string can be read after all, the sink says in log, probe and metrics why it can't connect."""
    server = Vsocd(build, tmp_path, {"sinks": {"postgres": {"enabled": True, "dsn": dsn}}})
    server.migrated = True
    server.start(wait=False)
    try:
        text = told_by_server(server)
        assert text is None or MARK.encode() not in text
        if text is None:
            assert server.process.returncode == 78
    finally:
        if server.process.poll() is None:
            server.terminate()
    assert MARK not in server.log() and ("sinks.postgres" in server.log() or "cannot connect" in server.log())


def test_server_says_that_a_dsn_in_set_shows(build, tmp_path):
    done = subprocess.run(
        [build / "vsocd", "serve", "--set", f"sinks.postgres.dsn=host={tmp_path} password=x", "--set", "listen.ingest.tls=false", "--set",
         f"data_dir={tmp_path}/data", "--set", f"privacy.keys_file={tmp_path}/none/none/keys"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode != 0 and "sinks.postgres.dsn_file" in done.stderr and "password=x" not in done.stderr
