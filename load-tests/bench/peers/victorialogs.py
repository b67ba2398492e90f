"""VictoriaLogs: JSON lines in; it stores and indexes them, which the others leave to a database behind them."""

import json
import urllib.parse

from ..peer import Peer
from .collector import total


class VictoriaLogs(Peer):
    name = "VictoriaLogs"
    durability = "in memory for up to 5 s, then in synced files (its default)"
    settings = "JSON lines in gzip; one stream an ECU, so few streams; it indexes every field, and stores the events: no further database is needed"
    scenarios = ("accept",)
    program, package = "victoria-logs", "victorialogs"
    form, target = "ndjson", "/insert/jsonline?_stream_fields=ecu_id&_time_field=time&_msg_field=message"

    def command(self, port, folder, run):
        return [self.path(), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=10y", "-loggerLevel=WARN"]

    def count(self):
        """Events that it says it has taken; of all that, what a query finds, for taken is not yet found."""
        query = urllib.parse.quote("* | stats count() n")
        found = int(json.loads(self.page(self.port, f"/select/logsql/query?query={query}"))["n"])
        return min(found, total(self.page(self.port, "/metrics"), "vl_rows_ingested_total"))
