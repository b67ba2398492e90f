"""Compares a ledger of load-tests/fleet with the stores of a server: python3 tests/crash/ledger --told FILE …; see --help."""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0:1] = [str(HERE.parent), str(HERE.parents[1] / "support")]

from ledger import LedgerError, check, kafka_store, postgres_store, pseudonyms, read_told, spool_store  # noqa: E402


def read_arguments():
    parser = argparse.ArgumentParser(prog="ledger", description="Compares what senders were told with what the stores hold.")
    parser.add_argument("--told", required=True, metavar="FILE", help="what load-tests/fleet --ledger wrote")
    parser.add_argument("--keys", required=True, metavar="FILE", help="privacy.keys_file of the server")
    parser.add_argument("--tenant", default="default", help="of the senders: pseudonyms differ by it (default)")
    parser.add_argument("--postgres", metavar="DSN")
    parser.add_argument("--kafka", metavar="BOOTSTRAP")
    parser.add_argument("--topics", metavar="P", default="vsoc.*.v1", help="their names, * stands for events and quarantine (vsoc.*.v1)")
    parser.add_argument("--spool", metavar="DIR")
    parser.add_argument("--vsocd", metavar="PROGRAM", default="vsocd", help="for --spool")
    return parser.parse_args()


def main():
    given = read_arguments()
    stores = []
    if given.spool:
        stores.append(spool_store((given.vsocd, given.spool)))
    if given.postgres:
        stores.append(postgres_store(given.postgres))
    if given.kafka:
        stores.append(kafka_store(given.kafka, given.topics))
    told = read_told(given.told)
    try:
        check(told, stores, pseudonym=pseudonyms(given.keys, given.tenant))
    except LedgerError as error:
        print(error)
        return 1
    print(f"{len(told)} events are in {', '.join(store.name for store in stores) or 'no store'} as they were told")
    return 0


sys.exit(main())
