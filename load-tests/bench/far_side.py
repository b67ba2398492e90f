"""Where peers bring events: a topic and a table made for one round, and how many events have come there."""

import json
import socket
import subprocess
import threading
import urllib.parse

from rig import RigError

PARTITIONS = 6  # as the Kafka sink makes its topic of events


class Topic:
    def __init__(self, bootstrap, name):
        from confluent_kafka import Consumer, KafkaException
        from confluent_kafka.admin import AdminClient, NewTopic

        self.bootstrap, self.name = bootstrap, name
        admin = AdminClient({"bootstrap.servers": bootstrap})
        try:
            admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
        except KafkaException as error:
            raise RigError(f"topic {name}: {error}") from error
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"count-{name}", "enable.auto.commit": False})

    def count(self):
        from confluent_kafka import TopicPartition

        ends = (self.consumer.get_watermark_offsets(TopicPartition(self.name, number), timeout=20) for number in range(PARTITIONS))
        return sum(high - low for low, high in ends)

    def close(self):
        self.consumer.close()


class Table:
    """One column of text and no index: the least that a peer's INSERT can cost."""

    COLUMNS = "received_at timestamptz NOT NULL DEFAULT now(), event text NOT NULL"

    def __init__(self, dsn, columns=COLUMNS):
        self.dsn, self.size, self.rows = dsn, -1, 0
        self._sql(f"CREATE TABLE peer_events ({columns})")

    def words(self):
        """The DSN's parts by name."""
        return dict(word.split("=", 1) for word in self.dsn.split())

    def close(self):
        """Nothing is open; the table goes with its database."""

    def count(self):
        """Rows are only counted while the table does not grow: counting would cost PostgreSQL more than the size does."""
        size = int(self._sql("SELECT pg_relation_size('peer_events')"))
        if size == self.size and size > 0:
            self.rows = int(self._sql("SELECT count(*) FROM peer_events"))
        self.size = size
        return self.rows

    def uri(self):
        """The DSN as a URI, for programs that take no spaces."""
        words = self.words()
        return f"postgresql:///{words.pop('dbname')}?" + urllib.parse.urlencode(words)

    def _sql(self, statement):
        done = subprocess.run(["psql", self.dsn, "-XqAtc", statement], capture_output=True, text=True)
        if done.returncode != 0:
            raise RigError(f"{statement}: {done.stderr}")
        return done.stdout.strip()


class LineSink:
    """A TCP server that counts lines and forgets them; a thread for each connection."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.lines, self.lock = 0, threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        room = bytearray(1 << 20)
        with connection:
            while got := connection.recv_into(room):
                found = room.count(b"\n", 0, got)
                with self.lock:
                    self.lines += found

    def count(self):
        return self.lines

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def last_json_lines(text):
    """{name: object} of lines that hold a JSON object with a name, the last of each; text before the object is a time."""
    found = {}
    for line in text.splitlines():
        start = line.find("{")
        if start >= 0:
            try:
                entry = json.loads(line[start:])
            except json.JSONDecodeError:  # the line that is being written
                continue
            found[entry.get("name")] = entry
    return found
