"""Splunk clients: python-splunk-logging, splunk-hec-handler, splunk-handler. As native.py has it; the token is in the environment."""

import json
import logging
import os
import urllib.parse

TOKEN = os.environ.get("INTEROP_TOKEN", "none")


def host_and_port(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port, parts.scheme


def with_forwarder(url, ca, certificate, key):
    host, port, scheme = host_and_port(url)
    # docs/clients.md: python-splunk-logging
    from splunk_logging.forwarders import HecForwarder

    hec = HecForwarder(host, port, TOKEN, use_ssl=scheme == "https", default_host="GW-3", indexer_ack=True, ack_poll_interval=1)

    def post(events):
        hec.forward_events(events, eventtime=lambda event: event["time"])

    # end
    return post


def with_hec_handler(url, ca, certificate, key):
    host, port, scheme = host_and_port(url)
    # docs/clients.md: splunk-hec-handler
    from splunk_hec_handler import SplunkHecHandler

    handler = SplunkHecHandler(host, TOKEN, port=port, proto=scheme, ssl_verify=ca or True, hostname="GW-3", empty_body=True)
    logger = logging.getLogger("hec")
    logger.addHandler(handler)
    # end
    return lambda events: [logger.error(event) for event in events]


def with_handler(url, ca, certificate, key):
    host, port, scheme = host_and_port(url)
    # docs/clients.md: splunk-handler
    from splunk_handler import SplunkHandler, force_flush

    handler = SplunkHandler(
        host, port, TOKEN, index="vehicles", protocol=scheme, verify=ca or False, hostname="GW-3",
        retry_count=8, retry_backoff=0.5, force_keep_ahead=True,
    )
    logger = logging.getLogger("splunk")
    logger.addHandler(handler)
    # end

    def post(events):
        for event in events:
            logger.error(json.dumps(event))
        force_flush()

    return post


CLIENTS = {"python-splunk-logging": with_forwarder, "splunk-hec-handler": with_hec_handler, "splunk-handler": with_handler}
