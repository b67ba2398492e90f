"""The sender's side: the file that load-tests/fleet writes, and the pseudonyms of vehicles."""

import functools
import hashlib
import hmac

from .content import Told


def read_told(path):
    """{event id: Told} in the order of the answers, from the file that fleet --ledger wrote. A last line without its end is left out: the
    generator was killed, or still runs."""
    told, vins, batches = {}, {}, {}
    with open(path) as lines:
        for line in lines:
            if not line.endswith("\n"):
                break
            event_id, batch, state, content, vin = line[:-1].split("\t")
            if state == "unlisted":
                raise ValueError(f"{path}: the report of batch {batch} names fewer events than it counts: send smaller batches")
            if event_id in told:
                raise ValueError(f"{path}: {event_id} stands twice")
            told[event_id] = Told(state, content, vins.setdefault(vin, vin), batches.setdefault(batch, batch))
    return told


def pseudonyms(keys_file, tenant="default"):
    """Function from a VIN to KEY-ID:PSEUDONYM, as a server with this privacy.keys_file makes it for the tenant (server/identity/pseudonym.c)."""
    with open(keys_file) as lines:
        keys = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    key_id, key = max((int(words[0]), bytes.fromhex(words[1])) for words in keys)
    key = hmac.new(key, b"vsocd vehicle pseudonym\0" + tenant.encode(), hashlib.sha256).digest()

    @functools.lru_cache(None)
    def make(vin):
        return f"{key_id}:{hmac.new(key, vin.encode(), hashlib.sha256).hexdigest()}"

    return make
