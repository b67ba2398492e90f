"""Benthos: HTTP in; nothing and a file out. Its outputs for Kafka and SQL are in a distribution with another licence."""

import json

from ..peer import CORES, Peer

DROP, FILE = "  drop: {}", "  file: { path: @folder@/events, codec: lines }"
INPUT = "http_server, gzip, cut into lines; a pipeline thread a core; the JSON stays one text"


class Benthos(Peer):
    program, package = "benthos", "benthos"
    form, target = "lines", "/post"
    scenarios = ("accept",)
    output = DROP

    def command(self, port, folder, run):
        output = self.output.replace("@folder@", str(folder))
        config = self.write_config(folder, "benthos/benthos.yaml", port=port, admin=self.new_admin(), cores=CORES, output=output)
        return [self.path(), "run", str(config)]

    def count(self):
        return sent(self.page(self.admin, "/stats"))


def sent(page):
    """output_sent of the JSON metrics."""
    return int(sum(value for name, value in json.loads(page).items() if name.startswith("output_sent{")))


class Drop(Benthos):
    name = "Benthos, memory"
    durability = "none: answered when it is dropped"
    settings = f"{INPUT}; output drop"


class File(Benthos):
    name = "Benthos, file"
    durability = "in the page cache: answered when its lines are written, without sync"
    settings = f"{INPUT}; output file"
    output = FILE
