"""Charts of a result document (results.py): cost by contender, latency, growth over a point, and history by date. Each is SVG text."""

import math

from .svg import BLUE, GREEN, GREY, INK, ORANGE, PALE, PURPLE, SKY, Drawing, log_ticks, nice_ticks, short

WIDTH, MARGIN = 900, 24
SERVICE = "#B8B8B8"
COLOURS = {"us": BLUE, "peer": ORANGE, "floor": GREEN}
ROLES = {"us": "vsocd", "peer": "peer, synced", "floor": "floor: the least possible"}
UNSURE = ("none", "in memory", "in the page cache", "in the disk buffer")  # beginnings of a declared durability that a power loss can undo
SHARES = (("p50", "p50", "circle", SKY), ("p99", "p99", "square", BLUE), ("p99_9", "p99.9", "diamond", PURPLE), ("max", "max", "triangle", ORANGE))
SERIES = ((BLUE, "circle"), (ORANGE, "square"), (GREEN, "diamond"), (PURPLE, "triangle"), (GREY, "circle"), (SKY, "square"))


def contender(doc, name):
    return next((one for one in doc["contenders"] if one["name"] == name), {"role": "us", "durability": ""})


def is_durable(one):
    return not one["durability"].startswith(UNSURE)


def charts(doc, earlier=()):
    """{suffix of the file name: SVG text} of what the document has figures for. earlier: documents of the same scenario."""
    made = {"cost": cost(doc), "latency": latency(doc), "history": history([*earlier, doc]), **growth(doc)}
    return {name: text for name, text in made.items() if text}


def head(drawing, title, text):
    """The finding, then what is drawn; returns the y below."""
    y = drawing.paragraph(MARGIN, 36, title, WIDTH - 2 * MARGIN, 19, weight="bold")
    return drawing.paragraph(MARGIN, y, text, WIDTH - 2 * MARGIN, 13, fill=GREY) + 6


def names_width(names):
    return min(330, max(len(name) for name in names) * 7.3 + 12)


def load_text(doc, varied=None):
    """What was sent, without what a chart varies; the machine and the date."""
    load = doc["load"]
    words = {"events": "events", "batch": "a batch", "connections": "connections"}
    parts = [f"{load[name]:,} {word}" for name, word in words.items() if name != varied and isinstance(load.get(name), int)]
    return "; ".join(part for part in (", ".join(parts), doc["machine"].get("CPU", ""), doc["date"]) if part)


# Cost


def cost_title(doc, rows):
    """What the bars say in a sentence."""
    ours = next((row for row in rows if row["contender"] == doc["reference"]), None)
    if ours is None:
        return f"{doc['scenario']}: CPU an event"
    mine = ours["us_per_event"]["median"]
    text = f"{doc['scenario']}: {doc['reference']} {short(mine)} µs an event"
    for durable, word in ((True, "peers that sync too"), (False, "peers that may lose data")):
        peers = [row for row in rows if contender(doc, row["contender"])["role"] == "peer" and is_durable(contender(doc, row["contender"])) == durable]
        if peers:
            best = min(row["us_per_event"]["median"] for row in peers)
            text += f"; {word} from {short(best)} µs ({best / mine:.1f} ×)"
    return text


def limit_of(values):
    """The end of the axis: a value far beyond the others is cut, so that the others stay readable."""
    ordered = sorted(values)
    for smaller, larger in zip(ordered, ordered[1:]):
        if smaller >= ordered[len(ordered) // 2] and larger > 2.2 * smaller:
            return smaller * 1.15
    return ordered[-1]


def service(row):
    """CPU of PostgreSQL and Kafka, µs an event; 0 where the scenario has none."""
    spread = row.get("service_us_per_event")
    return spread["median"] if spread else 0.0


def cost(doc):
    rows = [row for row in doc["summary"] if row["us_per_event"] and not row["point"]]
    if not rows:
        return None
    rows.sort(key=lambda row: row["us_per_event"]["median"] + service(row))
    title = cost_title(doc, rows)
    drawing = Drawing(WIDTH, 0, title)
    runs = max(row["runs"] for row in rows)
    text = "User + system time of all its processes" + (f", median of {runs} runs; the line is the smallest to the largest. " if runs > 1 else ", one run. ")
    y = head(drawing, title, text + load_text(doc) + ".")
    y = legend(drawing, y, rows, doc)
    left, right = MARGIN + names_width([row["contender"] for row in rows]), WIDTH - MARGIN - (110 if any(map(service, rows)) else 64)
    ticks = nice_ticks(limit_of([max(row["us_per_event"]["max"], row["us_per_event"]["median"] + service(row)) for row in rows]))
    bottom = y + 27 * len(rows)

    def at(value):
        return min(left + value / ticks[-1] * (right - left), right)

    for tick in ticks:
        drawing.line(at(tick), y, at(tick), bottom, PALE)
        drawing.text(at(tick), bottom + 17, short(tick), 12, "middle", GREY)
    for row in rows:
        bar(drawing, contender(doc, row["contender"]), row, y, at, ticks[-1])
        y += 27
    drawing.text((left + right) / 2, bottom + 36, "CPU µs an event", 13, "middle")
    drawing.height = bottom + 50
    return drawing.xml()


def bar(drawing, one, row, y, at, most):
    spread, colour, weight = row["us_per_event"], COLOURS[one["role"]], "bold" if one["role"] == "us" else "normal"
    left, end, middle, whole = at(0), at(spread["median"]), y + 13, spread["median"] + service(row)
    drawing.text(left - 8, middle + 4.5, row["contender"].removeprefix("floor: "), 13, "end", weight=weight)
    if is_durable(one) or one["role"] == "floor":
        drawing.rect(left, y + 4, end - left, 18, colour)
    else:
        drawing.rect(left, y + 4, end - left, 18, colour, colour, 0.28)
    drawing.rect(end, y + 4, at(whole) - end, 18, SERVICE)
    high = at(spread["max"])
    if whole <= most:
        for x in (at(spread["min"]), high) if row["runs"] > 1 else ():
            drawing.line(x, middle - 4, x, middle + 4, INK, 1.5)
        drawing.line(at(spread["min"]), middle, high, middle, INK, 1.5)
    else:  # cut
        drawing.path([(at(whole) - 16, y + 2), (at(whole) - 10, middle), (at(whole) - 16, y + 24)], "#FFFFFF")
    text = exact(spread["median"]) + (f" + {exact(service(row))}" if service(row) else "")
    drawing.text(max(at(whole), high) + 7, middle + 4.5, text, 13, weight=weight)


def exact(value):
    return f"{value:.2f}" if value < 100 else short(value)


def legend(drawing, y, rows, doc):
    ones = [contender(doc, row["contender"]) for row in rows]
    x = MARGIN
    entries = [(COLOURS[role], 1.0, text) for role, text in ROLES.items() if any(one["role"] == role and (role != "peer" or is_durable(one)) for one in ones)]
    if any(one["role"] == "peer" and not is_durable(one) for one in ones):
        entries.append((ORANGE, 0.28, "peer that loses data in a power loss"))
    if any(map(service, rows)):
        entries.append((SERVICE, 1.0, "PostgreSQL and Kafka"))
    for colour, opacity, text in entries:
        drawing.rect(x, y - 4, 13, 13, colour, colour, opacity)
        drawing.text(x + 19, y + 7, text, 12)
        x += 19 + len(text) * 6.6 + 18
    return y + 22


# Latency


def latency(doc):
    rows = [row for row in doc["summary"] if row["latency_ms"] and not row["point"]]
    if not rows:
        return None
    ours = next((row for row in rows if row["contender"] == doc["reference"]), rows[0])
    shares = ours["latency_ms"]
    title = f"{doc['scenario']}: half of the answers of {ours['contender']} come within {short(shares['p50']['median'])} ms, 99 % within {short(shares['p99']['median'])} ms"
    drawing = Drawing(WIDTH, 0, title)
    rate = doc["load"].get("rate")
    text = f"From the time when a batch was due to its answer, at {rate:,} events a second. " if rate else "From the request to its answer, as fast as answers come. "
    y = head(drawing, title, text + "Logarithmic axis. " + load_text(doc) + ".")
    x = MARGIN
    for _, name, shape, colour in SHARES:
        drawing.mark(x + 6, y + 2, shape, colour)
        drawing.text(x + 18, y + 7, name, 12)
        x += 80
    y += 24
    values = [row["latency_ms"][share]["median"] for row in rows for share, *_ in SHARES]
    ticks = log_ticks(max(min(values), 1e-3), max(max(values), 1e-3))
    left, right = MARGIN + names_width([row["contender"] for row in rows]), WIDTH - MARGIN - 20
    bottom = y + 30 * len(rows)

    def at(value):
        return left + (math.log10(max(value, ticks[0])) - math.log10(ticks[0])) / (math.log10(ticks[-1]) - math.log10(ticks[0])) * (right - left)

    for tick in ticks:
        drawing.line(at(tick), y, at(tick), bottom, PALE)
        drawing.text(at(tick), bottom + 17, short(tick), 12, "middle", GREY)
    for row in rows:
        middle, medians = y + 15, [row["latency_ms"][share]["median"] for share, *_ in SHARES]
        drawing.text(left - 8, middle + 4.5, row["contender"].removeprefix("floor: "), 13, "end", weight="bold" if row is ours else "normal")
        drawing.line(at(min(medians)), middle, at(max(medians)), middle, GREY)
        for (_, _, shape, colour), value in zip(SHARES, medians):
            drawing.mark(at(value), middle, shape, colour)
        y += 30
    drawing.text((left + right) / 2, bottom + 36, "milliseconds", 13, "middle")
    drawing.height = bottom + 50
    return drawing.xml()


# Curves


def curves(title, text, series, x_name, ticks, at, y_name="CPU µs an event", band=None):
    """series: {name: [(x, median, low, high)]}. ticks: [(x, label)]. at: x → 0 to 1. band: (low, high) is shaded."""
    drawing = Drawing(WIDTH, 0, title)
    top = head(drawing, title, text)
    x0 = MARGIN
    for (colour, shape), name in zip(SERIES, series):
        drawing.mark(x0 + 6, top + 2, shape, colour)
        drawing.text(x0 + 18, top + 7, name, 12)
        x0 += 18 + len(name) * 6.6 + 24
    top += 48
    left, right, bottom = MARGIN + 52, WIDTH - MARGIN - 24, top + 300
    marks = nice_ticks(max([high for points in series.values() for *_, high in points] + ([band[1]] if band else [])))

    def down(value):
        return bottom - value / marks[-1] * (bottom - top)

    if band:
        drawing.rect(left, down(band[1]), right - left, down(band[0]) - down(band[1]), PALE, opacity=0.7)
    for mark in marks:
        drawing.line(left, down(mark), right, down(mark), PALE)
        drawing.text(left - 8, down(mark) + 4.5, short(mark), 12, "end", GREY)
    for x, label in ticks:
        drawing.text(left + at(x) * (right - left), bottom + 18, label, 12, "middle", GREY)
    for (colour, shape), points in zip(SERIES, series.values()):
        placed = [(left + at(x) * (right - left), *map(down, values)) for x, *values in points]
        drawing.path([(x, high) for x, _, _, high in placed] + [(x, low) for x, _, low, _ in reversed(placed)], fill=colour, opacity=0.15, close=True)
        drawing.path([(x, middle) for x, middle, _, _ in placed], colour)
        for x, middle, *_ in placed:
            drawing.mark(x, middle, shape, colour)
    drawing.text((left + right) / 2, bottom + 38, x_name, 13, "middle")
    drawing.text(MARGIN, top - 14, y_name, 12, fill=GREY)
    drawing.height = bottom + 52
    return drawing.xml()


def growth(doc):
    """A chart for each quantity that points vary alone: {"growth-events": SVG}."""
    made = {}
    for name in sorted({key for row in doc["summary"] for key in row["point"]}):
        series = {}
        for row in doc["summary"]:
            if set(row["point"]) == {name} and row["us_per_event"] and isinstance(row["point"][name], (int, float)):
                spread = row["us_per_event"]
                series.setdefault(row["contender"], []).append((row["point"][name], spread["median"], spread["min"], spread["max"]))
        series = {contender_name: sorted(points) for contender_name, points in series.items() if len(points) > 1}
        if series:
            made[f"growth-{name.replace('_', '-')}"] = growth_chart(doc, name, series)
    return made


def growth_chart(doc, name, series):
    values = sorted({x for points in series.values() for x, *_ in points})
    ours = series.get(doc["reference"]) or next(iter(series.values()))
    low, high = (edge(median for _, median, *_ in ours) for edge in (min, max))
    middle, words = (low + high) / 2, name.replace("_", " ")
    title = f"{doc['reference']}: from {short(values[0])} to {short(values[-1])} {words} an event costs the same within ±{(high / middle - 1) * 100:.1f} %"
    logs = values[0] > 0 and values[-1] / values[0] > 20

    def at(x):
        if logs:
            return (math.log10(x) - math.log10(values[0])) / (math.log10(values[-1]) - math.log10(values[0]))
        return (x - values[0]) / (values[-1] - values[0])

    text = f"The grey band is ±10 % around the middle; the coloured one is the smallest to the largest of the runs. {load_text(doc, name)}."
    return curves(title, text, series, f"{words}{', logarithmic' if logs else ''}", [(x, short(x)) for x in values], at, band=(middle * 0.9, middle * 1.1))


def history(docs):
    """Ours, and two cheap peers of the last document, over all documents."""
    docs = sorted(docs, key=lambda doc: doc["date"])
    last = docs[-1]
    rows = [row for row in last["summary"] if row["us_per_event"] and not row["point"]]
    most = 6 * next((row["us_per_event"]["median"] for row in rows if row["contender"] == last["reference"]), 0)  # others would flatten ours
    costs = sorted((row["us_per_event"]["median"], row["contender"]) for row in rows if contender(last, row["contender"])["role"] == "peer")
    series = {}
    for name in [last["reference"]] + [name for cost_us, name in costs[:2] if cost_us < most]:
        for position, doc in enumerate(docs):
            for row in doc["summary"]:
                if row["contender"] == name and row["us_per_event"] and not row["point"]:
                    spread = row["us_per_event"]
                    series.setdefault(name, []).append((position, spread["median"], spread["min"], spread["max"]))
    ours = series.get(last["reference"], [])
    if len(docs) < 2 or len(ours) < 2:
        return None
    title = f"{last['scenario']}: from {short(ours[0][1])} to {short(ours[-1][1])} µs of CPU an event since {docs[ours[0][0]]['date']}"
    ticks = [(i, doc["date"]) for i, doc in enumerate(docs)]
    text = f"Results of different days, so of different machines and loads too: compare the steps with those of the peers. Last: {load_text(last)}."
    return curves(title, text, series, "date of the result", ticks[:: max(1, len(ticks) // 8)], lambda x: 0.04 + 0.92 * x / (len(docs) - 1))
