#!/usr/bin/python3
"""The three public headers against their ABI as committed: tests/abi/HEADER-VERSION.xml, made and compared by libabigail.

Run by pytest (tests/run lint). `tests/check_abi.py --write` writes the files of the present versions. What was released is never
written anew: a changed structure raises the version of its header, and plug-ins of the old one are refused instead of crashing.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = ROOT / "tests" / "abi"
HEADERS = {"event": "core/event.h", "parser": "parsers/parser.h", "sink": "storage/sink.h"}
TYPE = re.compile(r"^(struct|enum) (\w+) \{", flags=re.M)


def run(*command, **options):
    assert shutil.which(command[0]), f"{command[0]} is missing: run deploy/install-deps --test"
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)


def checked(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def types_of(name, text):
    """Its own types: those of event.h have a file of their own."""
    own = TYPE.findall(text)
    return own if name != "event" else own + [("struct", "slice"), ("struct", "slice_list")]


def describe(name, text, out):
    """Writes the ABI of a header with this text."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = pathlib.Path(folder, "abi.c"), pathlib.Path(folder, "libabi.so")
        uses = "".join(f"{kind} {type_name} abi_{type_name};\n" for kind, type_name in types_of(name, text))
        source.write_text(text + uses)
        checked("cc", "-std=c11", "-g", "-shared", "-fPIC", f"-I{ROOT}", "-o", library.name, source.name, cwd=folder)
        checked(
            "abidw", "--no-architecture", "--no-corpus-path", "--no-show-locs", "--no-comp-dir-path", "--no-elf-needed",
            "--no-parameter-names", "--type-id-style", "hash", "--out-file", out, library,
        )


def text_of(name):
    return (ROOT / HEADERS[name]).read_text()


def committed(name):
    version = re.search(rf"^#define VSOC_{name.upper()}_ABI +(\d+)$", text_of(name), flags=re.M)
    return FILES / f"{name}-{version[1]}.xml"


def difference(name, old, new):
    """What libabigail says; "" when they are the same. struct event is looked at with event.h."""
    with tempfile.NamedTemporaryFile("w", suffix=".suppr") as rules:
        if name != "event":
            rules.write("[suppress_type]\n  type_kind = struct\n  name_regexp = ^(event.*|slice.*)$\n")
            rules.flush()
        done = run("abidiff", "--no-show-locs", "--suppressions", rules.name, old, new)
        assert done.returncode & 3 == 0, done.stderr
        return done.stdout if done.returncode else ""


@pytest.mark.parametrize("name", HEADERS)
def test_a_public_header_is_what_its_version_says(name, tmp_path):
    file = committed(name)
    advice = "raise its version if that was released, then run tests/check_abi.py --write"
    assert file.exists(), f"{file.name} is missing: run tests/check_abi.py --write"
    describe(name, text_of(name), tmp_path / "now.xml")
    changed = difference(name, file, tmp_path / "now.xml")
    assert not changed, f"{HEADERS[name]} has changed: {advice}\n{changed}"


@pytest.mark.parametrize(
    "name,old,new",
    [
        ("event", "    struct slice vin;", "    struct slice vin, plate;"),
        ("parser", "    uint32_t event_size;", "    uint64_t event_size;"),
        ("parser", "    size_t json_depth;\n    size_t event_bytes;", "    size_t event_bytes;\n    size_t json_depth;"),
        ("parser", "    PARSER_OK, ", "    PARSER_DONE, PARSER_OK, "),
        ("sink", "    unsigned lane, lanes;", "    unsigned lanes;"),
    ],
)
def test_a_changed_structure_is_noticed(name, old, new, tmp_path):
    text = text_of(name)
    assert old in text
    describe(name, text.replace(old, new), tmp_path / "changed.xml")
    assert difference(name, committed(name), tmp_path / "changed.xml")


def is_released(path):
    tags = run("git", "tag", "--list", "v*", cwd=ROOT).stdout.split()
    return any(run("git", "cat-file", "-e", f"{tag}:{path.relative_to(ROOT)}", cwd=ROOT).returncode == 0 for tag in tags)


def write():
    FILES.mkdir(exist_ok=True)
    for name in HEADERS:
        file = committed(name)
        if is_released(file):
            print(f"{file.name} was released and stays")
            continue
        describe(name, text_of(name), file)
        print(f"wrote {file.relative_to(ROOT)}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    write()
