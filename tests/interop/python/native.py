"""Clients of POST /v1/events: requests, httpx, aiohttp. Each is a function (url, ca, certificate, key) that gives a function of a batch's events."""

import asyncio
import gzip
import json
import ssl
import zlib


def ndjson(events):
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def with_requests(url, ca, certificate, key):
    # docs/clients.md: requests
    import requests
    from urllib3.util import Retry

    session = requests.Session()
    again = Retry(total=8, status_forcelist=[408, 409, 429, 503], allowed_methods=None, backoff_factor=0.5)
    session.mount("https://", requests.adapters.HTTPAdapter(max_retries=again))

    def post(events):
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        reply = session.post(url + "/v1/events", data=gzip.compress(ndjson(events), mtime=0), headers=headers, timeout=60, verify=ca, cert=(certificate, key))
        reply.raise_for_status()
        return reply.json()

    # end
    session.mount("http://", session.get_adapter("https://"))
    return post


def with_httpx(url, ca, certificate, key):
    # docs/clients.md: httpx
    import httpx
    import zstandard

    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    client = httpx.Client(base_url=url, verify=context, timeout=60)

    def post(events):
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "zstd"}
        reply = client.post("/v1/events", content=zstandard.compress(ndjson(events)), headers=headers)
        reply.raise_for_status()
        return reply.json()

    # end
    return post


def with_aiohttp(url, ca, certificate, key):
    loop = asyncio.new_event_loop()
    # docs/clients.md: aiohttp
    import aiohttp

    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)

    async def open_session():
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), raise_for_status=True)

    async def post(session, events):
        headers = {"Content-Type": "application/json", "Content-Encoding": "deflate"}
        async with session.post(url + "/v1/events", data=zlib.compress(json.dumps(events).encode()), headers=headers) as reply:
            return await reply.json()

    # end
    session = loop.run_until_complete(open_session())
    return lambda events: loop.run_until_complete(post(session, events))


CLIENTS = {"requests": with_requests, "httpx": with_httpx, "aiohttp": with_aiohttp}
