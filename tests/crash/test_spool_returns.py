"""A spool restored from an older copy: its sinks are further than it, and it gives their positions to other batches."""

import copy
import shutil

import pytest

from harness import deep_update, free_port
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store
from load import Sender

NOT_OURS = "does not belong to this spool's history"


@pytest.fixture
def stack(make_stack, tmp_path):
    sinks = {"postgres": {"connections": 3}, "file": {"enabled": True, "path": str(tmp_path / "events.ndjson")}}
    return make_stack({"sinks": sinks, "log": {"format": "json"}})


def take_away(server, folder):
    """Nobody is where the sinks go to; returns what brings them back."""
    before = copy.deepcopy(server.settings)
    away = {
        "postgres": {"dsn": f"host=127.0.0.1 port={free_port()} dbname=vsoc user=vsoc_ingest"},
        "kafka": {"properties": {"bootstrap.servers": f"127.0.0.1:{free_port()}"}},
        "file": {"path": str(folder / "nobody" / "events.ndjson")},
    }

    def use(settings):
        server.settings = settings
        server.write_config()

    use(deep_update(copy.deepcopy(before), {"sinks": away}))
    return lambda: use(before)


def send(sender, batches):
    for _ in range(batches):
        assert sender.send(sender.events(5)).status == 200


def compare(stack, sender, gone):
    """The sinks hold everything, the spool all but what was received between the copy and its return."""
    server = stack.server
    server.wait_for_sinks(180)
    keys = pseudonyms(server.settings["privacy"]["keys_file"])
    stores = [postgres_store(stack.database), kafka_store(stack.services.bootstrap, stack.topics)]
    check(sender.told, stores, sender.sent, keys)
    kept = {event: told for event, told in sender.told.items() if event not in gone}
    check(kept, [spool_store(server)], kept, keys)
    with open(server.settings["sinks"]["file"]["path"]) as lines:
        assert sum('"audit_uid"' not in line for line in lines) == len(sender.told)


@pytest.mark.parametrize("more", (5, 20, 45), ids=("fewer than were lost", "as many", "more"))
def test_what_comes_after_the_restore_is_delivered_however_far_the_sinks_were(stack, tmp_path, more):
    server, sender = stack.server, Sender(stack.server)
    data, older = server.spool_dir.parent, tmp_path / "older"
    send(sender, 5)
    server.wait_for_sinks()
    server.terminate()
    shutil.copytree(data, older)
    before = set(sender.told)
    server.start()
    send(sender, 20)
    server.wait_for_sinks()
    server.terminate()
    gone = set(sender.told) - before
    shutil.rmtree(data)
    shutil.copytree(older, data)
    bring_back = take_away(server, tmp_path)
    server.start()
    send(sender, more)
    server.terminate()
    bring_back()
    server.start()
    compare(stack, sender, gone)
    said = [line for line in server.log().splitlines() if NOT_OURS in line]
    assert sorted(sink for sink in ("file", "kafka", "postgres") for line in said if f'"sink":"{sink}"' in line) == ["file", "kafka"] + 3 * ["postgres"]
    server.terminate()
    server.start()
    send(sender, 5)
    compare(stack, sender, gone)
    assert server.log().count(NOT_OURS) == len(said)
