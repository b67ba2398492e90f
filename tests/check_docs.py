#!/usr/bin/python3
"""Documents against the program and the tree, and the rules of the tree itself.

Run by pytest (tests/run lint). `tests/check_docs.py --write` writes the generated pages anew.
"""

import collections
import os
import pathlib
import re
import subprocess
import sys

from rooms import ROOMS, circles, first_page_line, table

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = pathlib.Path(os.environ.get("VSOCD_BUILD", ROOT / "build/dev")) / "vsocd"

GENERATED = {
    "docs/configuration.md": "config",
    "docs/metrics.md": "metrics",
    "docs/events.md": "events",
    "docs/vsoc-audit.schema.json": "schema-audit",
    "docs/vsoc-event.schema.json": "schema",
    "docs/vsoc-event-out.schema.json": "schema-out",
    "docs/vsoc-event-lean.schema.json": "schema-lean",
    "docs/vsoc-event-ecs.schema.json": "schema-ecs",
    "docs/vsoc-event-ocsf.schema.json": "schema-ocsf",
    "docs/man/vsocd.8": "vsocd.8",
    "docs/man/vsocd.yaml.5": "vsocd.yaml.5",
}

# Parts of pages, between the lines `<!-- vsocd reference NAME -->` and `<!-- end -->`.
GENERATED_PARTS = {"docs/audit.md": ["audit-kinds", "audit-fields"], "docs/kafka.md": ["kafka-lean", "kafka-ecs", "kafka-ocsf"], "docs/api.md": ["refusals"], "docs/operations.md": ["handshakes"], "docs/formats.md": ["formats", "mapping", "record-codes", "note-codes"]}

LAYERS = {"core", "parsers", "storage", "server"}

# Which of our files may include a library's headers; a pattern is matched against the whole path.
LIBRARIES = {
    "openssl": r"server/tls/.*|server/identity/cert_\w*\.[ch]|server/client/http_client_tls\.c|core/hash\.c|core/keyed/keyed_digest\.c|storage/spool/seal/seal\.c|storage/evidence/.*",
    "event2": r"server/.*",
    "llhttp": r"server/http/http_parser\.c",
    "zlib": r"server/inflate/.*",
    "isa-l": r"server/inflate/.*|core/crc32c\.c",
    "zstd": r"server/inflate/.*",
    "curl": r"storage/evidence/remote/remote_http\.c|storage/evidence/archive/s3_request\.c",
    "p11-kit": r"storage/evidence/signer/token_key\.c",
    "simdjson": r"core/json/.*",
    "librdkafka": r"storage/sinks/kafka/.*",
    "libpq": r"storage/sinks/postgres/.*",
    "yaml": r"server/config/config_file\.c",
    "cmocka": r"tests/.*",
    "jansson": r"tests/.*",
}
LIBRARY_OF = {
    "libpq-fe": "libpq", "postgres_ext": "libpq", "igzip_lib": "isa-l", "crc": "isa-l", "rdkafka": "librdkafka",
    "zstd_errors": "zstd",
}

BANNED = "sprintf vsprintf strcpy strcat strtok atoi atol gets alloca".split()

# Files whose length is not a matter of taste: vendored or generated.
EXEMPT = re.compile(r"tests/data/|deploy/")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def sources():
    return [name for name in tracked("*.c", "*.h", "*.cpp") if not EXEMPT.match(name)]


def without_comments(text):
    """Comments and literals blanked, lines kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)


def page(name):
    return subprocess.run([str(PROGRAM), "reference", name], capture_output=True, text=True, check=True).stdout


def with_parts(path, names):
    """The text of a page with its generated parts as the program prints them."""
    text = read(path)
    for name in names:
        before, start, rest = text.partition(f"<!-- vsocd reference {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        assert start and end, f"{path} has no part {name}"
        text = before + start + page(name) + end + after
    return text


def fail_if(problems):
    assert not problems, "\n" + "\n".join(problems)


# Documents


def test_generated_pages_are_what_the_program_prints():
    stale = [path for path, name in GENERATED.items() if not (ROOT / path).exists() or read(path) != page(name)]
    stale += [path for path, names in GENERATED_PARTS.items() if with_parts(path, names) != read(path)]
    fail_if([f"{path} is stale: run tests/check_docs.py --write" for path in stale])


def test_manual_pages_have_no_mistakes():
    for path in GENERATED:
        if path.startswith("docs/man/"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def anchors(text):
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.M):
        heading = re.sub(r"[`*]", "", heading).strip().lower()
        found.add(re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading)))
    return found


def test_links_lead_somewhere():
    problems = []
    for name in tracked("*.md"):
        text = re.sub(r"^```.*?^```", "", read(name), flags=re.S | re.M)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            if not file.exists():
                problems.append(f"{name}: {target} is not there")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
                problems.append(f"{name}: {target}: no such heading")
    fail_if(problems)


def test_index_of_documents_is_complete():
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", read("docs/README.md"))}
    pages = {pathlib.Path(name).relative_to("docs").as_posix() for name in tracked("docs/*")} - {"README.md"}
    fail_if([f"docs/README.md lacks {name}" for name in sorted(pages - linked)])


def test_lines_of_documents_wrap():
    """At 100 columns, but for tables, code, generated text and the changelog, whose lines branches merge."""
    problems = []
    for name in tracked("docs/*.md", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"):
        if name in GENERATED:
            continue
        text = re.sub(r"^```.*?^```|^<!-- (?:vsocd|rooms).*?^<!-- end -->", lambda m: "\n" * m.group(0).count("\n"), read(name), flags=re.S | re.M)
        for line, words in enumerate(text.splitlines(), 1):
            if len(words) > 100 and not words.startswith(("|", "    ")) and " " in words.strip().lstrip("-* "):
                problems.append(f"{name}:{line}: {len(words)} columns, 100 at most")
    fail_if(problems)


def test_changelog_has_each_heading_once_a_release():
    problems = []
    for release in re.split(r"^## ", read("CHANGELOG.md"), flags=re.M)[1:]:
        kinds = collections.Counter(re.findall(r"^### (.*)$", release, flags=re.M))
        known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
        problems += [f"{release.splitlines()[0]}: heading {kind}" for kind, count in kinds.items() if count > 1 or kind not in known]
    fail_if(problems)


def test_paths_that_pages_name_exist():
    folders = {path.parts[0] for path in map(pathlib.Path, tracked()) if len(path.parts) > 1}
    problems = []
    pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]
    for name in pages + [f"{room}/README.md" for room in ROOMS if (ROOT / room / "README.md").exists()]:
        for word in re.findall(r"`([^`\n]+)`", read(name)):
            path = word.split()[0].rstrip("/")
            if "<" in path or path.split("/")[0] not in folders or "/" not in word:
                continue
            if not any((ROOT).glob(path)):
                problems.append(f"{name}: `{word}` is not there")
    fail_if(problems)


def test_tests_that_pages_name_exist():
    problems = []
    for name in tracked("*.md"):
        for path, test in re.findall(r"`((?:tests|load-tests)/[\w./-]+)(?:::(\w+))?", read(name)):
            if not any(ROOT.glob(path)):
                problems.append(f"{name}: {path} is not there")
            elif test and f"def {test}(" not in read(path):
                problems.append(f"{name}: {path} has no {test}")
    fail_if(problems)


def test_every_subcommand_and_format_is_described():
    listed = re.findall(r"^\.It Ic (\S+)$", read("docs/man/vsocd.8"), flags=re.M)
    overview = subprocess.run([str(PROGRAM), "help"], capture_output=True, text=True, check=True).stdout
    assert listed == re.findall(r"^  ([a-z-]+)  ", overview, flags=re.M)
    if (ROOT / "docs/formats.md").exists():
        described = read("docs/formats.md")
        names = re.findall(r"^\| `(\w+)` ", page("formats"), flags=re.M)
        assert names
        fail_if([f"docs/formats.md lacks {name}" for name in names if f"`{name}`" not in described])


def metrics():
    return set(re.findall(r"^METRIC\((\w+)", read("core/metrics/metrics.def"), flags=re.M))


def test_metrics_that_rules_and_dashboards_name_exist():
    known = metrics()
    problems = []
    for name in tracked("deploy/*.yaml", "deploy/*.yml", "deploy/*.json", "docs/*.md", "README.md"):
        for metric in set(re.findall(r"\bvsocd_[a-z0-9_]+\b", read(name))):
            base = re.sub(r"_(bucket|sum|count)$", "", metric)
            if metric not in known and base not in known and metric.endswith(("_total", "_seconds", "_bytes")):
                problems.append(f"{name}: no metric {metric}")
    fail_if(problems)


# The tree


def includes():
    for name in sources() + tracked("*.def"):
        for line, text in enumerate(read(name).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', text)
            if found:
                yield name, line, found.group(1) == '"', found.group(2)


def room_of(name):
    return name.rpartition("/")[0]


def is_ours(name):
    """Product code in a room; the example plug-ins are outside of the tree's rules."""
    return name.split("/")[0] in LAYERS and "/example-" not in name


def test_rooms_include_only_what_they_may():
    problems = []
    for name, line, ours, header in includes():
        if not ours or not is_ours(name):
            continue
        room, target = room_of(name), room_of(header)
        if not (ROOT / header).is_file():
            problems.append(f"{name}:{line}: include \"{header}\" from the root, as \"room/file.h\"")
        elif room not in ROOMS:
            problems.append(f"{name}: {room}/ is no room of tests/rooms.py")
        elif target != room and target not in ROOMS[room][1]:
            problems.append(f"{name}:{line}: {room}/ may not include {target}/ (tests/rooms.py)")
    fail_if(problems)


def test_rooms_form_no_circle():
    assert circles({room: below for room, (_, below) in ROOMS.items()}) == []


def module_of(name):
    """A source and its header are one module; a table (.def) is one of its own."""
    return name if name.endswith(".def") else name.rpartition(".")[0]


def test_modules_form_no_circle():
    edges = collections.defaultdict(set)
    for name, _, ours, header in includes():
        if ours and is_ours(name) and module_of(name) != module_of(header):
            edges[module_of(name)].add(module_of(header))
    fail_if([f"include circle: {', '.join(members)}" for members in circles(edges)])


# Callback arguments that need no check of core/object.h: a structure of the caller's own stack, whose callbacks run before the call
# returns.
UNCHECKED = {
    "merkle_tiles": "storage/evidence/formats/merkle_tiles.c",
    "output": "server/commands/cmd_parse.c",
    "sink_position": "storage/sinks/postgres/sink_postgres.c",
}


def test_callback_arguments_are_checked():
    found = re.compile(r"struct (\w+) \*\w+ = (?:\(struct \w+ \*\) ?)?(?:arg|opaque|state);")
    problems = []
    for name in sources():
        if is_ours(name) and not name.startswith(("parsers/", "core/object.h")):
            for kind in found.findall(read(name)):
                if not name.startswith(UNCHECKED.get(kind, "none")):
                    problems.append(f"{name}: struct {kind} comes from a callback's argument unchecked: use OBJECT_CAST of core/object.h")
    fail_if(problems)


# What the tree has one of: words of the C library that only one file may use.
ONE_OF_EACH = {
    r"\bbase64_value\(uint8_t": "core/base64.h",
    r"(?:->|\.)(?:next|previous|\w+_next|\w+_previous)->(?:next|previous|\w+_next|\w+_previous) = ": None,  # <sys/queue.h> has the lists
    r"\beventfd\(": "core/wait/wake.c",
    r"\bpthread_condattr_": "core/wait/condition.c",
    r"\bpthread_cond_timedwait\(": "core/wait/condition.c",
}


def test_one_of_each():
    texts = {name: read(name) for name in sources() if is_ours(name)}
    for word, home in ONE_OF_EACH.items():
        users = {name for name, text in texts.items() if re.search(word, text)}
        assert users == ({home} if home else set()), f"{word} belongs to {home}, which others call: {sorted(users)}"


# Where a text and its size still go apart: plug-ins, whose sentence holds paths, and rooms below core/log/.
TEXT_AND_SIZE = re.compile(r"server/plugins/\w+\.[ch]|core/plugin/.*|parsers/registry/.*|storage/sinks/registry/sink_check\.[ch]|storage/sinks/sink_runner\.[ch]")


def test_sentences_about_failures_are_problems():
    """A failure's sentence for people travels as struct problem (core/log/problem.h), not as a text with its size beside it."""
    apart = re.compile(r"(?<!const )\bchar (?:\*(?:reason|problem|why|error),\s*size_t|\*reason\)|(?:reason|problem|why|error)\[\w+\]\))")
    fail_if([f"{name}: {found}" for name in sources() if is_ours(name) and not TEXT_AND_SIZE.fullmatch(name)
             for found in apart.findall(without_comments(read(name)))])


def test_no_part_of_the_server_names_a_sink():
    """A sink describes itself (storage/sink.h, its sink.def). What names it: the checks of its settings against files and one another."""
    names = re.findall(r'^#include "storage/sinks/(\w+)/sink.def"', read("storage/sinks/registry/sinks.def"), flags=re.M)
    assert len(names) >= 3
    quoted = "|".join(name for name in names if name != "file")  # a word of many log lines
    named = re.compile(rf'"(?:{quoted})"|\bsink_(?:{"|".join(names)})\b|\b(?:{"|".join(names)})_enabled\b')
    allowed = re.compile(r"server/daemon/config_check\.c|storage/sinks/\w+/.*")
    places = [name for name in sources() if name.startswith(("server/", "storage/")) and is_ours(name) and not allowed.fullmatch(name)]
    fail_if([f"{name} names a sink: {found[0]}" for name in places for found in named.finditer(read(name))])


def test_rooms_are_small():
    count = collections.Counter(room_of(name) for name in sources() if is_ours(name))
    fail_if([f"{room}/ has {files} sources, 30 at most" for room, files in count.items() if files > 30])


def first_pages():
    return {room: f"{room}/README.md" for room in ROOMS}


def test_rooms_have_a_first_page():
    problems = []
    for room, path in first_pages().items():
        if not (ROOT / path).is_file():
            problems.append(f"{path} is missing: what lives there, what it may include, thread, where to start")
        elif re.findall(r"^May include: .*$", read(path), flags=re.M) != [first_page_line(room)]:
            problems.append(f"{path}: its line 'May include:' is stale: run tests/check_docs.py --write")
    fail_if(problems)


def test_architecture_prints_the_rooms():
    assert table() in read("ARCHITECTURE.md"), "the table of rooms is stale: run tests/check_docs.py --write"


def where_is_it():
    """Rows of ARCHITECTURE.md's "Where is it": (question, paths, symbols)."""
    for line in read("ARCHITECTURE.md").partition("## Where is it")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[2] not in ("look for", "---"):
            paths = [path.rstrip("/") for path in re.findall(r"`([\w.-]+/[\w./-]*)`", cells[1])]
            yield cells[0], paths, re.findall(r"`([^`]+)`", cells[2])


def test_places_that_architecture_names_hold_what_it_says():
    rows, problems = list(where_is_it()), []
    for question, paths, symbols in rows:
        missing = [path for path in paths if not (ROOT / path).exists()]
        problems += [f"{question} {path} is not there" for path in missing]
        texts = [read(path) for path in paths if (ROOT / path).is_file()]
        problems += [f"{question} no {symbol} in {', '.join(paths)}" for symbol in symbols
                     if not any(re.search(rf"\b{re.escape(symbol)}\b", text) for text in texts)]
        if not paths or (not symbols and texts):
            problems.append(f"{question} name a path, and what to look for in a file")
    assert len([question for question, _, _ in rows if question.rstrip(")").endswith(("?", "planned"))]) == 20
    fail_if(problems)


def test_table_of_changed_names_files():
    import changed

    problems = [f"tests/changed.py: {start} is not there" for start in changed.TESTS if not any(ROOT.glob(start + "*"))]
    problems += [f"tests/changed.py: {pattern} is not there" for patterns in changed.TESTS.values() for pattern in patterns
                 if not any((ROOT / "tests").glob(pattern))]
    problems += [f"tests/changed.py: no tests for {room}/" for room in ROOMS if not any(f"{room}/".startswith(start) for start in changed.TESTS)]
    fail_if(problems)


def test_libraries_stay_behind_their_files():
    problems = []
    for name, line, ours, header in includes():
        if ours or not is_ours(name):
            continue
        first = re.sub(r"\.h(pp)?$", "", header.split("/")[0])
        library = LIBRARY_OF.get(first, first)
        if library in LIBRARIES and not re.fullmatch(LIBRARIES[library], name):
            problems.append(f"{name}:{line}: {header} belongs in {LIBRARIES[library]}")
    fail_if(problems)


# Words of a private English, and layers whose comments are free of them; the list of layers grows.
PLAIN_LAYERS = {"core", "parsers"}
ODD_WORDS = re.compile(r"\b(told|stands|stood|mended|put\s+right|given\s+back|want\s+of|memory\s+(?:is|was)\s+out)\b")


def comments(text):
    """Line and text of each comment, without the stars of its lines."""
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', text, flags=re.S):
        if match.group(0).startswith("/"):
            yield text.count("\n", 0, match.start()) + 1, re.sub(r"\n\s*\*", "\n", match.group(0))


def test_comments_use_standard_terms():
    problems = []
    for name in sources():
        if is_ours(name) and name.split("/")[0] in PLAIN_LAYERS:
            for line, text in comments(read(name)):
                found = ODD_WORDS.search(text)
                if found:
                    problems.append(f"{name}:{line}: '{found.group(1)}' in a comment: use the standard term")
    fail_if(problems)


def test_banned_functions_are_not_called():
    pattern = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")
    problems = []
    for name in sources():
        for line, text in enumerate(without_comments(read(name)).splitlines(), 1):
            if pattern.search(text):
                problems.append(f"{name}:{line}: {pattern.search(text).group(1)} is not used here")
    fail_if(problems)


def test_files_and_functions_are_short():
    problems = []
    for name in tracked("*.c", "*.h", "*.cpp", "*.py", "*.sh"):
        if EXEMPT.match(name):
            continue
        lines = read(name).splitlines()
        if len(lines) > (500 if name.split("/")[0] in LAYERS else 800):
            problems.append(f"{name} has {len(lines)} lines; split it")
        start = None
        for number, text in enumerate(lines if name.endswith((".c", ".cpp")) else [], 1):
            if text == "{":
                start = number
            elif text == "}" and start:
                if number - start - 1 > 60:
                    problems.append(f"{name}:{start}: a function of {number - start - 1} lines")
                start = None
    fail_if(problems)


def test_sources_start_with_what_they_do():
    problems = []
    for name in sources():
        wanted = f"/* {pathlib.Path(name).name}:"
        if name.split("/")[0] in LAYERS and name.endswith((".c", ".cpp")) and not read(name).startswith(wanted):
            problems.append(f"{name}: the first lines say what it does: '{wanted} …'")
    fail_if(problems)


def test_headers_are_guarded_once():
    guards = collections.defaultdict(list)
    problems = []
    for name in sources():
        if not name.endswith(".h"):
            continue
        guard = re.search(r"^#ifndef (\w+)\n#define \1$", read(name), flags=re.M)
        if guard:
            guards[guard.group(1)].append(name)
        else:
            problems.append(f"{name} has no include guard")
    problems += [f"{', '.join(names)} share the guard {guard}" for guard, names in guards.items() if len(names) > 1]
    fail_if(problems)


def test_nothing_is_left_for_later():
    problems = []
    for name in tracked("*.c", "*.h", "*.cpp", "*.py", "*.md", "*.def", "*.sql", "*.yaml"):
        if name == "tests/check_docs.py":
            continue
        for line, text in enumerate(read(name).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text):
                problems.append(f"{name}:{line}: do it, or leave it out")
    fail_if(problems)


def write_rooms():
    text = read("ARCHITECTURE.md")
    before, start, rest = text.partition("<!-- rooms: tests/check_docs.py --write -->\n")
    _, end, after = rest.partition("<!-- end -->\n")
    assert start and end, "ARCHITECTURE.md has no table of rooms"
    (ROOT / "ARCHITECTURE.md").write_text(before + start + table() + end + after, encoding="utf-8")
    for room, path in first_pages().items():
        page_text, count = re.subn(r"^May include: .*$", first_page_line(room), read(path), flags=re.M)
        assert count == 1, f"{path} has {count} lines 'May include:'"
        (ROOT / path).write_text(page_text, encoding="utf-8")


def write():
    write_rooms()
    for path, name in GENERATED.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(page(name), encoding="utf-8")
        print(f"wrote {path}")
    for path, names in GENERATED_PARTS.items():
        (ROOT / path).write_text(with_parts(path, names), encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sys.exit(__doc__)


def test_openapi_lists_every_refusal():
    rows = re.findall(r"^REFUSAL\((\w+),", read("core/reasons/refusals.def"), flags=re.M)
    problem = read("docs/openapi.yaml").partition("\n    Problem:\n      type: object\n")[2]
    listed = re.search(r"\n        code:\n[^\[]*enum: \[([^\]]*)\]", problem)
    assert listed and re.findall(r"\w+", listed[1]) == rows, "docs/openapi.yaml: the codes of Problem are not the rows of core/reasons/refusals.def"


# Codes of records that are words of other subjects, too: the name of an event, the phrase of a state.
WORDS = {"invalid_event_id"}


def test_every_result_of_a_handshake_is_used():
    rows = re.findall(r"^TLS_RESULT\((\w+),", read("server/tls/tls_results.def"), flags=re.M)
    used = {result for name in sources() if is_ours(name) for result in re.findall(r"\bTLS_RESULT_([a-z]\w*)", read(name))}
    assert len(rows) > 10 and used == set(rows), "server/tls/tls_results.def: rows are not what code names"


def test_every_code_of_a_record_is_a_row():
    """Rows of core/reasons/record_codes.def, which docs/formats.md prints, are all used, and no code is a text beside them."""
    rows = re.findall(r"^RECORD_CODE\((\w+), (\w+), ([01]),", read("core/reasons/record_codes.def"), flags=re.M)
    codes = [code for code, _, _ in rows]
    source = {name: read(name) for name in sources() if is_ours(name) and name not in ("parsers/parser.h", "storage/sink.h")}
    assert len(codes) > 50 and len(codes) == len(set(codes))
    used = {code for text in source.values() for code in re.findall(r"\bRECORD_([a-z]\w*)", text)}
    used |= {code for text in source.values() for code in re.findall(r"\bX\([A-Z_]+, ([a-z_]+), \"", text)}
    problems = [f"core/reasons/record_codes.def: nothing has the code {code}" for code in codes if code not in used]
    problems += [f"no row of core/reasons/record_codes.def: {code}" for code in sorted(used - set(codes))]
    home = "parsers/read/record_refuse.h"
    texts = re.compile(rf'"(?:{"|".join(code for code in codes if code not in WORDS)})"')
    for name, text in source.items():
        if name != home:
            problems += [f"{name}: {call} takes a text: use {home}" for call in re.findall(r"\bparser_malformed\(|->reject\(context", text)]
        problems += [f"{name}: {word} is a row of core/reasons/record_codes.def" for word in texts.findall(text)]
    fail_if(problems)


def test_every_refusal_is_a_row():
    """Rows of core/reasons/refusals.def, which docs/api.md prints, are all used, and nothing refuses beside them."""
    rows = re.findall(r"^REFUSAL\((\w+),", read("core/reasons/refusals.def"), flags=re.M)
    source = {p: read(p) for p in tracked("*.c") if p.startswith(("server/", "storage/"))}
    assert len(rows) > 80 and len(rows) == len(set(rows)) and any("REFUSAL_empty_batch" in text for text in source.values())
    used = {code for text in source.values() for code in re.findall(r"\bREFUSAL_([a-z]\w*)", text)}
    rows += re.findall(r"^REFUSAL_SILENT\((\w+),", read("core/reasons/refusals.def"), flags=re.M)
    problems = [f"core/reasons/refusals.def: {code} refuses nothing" for code in rows if code not in used]
    for path, text in source.items():
        if path.startswith("server/"):
            problems += [f"{path}: {status} {code} is no row" for status, code in re.findall(r'\b([45]\d\d),\s*"([a-z_]+)"', text)]
            problems += [f"{path}: fills a refusal by hand" for _ in re.findall(r"\(struct refusal\) ?\{", text)]
    fail_if(problems)
