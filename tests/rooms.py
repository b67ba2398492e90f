"""The rooms of the tree: what lives in each, and which others it may include. ARCHITECTURE.md prints this table."""

CORE = ["core", "core/disk", "core/event", "core/json", "core/keyed", "core/log", "core/metrics", "core/reasons", "core/wait"]
READ = ["parsers", "parsers/read", "parsers/read/json", "parsers/fill"]
FORMAT = [*CORE, *READ, "parsers/registry", "parsers/engine"]

# room: (what lives there, rooms that it may include besides itself)
ROOMS = {
    "core": ("words of every layer: status, slice, arena, writer, hash, clock, uuid7, thread, utf8, vin; the public event.h", []),
    "core/metrics": ("metrics.def, its cells by thread, the Prometheus text", ["core"]),
    "core/log": ("log lines, their ring and the log thread; the text of a problem", ["core", "core/metrics", "core/wait"]),
    "core/reasons": ("why requests and records are refused, kinds of audit records: refusals.def, record_codes.def, audit_kinds.def", ["core"]),
    "core/wait": ("threads that wait for one another: mailboxes, conditions, wake descriptors", ["core"]),
    "core/disk": ("folders that are synced, crash points of tests", ["core", "core/log"]),
    "core/plugin": ("the rules that descriptors of all plug-ins have in common", ["core"]),
    "core/json": ("JSON text to checked nodes (simdjson)", ["core"]),
    "core/keyed": ("keyed hashes: SipHash for short data, GMAC for long", ["core"]),
    "core/event": ("the event model: its codec on disk and its JSON", ["core"]),
    "parsers": ("the public parser.h", ["core"]),
    "parsers/registry": ("which formats there are, and the choice of one for a body", ["core", "core/plugin", "parsers"]),
    "parsers/read": ("text and bytes to values: numbers, times, lines, protobuf", ["core", "core/reasons", "parsers"]),
    "parsers/read/json": ("JSON records to values, and JSON objects written", ["core", "core/json", "core/reasons", "parsers", "parsers/read"]),
    "parsers/fill": ("values to columns of an event", [*CORE, "parsers", "parsers/read", "parsers/read/json"]),
    "parsers/privacy": ("VINs found and replaced by pseudonyms", ["core"]),
    "parsers/catalog": ("what is known of event ids: code and data", ["core", "core/reasons", *READ, "parsers/registry"]),
    "parsers/engine": (
        "the record loop: split, parse, normalise, hand on, guard plug-ins; mapping.def",
        [*CORE, *READ, "parsers/registry", "parsers/privacy", "parsers/catalog"],
    ),
    "parsers/messages": ("texts of well-known programs inside other formats", ["core", *READ]),
    "parsers/formats": ("formats of one file: eve, qsev", FORMAT),
    "parsers/formats/auditd": ("Linux audit", [*FORMAT, "parsers/messages"]),
    "parsers/formats/candump": ("CAN frames as candump logs them", FORMAT),
    "parsers/formats/cef_leef": ("CEF and LEEF", [*FORMAT, "parsers/catalog"]),
    "parsers/formats/cloudevents": ("CloudEvents, structured and binary", FORMAT),
    "parsers/formats/dlt": ("AUTOSAR Log and Trace", [*FORMAT, "parsers/messages"]),
    "parsers/formats/hec": ("Splunk HTTP Event Collector", FORMAT),
    "parsers/formats/json": ("native events, ECS, OCSF and any other JSON object", FORMAT),
    "parsers/formats/logcat": ("Android logcat", [*FORMAT, "parsers/messages", "parsers/formats/auditd"]),
    "parsers/formats/otlp": ("OpenTelemetry logs, JSON and Protocol Buffers", [*FORMAT, "parsers/formats/json"]),
    "parsers/formats/syslog": ("RFC 5424, RFC 3164 and what devices send as syslog", [*FORMAT, "parsers/messages", "parsers/formats/auditd"]),
    "storage": ("the public sink.h", ["core"]),
    "storage/spool": ("the durable log: segments, writer, reader, cursors, verification", [*CORE, "storage/spool/seal", "storage/spool/retire"]),
    "storage/spool/retire": ("records of removed segments, written and read", CORE),
    "storage/spool/seal": ("what of a record can be erased: commitments, ciphers and keys of its parts", CORE),
    "storage/spool/dedup": ("the window of repeats", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/spool/cut": ("batches of several vehicles, cut into parts that can be erased alone", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/spool/erase": ("keys of a vehicle's records destroyed", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/spool/index": ("indexes of sealed segments, and the threads beside the writer", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/spool/recover": ("the start of a spool: survey, salvage, recovery", [*CORE, "storage/spool", "storage/spool/index", "storage/spool/seal"]),
    "storage/evidence": (
        "the transparency tree: stored hashes, signed heads, the thread that follows the spool",
        [*CORE, "storage/evidence/formats", "storage/spool", "storage/spool/retire", "storage/spool/seal"],
    ),
    "storage/evidence/formats": ("what outsiders check: signed notes, checkpoints, proofs, policies (C2SP), the Merkle tree, leaves", ["core"]),
    "storage/evidence/archive": ("sealed segments in a place that can't be rewritten, and back", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/evidence/signer": (
        "who signs heads of the tree: a key in a token, the process vsocd signer; files of new keys",
        [*CORE, "storage/evidence", "storage/evidence/formats"],
    ),
    "storage/evidence/remote": (
        "others who attest heads, over the network: witnesses, time-stamp authorities",
        [*CORE, "storage/evidence", "storage/evidence/formats"],
    ),
    "storage/evidence/bundle": (
        "bundles of opened records with their proofs: written and checked",
        [*CORE, "storage/evidence", "storage/evidence/formats", "storage/spool", "storage/spool/seal"],
    ),
    "storage/evidence/walk": (
        "everything read once: records, tree and heads compared",
        [*CORE, "storage/evidence", "storage/evidence/formats", "storage/spool", "storage/spool/retire", "storage/spool/seal"],
    ),
    "storage/evidence/holds": ("legal holds: what must not be removed", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/sinks/feed": ("what a loader reads: the spool by lanes, a range of it", [*CORE, "storage/spool", "storage/spool/seal"]),
    "storage/sinks": ("the loader, lanes and replay", [*CORE, "storage", "storage/spool", "storage/spool/seal", "storage/sinks/feed"]),
    "storage/sinks/file": ("events as lines of files", [*CORE, "storage", "storage/sinks"]),
    "storage/sinks/kafka": ("events to Kafka, exactly once", [*CORE, "storage", "storage/evidence", "storage/evidence/formats", "storage/sinks"]),
    "storage/sinks/postgres": (
        "events to PostgreSQL, exactly once",
        [
            *CORE,
            "storage",
            "storage/sinks",
            "storage/sinks/postgres/client",
            "storage/sinks/postgres/jobs",
            "storage/sinks/postgres/schema",
        ],
    ),
    "storage/sinks/registry": (
        "which sinks there are, and what they say of themselves",
        [*CORE, "core/plugin", "storage", "storage/sinks", "storage/sinks/file", "storage/sinks/kafka", "storage/sinks/postgres"],
    ),
    "storage/sinks/postgres/client": ("connection, connection string and errors of libpq", CORE),
    "storage/sinks/postgres/jobs": (
        "what the database needs beside loading, on threads of its own: partitions, old keys, limits of analysts, signed heads, legal holds",
        [*CORE, "storage/evidence", "storage/evidence/formats", "storage/evidence/holds", "storage/sinks/postgres/client"],
    ),
    "storage/sinks/postgres/schema": ("SQL migrations and who applies them", [*CORE, "storage/sinks/postgres/client"]),
    "server/files": (
        "files that are trusted, read and watched; the key that signs heads",
        [*CORE, "storage/evidence/formats", "storage/evidence/signer"],
    ),
    "server/config": ("the settings: config.def, its readers and printers", [*CORE, "server/files", "storage/sinks/registry"]),
    "server/evidence": ("what signs the heads of the tree", [*CORE, "storage/evidence", "storage/evidence/formats", "storage/evidence/signer", "server/config", "server/files"]),
    "server/net": ("listening sockets, fair turns, progress, shares of open files", [*CORE, "server/config"]),
    "server/http": ("HTTP/1.1 as bytes: scan, parse, chunks, rules", [*CORE, "server/net"]),
    "server/inflate": ("content codings in both directions, under limits", [*CORE, "parsers/read"]),
    "server/identity": ("who sends: certificates, tokens, senders, pseudonyms", [*CORE, "server/config", "server/files", "server/net"]),
    "server/audit": ("the audit log: records of who was refused and what was done", [*CORE, "storage/spool"]),
    "server/forward": ("the audit log to a SIEM: syslog over TLS", [*CORE, "storage/spool", "server/client"]),
    "server/tls": ("TLS contexts and sessions, revocation", [*CORE, "server/config", "server/files", "server/identity", "server/net"]),
    "server/connection": (
        "connections: handshake, requests, deadlines, answers",
        [*CORE, "server/audit", "server/config", "server/http", "server/net", "server/tls"],
    ),
    "server/ingest": (
        "a submission from admission to answer",
        [
            *CORE, *READ, "parsers/catalog", "parsers/engine", "parsers/privacy", "parsers/registry", "storage/sinks",
            "storage/sinks/registry", "storage/spool", "storage/spool/cut", "storage/spool/dedup", "storage/spool/seal",
            "server/config", "server/identity", "server/inflate",
        ],
    ),
    "server/ingest/http": (
        "HTTP as a way in: requests become submissions, answers become replies",
        [
            *CORE, *READ, "parsers/engine", "parsers/privacy", "parsers/registry", "server/audit", "server/config", "server/http",
            "server/identity", "server/inflate", "server/ingest",
        ],
    ),
    "server/ingest/dialects": (
        "other people's protocols: routes, answers, words of errors",
        [*CORE, "parsers/engine", "parsers/registry", "parsers/formats/hec", "server/config", "server/http", "server/ingest", "server/ingest/http"],
    ),
    "server/plugins": (
        "plug-ins loaded, and the sinks of a process",
        [*CORE, "parsers/registry", "storage/sinks", "storage/sinks/registry", "server/config", "server/files"],
    ),
    "server/daemon": (
        "the process: start, workers, signals, reload, catalogues, stop",
        [
            *CORE, "parsers/catalog", "parsers/registry", "storage/evidence", "storage/evidence/remote", "storage/evidence/archive", "storage/evidence/holds", "storage/sinks", "storage/sinks/registry", "storage/spool", "server/audit", "server/config",
            "server/connection", "server/evidence",
            "server/files", "server/forward", "server/identity", "server/ingest", "server/ingest/dialects", "server/ingest/http",
            "server/net", "server/plugins",
        ],
    ),
    "server/witness": (
        "vsocd witness: cosigns heads of other people's logs",
        [*CORE, "storage/evidence/formats", "server/connection", "server/files", "server/http", "server/net", "server/tls"],
    ),
    "server/admin": ("probes, metrics, the API of operators", [*CORE, "storage/evidence", "storage/evidence/formats", "server/audit", "server/daemon"]),
    "server/client": ("a small blocking HTTP client", [*CORE, "server/files"]),
    "server/commands": (
        "main, one file a subcommand",
        [
            *CORE, *READ, "parsers/engine", "parsers/registry", "storage/evidence", "storage/evidence/formats", "storage/evidence/signer",
            "storage/sinks/postgres/schema", "storage/spool", "server/audit", "server/client", "server/config",
            "server/daemon", "server/evidence", "server/files", "server/identity", "server/inflate", "server/ingest", "server/net", "server/plugins", "server/tls", "server/witness",
        ],
    ),
    "server/commands/audit": ("vsocd audit: list, follow, verify", [*CORE, *READ, "storage/evidence", "storage/evidence/formats", "storage/spool", "server/commands", "server/config", "server/ingest", "storage/spool/seal"]),
    "server/commands/send": (
        "vsocd send", [*CORE, "parsers/engine", "parsers/registry", "server/client", "server/commands", "server/files", "server/inflate"],
    ),
    "server/commands/spool": (
        "vsocd spool: list, export, verify, replay",
        [*CORE, "parsers/engine", "storage/sinks", "storage/sinks/registry", "storage/evidence", "storage/evidence/archive", "storage/evidence/formats", "storage/spool", "storage/spool/seal", "server/audit", "server/commands", "server/config", "server/daemon", "server/inflate", "server/ingest", "server/plugins"],
    ),
    "server/commands/evidence": (
        "vsocd archive, evidence, hold and vehicle",
        [
            *CORE, *READ, "storage/evidence", "storage/evidence/remote", "storage/evidence/archive", "storage/evidence/bundle", "storage/evidence/formats", "storage/evidence/holds", "storage/evidence/walk",
            "storage/spool", "storage/spool/erase", "storage/spool/seal", "server/audit", "server/commands", "server/commands/spool", "server/config", "server/daemon", "server/evidence", "server/files", "server/identity", "server/ingest",
        ],
    ),
    "server/commands/reference": (
        "vsocd reference: pages generated from the tables",
        [*CORE, "parsers/engine", "parsers/registry", "storage/sinks/kafka", "server/audit", "server/commands", "server/config", "server/tls"],
    ),
}


def circles(edges):
    """The sets of nodes that reach each other; edges: node → nodes."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            members = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(members) > 1:
                found.append(sorted(members))

    for node in list(edges):
        if node not in index:
            visit(node)
    return found


# Names of sets of rooms in the table, the larger first.
SETS = {"*parsing*": FORMAT, "*core*": CORE, "*read*": READ}


def shortened(names, sets):
    """The rooms as a text, sets by their names."""
    names, used = list(dict.fromkeys(names)), []
    for alias, members in sets.items():
        if all(name in names for name in members):
            used.append(alias)
            names = [name for name in names if name not in members]
    return ", ".join(used + [f"`{name}/`" for name in names]) or "–"


def may_include(room):
    """What a room may include besides itself: the text of the table and of the room's README."""
    return shortened(ROOMS[room][1], SETS)


def first_page_line(room):
    """The line of a room's README.md that says what it may include."""
    return f"May include: {may_include(room)}"


def table():
    """The rooms as two Markdown tables: the sets, the rooms."""
    smaller = {alias: members for alias, members in SETS.items() if alias != "*parsing*"}
    lines = ["| set | rooms |", "| --- | --- |"]
    lines += [f"| {alias} | {shortened(members, {} if alias in smaller else smaller)} |" for alias, members in reversed(SETS.items())]
    lines += ["", "| room | holds | may include |", "| --- | --- | --- |"]
    lines += [f"| `{room}/` | {subject} | {may_include(room)} |" for room, (subject, _) in ROOMS.items()]
    return "\n".join(lines) + "\n"
