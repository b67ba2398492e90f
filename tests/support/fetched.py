"""Packages of other registries that tests run against, with the ordinary client of each, once into a cache folder.

A set of packages is named by its lock files: another lock file is another folder. Several runs at the same time wait for the first.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from harness import HarnessError

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"


def cache_dir():
    """As tests/services/lib.sh has it."""
    base = os.environ.get("XDG_CACHE_HOME") or ("/var/cache" if os.geteuid() == 0 else pathlib.Path.home() / ".cache")
    return pathlib.Path(base) / "vsocd"


def tool(name, package):
    """Path of a program; the error names the Debian package."""
    found = shutil.which(name)
    if not found:
        raise HarnessError(f"{name} is missing (Debian package {package}): run deploy/install-deps --test")
    return found


@contextlib.contextmanager
def _locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command, folder, environment=None, tries=1):
    """Runs a command to its end; registries may need another try."""
    for left in reversed(range(tries)):
        done = subprocess.run(
            list(map(str, command)), cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
        if done.returncode == 0:
            return done.stdout
        if not left:
            raise HarnessError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")


def made_once(name, inputs, make):
    """Folder that make(folder) filled, once for the content of these files."""
    digest = hashlib.sha256()
    for path in sorted(map(pathlib.Path, inputs)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    folder = cache_dir() / f"{name}-{digest.hexdigest()[:12]}"
    if (folder / "complete").exists():
        return folder
    with _locked(cache_dir() / f"{name}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            (folder / "complete").touch()
    return folder


def python_packages(requirements=ROOT / "tests" / "requirements.txt"):
    """Folder for PYTHONPATH or sys.path with the packages of a requirements file."""

    def make(folder):
        command = [PYTHON, "-m", "pip", "install", "-q", "--no-compile", "--target", folder, "-r", requirements]
        run(command, folder, tries=3)

    return made_once("python", [requirements], make)
