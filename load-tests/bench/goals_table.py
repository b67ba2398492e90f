"""The table of goals from the results of scenarios. Pure: documents (results.document) in, rows and Markdown out.

A row: measure, goal, us, floor, peers, ratio (texts) and reached: True, False, or None when something that it needs was not measured; why
says then what, in few words.
"""

import statistics

from .plots import is_durable

SEGMENT_READ = {"clean stop": 16 * 2**20, "kill -9": 96 * 2**20}  # programs and settings; besides, one segment of 64 MiB
LINE_FORMATS = ("cef", "leef", "syslog", "auditd", "candump", "hec_raw", "logcat")
MIB = 2**20


def row(measure, goal, us, reached, floor="–", peers="–", ratio="–", why=""):
    why = (why or "a floor or a peer did not run") if reached is None else ""
    return {"measure": measure, "goal": goal, "us": us, "floor": floor, "peers": peers, "ratio": ratio, "reached": reached, "why": why}


def summary(doc, name):
    """The summary of a contender, or None."""
    return next((one for one in doc["summary"] if one["contender"] == name), None) if doc else None


def middle(found, measure):
    return found[measure]["median"] if found and found[measure] else None


def cost(doc, name="vsocd"):
    return middle(summary(doc, name), "us_per_event")


def rate(doc, name="vsocd"):
    return middle(summary(doc, name), "events_per_second")


def peers(doc):
    return [one for one in doc["contenders"] if one["role"] == "peer"]


def peers_text(doc, value, form, best=min):
    """The best peer whose answer means that the events are synced, and the best of those whose does not. best: min for costs, max for rates."""
    found = []
    for durable, words in ((True, "durable"), (False, "not durable")):
        values = [(value(doc, one["name"]), one["name"]) for one in peers(doc) if is_durable(one) == durable and value(doc, one["name"])]
        if values:
            number, name = best(values)
            found.append(f"{name} {form.format(number)} ({words})")
    return "; ".join(found) or "not measured"


def why_without(doc, begin):
    """Why a peer whose name begins so has no figures."""
    of_it = [one for one in peers(doc) if one["name"].startswith(begin)]
    return f"{begin} can't be installed here" if of_it and all(one["unavailable"] for one in of_it) else f"run without {begin}"


def text(value, form="{:.2f}"):
    return "not measured" if value is None else form.format(value)


def at_most(value, bound):
    return None if value is None else value <= bound


def at_least(value, bound):
    return None if value is None else value >= bound


def share(one, other):
    return None if not one or not other else one / other


def accept_rows(doc):
    us, floor = cost(doc), cost(doc, "floor: inflate + simdjson")
    undurable = cost(doc, "Fluent Bit, memory")
    of_floor, of_fluent_bit = share(floor, us), share(undurable, us)
    fluent_bit, others = why_without(doc, "Fluent Bit"), peers_text(doc, cost, "{:.2f} µs")
    return [
        row("accept, durable", "≤ 1.1 µs of CPU", text(us, "{:.2f} µs"), at_most(us, 1.1), text(floor, "{:.2f} µs"), others),
        row("accept, share of inflate + simdjson", "≥ 0.65", text(of_floor), at_least(of_floor, 0.65), ratio=text(of_floor)),
        row("accept beside Fluent Bit, not durable", "≥ 5 times", text(of_fluent_bit, "{:.1f} times"), at_least(of_fluent_bit, 5), ratio=text(of_fluent_bit), why=fluent_bit),
    ]


def tls_rows(doc):
    found = share(cost(doc), cost(doc, "vsocd, mutual TLS"))
    us = cost(doc, "vsocd, mutual TLS")
    return [row("mutual TLS, connections kept", "≥ 0.95 of plain", text(us, "{:.2f} µs"), at_least(found, 0.95), f"plain {text(cost(doc))} µs", ratio=text(found))]


def one_event_rows(doc):
    us = cost(doc)
    return [row("batches of one event", "≤ 18 µs a request", text(us, "{:.1f} µs"), at_most(us, 18))]


def kafka_rows(doc):
    floor = "floor: producer, same headers"
    us, found = cost(doc), share(rate(doc), rate(doc, floor))
    bare = f"{text(cost(doc, floor))} µs; {text(rate(doc, floor), '{:,.0f}')}/s"
    return [
        row("Kafka, exactly once", "≤ 2.7 µs of ours", text(us, "{:.2f} µs"), at_most(us, 2.7), bare, peers_text(doc, cost, "{:.2f} µs")),
        row("Kafka, rate", "≥ 1.0 of the bare producer", text(rate(doc), "{:,.0f}/s"), at_least(found, 1), bare, peers_text(doc, rate, "{:,.0f}/s", max), text(found)),
    ]


def postgres_rows(doc):
    floor = next((one["name"] for one in doc["contenders"] if one["name"].startswith("floor: COPY") and one["name"].endswith("with keys")), "")
    us, found = cost(doc), share(rate(doc), rate(doc, floor))
    bare = f"{text(rate(doc, floor), '{:,.0f}')}/s"
    others = peers_text(doc, rate, "{:,.0f}/s", max)
    return [
        row("PostgreSQL, rate", "≥ 0.95 of bare COPY", text(rate(doc), "{:,.0f}/s"), at_least(found, 0.95), bare, others, text(found)),
        row("PostgreSQL, CPU of ours", "≤ 0.8 µs", text(us, "{:.2f} µs"), at_most(us, 0.8), f"{text(cost(doc, floor))} µs", peers_text(doc, cost, "{:.2f} µs")),
    ]


def own_share(doc):
    """CPU of ours as a share of ours, the services' and the generator's."""
    shares = []
    for one in doc["records"]:
        if one["contender"] == "vsocd" and one["services"] and one["generator"]:
            ours, services = (part["user"] + part["system"] for part in (one["cpu"], one["services"]))
            shares.append(ours / (ours + services + one["generator"]["send_cpu_seconds"]))
    return statistics.median(shares) if shares else None


def end_to_end_rows(doc):
    found, ours = rate(doc), own_share(doc)
    fluent_bit = max((rate(doc, one["name"]) for one in peers(doc) if one["name"].startswith("Fluent Bit") and rate(doc, one["name"])), default=None)
    times = share(found, fluent_bit)
    return [
        row("end to end, both sinks", "≥ 115,000/s", text(found, "{:,.0f}/s"), at_least(found, 115000), peers=peers_text(doc, rate, "{:,.0f}/s", max)),
        row("end to end beside Fluent Bit", "≥ 4 times", text(times, "{:.1f} times"), at_least(times, 4), ratio=text(times), why=why_without(doc, "Fluent Bit")),
        row("end to end, CPU of ours", "≤ 25 % of the whole", text(ours, "{:.0%}"), at_most(ours, 0.25)),
    ]


def latency_rows(doc):
    def p99(name):
        found = summary(doc, name)
        return found["latency_ms"]["p99"]["median"] if found and found["latency_ms"] else None

    us, sync = p99("vsocd"), p99("floor: fdatasync")
    bound = None if sync is None else 3 * sync + 1
    slow = [one for record in doc["records"] if record["contender"] == "vsocd" for one in record["outliers"]]
    seconds = sum(record["seconds"] for record in doc["records"] if record["contender"] == "vsocd")
    counted = len(slow) if seconds >= 600 or slow else None  # a short run without one proves nothing
    return [
        row(
            "p99 of the answer at half load",
            "≤ 3 times p99 of fdatasync + 1 ms",
            text(us, "{:.2f} ms"),
            None if us is None or bound is None else us <= bound,
            f"fdatasync {text(sync)} ms",
            ratio=text(bound, "at most {:.2f} ms"),
        ),
        row("answers over 50 ms at half load", "none in 10 minutes", f"{len(slow)} in {seconds:.0f} s", at_most(counted, 0), why="600 s are needed"),
    ]


def start_rows(doc):
    """Clean stops, cold: seconds, and what was read of all."""
    rows = []
    for after in ("clean stop", "kill -9"):
        group = [r for r in doc["records"] if r["point"]["after"] == after and r["point"]["cache"] == "cold"]
        if group:
            worst = max(group, key=lambda r: r["seconds"])
            us = f"{worst['seconds']:.2f} s, {worst['read_bytes'] / MIB:.0f} MiB read of {worst['spool_bytes'] / MIB:.0f}"
            goal = "< 1 s, no segment read" if after == "clean stop" else "< 1 s, the last segment only"
            within = worst["seconds"] < 1 and worst["read_bytes"] < SEGMENT_READ[after]
            rows.append(row(f"start with a spool after {after}, cold", goal, us, within))
    return rows


def memory_rows(doc):
    def value(begin, name="rss_peak_bytes"):
        found = [r[name] for r in doc["records"] if r["point"]["state"].startswith(begin) or r["point"]["state"].endswith(begin)]
        return max(found) if found else None

    idle, full, many = value("idle, no sinks"), value("full rate"), value("batches remembered")
    batch, tls = value("batches remembered", "bytes_a_batch"), value("idle TLS connections", "bytes_a_connection")
    return [
        row("memory, idle", "≤ 40 MiB", text(idle and idle / MIB, "{:.0f} MiB"), at_most(idle, 40 * MIB)),
        row("memory, full rate with both sinks", "≤ 128 MiB", text(full and full / MIB, "{:.0f} MiB"), at_most(full, 128 * MIB)),
        row("memory, batches remembered", "≤ 128 MiB", text(many and many / MIB, "{:.0f} MiB"), at_most(many, 128 * MIB)),
        row("memory of a remembered batch", "≤ 40 bytes", text(batch, "{:.0f} bytes"), at_most(batch, 40)),
        row("memory of an idle TLS connection", "≤ 16 KiB", text(tls and tls / 1024, "{:.1f} KiB"), at_most(tls, 16 * 1024)),
    ]


def growth_rows(flat):
    """flat: growth.flatness of its summary."""
    return [row(f"growth of {name.replace('_', ' ')}", "± 10 %", f"{low:.2f} to {high:.2f} µs: ± {part:.0%}", part <= 0.10) for name, low, high, part in flat]


def parser_rows(samples):
    """samples: rows of the scenario parse."""
    rows = []
    native = [one["bytes_per_second"] / one["simdjson"] for one in samples if one["sample"] == "vsoc_json.ndjson" and one["simdjson"]]
    if native:
        rows.append(row("parser vsoc_json", "≥ 0.65 of simdjson's walk", f"{native[0]:.2f}", native[0] >= 0.65, ratio=f"{native[0]:.2f}"))
    for one in samples:
        form, us, speed = one["sample"].partition(".")[0], 1e6 / one["events_per_second"], one["bytes_per_second"] / 1e6
        if form in LINE_FORMATS:
            rows.append(row(f"parser {form}", "≤ 1.2 µs or ≥ 250 MB/s", f"{us:.2f} µs, {speed:.0f} MB/s", us <= 1.2 or speed >= 250))
        elif one["sample"] == "otlp.bin":
            rows.append(row("parser otlp, Protocol Buffers", "≥ 200 MB/s", f"{speed:.0f} MB/s", speed >= 200))
    return rows


def reached_text(one):
    why = one.get("why")
    return {True: "yes", False: "**no**", None: f"not measured: {why}" if why else "not measured"}[one["reached"]]


def markdown(rows):
    lines = ["| measure | goal | vsocd | floor | peers | ratio | reached |", "| --- | --- | --- | --- | --- | --- | --- |"]
    names = ("measure", "goal", "us", "floor", "peers", "ratio")
    return "\n".join(lines + ["| " + " | ".join(one[name] for name in names) + f" | {reached_text(one)} |" for one in rows])


SHORT = {  # measure: what a reader of the front page calls it
    "accept, durable": "accept an event, durably: CPU",
    "mutual TLS, connections kept": "the same with mutual TLS",
    "batches of one event": "a request of one event: CPU",
    "p99 of the answer at half load": "answer at half load, p99",
    "Kafka, exactly once": "into Kafka, exactly once: CPU",
    "PostgreSQL, rate": "into PostgreSQL: events/s",
    "end to end, both sinks": "into both, from the socket: events/s",
    "start with a spool after clean stop, cold": "start with a spool",
    "memory, idle": "memory, idle",
    "memory, full rate with both sinks": "memory at full rate, both sinks",
}
UNKNOWN = "not measured"


def short(rows):
    """The first things that somebody asks, of those that have figures."""
    lines = ["| measure | vsocd | floor | best peer |", "| --- | --- | --- | --- |"]
    for one in rows:
        if one["measure"] in SHORT and not one["us"].startswith(UNKNOWN):
            floor, others = ("–" if UNKNOWN in one[name] else one[name] for name in ("floor", "peers"))
            lines.append(f"| {SHORT[one['measure']]} | {one['us']} | {floor} | {others} |")
    return "\n".join(lines)
