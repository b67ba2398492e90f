"""The ledger: what senders were told, against what PostgreSQL, Kafka and the spool hold, event by event and by content.

content.py  what of an event is compared, and its hash
told.py     the sender's side: fleet's ledger, vehicles and their pseudonyms
stores.py   what each store holds, read from its own representation
check.py    the comparison

Stores are streams: a comparison takes about 600 bytes of memory for each event that was told, however many stores there are.
"""

from .check import LedgerError, check
from .content import Entry, Store, Told, content_of, content_of_reject, content_of_sent
from .stores import kafka_store, postgres_store, spool_store
from .told import pseudonyms, read_told

__all__ = [
    "Entry", "LedgerError", "Store", "Told", "check", "content_of", "content_of_reject", "content_of_sent",
    "kafka_store", "postgres_store", "pseudonyms", "read_told", "spool_store",
]
