"""Sink plug-ins: what is loaded, and what is refused with which sentence."""

import subprocess

import pytest

from harness import ROOT

SOURCE = r"""
#include <stdlib.h>
#include "storage/sink.h"

#ifndef NAME
#define NAME "outside"
#endif
#ifndef ABI
#define ABI VSOC_SINK_ABI
#endif
#ifndef EVENT_BYTES
#define EVENT_BYTES sizeof(struct event)
#endif
#ifndef LANES
#define LANES 1
#endif
#ifndef FILES
#define FILES 2
#endif
#ifndef AT_LOAD
#define AT_LOAD
#endif
#ifndef CONNECT
#define CONNECT connect_lane
#endif

static void *open_lane(const struct sink_config *config, struct sink_problem *problem)
{
    const struct sink_setting *settings = config->settings;
    if (settings[0].value[0] != '/') {
        snprintf(problem->text, sizeof problem->text, "outside.path must be absolute");
        return NULL;
    }
    return malloc(1);
}
static enum sink_result connect_lane(void *lane, struct sink_position *there, struct sink_problem *problem) { return SINK_DELIVERED; }
static enum sink_result deliver(void *lane, const struct sink_load *load, struct sink_problem *problem) { return SINK_DELIVERED; }
static void limits(const void *settings, struct sink_limits *limits) { limits->lanes = LANES; limits->files = FILES; }
static const struct sink_setting_row settings[] = {{"path", NULL, "file of the lines"}, {"mode", "fast", "how"}, {NULL, NULL, NULL}};
static const struct sink sink = {
    .abi_version = ABI, .struct_size = sizeof(struct sink), .event_abi = VSOC_EVENT_ABI, .event_size = EVENT_BYTES,
    .name = NAME, .version = "1.0.0", .description = "of a test", .settings = settings, .limits = limits,
    .open = open_lane, .connect = CONNECT, .deliver = deliver, .close = free,
};
static void __attribute__((constructor)) load(void) { AT_LOAD; }
#ifndef SYMBOL
#define SYMBOL vsoc_sink_plugin
#endif
const struct sink *SYMBOL(void) { return &sink; }
"""


@pytest.fixture(scope="module")
def make_plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    folder.chmod(0o755)
    (folder / "plugin.c").write_text("#include <stdio.h>\n" + SOURCE)
    made = []

    def make(**definitions):
        made.append(folder / f"sink{len(made)}.so")
        flags = [f"-D{name}={value}" for name, value in definitions.items()]
        subprocess.run(["cc", "-w", "-shared", "-fPIC", f"-I{ROOT}", *flags, "-o", made[-1], folder / "plugin.c"], check=True)
        made[-1].chmod(0o755)
        return made[-1]

    return make


@pytest.fixture
def check(make_server):
    """check(files, settings of the plug-ins) → (exit status, what check-config says)"""

    def run(files, settings={"outside.path": "/tmp/x"}):
        sinks = {"kafka": {"enabled": False}, "postgres": {"enabled": False}}
        sinks |= {"plugins": [str(file) for file in files], "plugin_settings": settings}
        server = make_server({"sinks": sinks}, start=False)
        done = server.run("check-config", "-c", server.config, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    return run


def test_a_plugin_with_its_settings_is_taken(check, make_plugin):
    assert check([make_plugin()])[0] == 0


@pytest.mark.parametrize(
    "definitions,sentence",
    [
        ({"ABI": "2"}, "it is built for sink ABI 2, this program has 5: build it with this program's headers"),
        ({"EVENT_BYTES": "8"}, "with events of 8 bytes"),
        ({"NAME": '"Out side"'}, "its name must be 1 to 16 of a-z, 0-9 and _"),
        ({"NAME": '"kafka"'}, "its name 'kafka' is a built-in sink's"),
        ({"NAME": '"all"'}, "its name may not be 'all'"),
        ({"LANES": "17"}, "it requests 17 lanes, 1 to 16 are possible"),
        ({"FILES": "4097"}, "it requests 4097 open files, 0 to 4096 are possible"),
        ({"CONNECT": "NULL"}, "one of the functions open, connect, deliver and close is missing"),
        ({"SYMBOL": "other"}, "is not a sink plug-in: it exports no vsoc_sink_plugin"),
        ({"AT_LOAD": "abort()"}, "crashes when it is loaded: Aborted"),
        ({"AT_LOAD": "exit(0)"}, "ends the process when it is loaded"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_with_the_reason(check, make_plugin, definitions, sentence):
    status, text = check([make_plugin(**definitions)])
    assert status == 78 and sentence in text, text


def test_a_plugin_that_others_may_write_is_refused(check, make_plugin):
    plugin = make_plugin()
    plugin.chmod(0o777)
    status, text = check([plugin])
    assert status == 78 and f"plug-in {plugin} may be written by users other than its owner" in text, text


def test_two_plugins_of_one_name_are_refused(check, make_plugin):
    status, text = check([make_plugin(), make_plugin()])
    assert status == 78 and "another one has its name 'outside'" in text, text


@pytest.mark.parametrize(
    "settings,sentence",
    [
        ({}, "sinks.plugin_settings: outside.path must be set: file of the lines"),
        ({"outside.path": "/tmp/x", "outside.moed": "slow"}, "no sink of sinks.plugins takes 'outside.moed'"),
        ({"outside.path": "/tmp/x", "inside.path": "/tmp/x"}, "no sink of sinks.plugins takes 'inside.path'"),
        ({"outside.path": "tmp/x"}, "outside.path must be absolute"),
    ],
)
def test_settings_that_are_missing_unknown_or_refused_by_the_sink_are_reported(check, make_plugin, settings, sentence):
    status, text = check([make_plugin()], settings)
    assert status == 78 and sentence in text, text


def test_serve_ends_with_the_reason_of_a_plugin_that_cannot_be_used(make_server, make_plugin):
    sinks = {"kafka": {"enabled": False}, "postgres": {"enabled": False}, "plugins": [str(make_plugin(ABI="2"))]}
    server = make_server({"sinks": sinks}, start=False)
    server.start(wait=False)
    assert server.ended() == 78
    assert "it is built for sink ABI 2" in server.log()
