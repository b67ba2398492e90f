"""`load-tests/run parse`: every format is measured; the figures themselves are not judged here."""

import json
import re
import subprocess

from harness import ROOT


def test_every_sample_of_every_format_is_measured(build):
    listed = subprocess.run([build / "vsocd", "formats", "--json"], capture_output=True, check=True).stdout
    names = [json.loads(line)["name"] for line in listed.splitlines()]
    samples = [path.name for name in names for path in sorted((ROOT / "deploy/samples").glob(f"{name}.*"))]
    command = [ROOT / "load-tests/run", "parse", "--build", build, "--seconds", "0.01", "--no-write"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (\w+\.\w+) \| (\d+) \| \*\*(\d+)\*\* \| (\d+) ", done.stdout, flags=re.M)
    assert [row[0] for row in rows] == samples
    assert all(int(value) > 0 for row in rows for value in row[1:])
