"""What the tests of Kafka faults share: traffic that goes on during the fault, and what a server must say and do meanwhile."""

import re
import threading

from harness import SLOWEST, Services, wait_until
from load import Sender

KAFKA, POSTGRES = 'sink="kafka"', 'sink="postgres"'


class KafkaServices(Services):
    """A Kafka of the test module's own, beside the session's PostgreSQL."""

    def __init__(self, folder, others, *options):
        super().__init__(folder, kafka_options=options)
        self.others = others

    def address(self, name):
        return self.others.dsn if name == "postgres" else super().address(name)

    @property
    def folder_of_kafka(self):
        return self.folder / "kafka"


class Traffic(threading.Thread):
    """One vehicle's batches, one after the other, until it is ended."""

    def __init__(self, server, events=10):
        super().__init__(daemon=True)
        self.sender, self.events = Sender(server), events
        self.ended, self.failed = threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.ended.wait(0.02):
                reply = self.sender.send(self.sender.events(self.events))
                assert reply is not None and reply.status == 200, f"a batch was answered with {reply}"
        except Exception as error:  # for the test's own thread
            self.failed = error

    def more(self, batches=10):
        """Returns after so many more batches were acknowledged."""
        goal = len(self.sender.told) + batches * self.events
        wait_until(lambda: self.failed or len(self.sender.told) >= goal, 60, "more traffic")
        self.check()

    def check(self):
        if self.failed:
            raise self.failed

    def end(self):
        self.ended.set()
        self.join(120 * SLOWEST)
        self.check()
        assert not self.is_alive(), "the last batch has no answer"
        return self.sender.told


class Rig:
    """A stack under traffic."""

    def __init__(self, stack):
        self.stack, self.server = stack, stack.server
        self.traffic = Traffic(self.server)
        self.seen = 0  # what of the log was read

    def up(self):
        return self.server.metric("vsocd_sink_up", KAFKA) == 1

    def log(self):
        """What the log said since it was last asked."""
        text = self.server.log()
        new, self.seen = text[self.seen :], len(text)
        return new

    def said(self, words):
        return words in self.server.log()[self.seen :]

    def others_go_on(self):
        """Batches are acknowledged, and PostgreSQL has those of now within moments."""
        self.traffic.more()
        position = self.server.metric("vsocd_spool_position")
        wait_until(lambda: self.server.metric("vsocd_sink_position", POSTGRES) >= position, 20, "PostgreSQL having what Kafka misses")

    def down(self, words, seconds=60):
        """Waits until the server says what is wrong; nothing else suffers."""
        wait_until(lambda: self.said(words), seconds, f"'{words}' in the log")
        wait_until(lambda: not self.up(), 20, "vsocd_sink_up 0")
        assert words in self.server.get("/readyz?verbose").body.decode() or self.said(words)
        self.others_go_on()
        assert self.server.metric("vsocd_sink_lag_events", KAFKA) > 0

    def back(self, seconds=90):
        """Waits until Kafka has everything of now."""
        position = self.server.metric("vsocd_spool_position")
        wait_until(lambda: self.server.metric("vsocd_sink_position", KAFKA) >= position, seconds, "Kafka's recovery")
        wait_until(self.up, 20, "vsocd_sink_up 1")

    def passed(self, seconds=90):
        """The fault is over: Kafka recovers, and of the fault no line of the log was repeated while it lasted."""
        self.back(seconds)
        told = re.findall(r"(?:needs operator action|is unavailable|is back).*sink=kafka(?:.*?problem=(.*))?", self.log())
        assert all(one != other for one, other in zip(told, told[1:]) if one), told
        assert len(told) < 30, told

    def end(self):
        """Everything is where it belongs."""
        self.traffic.more()
        self.stack.compare(self.traffic.end(), waited=True)
