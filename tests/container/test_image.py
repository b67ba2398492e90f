"""The image builds from deploy/Containerfile on a debootstrapped base and runs: no registry, no container daemon.

Needs root (buildah's chroot isolation with a base made by debootstrap); as another user the tests fail and say so.
"""

import json
import os
import pathlib
import subprocess
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = "localhost/vsocd-test-base"
IMAGE = "localhost/vsocd-test"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """Environment that keeps buildah's storage out of the user's."""
    assert os.geteuid() == 0, "the container tests need root: run them as root or leave the group out"
    folder = tmp_path_factory.mktemp("containers")
    return {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", "XDG_DATA_HOME": str(folder), "TMPDIR": str(folder)}


@pytest.fixture(scope="module")
def buildah(storage, tmp_path_factory):
    folder = tmp_path_factory.mktemp("storage")

    def call(*words, **options):
        return run("buildah", "--root", folder / "root", "--runroot", folder / "run", *words, env=storage, **options)

    yield call
    call("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def base_tarball():
    """A minimal Debian of this machine's release, made once and kept in the cache."""
    release = next(
        line.partition("=")[2].strip() for line in open("/etc/os-release") if line.startswith("VERSION_CODENAME=")
    )
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "/var/cache")) / "vsocd"
    tarball = cache / f"base-{release}.tar"
    if not tarball.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = cache / f"base-{uuid.uuid4().hex}"
        run("debootstrap", "--variant=minbase", "--include=ca-certificates", release, fresh)
        for name in ("sources.list", "sources.list.d"):
            if (pathlib.Path("/etc/apt") / name).exists():
                run("cp", "-a", f"/etc/apt/{name}", fresh / "etc/apt/")
        if pathlib.Path("/etc/apt/apt.conf.d").exists():
            run("cp", "-a", "/etc/apt/apt.conf.d/.", fresh / "etc/apt/apt.conf.d/")
        run("tar", "-C", fresh, "--one-file-system", "-cf", f"{tarball}.part", ".")
        run("rm", "-rf", "--one-file-system", fresh)
        os.rename(f"{tarball}.part", tarball)
    return tarball


@pytest.fixture(scope="module")
def image(buildah, base_tarball):
    """Name of the built image."""
    container = buildah("from", "scratch").strip()
    buildah("add", container, base_tarball, "/")
    buildah("commit", "--rm", container, BASE)
    buildah(
        "bud", "--format", "docker", "--pull-never", "--file", ROOT / "deploy/Containerfile", "--ignorefile", ROOT / ".containerignore", "--build-arg", f"BASE={BASE}",
        "--build-arg", "REVISION=test", "--tag", IMAGE, ROOT,
    )
    return IMAGE


def test_image_says_how_it_is_run(buildah, image):
    config = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/vsocd"]
    assert set(config["ExposedPorts"]) == {"8443", "9600"} or set(config["ExposedPorts"]) == {"8443/tcp", "9600/tcp"}
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_image_checks_its_own_health(buildah, image):
    docker = json.loads(buildah("inspect", "--type", "image", image))["Docker"]
    container = docker.get("config") or docker["container_config"]
    assert container["Healthcheck"]["Test"] == ["CMD", "/usr/bin/vsocd", "healthcheck"]


def test_program_runs_in_the_image_with_nothing_else_in_it(buildah, image):
    container = buildah("from", "--pull-never", image).strip()
    try:
        assert buildah("run", container, "--", "/usr/bin/vsocd", "version").startswith("vsocd ")
        mount = pathlib.Path(buildah("mount", container).strip())
        programs = [p for p in mount.rglob("*") if p.is_file() and p.parent.name in ("bin", "sbin")]
        assert [p.name for p in programs] == ["vsocd"]
        assert list((mount / "usr/share/doc").glob("*/copyright")), "licences of the libraries are missing"
    finally:
        buildah("rm", container)
