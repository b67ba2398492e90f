"""The clients: how each is set up and run. docs/clients.md has a row for each."""

import json
import pathlib
import subprocess
from typing import Callable, NamedTuple

import fetched

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 120  # for all batches of one client


class Client(NamedTuple):
    name: str
    version: str  # what docs/clients.md says of it
    route: str
    command: Callable[[], list]  # words before URL LEDGER [CA CERTIFICATE KEY]; fetches what it needs
    environment: Callable[[], dict] = dict


def pinned(package):
    """Version of a Python package in the requirements."""
    lines = (fetched.ROOT / "tests" / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)[package]


def locked(package):
    """Version of an npm package in the lock file."""
    return json.loads((HERE / "node" / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]["version"]


def shell(name):
    return Client(name, "Debian", "/v1/events", lambda: [fetched.tool("bash", "bash"), HERE / "shell" / "post.sh", name])


def python(name, package, route):
    return Client(
        name, pinned(package), route, lambda: [fetched.PYTHON, HERE / "python" / "post.py", name],
        lambda: {"PYTHONPATH": str(fetched.python_packages())},
    )


def node(name, package, route):
    def command():
        return [fetched.node(), HERE / "node" / "post.cjs", name]

    return Client(name, locked(package), route, command, lambda: {"NODE_PATH": str(fetched.node_packages(HERE / "node"))})


def go(name, version, route):
    return Client(name, version, route, lambda: [fetched.go_program(HERE / "go"), name])


def java(name, version, route):
    return Client(name, version, route, lambda: [fetched.tool("java", "default-jdk-headless"), "-cp", fetched.java_classes(HERE / "java"), "Post", name])


CLIENTS = [
    shell("curl"),
    shell("wget"),
    python("requests", "requests", "/v1/events"),
    python("httpx", "httpx", "/v1/events"),
    python("aiohttp", "aiohttp", "/v1/events"),
    node("fetch", "undici", "/v1/events"),
    node("axios", "axios", "/v1/events"),
    go("net/http", "Go 1.27", "/v1/events"),
    java("HttpClient", "JDK 17", "/v1/events"),
    Client("syslog-ng", "Debian", "/v1/events", lambda: [fetched.PYTHON, HERE / "syslog_ng.py"]),
]


def run(client, url, ledger, *tls):
    """{marker: `ok` or what the client said instead}"""
    command = [*client.command(), url, ledger, *tls]
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
        env={**fetched.os.environ, **client.environment()},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split(" ", 1) for line in done.stdout.splitlines()), done.stderr
