"""post.py CLIENT URL LEDGER [CA CERTIFICATE KEY]: posts the batches of a ledger with a client library.

A line of the ledger is {"marker", "events"}. A line of stdout is a batch's marker and what the library said of it: `ok`, or `error` and why.
"""

import json
import sys

import cloudevents_
import hec
import native
import otlp

CLIENTS = {**native.CLIENTS, **otlp.CLIENTS, **cloudevents_.CLIENTS, **hec.CLIENTS}


def main(client, url, ledger, ca=None, certificate=None, key=None):
    post = CLIENTS[client](url, ca, certificate, key)
    for line in open(ledger):
        batch = json.loads(line)
        try:
            post(batch["events"])
            print(batch["marker"], "ok", flush=True)
        except Exception as error:  # whatever the library tells
            print(batch["marker"], "error", repr(error)[:200], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
