#!/usr/bin/python3
"""load-tests/plot.py RESULT.json... [--out FOLDER]: draws the charts of results of load-tests/run as SVG beside them."""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bench import plots  # noqa: E402

EXIT_USAGE = 64


def read(path):
    """A result document; an error names the file."""
    try:
        doc = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(doc, dict) or not {"scenario", "date", "contenders", "summary", "reference"} <= doc.keys():
        raise ValueError(f"{path}: no result of load-tests/run")
    return doc


def earlier_of(path, doc):
    """Results of the same scenario beside it, of earlier dates."""
    found = []
    for other in sorted(path.parent.glob(f"*-{doc['scenario']}.json")):
        if other.name < path.name:
            found.append(read(other))
    return found


def draw(path, folder):
    """Writes the charts of one result; returns their paths."""
    doc = read(path)
    written = []
    for name, text in plots.charts(doc, earlier_of(path, doc)).items():
        target = folder / f"{path.stem}-{name}.svg"
        target.write_text(text)
        written.append(target)
    return written


def main():
    parser = argparse.ArgumentParser(prog="load-tests/plot.py", description=__doc__)
    parser.add_argument("results", nargs="+", type=pathlib.Path, metavar="RESULT.json")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the charts; that of the result by default")
    options = parser.parse_args()
    try:
        for path in options.results:
            for written in draw(path, options.out or path.parent):
                print(written)
    except ValueError as error:
        print(f"plot.py: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
