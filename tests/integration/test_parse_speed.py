"""`load-tests/run parse`: every format is measured; the figures themselves are not judged here."""

import json
import re
import subprocess

from harness import ROOT


def test_every_format_that_has_a_sample_is_measured(build):
    listed = subprocess.run([build / "vsocd", "formats", "--json"], capture_output=True, check=True).stdout
    samples = {path.name.split(".")[0] for path in (ROOT / "deploy/samples").iterdir()}
    names = [name for name in (json.loads(line)["name"] for line in listed.splitlines()) if name in samples]
    command = [ROOT / "load-tests/run", "parse", "--build", build, "--seconds", "0.01", "--no-write"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (\w+) \| (\d+) \| \*\*(\d+)\*\* \| (\d+) ", done.stdout, flags=re.M)
    assert [row[0] for row in rows] == names
    assert all(int(value) > 0 for row in rows for value in row[1:])
