"""Parser plug-ins: what is loaded, what is refused with which sentence, what they may and may not take over."""

import json
import os
import re
import signal
import subprocess

import pytest

from harness import ROOT, wait_until

SOURCE = r"""
#include <signal.h>
#include <stdlib.h>
#include "parsers/parser.h"

#ifndef NAME
#define NAME "outside"
#endif
#ifndef ABI
#define ABI VSOC_PARSER_ABI
#endif
#ifndef EVENT_BYTES
#define EVENT_BYTES sizeof(struct event)
#endif
#ifndef AT_LOAD
#define AT_LOAD
#endif
#ifndef AT_PARSE
#define AT_PARSE
#endif

static void parse(struct slice record, const struct parser_context *context, struct parser_outcome *outcome)
{
    struct event event;
    event_clear(&event);
    EVENT_SET(&event, message, record);
    AT_PARSE;
    context->emit(context, &event);
    outcome->result = PARSER_OK;
}

static int probe(struct slice head)
{
    return slice_starts_with(head, "ecu:") || slice_starts_with(head, "CEF:") ? 100 : 0;
}

static const char *const types[] = {
#ifdef TYPE
    TYPE,
#endif
    "application/vnd." NAME, NULL};

static const struct parser parser = {
    .abi_version = ABI, .struct_size = sizeof(struct parser), .event_abi = VSOC_EVENT_ABI, .event_size = EVENT_BYTES,
    .name = NAME, .version = "2.1.0", .description = "lines of a test", .content_types = types,
    .framing = PARSER_FRAMING_LINES, .probe = probe, .parse = parse,
};

static void __attribute__((constructor)) load(void) { AT_LOAD; }

#ifndef SYMBOL
#define SYMBOL vsoc_parser_plugin
#define RETURNED &parser
#endif
const struct parser *SYMBOL(void) { return RETURNED; }
"""


@pytest.fixture(scope="session")
def make_plugin(tmp_path_factory):
    """make_plugin(NAME='"x"', …) → an object of SOURCE with these definitions; built once."""
    folder = tmp_path_factory.mktemp("plugins")
    source = folder / "plugin.c"
    source.write_text(SOURCE)

    def make(**definitions):
        flags = [f"-D{name}={value}" for name, value in definitions.items()]
        out = folder / (re.sub(r"\W", "_", "".join(flags)) + "_.so")
        if not out.exists():
            subprocess.run(["cc", "-w", "-shared", "-fPIC", f"-I{ROOT}", *flags, "-o", out, source], check=True)
            out.chmod(0o755)
        return out

    return make


def with_plugins(*files, **ingest):
    return {"ingest": {"plugins": [str(file) for file in files], **ingest}}


def refusal(server, entry):
    """What `vsocd parse` says of a plug-in that it does not take."""
    done = server.run("parse", "--plugin", entry, "--format", "outside", input=b"", check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr.decode()


def test_a_plugin_reads_what_is_posted_by_name_by_type_and_by_look(make_server, make_plugin):
    server = make_server(with_plugins(make_plugin()))
    assert server.post("ecu: by name", "text/plain", path="/v1/events/outside").json["accepted"] == 1
    assert server.post("ecu: by type", "application/vnd.outside").json["accepted"] == 1
    assert server.post("ecu: by look", "text/plain").json["accepted"] == 1
    kept = [(event["message"], event["parser_name"], event["parser_version"]) for event in server.export()]
    assert kept == [(f"ecu: by {how}", "outside", "2.1.0") for how in ("name", "type", "look")]
    assert server.metric("vsocd_events_total", 'format="outside"', 'result="accepted"') == 3


def test_a_plugin_that_overrides_nothing_leaves_built_in_formats_theirs(make_server, make_plugin):
    server = make_server(with_plugins(make_plugin()))
    assert server.post("CEF:0|v|p|1|id|name|5|", "text/plain").json["accepted"] == 1
    assert server.export()[0]["parser_name"] == "cef"


def test_a_plugin_that_overrides_takes_the_built_in_format_of_its_name(make_server, make_plugin):
    server = make_server(with_plugins(f"override:{make_plugin(NAME=chr(34) + 'cef' + chr(34))}"))
    assert server.post("CEF:0|v|p|1|id|name|5|", "text/plain").json["accepted"] == 1
    assert server.export()[0]["parser_version"] == "2.1.0"


def test_plugins_are_listed_with_their_file(make_server, make_plugin):
    plugin = make_plugin()
    server = make_server(with_plugins(plugin), start=False)
    listed = [json.loads(line) for line in server.run("formats", "--json", "--config", server.config).stdout.splitlines()]
    assert listed[-1]["name"] == "outside" and listed[-1]["plugin"] == str(plugin)
    assert all(one["plugin"] is None for one in listed[:-1])
    assert f"plug-in {plugin}" in server.run("formats", "-c", server.config).stdout.decode()


def test_parse_reads_with_a_plugin(make_server, make_plugin):
    server = make_server(start=False)
    done = server.run("parse", "--plugin", make_plugin(), "--format", "outside", input=b"one\ntwo\n")
    assert [json.loads(line)["message"] for line in done.stdout.splitlines()] == ["one", "two"]


def test_relative_files_are_relative_to_the_settings_and_types_may_be_mapped_to_them(make_server, make_plugin):
    server = make_server(start=False)
    (server.folder / "own.so").write_bytes(make_plugin().read_bytes())
    server.settings["ingest"].update(plugins=["override:own.so"], formats={"application/x-trace": "outside"})
    server.write_config()
    server.start()
    assert server.post("mapped", "application/x-trace").json["accepted"] == 1
    assert server.export()[0]["parser_name"] == "outside"


WRONG = [
    ({"ABI": "7"}, "can't be used: it is built for parser ABI 7, this program has 1: build it with this program's headers"),
    ({"EVENT_BYTES": "8"}, "can't be used: it is built for event ABI 2 with events of 8 bytes, this program has 2 with"),
    ({"NAME": '"cef"'}, "can't be used: there is a format 'cef' already; 'override:' before the file gives it to the plug-in"),
    ({"NAME": '"O"'}, "can't be used: its name must be 1 to 32 of a-z, 0-9 and _"),
    ({"TYPE": '"application/json"'}, "can't be used: media type 'application/json' is of the format 'vsoc_json' already; 'override:'"),
    ({"SYMBOL": "other", "RETURNED": "0"}, "is not a parser plug-in: it exports no vsoc_parser_plugin"),
    ({"SYMBOL": "vsoc_parser_plugin", "RETURNED": "0"}, "has no parser: vsoc_parser_plugin returned NULL"),
    ({"SYMBOL": "vsoc_parser_plugin", "RETURNED": "missing()"}, "can't be loaded: "),
    ({"AT_LOAD": "abort()"}, "crashes when it is loaded: Aborted"),
    ({"AT_LOAD": "raise(SIGALRM)"}, "hangs when it is loaded"),
    ({"AT_LOAD": "exit(3)"}, "ends the process when it is loaded"),
    ({"AT_LOAD": "exit(0)"}, "ends the process when it is loaded"),
]


@pytest.mark.parametrize("definitions,sentence", WRONG, ids=[" ".join(f"{k}={v}" for k, v in d.items()) for d, _ in WRONG])
def test_a_plugin_that_can_not_be_used_is_refused_with_a_sentence(make_server, make_plugin, definitions, sentence):
    plugin = make_plugin(**definitions)
    assert f"plug-in {plugin} {sentence}" in refusal(make_server(start=False), plugin)


def test_a_file_that_others_may_change_is_not_loaded(make_server, make_plugin, tmp_path):
    server = make_server(start=False)
    folder = tmp_path / "open"
    folder.mkdir()
    plugin = folder / "own.so"
    plugin.write_bytes(make_plugin().read_bytes())
    plugin.chmod(0o775)
    assert "own.so may be written by users other than its owner" in refusal(server, plugin)
    plugin.chmod(0o755)
    folder.chmod(0o777)
    assert "own.so is in a folder that users other than its owner may write" in refusal(server, plugin)
    folder.chmod(0o755)
    link = tmp_path / "link.so"
    link.symlink_to(plugin)
    done = server.run("parse", "--plugin", link, "--format", "outside", input=b"x\n")
    assert json.loads(done.stdout)["message"] == "x"


def test_what_is_no_shared_object_is_not_loaded(make_server, tmp_path):
    server = make_server(start=False)
    text = tmp_path / "text.so"
    text.write_text("no object")
    text.chmod(0o644)
    assert "text.so can't be loaded: " in refusal(server, text)
    assert "is not a regular file" in refusal(server, tmp_path)
    assert "missing.so can't be read: No such file" in refusal(server, tmp_path / "missing.so")


def test_the_same_file_twice_is_refused(make_server, make_plugin):
    server = make_server(with_plugins(make_plugin(), make_plugin()), start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78
    assert "there is a format 'outside' already" in done.stderr.decode()


@pytest.mark.parametrize(
    "definitions,ingest,sentence",
    [
        ({"ABI": "7"}, {}, "is built for parser ABI 7"),
        ({"AT_LOAD": "abort()"}, {}, "crashes when it is loaded"),
        ({}, {"formats": {"application/x-trace": "inside"}}, "ingest.formats: 'inside' is not a format"),
    ],
)
def test_check_config_and_serve_refuse_alike_before_anything_is_made(make_server, make_plugin, definitions, ingest, sentence):
    server = make_server(with_plugins(make_plugin(**definitions), **ingest), start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert (done.returncode, sentence in done.stderr.decode()) == (78, True)
    done = server.run("serve", "-c", server.config, check=False)
    assert (done.returncode, sentence in done.stderr.decode()) == (78, True)
    assert not os.path.exists(server.settings["data_dir"])


def test_reload_takes_a_format_and_refuses_one_that_no_plugin_has(make_server, make_plugin):
    server = make_server(with_plugins(make_plugin(), formats={"application/x-trace": "outside"}))

    def reload(name, good):
        server.settings["ingest"]["formats"]["application/x-trace"] = name
        server.write_config()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.metric("vsocd_config_last_reload_successful") == good, what="the reload")

    reload("inside", 0)
    assert "ingest.formats: 'inside' is not a format" in server.log()
    assert server.post("mapped", "application/x-trace").json["accepted"] == 1
    reload("cef", 1)
    assert "only after a restart" not in server.log().partition("is not a format")[2]
    wait_until(lambda: server.post("mapped again", "application/x-trace").status == 422, what="the new format")


def test_check_config_tells_where_a_missing_file_is_named(make_server):
    server = make_server(with_plugins("missing.so"), start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78
    assert re.search(r"vsocd.yaml:\d+:\d+: .*missing\.so", done.stderr.decode())


def test_what_was_acknowledged_outlives_a_plugin_that_crashes_while_it_reads(make_server, make_plugin):
    plugin = make_plugin(AT_PARSE='if (slice_equal_text(record,"crash"))abort()')
    server = make_server(with_plugins(plugin))
    assert server.post("ecu: kept\n", "application/vnd.outside").json["accepted"] == 1
    with pytest.raises(OSError):
        server.post("ecu: lost\ncrash\n", "application/vnd.outside")
    server.ended()
    server.start()
    assert server.post("ecu: next\n", "application/vnd.outside").json["accepted"] == 1
    assert [event["message"] for event in server.export()] == ["ecu: kept", "ecu: next"]


def test_an_event_with_broken_json_is_quarantined_and_its_neighbour_is_not(make_server, make_plugin):
    plugin = make_plugin(AT_PARSE='if(slice_equal_text(record,"bad"))EVENT_SET(&event,attributes,SLICE_LITERAL("{a:1"))')
    report = make_server(with_plugins(plugin)).post("bad\ngood\n", "application/vnd.outside").json
    assert (report["accepted"], report["quarantined"]) == (1, 1)
    assert (report["errors"][0]["index"], report["errors"][0]["code"]) == (0, "bad_event")
