"""A server with its sinks that can be compared with a ledger."""

import uuid

from harness import deep_update, topics_of
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store


class Stack:
    """A server with its sinks, topics and database of its own; .server is running."""

    def __init__(self, make_server, services, settings, postgres, kafka, **options):
        self.services, name = services, uuid.uuid4().hex[:8]
        self.topics = topics_of(name) if kafka else None
        self.database = services.new_database() if postgres else None
        sinks = {"kafka": {"enabled": kafka}, "postgres": {"enabled": postgres}}
        if kafka:
            sinks["kafka"] |= {"topics": self.topics, "properties": {"bootstrap.servers": services.bootstrap}}
        if postgres:
            sinks["postgres"]["dsn"] = self.database
        base = {"sinks": sinks, "log": {"level": "info", "format": "text"}}
        self.server = make_server(deep_update(base, settings or {}), **options)

    def stores(self):
        yield spool_store(self.server)
        if self.database:
            yield postgres_store(self.database)
        if self.topics:
            yield kafka_store(self.services.bootstrap, self.topics)

    def compare(self, told, sent=None, seconds=180, waited=False, tenant="default"):
        """Waits until the sinks have all and raises LedgerError unless every store holds exactly what was told."""
        self.server.wait_for_sinks(seconds)
        check(told, self.stores(), sent, pseudonyms(self.server.settings["privacy"]["keys_file"], tenant), waited)
