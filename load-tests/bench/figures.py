"""Statistics of measured runs. Pure: numbers in, numbers out."""

import statistics


def spread(values):
    """{"median", "min", "max"} of at least one number."""
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def quantile(values, share):
    """The value that so great a share of all does not pass (the nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def cpu_seconds(record):
    return record["cpu"]["user"] + record["cpu"]["system"]


MEASURES = {
    "us_per_event": lambda r: cpu_seconds(r) / r["events"] * 1e6,
    "events_per_second": lambda r: r["events"] / r["seconds"],
    "rss_peak_bytes": lambda r: r["rss_peak_bytes"],
    "service_us_per_event": lambda r: cpu_seconds({"cpu": r["services"]}) / r["events"] * 1e6,
    "bytes_per_event": lambda r: r["bytes_written"] / r["events"],
}


def key_of(record):
    return record["contender"], tuple(sorted(record["point"].items()))


def summarize(records, reference):
    """One row for each contender and point, in the order in which they first ran: runs, events, spread of each measure (left out where no
    run has it), and `ratio`: its median cost and rate beside those of the reference at the same point. cost 2: it needs twice the CPU."""
    groups = {}
    for record in records:
        groups.setdefault(key_of(record), []).append(record)
    rows = []
    for (name, _), group in groups.items():
        row = {"contender": name, "point": group[0]["point"], "runs": len(group), "events": group[0]["events"]}
        for measure, value in MEASURES.items():
            row[measure] = spread_of(group, value)
        row["latency_ms"] = latencies(group)
        rows.append(row)
    for row in rows:
        row["ratio"] = ratio(row, next((r for r in rows if r["contender"] == reference and r["point"] == row["point"]), None))
    return rows


def latencies(group):
    """{share: spread}, or None where a run of the group has no latencies."""
    if not all(record["latency_ms"] for record in group):
        return None
    return {share: spread(record["latency_ms"][share] for record in group) for share in ("p50", "p99", "p99_9", "max")}


def spread_of(group, value):
    values = []
    for record in group:
        try:
            values.append(value(record))
        except (TypeError, ZeroDivisionError):  # this contender does not say it
            return None
    return None if None in values else spread(values)


def ratio(row, reference):
    if reference is None:
        return None
    found = {}
    for name, measure in (("cost", "us_per_event"), ("rate", "events_per_second")):
        if row[measure] and reference[measure] and reference[measure]["median"]:
            found[name] = row[measure]["median"] / reference[measure]["median"]
    return found
