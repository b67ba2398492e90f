"""docs/formats.md against the program: formats, categories and codes are all named there."""

import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "formats.md").read_text()


def sources():
    return "".join(path.read_text() for path in sorted((ROOT / "parsers").rglob("*.[ch]")))


def listed(build):
    run = subprocess.run([build / "vsocd", "formats", "--json"], capture_output=True, check=True, timeout=30)
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_every_format_has_a_section_and_its_content_types(build):
    for f in listed(build):
        assert f"\n## {f['name']}" in PAGE, f["name"]
        for content_type in f["content_types"]:
            assert f"`{content_type}`" in PAGE


def test_formats_as_text_lists_the_same(build):
    text = subprocess.run([build / "vsocd", "formats"], capture_output=True, check=True, timeout=30).stdout.decode()
    assert re.findall(r"^\w+(?= )", text, re.MULTILINE) == [f["name"] for f in listed(build)]
    assert subprocess.run([build / "vsocd", "formats", "--xml"], capture_output=True, check=False).returncode == 64


def test_every_category_is_listed():
    rows = re.findall(r'X\("(\w+)", +"([^"]+)"\)', (ROOT / "parsers/catalog/category.h").read_text())
    assert len(rows) >= 20
    for name, meaning in rows:
        assert f"| `{name}` | {meaning} |" in PAGE


def test_every_code_is_explained():
    """Each row that a parser names; tests/check_docs.py has the page's tables from the same rows."""
    codes = set(re.findall(r"\bRECORD_([a-z]\w*)", sources())) - {"out_of_memory"}
    assert {"bad_vin", "truncated", "count_zero", "message_cut", "too_deep"} <= codes
    missing = {code for code in codes if f"| `{code}` | " not in PAGE}
    assert not missing


def test_parse_says_how_it_is_used(build, tmp_path):
    vsocd = build / "vsocd"
    missing = tmp_path / "missing"
    for arguments, code, words in (
            ([], 64, b"usage"), (["--format"], 64, b"usage"), (["--format", "nope"], 64, b"vsocd formats"),
            (["--format", "cef", "--received", "now"], 64, b"RFC 3339"), (["--format", "qsev", "--framing", "u8"], 64, b"u16"),
            (["--format", "cef", "a", "b"], 64, b"usage"), (["--format=cef", missing], 1, b"not found")):
        run = subprocess.run([vsocd, "parse", *arguments], input=b"", capture_output=True, check=False, timeout=30)
        assert run.returncode == code and words in run.stderr, (arguments, run)
    run = subprocess.run([vsocd, "parse", "--format", "vsoc_json", "-"], input=b'{"message":"m"}', capture_output=True, check=False)
    assert run.returncode == 0 and json.loads(run.stdout)["message"] == "m"


def test_length_prefixed_messages_are_parsed(build):
    message = bytes.fromhex("1000408001000300")
    for framing, size in (("u16", 2), ("u32", 4)):
        body = b"".join(len(message).to_bytes(size, "big") + message for _ in range(3))
        run = subprocess.run([build / "vsocd", "parse", "--format", "qsev", "--framing", framing], input=body,
                             capture_output=True, check=True, timeout=30)
        assert [json.loads(line)["raw_offset"] for line in run.stdout.splitlines()] == \
            [size + i * (size + 8) for i in range(3)]


def test_quickstart_posts_every_format(build):
    samples = re.search(r"^samples='\n(.*?)'$", (ROOT / "deploy" / "quickstart").read_text(), re.MULTILINE | re.DOTALL)[1]
    of_headers = {"cloudevents_binary"}  # its attributes are headers, which no file has
    assert {line.split()[0] for line in samples.splitlines()} == {f["name"] for f in listed(build)} - of_headers
