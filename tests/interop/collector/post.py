"""post.py URL LEDGER [CA CERTIFICATE KEY]: the collector takes the batches of a ledger as OTLP and hands them on as collector.yaml says.

Nobody is told of a batch: each is `ok` as soon as the collector has got rid of it.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))

from harness import HarnessError, free_port, wait_until  # noqa: E402


def configuration(folder, url, ports, tls):
    text = (HERE / "collector.yaml").read_text()
    text = text.replace("127.0.0.1:4318", f"127.0.0.1:{ports[0]}").replace("port: 8888", f"port: {ports[1]}")
    text = text.replace("https://vsocd.example:8443", url).replace("/var/lib/otelcol/queue", folder)
    for name, path in zip(("ca.crt", "vehicle.crt", "vehicle.key"), tls):
        text = text.replace(f" {name}\n", f" {path}\n")
    return text if tls else re.sub(r" +tls:\n( +\w+_file: .*\n)+", "", text)


def record(event):
    attributes = {"log.record.uid": event["id"], "vsoc.sensor_kind": event["sensor_kind"]}
    members = [{"key": name, "value": {"stringValue": text}} for name, text in attributes.items()]
    members += [{"key": name, "value": {"intValue": number}} for name, number in event["attributes"].items()]
    return {
        "timeUnixNano": "1795342502250000000", "severityNumber": 17, "body": {"stringValue": event["message"]}, "eventName": event["event_name"],
        "attributes": members,
    }


def give(port, events):
    """One batch, as an application would."""
    resource = {"service.name": events[0]["ecu_id"], "vehicle.vin": events[0]["vin"]}
    attributes = [{"key": name, "value": {"stringValue": text}} for name, text in resource.items()]
    logs = {"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [record(one) for one in events]}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/logs", json.dumps({"resourceLogs": [logs]}).encode(), {"Content-Type": "application/json"}
    )
    try:
        return urllib.request.urlopen(request, timeout=30).status == 200
    except urllib.error.URLError:
        return False


def got_rid(port, count):
    """Its counters say that no record is left."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        counts = re.findall(r"^otelcol_exporter_(?:sent|send_failed)_log_records\w*\{.*\} (\S+)$", reply.read().decode(), re.M)
    return sum(map(float, counts)) >= count


def alive(daemon):
    if daemon.poll() is not None:
        raise HarnessError(f"the collector ended with {daemon.returncode}")
    return True


def main(url, ledger, *tls):
    ports = free_port(), free_port()
    batches = [json.loads(line) for line in open(ledger)]
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "collector.yaml").write_text(configuration(folder, url, ports, tls))
        daemon = subprocess.Popen([os.environ["INTEROP_PROGRAM"], "--config", f"file:{folder}/collector.yaml"])
        try:
            for batch in batches:
                wait_until(lambda: alive(daemon) and give(ports[0], batch["events"]), 60, "the collector taking a batch")
            wait_until(lambda: got_rid(ports[1], sum(len(batch["events"]) for batch in batches)), 60, "the collector posting all")
        finally:
            daemon.kill()
            daemon.wait()
    for batch in batches:
        print(batch["marker"], "ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
