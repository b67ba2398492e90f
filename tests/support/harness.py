"""Runs vsocd and its services for tests: private folders, free ports, everything stopped by process id.

Used by tests/integration, tests/crash and tests/container; load-tests/rig.py starts its services with it.
"""

import contextlib
import functools
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]


class HarnessError(Exception):
    """Something that a test can't go on without; the text says what."""


# How much slower than an idle one a machine may be. A wait ends as soon as its state is there; this only bounds a hang.
SLOWEST = 8


def wait_until(check, seconds=30, what="the condition", interval=0.05):
    """Polls until check() gives something true and returns it. seconds: what it may take on an idle machine; HarnessError when it
    has not come after SLOWEST times that."""
    seconds *= SLOWEST
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise HarnessError(f"{what} did not happen within {seconds} s")
        time.sleep(interval)


PORTS_A_BLOCK = 100


@functools.cache
def port_block():
    """Ports of this process alone: another one that runs tests could take a port between the look and the server's start. Below those
    that the kernel gives to outgoing connections. An abstract socket is the block's lock until the process ends: the machine has one
    name space of them, whatever the user and TMPDIR."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    blocks = list(range(10000, max(lowest, 12000) - PORTS_A_BLOCK, PORTS_A_BLOCK))
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        lock = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            lock.bind(f"\0vsocd-test-ports-{first}")
            return lock, itertools.cycle(range(first, first + PORTS_A_BLOCK))
        lock.close()
    raise HarnessError("every block of ports is taken by other test runs")


def free_port():
    for port in port_block()[1]:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def run_service(name, action, folder, *options, enter=()):
    """tests/services/NAME ACTION FOLDER …: what it prints after '='. enter: words before it."""
    command = [*enter, str(ROOT / "tests/services" / name), action, str(folder), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise HarnessError(f"tests/services/{name} {action} failed: {done.stderr[-2000:]}")
    return done.stdout.strip().partition("=")[2]


def topics_of(prefix):
    """A name of its own for each topic of the Kafka sink: sinks.kafka.topics."""
    return {kind: f"{prefix}.{kind}" for kind in ("events", "quarantine", "health", "findings", "progress", "audit", "evidence_heads")}


class Services:
    """PostgreSQL and Kafka of a test session."""

    def __init__(self, folder, postgres_options=(), kafka_options=()):
        self.folder = pathlib.Path(folder)
        self.options = {"postgres": postgres_options, "kafka": kafka_options}
        self.addresses = {}
        self.enter = ()  # words before every command: a namespace

    def address(self, name):
        if name not in self.addresses:
            self.addresses[name] = run_service(name, "start", self.folder / name, *self.options[name], enter=self.enter)
        return self.addresses[name]

    @property
    def dsn(self):
        return self.address("postgres")

    @property
    def bootstrap(self):
        return self.address("kafka")

    def act(self, name, action, *options):
        """stop, start, pause or resume one of them."""
        return run_service(name, action, self.folder / name, *options, enter=self.enter)

    def new_database(self):
        """DSN of a new empty database."""
        import psycopg2

        name = "test_" + uuid.uuid4().hex
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        connection.cursor().execute(f"create database {name}")
        connection.close()
        return re.sub(r"dbname=\S+", f"dbname={name}", self.dsn)

    def stop(self):
        for name in self.addresses:
            with contextlib.suppress(HarnessError):
                self.act(name, "stop", "--kill")


def deep_update(base, extra):
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and value:
            deep_update(base[key], value)
        else:
            base[key] = value
    return base


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Vsocd:
    """One vsocd on plain HTTP without sinks unless the settings say otherwise."""

    def __init__(self, build, folder, settings, environment=None, enter=()):
        self.program = pathlib.Path(build) / "vsocd"
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.log_path = self.folder / "vsocd.log"
        self.config = self.folder / "vsocd.yaml"
        self.environment = environment or {}
        self.enter = list(enter)  # words before every command: a namespace, another user, limits
        self.process = None
        self.migrated = False
        self.settings = deep_update(
            {
                "instance": "test-" + uuid.uuid4().hex[:8],
                "data_dir": str(self.folder / "data"),
                "listen": {
                    "ingest": {"address": f"127.0.0.1:{self.port}", "tls": False},
                    "admin": {"address": f"127.0.0.1:{self.admin_port}"},
                },
                "tls": {"client_auth": "off"},
                "privacy": {"keys_file": str(self.folder / "vin.keys")},
                "ingest": {"workers": "2"},
                "spool": {"segment_bytes": "4MiB", "reserve_bytes": "1MiB"},
                "sinks": {"kafka": {"enabled": False}, "postgres": {"enabled": False}, "file": {"enabled": False}},
                "log": {"format": "text", "level": "debug"},
            },
            settings,
        )
        self.write_config()

    # Life

    def write_config(self):
        """The server logs in as the role that it should have, whatever the tests' own login is. JSON is YAML."""
        written = json.loads(json.dumps(self.settings))
        postgres = written["sinks"]["postgres"]
        if "dsn" in postgres and not postgres.get("allow_superuser"):
            postgres["dsn"] = postgres["dsn"].replace("user=postgres", "user=vsoc_ingest")
        self.config.write_text(json.dumps(written, indent=1))
        if not self.enter:  # it may hold passwords; another user would have to own it
            self.config.chmod(0o600)

    def migrate(self):
        """As the login of the tests, which may make roles and schema."""
        self.run("migrate", "-c", self.config, "--set", f"sinks.postgres.dsn={self.settings['sinks']['postgres']['dsn']}")
        self.migrated = True

    def run(self, *words, check=True, input=None, timeout=120):
        """Runs a subcommand to its end. One that opens records gets the server's keys."""
        keys = pathlib.Path(self.settings["privacy"]["keys_file"])
        if words[:2] in (("spool", "export"), ("spool", "verify")) and "--keys" not in words and keys.exists():
            words = (*words, "--keys", keys)
        done = subprocess.run(
            [*self.enter, str(self.program), *map(str, words)], capture_output=True, input=input, timeout=timeout * SLOWEST, env=self._environment()
        )
        if check and done.returncode != 0:
            raise HarnessError(f"vsocd {' '.join(map(str, words))}: {done.returncode}: {done.stderr.decode()[-2000:]}")
        return done

    def audit(self, *words):
        """Records of the audit log, as of `vsocd audit list` with these words."""
        done = self.run("audit", "list", self.spool_dir, "--json", *words)
        return [json.loads(line)["record"] for line in done.stdout.splitlines()]

    def _environment(self):
        return {**os.environ, **self.environment}

    def start(self, wait=True):
        if self.settings["sinks"]["postgres"].get("enabled") and not self.migrated:
            self.migrate()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.enter, str(self.program), "serve", "-c", str(self.config)], stdout=log, stderr=log, env=self._environment()
            )
        if wait:
            wait_until(self.is_ready, 60, "vsocd becoming ready", interval=0.02)

    def is_ready(self):
        if self.process.poll() is not None:
            raise HarnessError(f"vsocd ended with {self.process.returncode}:\n{self.log()[-3000:]}")
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def ended(self, seconds=60):
        """Waits for its end; the exit status. seconds: as for wait_until."""
        return self.process.wait(seconds * SLOWEST)

    def terminate(self, seconds=60):
        """SIGTERM and wait; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended(seconds)

    def stop_for_good(self):
        """End of a test: an orderly stop that must succeed, and no sanitizer may have spoken."""
        if self.process and self.process.poll() is None:
            try:
                self.terminate(60)
            except subprocess.TimeoutExpired:
                self.kill()
                raise HarnessError(f"vsocd did not stop within {60 * SLOWEST} s of SIGTERM:\n{self.log()[-3000:]}")
        self.check_log()

    def check_log(self):
        for word in ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:", "assertion failed:"):
            if word in self.log():
                raise HarnessError(f"{word} in the server's log:\n{self.log()[-6000:]}")

    def log(self):
        """What it has logged so far, with the lines that are on their way. A device (/dev/full) has no end to read to."""
        self._await_log()
        return self.log_path.read_text(errors="replace") if self.log_path.is_file() else ""

    def _await_log(self):
        """A thread of the server writes its lines: waits until none is left, unless the server is away."""
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=1) as reply:
                    queued = re.search(rb"^vsocd_log_queued_bytes ([^0].*)$", reply.read(), re.M)
            except (OSError, http.client.HTTPException):
                return
            if not queued:
                return
            time.sleep(0.01)

    # Talking to it

    @property
    def url(self):
        scheme = "https" if self.settings["listen"]["ingest"]["tls"] else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    def get(self, path, headers=None):
        """From the admin listener."""
        return self._admin(path, headers, None)

    def admin_post(self, path, body, headers=None):
        return self._admin(path, headers, body.encode())

    def _admin(self, path, headers, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10 * SLOWEST) as reply:
                return Reply(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.headers, error.read())

    def metrics(self):
        """{(name, labels text): value}"""
        samples = {}
        for line in self.get("/metrics").body.decode().splitlines():
            match = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line)
            if match:
                samples[match[1], match[2] or ""] = float(match[3])
        return samples

    def metric(self, name, *labels):
        """Sum of the samples of a name whose labels hold all the texts."""
        return sum(
            value for (known, text), value in self.metrics().items() if known == name and all(label in text for label in labels)
        )

    def connect(self, timeout=30):
        """A raw socket to the ingest listener."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def request(self, method, path, body=None, headers=None, context=None, timeout=60 * SLOWEST):
        """One request on a connection of its own."""
        if self.settings["listen"]["ingest"]["tls"]:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=timeout, context=context or ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def post(self, body, content_type="application/x-ndjson", path="/v1/events", **headers):
        """Posts a batch; keyword headers have _ for -."""
        if isinstance(body, str):
            body = body.encode()
        named = {"Content-Type": content_type, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return self.request("POST", path, body, named)

    def wait_for_sinks(self, seconds=60):
        """Until each sink has all that the spool has now: events, and records of the audit log."""
        newest = self.metric("vsocd_spool_position")

        def have_all():
            known = self.metrics()
            behind = [value < newest for (name, _), value in known.items() if name == "vsocd_sink_position"]
            return not any(behind) and not any(value for (name, _), value in known.items() if name == "vsocd_sink_lag_events")

        wait_until(have_all, seconds, "the sinks catching up")

    # What it kept

    def write_keys(self):
        """A privacy.keys_file, for a spool that the test puts there: none is made over one."""
        keys = pathlib.Path(self.settings["privacy"]["keys_file"])
        keys.write_text(f"1 {'1f' * 32}\n")
        keys.chmod(0o600)

    @property
    def spool_dir(self):
        return pathlib.Path(self.settings["data_dir"]) / "spool"

    def export(self):
        """Events and rejects of the spool as `vsocd spool export` gives them."""
        lines = self.run("spool", "export", self.spool_dir).stdout.splitlines()
        return [json.loads(line) for line in lines]


def event(n=0, **fields):
    """A native event; n makes its id."""
    return {
        "id": f"ev-{n:08d}",
        "vin": "1M8GDM9AXKP042788",
        "time": "2026-11-22T10:15:02.250Z",
        "sensor_kind": "can_ids",
        "ecu_id": "GW-3",
        "sev_id": 103,
        "severity_id": 3,
        **fields,
    }


def ndjson(events):
    return "".join(json.dumps(one) + "\n" for one in events).encode()


def query(dsn, sql, *arguments):
    """Rows of one statement."""
    import psycopg2

    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True  # some statements refuse a transaction block
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def await_leaders(bootstrap, topic):
    """Waits until the leader of each partition of a topic answers for it: the topic's creation is confirmed, and the topic listed, before
    its leaders have made their logs, and until then they refuse messages."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-" + uuid.uuid4().hex})

    def answered():
        try:
            found = consumer.list_topics(topic, timeout=20).topics[topic]
            asked = [TopicPartition(topic, number, 0) for number in found.partitions]
            # Not get_watermark_offsets: in librdkafka 2.0.2 it waits for ever if a leader dies then.
            answers = consumer.offsets_for_times(asked, timeout=20)
        except KafkaException:
            return False
        return found.error is None and answers and all(one.error is None for one in answers)

    try:
        wait_until(answered, 30, f"leaders of {topic}")
    finally:
        consumer.close()


def consume_each(bootstrap, topic, quiet_seconds=10):
    """The messages of a topic as a read_committed consumer sees them, one after the other, up to the end it has when that is reached."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test-" + uuid.uuid4().hex,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 4096,  # of each partition
            "fetch.wait.max.ms": 10,  # the end of a topic is told so late
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        open_partitions = set(partitions)
        deadline = time.monotonic() + quiet_seconds
        while open_partitions:
            messages = consumer.consume(1000, 0.2)
            if messages:
                deadline = time.monotonic() + quiet_seconds
            elif time.monotonic() > deadline:
                raise HarnessError(f"{topic}: no end of partitions {open_partitions} within {quiet_seconds} s")
            for message in messages:
                if not message.error():
                    yield message
                elif message.error().name() == "_PARTITION_EOF":
                    # A commit is confirmed before all partitions know of it: until then their committed end is short of their end.
                    end = consumer.get_watermark_offsets(TopicPartition(topic, message.partition()), cached=True)[1]
                    if message.offset() >= end:
                        open_partitions.discard(message.partition())
                else:
                    raise HarnessError(str(message.error()))
    finally:
        consumer.close()


def consume(bootstrap, topic, quiet_seconds=10):
    """All messages of a topic, as consume_each gives them."""
    return list(consume_each(bootstrap, topic, quiet_seconds))
