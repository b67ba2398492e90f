"""Senders that keep a ledger: Load is load-tests/fleet, Sender posts from Python and can say what it sent."""

import http.client
import json
import subprocess
import time
import uuid

from harness import SLOWEST, HarnessError, event, ndjson
from ledger import Told, content_of_reject, content_of_sent, read_told

NAME = "SEV_UDS_SECURITY_ACCESS_FAILED"


def told_of(events, state="accepted"):
    """{event id: Told} of native events, or of a body that holds them: their content is known when they say what else the server derives
    (event_name=NAME)."""
    if isinstance(events, bytes):
        events = [json.loads(line) for line in events.splitlines()]
    return {one["id"]: Told(state, content_of_sent(one), one.get("vin")) for one in events}


class Load:
    """load-tests/fleet against a server, with its ledger. Further options are those of fleet: bad_every=100."""

    def __init__(self, build, server, folder, events, connections=200, rate=0, batch=50, vehicles=500, seed=7, retry_for=600, **options):
        name = uuid.uuid4().hex[:8]
        self.ledger, self.log = folder / f"ledger-{name}.tsv", folder / f"fleet-{name}.log"
        options |= {"url": server.url, "events": events, "batch": batch, "connections": connections, "vehicles": vehicles, "rate": rate}
        options |= {"ledger": self.ledger, "retry_for": retry_for, "seed": seed}
        command = [str(build / "fleet")]
        for option, value in options.items():
            command += ["--" + option.replace("_", "-"), str(value)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    @property
    def running(self):
        return self.process.poll() is None

    def told(self):
        """What was told so far, of the answers that have reached the file."""
        return read_told(self.ledger)

    def finish(self, seconds=700):
        """Waits until every event has its answer; what was told."""
        if self.process.wait(seconds * SLOWEST) != 0:
            raise HarnessError(self.log.read_text()[-3000:])
        return self.told()

    def stop(self):
        if self.running:
            self.process.kill()
            self.process.wait()


class Sender:
    """Posts batches with an Idempotency-Key, one after the other, each until it is answered. .told and .sent are {event id: Told}."""

    def __init__(self, server, vin="1M8GDM9AXKP042788", seconds=60):
        self.server, self.vin, self.seconds = server, vin, seconds
        self.told, self.sent, self.retries = {}, {}, 0
        self.count = 0

    def events(self, number, **fields):
        """So many new events, with ids of their own."""
        made = [event(self.count + n, vin=self.vin, event_name=NAME, **fields) for n in range(number)]
        for one in made:
            one["id"] = f"{self.vin[9:]}-{one['id']}"
        self.count += number
        return made

    def send(self, events, seconds=None, **headers):
        """Posts them as one batch and returns the reply; the last one when it was refused for good or the time is over (None: no answer). seconds: as for
        wait_until; 0 is one try."""
        self.sent.update(told_of(events, "sent"))
        headers.setdefault("Idempotency_Key", uuid.uuid4().hex)
        deadline = time.monotonic() + (self.seconds if seconds is None else seconds) * SLOWEST
        while True:
            reply = self._post(ndjson(events), headers)
            if reply and reply.status == 200:
                self._note(events, reply.json)
                return reply
            if (reply and reply.status < 500 and reply.status not in (408, 409, 429)) or time.monotonic() > deadline:
                return reply
            self.retries += 1
            time.sleep(0.05)  # between two tries

    def _post(self, body, headers):
        try:
            return self.server.post(body, **headers)
        except (OSError, http.client.HTTPException):
            return None

    def _note(self, events, report):
        refused = {one["index"]: one["code"] for one in report["errors"]}
        state = "duplicate" if report["duplicates"] else "accepted"
        for index, one in enumerate(events):
            told = self.sent[one["id"]]._replace(state=state, batch=report["batch_id"])
            if index in refused:
                told = told._replace(state="quarantined", content=content_of_reject(ndjson([one]).rstrip(), refused[index]))
            self.told[one["id"]] = told
