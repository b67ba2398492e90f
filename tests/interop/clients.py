"""The clients: how each is set up and run. docs/clients.md has a row for each."""

import json
import pathlib
import re
import subprocess
from typing import Callable, NamedTuple

import fetched

HERE = pathlib.Path(__file__).resolve().parent
NATIVE, OTLP, HEC = "/v1/events", "/v1/logs", "/services/collector/event"
SECONDS = 120  # for all batches of one client


class Client(NamedTuple):
    name: str
    version: str  # what docs/clients.md says of it
    route: str
    command: Callable[[], list]  # words before URL LEDGER [CA CERTIFICATE KEY]; fetches what it needs
    environment: Callable[[], dict] = dict
    per_event: bool = False  # posts each event by itself
    exact: bool = True  # posts native events and nothing else, so the server stores what was sent; else the columns are compared


def pinned(package):
    """Version of a Python package in the requirements."""
    lines = (fetched.ROOT / "tests" / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)[package]


def locked(package):
    """Version of an npm package in the lock file."""
    return json.loads((HERE / "node" / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]["version"]


def required(module):
    """Version of a Go module in go.mod."""
    return re.search(rf"{re.escape(module)} (v\S+)", (HERE / "go" / "go.mod").read_text())[1]


def depended(artifact):
    """Version of a Maven artifact in pom.xml."""
    return re.search(rf"<artifactId>{artifact}</artifactId>\s*<version>(\S+?)</version>", (HERE / "java" / "pom.xml").read_text())[1]


def built(component):
    """Version of a component of the collector."""
    return re.search(rf"{component} (v\S+)", (HERE / "collector" / "builder.yaml").read_text())[1]


def shell(name):
    return Client(name, "Debian", NATIVE, lambda: [fetched.tool("bash", "bash"), HERE / "shell" / "post.sh", name])


def python(name, package, route=NATIVE, **options):
    return Client(
        name, pinned(package), route, lambda: [fetched.PYTHON, HERE / "python" / "post.py", name],
        lambda: {"PYTHONPATH": str(fetched.python_packages())}, **options,
    )


def node(name, package, route=NATIVE, **options):
    def command():
        return [fetched.node(), HERE / "node" / "post.cjs", name]

    return Client(name, locked(package), route, command, lambda: {"NODE_PATH": str(fetched.node_packages(HERE / "node"))}, **options)


def go(name, version, route=NATIVE, **options):
    return Client(name, version, route, lambda: [fetched.go_program(HERE / "go"), name], **options)


def java(name, version, route=NATIVE, **options):
    def command():
        return [fetched.tool("java", "default-jdk-headless"), "-cp", fetched.java_classes(HERE / "java"), "Post", name]

    return Client(name, version, route, command, **options)


def daemon(name, version, route, program, **options):
    """A program that nobody calls: post.py in a folder of its name feeds it."""
    return Client(name, version, route, lambda: [fetched.PYTHON, HERE / name / "post.py"], lambda: {"INTEROP_PROGRAM": str(program())}, **options)


CLIENTS = [
    shell("curl"),
    shell("wget"),
    python("requests", "requests"),
    python("httpx", "httpx"),
    python("aiohttp", "aiohttp"),
    node("fetch", "undici"),
    node("axios", "axios"),
    go("net/http", "Go 1.27"),
    java("HttpClient", "JDK 17"),
    daemon("syslog-ng", "Debian", NATIVE, lambda: fetched.debian_packages("syslog-ng-core", "syslog-ng-mod-http")),
    python("opentelemetry-exporter-otlp-proto-http", "opentelemetry-exporter-otlp-proto-http", OTLP, exact=False),
    node("@opentelemetry/exporter-logs-otlp-http", "@opentelemetry/exporter-logs-otlp-http", OTLP, exact=False),
    node("@opentelemetry/exporter-logs-otlp-proto", "@opentelemetry/exporter-logs-otlp-proto", OTLP, exact=False),
    go("otlploghttp", required("go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"), OTLP, exact=False),
    java("opentelemetry-exporter-otlp", depended("opentelemetry-exporter-otlp"), OTLP, exact=False),
    daemon("collector", built("otlphttpexporter"), OTLP, lambda: fetched.collector(HERE / "collector" / "builder.yaml"), exact=False),
    python("cloudevents (Python)", "cloudevents", per_event=True, exact=False),
    node("cloudevents (JavaScript)", "cloudevents", per_event=True, exact=False),
    go("cloudevents (Go)", required("github.com/cloudevents/sdk-go/v2"), per_event=True, exact=False),
    java("cloudevents (Java)", depended("cloudevents-http-basic"), per_event=True, exact=False),
    python("python-splunk-logging", "python-splunk-logging", HEC, exact=False),
    python("splunk-hec-handler", "splunk-hec-handler", HEC, per_event=True, exact=False),
    python("splunk-handler", "splunk-handler", HEC, exact=False),
    node("splunk-logging", "splunk-logging", HEC + "/1.0", exact=False),
    node("winston-splunk-httplogger", "winston-splunk-httplogger", HEC + "/1.0", per_event=True, exact=False),
]


def run(client, url, ledger, *tls, token="none"):
    """{marker: `ok` or what the client said instead}, and what it wrote to stderr."""
    command, environment = [*client.command(), url, ledger, *tls], client.environment()
    trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(tls[0])) if tls else {}  # of libraries that have no setting for it
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
        env={**fetched.os.environ, **trust, "INTEROP_TOKEN": token, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(re.findall(r"^(\w+) ((?:ok|error).*)$", done.stdout, re.M)), done.stderr
