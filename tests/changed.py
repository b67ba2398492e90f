#!/usr/bin/python3
"""Prints what tests/run changed runs for the files that differ: `unit PROGRAM` and `test FILE`, one a line.

Files that differ: those of the branch since it left main, of the working tree and new ones. Documents need neither: the group
lint, which always runs, reads them.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# The longest beginning of a path that matches gives the test files, as patterns below tests/.
TESTS = {
    "load-tests/": ["integration/test_load_*.py", "integration/test_fleet_generator.py", "integration/test_parse_speed.py"],
    "core/": ["integration/test_ingest.py", "integration/test_spool.py", "integration/test_event_schema.py", "crash/test_ledger.py"],
    "core/disk/": ["crash/test_points.py"],
    "core/event/": ["integration/test_event_*.py", "integration/test_golden.py", "integration/test_upgrade.py"],
    "core/json/": ["integration/test_golden.py", "integration/test_odd_values.py"],
    "core/log/": ["integration/test_stalled_log.py", "integration/test_operations.py"],
    "core/metrics/": ["integration/test_operations.py"],
    "parsers/": ["integration/test_golden.py", "integration/test_mapping.py", "integration/test_hostile.py"],
    "parsers/catalog/": ["integration/test_catalog.py", "integration/test_golden.py"],
    "parsers/engine/": ["integration/test_golden.py", "integration/test_mapping.py", "integration/test_ingest.py", "integration/test_plugins.py"],
    "parsers/example-plugin/": ["integration/test_plugins.py", "integration/test_trc_oracle.py", "integration/test_install.py"],
    "parsers/formats/cef_leef/": ["integration/test_golden.py", "integration/test_text_oracles.py"],
    "parsers/formats/cloudevents/": ["integration/test_golden.py", "integration/test_cloudevents*.py"],
    "parsers/formats/dlt/": ["integration/test_golden.py", "integration/test_dlt_oracle.py"],
    "parsers/formats/hec/": ["integration/test_golden.py", "integration/test_hec.py"],
    "parsers/formats/otlp/": ["integration/test_golden.py", "integration/test_otlp*.py"],
    "parsers/formats/qsev": ["integration/test_golden.py", "integration/test_qsev_oracle.py"],
    "parsers/privacy/": ["integration/test_vin_secrecy.py", "integration/test_vehicle_keys.py", "integration/test_golden.py"],
    "parsers/registry/": ["integration/test_plugins.py", "integration/test_formats_page.py"],
    "storage/": ["integration/test_sinks.py"],
    "storage/sinks/": ["integration/test_*sink*.py", "crash/test_replay.py", "crash/test_points.py"],
    "storage/sinks/file/": ["integration/test_sinks.py", "integration/test_event_out_schema.py"],
    "storage/sinks/kafka/": ["integration/test_kafka_sink.py", "crash/test_kafka_faults.py"],
    "storage/sinks/postgres/": ["integration/test_postgres_*.py", "crash/test_postgres_*.py"],
    "storage/sinks/postgres/schema/": ["integration/test_postgres_migrate.py", "integration/test_postgres_schema.py", "integration/test_postgres_access.py"],
    "storage/spool/": ["integration/test_spool.py", "integration/test_reparse.py", "crash/test_spool_*.py", "crash/test_corruption.py", "crash/test_points.py"],
    "storage/evidence/remote/": ["integration/test_evidence_time.py", "integration/test_evidence_witnesses.py"],
    "storage/evidence/signer/": ["integration/test_signer.py", "integration/test_evidence_signer.py"],
    "storage/evidence/formats/": ["integration/test_witness.py"],
    "server/witness/": ["integration/test_witness.py"],
    "server/": ["integration/test_ingest.py", "integration/test_operations.py", "integration/test_start_failures.py"],
    "server/admin/": ["integration/test_operations.py"],
    "server/audit/": ["integration/test_audit.py"],
    "server/client/": ["integration/test_send.py"],
    "server/commands/": ["integration/test_config_cli.py", "integration/test_readme.py"],
    "server/commands/cmd_parse": ["integration/test_parse.py", "integration/test_golden.py"],
    "server/commands/send/": ["integration/test_send.py"],
    "server/commands/spool/": ["integration/test_spool.py", "integration/test_reparse.py", "crash/test_replay.py"],
    "server/config/": ["integration/test_config_cli.py", "integration/test_dsn_secrets.py", "integration/test_file_changes.py"],
    "server/connection/": ["integration/test_http_framing.py", "integration/test_stalled.py", "integration/test_handshakes.py", "crash/test_clients.py"],
    "server/plugins/": ["integration/test_plugins.py", "integration/test_sink_plugins.py"],
    "server/daemon/": ["integration/test_operations.py", "integration/test_start_failures.py", "integration/test_stop.py", "integration/test_file_changes.py"],
    "server/files/": ["integration/test_file_changes.py", "integration/test_trusted_files.py"],
    "server/http/": ["integration/test_http_framing.py", "integration/test_wrong_protocol.py"],
    "server/identity/": ["integration/test_identity.py", "integration/test_tokens.py", "integration/test_vehicle_keys.py", "integration/test_vin_secrecy.py"],
    "server/inflate/": ["integration/test_ingest.py", "integration/test_body_slices.py", "integration/test_hostile.py"],
    "server/ingest/": ["integration/test_ingest.py", "integration/test_body_slices.py", "integration/test_same_content.py", "integration/test_openapi.py"],
    "server/ingest/dialects/": ["integration/test_hec.py", "integration/test_otlp.py", "integration/test_cloudevents.py", "integration/test_openapi.py"],
    "server/net/": ["integration/test_handshakes.py", "integration/test_stalled.py"],
    "server/tls/": ["integration/test_certificates.py", "integration/test_handshakes.py", "integration/test_wrong_protocol.py"],
    "deploy/": ["integration/test_hardening.py", "integration/test_readme.py"],
    "docs/": ["integration/test_analysts_doc.py", "integration/test_formats_page.py", "integration/test_openapi.py", "integration/test_readme.py"],
    "tests/data/": ["integration/test_golden.py"],
    "tests/interop/": ["interop"],
    "tests/models/": ["models"],
    "tests/services/": ["services"],
    "tests/container/": ["container"],
    "tests/crash/": ["crash/test_ledger.py"],
}


def git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def differing():
    base = (git("merge-base", "HEAD", "main") or ["HEAD"])[0]
    return sorted({*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")})


def unit_program(test):
    """tests/unit/core/json/test_json.c → unit_core_json, as tests/CMakeLists.txt names it."""
    return f"unit_{test.relative_to(ROOT / 'tests/unit').parts[0]}_{test.stem.removeprefix('test_')}"


def units_of(path):
    """The unit tests of the file's room, or a unit test itself."""
    room = path.parent.relative_to("tests/unit") if path.is_relative_to("tests/unit") else path.parent
    if path.name.startswith("test_") and path.is_relative_to("tests/unit"):
        return [ROOT / path]
    return (ROOT / "tests/unit" / room).glob("test_*.c") if path.suffix in (".c", ".h", ".cpp", ".def", ".csv") else []


def tests_of(path):
    if path.suffix == ".md" and not path.is_relative_to("docs"):
        return []
    if re.fullmatch(r"tests/\w+/test_\w+\.py", str(path)):
        return [ROOT / path]
    best = max((start for start in TESTS if str(path).startswith(start)), key=len, default=None)
    return [found for pattern in TESTS.get(best, []) for found in (ROOT / "tests").glob(pattern)]


def main():
    units, tests = set(), set()
    for name in differing():
        path = pathlib.Path(name)
        units.update(unit_program(test) for test in units_of(path) if test.exists())
        tests.update(str(test.relative_to(ROOT)) for test in tests_of(path) if test.exists())
    for unit in sorted(units):
        print("unit", unit)
    for test in sorted(tests):
        print("test", test)


if __name__ == "__main__":
    sys.exit(main())
