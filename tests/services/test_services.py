"""The private servers of this folder do what the rest of the tests rely on.

They keep data, address and settings over restarts and crashes, hold still when paused, run side by side, and work for root
and for an ordinary user. Not here: anything about vsocd.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import psycopg2
import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import kafka_acl  # noqa: E402
import proc  # noqa: E402
from harness import HarnessError, await_leaders, wait_until  # noqa: E402

ORDINARY_USER = 65534  # nobody


def run(name, action, folder, *options, check=True, **popen):
    """The tool bounds its waits itself; the limit here is that of a hang."""
    command = [str(HERE / name), action, str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False, **popen)
    if check and done.returncode != 0:
        raise HarnessError(f"{name} {action} ended with {done.returncode}: {done.stderr[-3000:]}")
    return done


def start(name, folder, *options, **popen):
    """Starts a server and returns the value of the one line that it prints."""
    printed = run(name, "start", folder, *options, **popen).stdout
    key, _, value = printed.rstrip("\n").partition("=")
    assert printed.count("\n") == 1
    assert key == {"postgres": "dsn", "kafka": "bootstrap.servers"}[name]
    return value


@pytest.fixture
def service(tmp_path):
    """start(name, *options) in a folder of its own; all that runs is stopped afterwards."""
    used = []

    def starter(name, *options, folder=None):
        folder = folder or tmp_path / f"{name}-{len(used)}"
        used.append((name, folder))
        return folder, start(name, folder, *options)

    yield starter
    for name, folder in used:
        run(name, "stop", folder, "--kill", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def processes_in(folder):
    """Pids whose command line names the folder."""
    return [pid for pid in proc.processes() if str(folder) in "\0".join(proc.command_of(pid))]


def query(dsn, statement):
    connection = psycopg2.connect(dsn, connect_timeout=10)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


# ---- PostgreSQL ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [None, "15", "17", "18"])
def test_postgres_keeps_data_and_address_over_stop_and_start(service, version):
    options = [f"--version={version}"] if version else []
    folder, dsn = service("postgres", *options)
    query(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    if version:
        assert query(dsn, "SHOW server_version")[0][0].startswith(version)
    assert query(dsn, "SHOW fsync") == [("on",)]
    assert query(dsn, "SHOW listen_addresses") == [("",)]
    run("postgres", "stop", folder)
    assert processes_in(folder) == []
    with pytest.raises(psycopg2.OperationalError):
        query(dsn, "SELECT 1")
    assert start("postgres", folder) == dsn
    assert query(dsn, "SELECT answer FROM kept") == [(42,)]


def test_postgres_keeps_committed_rows_over_a_kill(service):
    folder, dsn = service("postgres")
    query(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    run("postgres", "stop", folder, "--kill")
    assert processes_in(folder) == []
    assert start("postgres", folder) == dsn
    assert query(dsn, "SELECT answer FROM kept") == [(42,)]


def test_postgres_starts_again_after_only_its_main_process_was_killed(service):
    folder, dsn = service("postgres")
    idle = psycopg2.connect(dsn)
    pid = int((folder / "state" / "pid").read_text().split()[0])
    os.kill(pid, 9)
    assert start("postgres", folder) == dsn
    assert query(dsn, "SELECT 1") == [(1,)]
    idle.close()


def test_postgres_takes_settings_and_keeps_them_over_a_restart(service):
    folder, dsn = service("postgres", "--conf", "work_mem=7MB", "--conf=application_name=it's a 'test'")
    assert query(dsn, "SHOW work_mem") == [("7MB",)]
    run("postgres", "stop", folder)
    start("postgres", folder)
    assert query(dsn, "SHOW work_mem") == [("7MB",)]
    run("postgres", "stop", folder)
    start("postgres", folder, "--conf", "work_mem=9MB")
    assert query(dsn, "SHOW work_mem") == [("9MB",)]


@pytest.mark.parametrize("version", [None, "17", "18"])
def test_postgres_standby_follows_and_can_be_promoted(service, version):
    folder, dsn = service("postgres", *([f"--version={version}"] if version else []))
    query(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    run("postgres", "stop", folder)
    _, standby = service("postgres", f"--standby-of={folder}")
    assert query(standby, "SELECT answer FROM kept") == [(42,)]
    start("postgres", folder, "--conf=synchronous_standby_names=standby", "--conf=synchronous_commit=remote_apply")
    query(dsn, "UPDATE kept SET answer = 43")
    assert query(standby, "SELECT answer FROM kept") == [(43,)]
    run("postgres", "stop", folder, "--kill")
    assert query(standby, "SELECT pg_promote()") == [(True,)]
    query(standby, "UPDATE kept SET answer = 44")


def test_postgres_answers_nothing_while_paused_and_goes_on_after(service):
    folder, dsn = service("postgres")
    connection = psycopg2.connect(dsn)
    run("postgres", "pause", folder)
    answered = threading.Event()

    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        answered.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert not answered.wait(0.5)
    run("postgres", "resume", folder)
    assert answered.wait(20)
    thread.join()
    connection.close()


def test_postgres_stops_while_paused(service):
    folder, _ = service("postgres")
    run("postgres", "pause", folder)
    run("postgres", "stop", folder)
    assert processes_in(folder) == []


def test_postgres_in_a_long_path_gets_a_short_socket(service, tmp_path):
    folder, dsn = service("postgres", folder=tmp_path / ("long-" * 25))
    host = dict(word.split("=") for word in dsn.split())["host"]
    assert not host.startswith(str(folder))
    run("postgres", "stop", folder)
    assert not os.path.exists(host)
    assert start("postgres", folder) == dsn
    assert query(dsn, "SELECT current_database()") == [("vsoc",)]


def test_postgres_started_twice_stays_the_same_server(service):
    folder, dsn = service("postgres")
    started = query(dsn, "SELECT pg_postmaster_start_time()")
    assert start("postgres", folder) == dsn
    assert query(dsn, "SELECT pg_postmaster_start_time()") == started


def test_postgres_servers_start_side_by_side(service, tmp_path):
    folders = [tmp_path / f"side-{i}" for i in range(3)]
    answers = {}
    threads = [
        threading.Thread(target=lambda f=folder: answers.update({f: service("postgres", folder=f)[1]})) for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers.values())) == 3
    for folder, dsn in answers.items():
        directory = query(dsn, "SHOW data_directory")[0][0]
        assert directory == str(folder / "data")


def test_postgres_runs_for_an_ordinary_user_and_root_can_use_it():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vsocd-"))
    owner, identity = os.geteuid(), {}  # who runs the tests, unless that is root
    if owner == 0:
        owner = ORDINARY_USER
        os.chown(folder, owner, owner)
        identity = {"user": owner, "group": owner, "extra_groups": [], "env": {**os.environ, "HOME": str(folder)}}
    try:
        dsn = start("postgres", folder / "pg", **identity)
        assert query(dsn, "SELECT current_user") == [("postgres",)]
        assert (folder / "pg" / "data").stat().st_uid == owner
        run("postgres", "stop", folder / "pg", **identity)
        assert processes_in(folder) == []
    finally:
        run("postgres", "stop", folder / "pg", "--kill", check=False)
        shutil.rmtree(folder)


# ---- Kafka ---------------------------------------------------------------------------------------------------------------------


def create_topic(servers, name, replicas=1):
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=replicas)])[name].result(30)
    await_leaders(servers, name)


def produce(servers, topic, values, transactional_id=None, abort=False, **properties):
    settings = {"bootstrap.servers": servers, "reconnect.backoff.max.ms": 500, **properties}
    if transactional_id:
        settings["transactional.id"] = transactional_id
    producer = Producer(settings)
    if transactional_id:
        producer.init_transactions(60)
        producer.begin_transaction()
    refused = []
    for value in values:
        producer.produce(topic, value.encode(), on_delivery=lambda error, _: error and refused.append(str(error)))
    assert producer.flush(60) == 0 and refused == []  # what was refused is no longer in the queue either
    if transactional_id and abort:
        producer.abort_transaction(60)
    elif transactional_id:
        producer.commit_transaction(60)


def consume(servers, topic, count):
    """The first `count` values of a topic that read_committed sees, sorted."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": str(uuid.uuid4()),
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "reconnect.backoff.max.ms": 500,
        }
    )
    consumer.subscribe([topic])
    values = []

    def read():
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            values.append(message.value().decode())
        return len(values) >= count

    try:
        wait_until(read, 60, f"{count} records of {topic}", interval=0)
    finally:
        consumer.close()
    return sorted(values)


@pytest.mark.parametrize("version", ["3.9", "4.1"])
def test_kafka_keeps_records_and_address_over_stop_start_and_kill(service, version):
    folder, servers = service("kafka", f"--version={version}")
    create_topic(servers, "kept")
    produce(servers, "kept", ["a", "b"])
    run("kafka", "stop", folder)
    assert processes_in(folder) == []
    host, _, port = servers.rpartition(":")
    assert host != "127.0.0.1"
    with socket.create_server(("127.0.0.1", int(port))):  # another test took the port
        assert start("kafka", folder) == servers
    produce(servers, "kept", ["c"])
    run("kafka", "stop", folder, "--kill")
    assert processes_in(folder) == []
    assert start("kafka", folder) == servers
    assert consume(servers, "kept", 3) == ["a", "b", "c"]


@pytest.mark.parametrize("version", ["3.9", "4.1"])
def test_kafka_shows_only_committed_transactions(service, version):
    _, servers = service("kafka", f"--version={version}")
    create_topic(servers, "committed")
    produce(servers, "committed", ["aborted"], transactional_id="one", abort=True)
    produce(servers, "committed", ["a", "b"], transactional_id="one")
    assert consume(servers, "committed", 2) == ["a", "b"]


def test_kafka_takes_settings_and_creates_no_topic_by_use(service):
    _, servers = service("kafka", "--conf", "num.partitions=7")
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic("seven", -1, 1)])["seven"].result(30)
    producer = Producer({"bootstrap.servers": servers, "message.timeout.ms": 3000})
    errors = []
    producer.produce("never-made", b"x", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert errors[0] is not None
    topics = admin.list_topics(timeout=30).topics
    assert len(topics["seven"].partitions) == 7
    assert "never-made" not in topics


def test_kafka_answers_nothing_while_paused_and_goes_on_after(service):
    folder, servers = service("kafka")
    admin = AdminClient({"bootstrap.servers": servers})
    run("kafka", "pause", folder)
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=1)
    run("kafka", "resume", folder)
    assert len(admin.list_topics(timeout=30).brokers) == 1


def test_kafka_brokers_start_side_by_side(service, tmp_path):
    folders = [tmp_path / f"side-{i}" for i in range(2)]
    answers = []
    threads = [threading.Thread(target=lambda f=folder: answers.append(service("kafka", folder=f)[1])) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 2


def brokers_up(servers):
    return sorted(AdminClient({"bootstrap.servers": servers}).list_topics(timeout=30).brokers)


@pytest.mark.parametrize("version", ["3.9", "4.1"])
def test_kafka_of_three_brokers_loses_one_by_number_and_takes_it_back(service, version):
    folder, servers = service("kafka", "--brokers=3", f"--version={version}")
    assert brokers_up(servers) == [1, 2, 3]
    create_topic(servers, "kept", replicas=3)
    produce(servers, "kept", ["a"])
    run("kafka", "stop", folder, "--kill", "--broker=2")
    assert processes_in(folder / "broker-2") == [] and processes_in(folder / "broker-1") != []
    produce(servers, "kept", ["b"], transactional_id="one")
    assert start("kafka", folder, "--broker=2") == servers
    assert brokers_up(servers) == [1, 2, 3]
    run("kafka", "stop", folder, "--broker=1")
    assert consume(servers, "kept", 2) == ["a", "b"]
    run("kafka", "stop", folder, "--kill")
    assert processes_in(folder) == []


def test_kafka_that_does_not_start_says_why(service):
    folder, _ = service("kafka")
    run("kafka", "stop", folder)
    failed = run("kafka", "start", folder, "--conf=num.io.threads=0", check=False)
    assert failed.returncode == 1
    assert "ended while starting" in failed.stderr and "num.io.threads" in failed.stderr
    with pytest.raises(HarnessError, match="num.io.threads"):
        start("kafka", folder)


def test_kafka_users_may_do_what_they_are_granted(service):
    folder, servers = service("kafka", "--users=alice:one,bob:two")
    create_topic(servers, "guarded")
    users = (folder / "users.servers").read_text().strip()
    login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "message.timeout.ms": 5000}
    alice = {**login, "sasl.username": "alice", "sasl.password": "one"}
    bob = {**login, "sasl.username": "bob", "sasl.password": "two"}

    def refusal(properties):
        errors = []
        producer = Producer({"bootstrap.servers": users, **properties})
        producer.produce("guarded", b"x", on_delivery=lambda error, _: errors.append(error))
        assert producer.flush(30) == 0
        return errors[0] and errors[0].name()

    kafka_acl.grant(servers, "alice", "topic", "gua", "write", prefixed=True)
    wait_until(lambda: refusal(alice) is None, what="the right")  # the broker hears of it after the answer
    assert refusal(bob) == "TOPIC_AUTHORIZATION_FAILED"
    assert refusal({**alice, "sasl.password": "wrong"}) == "_MSG_TIMED_OUT"
    kafka_acl.withdraw(servers, "alice", "topic", "gua", "write", prefixed=True)
    wait_until(lambda: refusal(alice) == "TOPIC_AUTHORIZATION_FAILED", what="the right's end")


# ---- the command line ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["postgres", "kafka"])
def test_stop_of_nothing_is_fine_and_pause_of_nothing_says_what_to_do(tmp_path, name):
    assert run(name, "stop", tmp_path / "none").stdout == ""
    paused = run(name, "pause", tmp_path / "none", check=False)
    assert paused.returncode == 69
    assert "start it first" in paused.stderr


@pytest.mark.parametrize("name", ["postgres", "kafka"])
@pytest.mark.parametrize("words", [[], ["start"], ["begin", "x"], ["start", "x", "--nonesuch"], ["start", "x", "--conf", "y"]])
def test_a_wrong_command_line_is_named(tmp_path, name, words):
    done = subprocess.run([str(HERE / name), *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 64
    assert "--help" in done.stderr or "--conf" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["postgres", "kafka"])
def test_data_of_one_version_is_not_opened_by_another(service, name):
    other = {"postgres": "18", "kafka": "3.9"}[name]
    folder, _ = service(name, "--version=" + {"postgres": "17", "kafka": "4.1"}[name])
    run(name, "stop", folder)
    refused = run(name, "start", folder, f"--version={other}", check=False)
    assert refused.returncode == 64
    assert "another folder" in refused.stderr


@pytest.mark.parametrize("name", ["postgres", "kafka"])
def test_help_goes_to_standard_output(name):
    done = subprocess.run([str(HERE / name), "--help"], stdout=subprocess.PIPE, text=True, check=True)
    assert "usage:" in done.stdout
