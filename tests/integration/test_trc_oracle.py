"""The example plug-in against python-can: it reads what python-can writes, and both read the same in traces of every version.

python-can knows neither remote frames nor error frames in traces, and writes no CAN FD; of FD it takes other flags than the format says.
"""

import base64
import json
import os
import random
import shutil
import subprocess

import pytest

import fetched

WRITE = """
import json, sys, can
from can.io.trc import TRCFileVersion, TRCWriter
writer = TRCWriter(sys.argv[1])
writer.file_version = TRCFileVersion[sys.argv[2]]
for frame in json.load(sys.stdin):
    frame["data"] = bytes.fromhex(frame["data"])
    writer.on_message_received(can.Message(**frame))
writer.stop()
"""

READ = """
import json, sys
from can.io.trc import TRCReader
for m in TRCReader(sys.argv[1]):
    print(json.dumps([m.timestamp, m.arbitration_id, m.is_extended_id, m.is_rx, m.is_fd, m.channel, bytes(m.data).hex()]))
"""

START = 43008.9209860069
SIZES = [*range(9), 12, 16, 20, 24, 32, 48, 64]


@pytest.fixture(scope="module")
def python_can():
    """python_can(SCRIPT, …) → what the script prints, with python-can at hand."""

    def call(script, *words, **options):
        command = [fetched.PYTHON, "-c", script, *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(fetched.python_packages())}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def read(build, tmp_path):
    """read(FILE) → the events that the plug-in makes of it; nothing may be quarantined."""
    plugin = tmp_path / "trc.so"
    shutil.copy(build / "parsers/example-plugin/trc.so", plugin)
    plugin.chmod(0o755)

    def call(path):
        done = subprocess.run([build / "vsocd", "parse", "--plugin", plugin, "--format", "trc", path], capture_output=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    return call


def frames(count, fd):
    draw = random.Random(7)
    time = 1506809173.25
    for _ in range(count):
        extended, is_fd = draw.random() < 0.4, fd and draw.random() < 0.5
        size = draw.choice(SIZES if is_fd else SIZES[:9])
        time += draw.randrange(1, 2000000) / 1e6
        yield {
            "timestamp": time,
            "arbitration_id": draw.randrange(1 << (29 if extended else 11)),
            "is_extended_id": extended,
            "is_fd": is_fd,
            "bitrate_switch": is_fd and draw.random() < 0.5,
            "error_state_indicator": is_fd and draw.random() < 0.5,
            "is_rx": draw.random() < 0.5,
            "channel": draw.randrange(1, 5),
            "dlc": size,
            "data": draw.randbytes(size).hex(),
        }


def data_of(event):
    return base64.b64decode(event.get("context_raw", "")).hex()


@pytest.mark.parametrize("version", ["V1_0", "V2_1"])
def test_what_python_can_writes_is_read(python_can, read, tmp_path, version):
    sent = list(frames(300, fd=False))
    trace = tmp_path / "written.trc"
    python_can(WRITE, trace, version, input=json.dumps(sent))
    got = read(trace)
    assert len(got) == len(sent)
    for event, frame in zip(got, sent):
        assert (int(event["can_id"]), event["can_flags"]) == (frame["arbitration_id"], frame["is_extended_id"])
        assert data_of(event) == frame["data"]
        if version == "V2_1":
            assert event["attributes"]["direction"] == ("rx" if frame["is_rx"] else "tx")
            assert event["bus_id"] == str(frame["channel"] + 1)  # it counts them from 0


LINES = {
    "1.1": "{n:6})  {offset:9.1f}  {rx}  {id}  {dlc}  {data}",
    "1.3": "{n:6})  {offset:9.1f} {bus} {rx} {id} - {dlc} {data}",
    "2.0": "{n:7} {offset:12.3f} {type} {id} {rx} {length} {data}",
    "2.1": "{n:7} {offset:12.3f} {type} {bus} {id} {rx} - {dlc} {data}",
}


def trace_of(version):
    lines = [f";$FILEVERSION={version}", f";$STARTTIME={START}"]
    lines += {"2.0": [";$COLUMNS=N,O,T,I,d,l,D"], "2.1": [";$COLUMNS=N,O,T,B,I,d,R,L,D"]}.get(version, [])
    types = {(False, False): "FD", (True, False): "FB", (False, True): "FE", (True, True): "BI"}
    for n, frame in enumerate(frames(300, fd=version[0] == "2"), 1):
        data = " ".join(frame["data"][i : i + 2] for i in range(0, len(frame["data"]), 2)).upper()
        kind = types[frame["bitrate_switch"], frame["error_state_indicator"]] if frame["is_fd"] else "DT"
        lines.append(
            LINES[version].format(
                n=n, offset=1000 * (frame["timestamp"] - 1506809173), type=kind, bus=frame["channel"],
                id=f"{frame['arbitration_id']:0{8 if frame['is_extended_id'] else 4}X}", rx="Rx" if frame["is_rx"] else "Tx",
                dlc=SIZES.index(frame["dlc"]), length=frame["dlc"], data=data,
            )
        )
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("version", LINES)
def test_both_read_the_same(python_can, read, tmp_path, version):
    trace = tmp_path / "made.trc"
    trace.write_text(trace_of(version), newline="")
    theirs = [json.loads(line) for line in python_can(READ, trace).splitlines()]
    ours = read(trace)
    assert len(ours) == len(theirs) == 300
    for event, (time, can_id, extended, rx, fd, bus, data) in zip(ours, theirs):
        flags = event["can_flags"]
        assert (int(event["can_id"]), bool(flags & 1), bool(flags & 8)) == (can_id, extended, fd)
        assert event["attributes"]["direction"] == ("rx" if rx else "tx")
        assert data_of(event) == data
        assert abs(int(event["time_event_ns"]) / 1e9 - time) < 1e-4
        if version in ("1.3", "2.1"):
            assert event["bus_id"] == str(bus)
