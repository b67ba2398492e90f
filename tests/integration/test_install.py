"""`cmake --install`: everything lies where it belongs, and a plug-in author needs nothing but what was installed."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The destination folder stands for the root, as packagers do it.
PREFIX = "usr"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    build = os.environ.get("VSOCD_BUILD", os.path.join(os.path.dirname(__file__), "../../build/dev"))
    folder = tmp_path_factory.mktemp("root")
    subprocess.run(["cmake", "--install", build, "--prefix", folder / PREFIX], check=True, capture_output=True)
    yield folder / PREFIX
    shutil.rmtree(folder)


def compiled(root, folder, source, compiler="cc", *flags):
    """Builds source with the flags that pkg-config gives; the finished file."""
    package = next(root.rglob("vsocd.pc"))
    said = subprocess.run(
        ["pkg-config", "--cflags", "vsocd"],
        env={**os.environ, "PKG_CONFIG_PATH": str(package.parent)},
        check=True,
        capture_output=True,
        text=True,
    )
    file = folder / ("plugin.cpp" if compiler == "c++" else "plugin.c")
    file.write_text(source)
    out = folder / "out"
    done = subprocess.run(
        [compiler, *flags, "-Wall", "-Wextra", "-Werror", *said.stdout.split(), "-o", out, file], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out


def test_files_lie_where_they_belong(root):
    listed = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    wanted = {
        "bin/vsocd",
        "include/vsocd/core/event.h",
        "include/vsocd/parsers/parser.h",
        "include/vsocd/storage/sink.h",
        "share/man/man8/vsocd.8",
        "share/man/man5/vsocd.yaml.5",
        "share/doc/vsocd/examples/vsocd.yaml",
        "share/doc/vsocd/vsoc-event.schema.json",
    }
    assert wanted <= listed
    assert [name for name in listed if name.endswith("pkgconfig/vsocd.pc")]


def test_the_installed_program_runs(root):
    done = subprocess.run([root / "bin/vsocd", "version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "vsocd" in done.stdout


def test_manual_pages_are_found(root):
    done = subprocess.run(
        ["mandoc", "-T", "ascii", "-W", "warning", root / "share/man/man8/vsocd.8", root / "share/man/man5/vsocd.yaml.5"],
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


PROGRAM = r"""
#include <core/event.h>
#include <parsers/parser.h>
#include <storage/sink.h>

static void parse(struct slice record, const struct parser_context *context, struct parser_outcome *outcome)
{
    (void)record;
    (void)context;
    parser_malformed(outcome, 3, "code", "detail");
}

static const struct parser plugin = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "outside",
    .version = "1.0.0",
    .framing = PARSER_FRAMING_LINES,
    .parse = parse,
};

const struct parser *vsoc_parser_plugin(void);
const struct parser *vsoc_parser_plugin(void)
{
    return &plugin;
}

int main(void)
{
    struct parser_outcome outcome = {0};
    vsoc_parser_plugin()->parse(SLICE_LITERAL("x"), NULL, &outcome);
    return outcome.result == PARSER_MALFORMED && outcome.offset == 3 && sizeof(struct sink) > 0 ? 0 : 1;
}
"""


@pytest.mark.parametrize("standard", ["-std=c11", "-std=gnu17"])
def test_a_plugin_builds_against_the_installed_headers_alone(root, tmp_path, standard):
    program = compiled(root, tmp_path, PROGRAM, "cc", standard)
    assert subprocess.run([program]).returncode == 0


@pytest.mark.parametrize("header", ["core/event.h", "parsers/parser.h", "storage/sink.h"])
def test_each_public_header_stands_alone(root, tmp_path, header):
    compiled(root, tmp_path, f"#include <{header}>\nint main(void) {{ return 0; }}\n", "cc", "-std=c11", "-pedantic")


def test_the_example_plugin_is_built_tested_and_loaded_with_what_was_installed(root, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "parsers/example-plugin", source)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(next(root.rglob("vsocd.pc")).parent)}
    for command in (
        ["cmake", "-B", "build", "-G", "Ninja", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"],
        ["cmake", "--build", "build"],
        ["ctest", "--test-dir", "build", "--output-on-failure"],
    ):
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    plugin = tmp_path / "trc.so"
    shutil.copy(source / "build/trc.so", plugin)
    plugin.chmod(0o755)
    done = subprocess.run(
        [root / "bin/vsocd", "parse", "--plugin", plugin, "--format", "trc", source / "samples/fd.trc"], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event_name"] for event in events] == [
        "can_frame", "canfd_frame", "can_remote_frame", "can_error_frame", "can_bus_status", "can_error_counters", "trace_event",
    ]
    assert (events[1]["can_id"], events[1]["can_flags"], events[1]["bus_id"]) == (0x18DAF110, 1 + 8 + 16, "2")


def test_the_example_sink_is_built_tested_and_loaded_with_what_was_installed(root, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "storage/example-sink", source)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(next(root.rglob("vsocd.pc")).parent)}
    for command in (
        ["cmake", "-B", "build", "-G", "Ninja", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"],
        ["cmake", "--build", "build"],
        ["ctest", "--test-dir", "build", "--output-on-failure"],
    ):
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    plugin = tmp_path / "journal.so"
    shutil.copy(source / "build/journal.so", plugin)
    plugin.chmod(0o755)
    sets = ["sinks.kafka.enabled=false", "sinks.postgres.enabled=false", f"sinks.plugins={plugin}", f"privacy.keys_file={tmp_path}/keys"]
    sets += [f"sinks.plugin_settings.journal.path={tmp_path}/lines", "listen.ingest.tls=false", f"data_dir={tmp_path}/data"]
    command = [root / "bin/vsocd", "check-config", *(word for one in sets for word in ("--set", one))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "settings: no mistakes\n"), done.stdout + done.stderr


def test_the_plugin_in_the_document_is_built_and_reads(root, tmp_path):
    text = (ROOT / "docs/plugins.md").read_text()
    source, command = re.search(r"```c\n(.*?)```\n\n`(.*?)` builds it", text, flags=re.S).groups()
    (tmp_path / "door.c").write_text(source)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(next(root.rglob("vsocd.pc")).parent)}
    subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=True)
    plugin = tmp_path / "door.so"
    plugin.chmod(0o755)
    done = subprocess.run([root / "bin/vsocd", "parse", "--plugin", plugin, "--format", "door"], input=b"left\n", capture_output=True)
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert (event["event_name"], event["message"]) == ("door_opened", "left")


def test_the_example_s_host_and_fuzz_target_run_the_plugin_in_the_document(root, tmp_path):
    """Its parser has no probe and reads lines; the example has a probe and reads bodies."""
    (source,) = re.findall(r"```c\n(.*?)```", (ROOT / "docs/plugins.md").read_text(), flags=re.S)
    for name in ("host.h", "fuzz_trc.c"):
        shutil.copy(ROOT / "parsers/example-plugin" / name, tmp_path)
    main = 'int main(void) { return LLVMFuzzerTestOneInput((const uint8_t *)"left", 4); }'
    program = compiled(root, tmp_path, f'{source}\n#include "fuzz_trc.c"\n{main}\n', "cc", "-fsanitize=address,undefined", "-Wno-missing-prototypes")
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
