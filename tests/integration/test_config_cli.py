"""check-config, reference and help on the command line: what is told, what is printed, what wins."""

import os
import subprocess

import pytest


@pytest.fixture
def run(build):
    def run_program(*words, environment=None):
        """(exit status, stdout, stderr)"""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VSOCD_")}
        done = subprocess.run(
            [str(build / "vsocd"), *map(str, words)],
            capture_output=True,
            text=True,
            env={**clean, **(environment or {})},
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return run_program


PLAIN = "listen: { ingest: { tls: false } }\n"


def write(tmp_path, text):
    file = tmp_path / "vsocd.yaml"
    file.write_text(text)
    return file


def test_all_mistakes_of_a_file_are_told_with_line_and_column(run, tmp_path):
    file = write(tmp_path, PLAIN + "limits:\n  body_byts: 8MiB\n  memory: 1GB\nlog: { level: loud }\n")
    code, out, err = run("check-config", "-c", file)
    assert code == 78
    assert out == ""
    assert err.splitlines() == [
        f"{file}:3:3: limits.body_byts: unknown setting; the nearest known name is 'limits.body_bytes'",
        f"{file}:4:11: limits.memory: must be a size such as 512, 64KiB, 8MiB, 20GiB or 1TiB, not '1GB'",
        f"{file}:5:15: log.level: must be one of debug, info, warn, error, not 'loud'",
    ]


@pytest.mark.parametrize("what", ["missing", "folder", "no YAML"])
def test_file_that_can_not_be_read_is_the_only_problem(run, tmp_path, what):
    """What its settings would have replaced, such as the default names of TLS files, is no mistake of anybody."""
    file = tmp_path / "vsocd.yaml"
    if what == "folder":
        file.mkdir()
    elif what == "no YAML":
        file.write_text("data_dir: x\n\tlog: y\n")
    code, out, err = run("check-config", "-c", file)
    words = {"missing": "No such file or directory", "folder": "is a folder; name a file", "no YAML": "not readable as YAML"}
    assert (code, out, len(err.splitlines())) == (78, "", 1) and words[what] in err


def test_admin_token_file_without_a_token_is_told(run, tmp_path):
    token = tmp_path / "token"
    token.write_text(" \n")
    token.chmod(0o600)
    file = write(tmp_path, f"listen: {{ ingest: {{ tls: false }}, admin: {{ token_file: {token} }} }}\n")
    code, _, err = run("check-config", "-c", file)
    assert code == 78 and "listen.admin.token_file" in err and "holds no token" in err


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("mode", "holds secrets and may be read by users other than its owner: chmod 600"),
        ("folder", "is not a regular file"),
        ("folder above", "in a folder that users other than its owner may write: chmod go-w"),
    ],
)
def test_keys_file_that_is_refused_is_told_with_what_to_do(run, tmp_path, what, words):
    keys = tmp_path / "keys" / "vin.keys"
    keys.parent.mkdir(mode=0o700)
    if what == "folder":
        keys.mkdir()
    else:
        keys.write_text(f"1 {'1f' * 32}\n")
        keys.chmod(0o644 if what == "mode" else 0o600)
    if what == "folder above":
        keys.parent.chmod(0o777)
    file = write(tmp_path, PLAIN + f"privacy: {{ keys_file: {keys} }}\n")
    code, _, err = run("check-config", "-c", file)
    assert code == 78 and "privacy.keys_file" in err and words in err, err


def test_serve_refuses_wrong_settings_the_same_way(run, tmp_path):
    file = write(tmp_path, PLAIN + "nonsense: 1\n")
    code, _, err = run("serve", "-c", file)
    assert code == 78
    assert err.startswith(f"{file}:2:1: nonsense: unknown setting")


def test_secrets_are_masked_when_settings_are_printed(run, tmp_path):
    (tmp_path / "dsn").write_text("postgresql://vsoc:hidden1@db/vsoc?sslpassword=hidden2\n")
    (tmp_path / "dsn").chmod(0o600)
    file = write(
        tmp_path,
        PLAIN + "sinks:\n  postgres: { dsn_file: dsn }\n"
        "  kafka: { properties: { sasl.username: shown, sasl.password: hidden3, ssl.key.password: hidden4 } }\n",
    )
    file.chmod(0o600)
    code, out, err = run("check-config", "-c", file, "--print")
    assert (code, err) == (0, "")
    assert "hidden" not in out
    assert 'dsn: "postgresql://vsoc:****@db/vsoc?sslpassword=****"' in out
    assert '"sasl.username": "shown"' in out
    assert '"sasl.password": "****"' in out


def test_printed_settings_are_settings(run, tmp_path):
    code, first, err = run("check-config", "--print", "--set", "listen.ingest.tls=false")
    assert (code, err) == (0, "")
    code, second, err = run("check-config", "--print", "-c", write(tmp_path, first), "--set", "data_dir=/var/lib/vsocd")
    assert (code, err) == (0, "")
    # paths of a file are shown with its folder
    assert second.replace(f"{tmp_path}/", "") == first


def printed(out, key):
    return [line.split(": ", 1)[1].strip('"') for line in out.splitlines() if line.strip().startswith(key + ": ")][0]


def test_environment_wins_over_the_file_and_set_over_both(run, tmp_path):
    file = write(tmp_path, PLAIN + "instance: file\n")
    environment = {"VSOCD_INSTANCE": "environment"}
    assert printed(run("check-config", "--print", "-c", file)[1], "instance") == "file"
    assert printed(run("check-config", "--print", "-c", file, environment=environment)[1], "instance") == "environment"
    both = run("check-config", "--print", "-c", file, "--set", "instance=set", environment=environment)
    assert printed(both[1], "instance") == "set"


def test_nested_variables_set_nested_settings(run):
    code, out, err = run(
        "check-config",
        "--print",
        environment={"VSOCD_LISTEN__INGEST__TLS": "false", "VSOCD_LISTEN__INGEST__ADDRESS": "127.0.0.1:7000"},
    )
    assert (code, err) == (0, "")
    assert printed(out, "address") == "127.0.0.1:7000"


def test_a_mistyped_variable_is_an_error_and_foreign_ones_are_not(run):
    foreign = {"VSOCD_LISTEN__INGEST__TLS": "false", "VSOCD_FAULT": "x", "VSOCD_SERVICE_HOST": "10.0.0.1"}
    assert run("check-config", environment=foreign)[0] == 0
    code, _, err = run("check-config", environment={**foreign, "VSOCD_LOG__LEVL": "warn"})
    assert code == 78
    assert err == "environment: VSOCD_LOG__LEVL: unknown setting; the nearest known name is VSOCD_LOG__LEVEL\n"


def test_missing_tls_files_are_named(run, tmp_path):
    code, _, err = run("check-config", "-c", write(tmp_path, "tls: { key: my.key }\n"))
    assert code == 78
    assert f"vsocd.yaml:1:13: tls.key: '{tmp_path}/my.key' can't be read" in err


def test_a_broken_certificate_is_told(run, tmp_path):
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_text("no PEM\n")
    file = write(tmp_path, "tls: { certificate: server.crt, key: server.key, client_auth: off }\n")
    code, _, err = run("check-config", "-c", file)
    assert code == 78
    assert "server.crt" in err or "server.key" in err


def test_what_a_sink_does_not_take_is_told(run, tmp_path):
    file = write(
        tmp_path,
        PLAIN + "sinks: { kafka: { properties: { bootstrap.server: h:1 } } }\n",
    )
    code, _, err = run("check-config", "-c", file)
    assert code == 78
    assert "sinks.kafka.properties: bootstrap.server" in err
    file = write(tmp_path, PLAIN + "sinks: { postgres: { dsn: 'hots=here' }, kafka: { enabled: false } }\n")
    code, _, err = run("check-config", "-c", file)
    assert code == 78
    assert "hots" in err
    file = write(tmp_path, PLAIN + "sinks: { postgres: { dsn: 'hots=here' }, kafka: { properties: { bootstrap.server: h:1 } } }\n")
    code, _, err = run("check-config", "-c", file)
    assert code == 78
    assert "hots" in err and "sinks.kafka.properties: bootstrap.server" in err and len(err.splitlines()) == 2


@pytest.mark.parametrize(
    "words", [["--nonsense"], ["-c"], ["--set"], ["stray"], ["--print=yes"]], ids=lambda words: " ".join(words)
)
def test_wrong_usage_is_told(run, words):
    code, out, err = run("check-config", *words)
    assert code == 64
    assert out == ""
    assert words[0].split("=")[0] in err
    assert "usage: vsocd check-config" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("token", "say what to do: new, list or revoke"),
        ("token nw", "say what to do: new, list or revoke"),
        ("token new --file none", "new needs --tenant NAME"),
        ("token new --file none --tenant a --formats=", "--formats or --vehicles is empty"),
        ("token new --file none --tenant a --burst x", "take a whole number"),
        ("token revoke --file none", "revoke needs --id ID"),
        ("identity", "say what to do: explain CERT"),
        ("identity explain", "name the certificate's file"),
        ("parse x", "--format NAME or --content-type TYPE is needed"),
        ("parse --format cef x y", "y: is a second file"),
        ("parse --format", "--format: is not an option, or its argument is missing"),
        ("healthcheck -c file", "it takes --url URL and nothing else"),
        ("version x", "it takes no arguments"),
        ("reference", "name one page"),
        ("spool", "say what to do: list, check, export, verify or replay"),
        ("spool replay", "replay needs DIR"),
        ("spool replay DIR --from 9 --to 3", "--from and --to take positions"),
    ],
)
def test_wrong_usage_is_told_with_its_reason(run, words, why):
    code, out, err = run(*words.split())
    first, rest = err.split("\n", 1)
    assert code == 64 and out == "" and why in first and "usage: vsocd " + words.split()[0] in rest


def test_certificate_file_that_is_not_there_is_told(run, tmp_path):
    assert "No such file or directory" in run("identity", "explain", tmp_path / "none")[2]
    (tmp_path / "text").write_text("text")
    assert "holds no certificate in PEM or DER" in run("identity", "explain", tmp_path / "text")[2]


def test_help_goes_to_standard_output(run):
    for words in (["help", "check-config"], ["check-config", "--help"]):
        code, out, err = run(*words)
        assert (code, err) == (0, "")
        assert out.startswith("usage: vsocd check-config")


def test_reference_knows_its_pages_only(run):
    assert run("reference", "config")[1].startswith("# Settings")
    assert run("reference", "novels")[0] == 64
    assert run("reference")[0] == 64


def test_the_example_settings_are_right(run):
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    code, _, err = run("check-config", "-c", f"{root}/deploy/vsocd.yaml", "--set", "listen.ingest.tls=false")
    assert (code, err) == (0, "")
