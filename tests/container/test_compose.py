"""deploy/compose.yaml: what it refers to is there, and its settings are good for the program. No daemon is asked."""

import os
import re
import subprocess

import pytest
import yaml
from harness import ROOT

COMPOSE = ROOT / "deploy/compose.yaml"

# Keys of the Compose specification that the file uses; a new one is added here after a look into the specification.
TOP_KEYS = {"name", "services", "secrets", "volumes"}
SERVICE_KEYS = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "ports", "read_only", "secrets", "security_opt",
    "stop_grace_period", "volumes",
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(COMPOSE.read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def mounts_of(service):
    for mount in service.get("volumes", []):
        source, target, *options = mount.split(":")
        yield source, target, options


def test_every_key_is_one_of_the_specification(compose, services):
    assert set(compose) <= TOP_KEYS
    for name, service in services.items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service.get("healthcheck", {})) <= {"test", "interval", "timeout", "retries", "start_period"}, name


def test_every_image_is_named_with_its_version_or_built_here(services):
    built = {service["image"] for service in services.values() if "build" in service}
    for name, service in services.items():
        assert service["image"] in built or re.fullmatch(r"[a-z.]+/[a-z/]+:[0-9][\w.]*", service["image"]), name
    for service in services.values():
        if "build" in service:
            assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_secrets_and_volumes_that_services_use_are_declared_and_used_ones_only(compose, services):
    volumes, secrets = set(), set()
    for name, service in services.items():
        secrets |= set(service.get("secrets", []))
        for source, target, options in mounts_of(service):
            assert target.startswith("/") and set(options) <= {"ro"}, name
            if source.startswith("."):
                assert (COMPOSE.parent / source).exists(), f"{name}: {source} is not there"
            else:
                volumes.add(source)
    assert volumes == set(compose["volumes"])
    assert secrets == set(compose["secrets"])


def test_secrets_are_files_that_git_leaves_alone(compose):
    for secret in compose["secrets"].values():
        path = COMPOSE.parent / secret["file"]
        ignored = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False)
        assert ignored.returncode == 0, f"{path} could be committed"


def test_server_has_a_login_of_its_own_and_only_migrate_the_owners(compose, services):
    assert services["migrate"]["secrets"] == ["dsn_owner"] and services["vsocd"]["secrets"] == ["dsn"]
    assert services["migrate"]["environment"] == {"VSOCD_SINKS__POSTGRES__DSN_FILE": "/run/secrets/dsn_owner"}
    made = (COMPOSE.parent / "compose" / "initdb.sh").read_text()
    assert "CREATE ROLE vsocd LOGIN PASSWORD :'password' IN ROLE vsoc_ingest" in made and "superuser" not in made.lower()


def test_services_wait_for_services_that_can_tell(services):
    for name, service in services.items():
        for other, rule in service.get("depends_on", {}).items():
            assert rule["condition"] in CONDITIONS, name
            if rule["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{other} has no health check for {name}"


def test_server_has_no_privileges_and_shows_only_ingest_outside(services):
    server = services["vsocd"]
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert server["ports"] == ["8443:8443", "127.0.0.1:9600:9600"]
    assert [name for name, service in services.items() if "ports" in service] == ["vsocd"]


def test_settings_of_the_deployment_are_taken_by_the_image(compose, services, buildah, container, tmp_path):
    """The compose folder with made certificates and secrets, mounted as the compose file says."""
    folder = tmp_path / "compose"
    (folder / "tls").mkdir(parents=True)
    (folder / "vsocd.yaml").write_bytes((COMPOSE.parent / "compose/vsocd.yaml").read_bytes())
    make_certificate(folder / "tls")
    for name in services["vsocd"]["secrets"]:
        (tmp_path / name).write_text("host=postgres dbname=vsoc user=vsoc password=x\n")
        give_to_server(tmp_path / name)
    mounts = [f"{folder}:/etc/vsocd:ro"] + [f"{tmp_path / name}:/run/secrets/{name}:ro" for name in services["vsocd"]["secrets"]]
    assert "./compose:/etc/vsocd:ro" in services["vsocd"]["volumes"]
    said = buildah(
        "run", *[word for mount in mounts for word in ("-v", mount)], container, "--",
        "/usr/bin/vsocd", "check-config", "-c", "/etc/vsocd/vsocd.yaml",
    )
    assert "no mistakes" in said


def give_to_server(path):
    """Root's, readable for the group of the image's user, as the README of the deployment says."""
    os.chown(path, 0, 65532)
    path.chmod(0o640)


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", folder / "server.key", "-out", folder / "server.crt"],
        check=True, capture_output=True,
    )
    give_to_server(folder / "server.key")
    (folder / "fleet-ca.crt").write_bytes((folder / "server.crt").read_bytes())
