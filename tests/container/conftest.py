"""The image from deploy/Containerfile, built without a registry and without a container daemon.

Needs root (buildah's chroot isolation with a base made by debootstrap); as another user the tests fail and say so.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

BASE = "localhost/vsocd-test-base"
IMAGE = "localhost/vsocd-test"
INSTALL_DEPS = ROOT / "deploy/install-deps"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def remove(folder):
    """Removes a folder that programs may have mounted things in."""
    mounted = [line.split()[1] for line in open("/proc/self/mounts")]
    for path in sorted((path for path in mounted if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", path], check=False)
    run("rm", "-rf", "--one-file-system", folder)


class Buildah:
    """buildah with storage of its own, so that nothing of the user's is seen or touched."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "tmp").mkdir()
        self.environment = {
            **os.environ,
            "STORAGE_DRIVER": "vfs",
            "BUILDAH_ISOLATION": "chroot",
            "XDG_DATA_HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def command(self, *words):
        return ["buildah", "--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"), *map(str, words)]

    def __call__(self, *words):
        return run(*self.command(*words), env=self.environment)

    @contextlib.contextmanager
    def container(self, image):
        """Name of a new container of the image."""
        name = self("from", "--pull-never", image).strip()
        try:
            yield name
        finally:
            self("rm", name)


@pytest.fixture(scope="session")
def buildah():
    assert os.geteuid() == 0, "the container tests need root: run them as root or leave the group out"
    for program in ("buildah", "debootstrap"):
        assert shutil.which(program), f"{program} is missing: run deploy/install-deps --test"
    folder = tempfile.mkdtemp(prefix="vsocd-buildah-", dir="/var/tmp")
    yield Buildah(folder)
    remove(folder)


def make_base(release, tarball):
    """A minimal Debian, with what building needs installed by the script that the image uses too."""
    fresh = tempfile.mkdtemp(prefix="base-", dir=tarball.parent)
    try:
        os.chmod(fresh, 0o755)
        run("debootstrap", "--variant=minbase", release, fresh)
        for name in ("sources.list", "sources.list.d", "apt.conf.d"):
            if (pathlib.Path("/etc/apt") / name).exists():
                run("cp", "-a", f"/etc/apt/{name}", f"{fresh}/etc/apt/")
        shutil.copy(INSTALL_DEPS, f"{fresh}/tmp/install-deps")
        run("mount", "-t", "proc", "proc", f"{fresh}/proc")
        run("chroot", fresh, "/tmp/install-deps", "--build")
        run("chroot", fresh, "apt-get", "clean")
        run("umount", f"{fresh}/proc")
        for name in ("var/lib/apt/lists", "tmp"):
            run("find", f"{fresh}/{name}", "-mindepth", "1", "-delete")
        run("tar", "-C", fresh, "--one-file-system", "-cf", f"{tarball}.part", ".")
    finally:
        remove(fresh)
    os.rename(f"{tarball}.part", tarball)


@pytest.fixture(scope="session")
def base_tarball():
    """Base of the build stage, made once and kept in the cache until the list of packages changes."""
    release = next(
        line.partition("=")[2].strip() for line in open("/etc/os-release") if line.startswith("VERSION_CODENAME=")
    )
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "/var/cache")) / "vsocd"
    cache.mkdir(parents=True, exist_ok=True)
    packages = run(INSTALL_DEPS, "--build", "--list")
    tarball = cache / f"base-{release}-{hashlib.sha256(packages.encode()).hexdigest()[:12]}.tar"
    if not tarball.exists():
        for old in cache.glob(f"base-{release}*.tar"):
            old.unlink()
        make_base(release, tarball)
    return tarball


@pytest.fixture(scope="session")
def image(buildah, base_tarball):
    """Name of the built image."""
    container = buildah("from", "scratch").strip()
    buildah("add", container, base_tarball, "/")
    buildah("commit", "--rm", container, BASE)
    buildah(
        "bud", "--format", "docker", "--pull-never", "--file", ROOT / "deploy/Containerfile",
        "--build-arg", f"BASE={BASE}", "--build-arg", "REVISION=test", "--tag", IMAGE, ROOT,
    )
    return IMAGE


@pytest.fixture
def container(buildah, image):
    with buildah.container(image) as name:
        yield name
