"""syslog_ng.py URL LEDGER [CA CERTIFICATE KEY]: the daemon reads the events of a ledger from a file and posts them by syslog-ng.conf.

Nobody is told of a batch: each is `ok` as soon as the daemon has got rid of it.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))

from harness import wait_until  # noqa: E402


def configuration(folder, url, size, tls):
    text = (HERE / "syslog-ng.conf").read_text()
    text = text.replace("/var/log/vehicle/events.ndjson", f"{folder}/events.ndjson").replace("https://vsocd.example:8443", url)
    text = text.replace("batch-lines(1000)", f"batch-lines({size})").replace("time-reopen(5)", "time-reopen(1)")
    text = text.replace("disk-buf-size(1Gb)", f'disk-buf-size(2Mb) dir("{folder}")')
    for name, path in zip(("ca.crt", "vehicle.crt", "vehicle.key"), tls):
        text = text.replace(f'"{name}"', f'"{path}"')
    return text if tls else re.sub(r"\n *tls\(.*\)", "", text)


def got_rid(control, environment, count):
    """Its counters say that no event is left."""
    done = subprocess.run([*control, "stats"], env=environment, stdout=subprocess.PIPE, text=True)
    counts = {line.split(";")[-2]: int(line.split(";")[-1]) for line in done.stdout.splitlines() if line.startswith("dst.http;d_vsocd")}
    return counts and counts["queued"] == 0 and counts["written"] + counts["dropped"] == count


def main(url, ledger, *tls):
    root = pathlib.Path(os.environ["INTEROP_PROGRAM"])
    libraries = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True).stdout.strip()
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{root}/lib/{libraries}:{root}/usr/lib/{libraries}:{root}/usr/lib/syslog-ng"}
    modules = next((root / "usr" / "lib" / "syslog-ng").glob("*.*/"))
    batches = [json.loads(line) for line in open(ledger)]
    with tempfile.TemporaryDirectory() as folder:
        events = [one for batch in batches for one in batch["events"]]
        pathlib.Path(folder, "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in events))
        pathlib.Path(folder, "syslog-ng.conf").write_text(configuration(folder, url, len(batches[0]["events"]), tls))
        own = {option: f"{folder}/{option}" for option in ("persist-file", "pidfile", "control")}
        options = [f"--{option}={path}" for option, path in own.items()]
        daemon = subprocess.Popen(
            [f"{root}/usr/sbin/syslog-ng", "-F", "--no-caps", "--stderr", f"--module-path={modules}", f"--cfgfile={folder}/syslog-ng.conf", *options],
            env=environment,
        )
        try:
            control = [f"{root}/usr/sbin/syslog-ng-ctl", f"--control={own['control']}"]
            wait_until(lambda: daemon.poll() is not None or got_rid(control, environment, len(events)), 60, "syslog-ng posting all")
        finally:
            daemon.kill()
            daemon.wait()
    for batch in batches:
        print(batch["marker"], "ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
