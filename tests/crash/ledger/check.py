"""The comparison of what senders were told with what the stores hold."""

from .content import Told

EXAMPLES = 3


class LedgerError(AssertionError):
    """The stores do not hold what was acknowledged; the text says what is lost, duplicated, altered, invented or reordered, and where."""


class Findings:
    """Counts and a few examples of what is wrong, by store and kind."""

    def __init__(self):
        self.counts, self.examples = {}, {}

    def add(self, store, kind, event_id, detail):
        key = (store, kind)
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] <= EXAMPLES:
            self.examples.setdefault(key, []).append(f"{event_id or 'no id'} ({detail})")

    def raise_if_any(self):
        if self.counts:
            lines = [f"{store}: {count} {kind}, for example " + ", ".join(self.examples[store, kind])
                     for (store, kind), count in self.counts.items()]
            raise LedgerError("\n".join(lines))


class Order:
    """The rank of each event: at first its place among the answers, later its place in the first ordered store. In every ordered store the ranks
    of a vehicle rise; among the answers only those of one batch count, unless the sender waited for each answer."""

    def __init__(self, told, waited):
        self.told, self.by_answers = told, True
        self.ranks = {event_id: rank for rank, event_id in enumerate(told)}
        self.group_of = (lambda entry: entry.vehicle) if waited else self._batch_of

    def _batch_of(self, entry):
        return self.told[entry.event_id].batch if entry.event_id in self.told else None

    def start(self):
        self.last, self.places = {}, {}

    def add(self, entry):
        """False when the entry comes too late."""
        if self.by_answers:
            self.places[entry.event_id] = len(self.places)
        group, rank = self.group_of(entry), self.ranks.get(entry.event_id)
        if group is None or rank is None:
            return True
        if rank < self.last.get(group, -1):
            return False
        self.last[group] = rank
        return True

    def end(self):
        if self.by_answers:
            self.ranks, self.by_answers = self.places, False
            self.group_of = lambda entry: entry.vehicle


def _check_event(store, entry, expected, pseudonym, findings):
    """One event that the sender was told of, against what it said."""
    if expected.content is not None and entry.content != expected.content:
        findings.add(store.name, "altered", entry.event_id, f"{entry.where}: content {entry.content}, sent was {expected.content}")
    vehicle = expected.vehicle and pseudonym(expected.vehicle)
    if entry.vehicle != vehicle:
        findings.add(store.name, "altered", entry.event_id, f"{entry.where}: vehicle {entry.vehicle}, sent was {vehicle}")


def _check_events(store, order, told, sent, pseudonym, findings):
    """Returns {id: content} of what nobody was told of, but was sent."""
    seen, untold = set(), {}
    order.start()
    for entry in store.events:
        expected = told.get(entry.event_id)
        if entry.event_id in seen:
            findings.add(store.name, "duplicated", entry.event_id, f"again at {entry.where}")
            continue
        seen.add(entry.event_id)
        if store.ordered and not order.add(entry):
            findings.add(store.name, "reordered", entry.event_id, f"{entry.where} comes after what is later")
        if expected is not None and expected.state != "quarantined":
            _check_event(store, entry, expected, pseudonym, findings)
        elif expected is None and sent is not None and entry.event_id in sent:
            untold[entry.event_id] = entry.content
            if isinstance(sent, dict) and isinstance(sent[entry.event_id], Told):
                _check_event(store, entry, sent[entry.event_id], pseudonym, findings)
        else:
            findings.add(store.name, "invented", entry.event_id, f"{entry.where}; " + ("was quarantined" if expected else "nobody sent it"))
    if store.ordered:
        order.end()
    for event_id, expected in told.items():
        if expected.state != "quarantined" and event_id not in seen:
            findings.add(store.name, "lost", event_id, f"told {expected.state} in batch {expected.batch}")
    return untold


def _resolve(store, places):
    """Its quarantined records. Of a reference (to Kafka, to files) the record is the one that another store has at its place, with the same
    reason; places: {place: entry} of the records with bytes that were seen so far."""
    for entry in store.quarantined:
        if entry.content is not None:
            places[entry.place] = entry
        elif entry.place in places and places[entry.place].vehicle == entry.vehicle:
            entry = entry._replace(event_id=places[entry.place].event_id, content=places[entry.place].content)
        yield entry


def _check_references(name, entries, refused, findings):
    """Where no other store has the bytes: as many references as records were told, none twice."""
    places = [entry.place for entry in entries]
    for place in {place for place in places if places.count(place) > 1}:
        findings.add(name, "duplicated", "", f"reference {place}")
    if len(set(places)) < len(refused):
        findings.add(name, "lost", "", f"{len(set(places))} references to {len(refused)} records that were told quarantined")


def _check_quarantined(store, refused, told, sent, findings, places):
    """Records are matched by their bytes and reason; an id in both tells of an altered one. refused: {content: id} of what was told."""
    name = store.name + " quarantine"
    left, seen, untold, strange = dict(refused), set(), {}, []
    entries = list(_resolve(store, places))
    if entries and not places:
        _check_references(name, entries, refused, findings)
        return untold
    for entry in entries:
        if entry.content in seen:
            findings.add(name, "duplicated", entry.event_id, f"again at {entry.where}")
        elif entry.content in refused:
            del left[entry.content]
        else:
            strange.append(entry)
        seen.add(entry.content)
    lost = {event_id: content for content, event_id in left.items()}
    for entry in strange:
        if lost.pop(entry.event_id, None):
            findings.add(name, "altered", entry.event_id, f"{entry.where}: bytes or reason differ")
        elif sent is not None and entry.event_id in sent and entry.event_id not in told:
            untold[entry.event_id] = entry.content
        else:
            findings.add(name, "invented", entry.event_id, f"{entry.where}; nobody was told")
    for event_id in lost:
        findings.add(name, "lost", event_id, "told quarantined")
    return untold


def _check_untold(untold, findings):
    """What was sent and never answered may be in the stores, but then in all of them and alike."""
    (first, held), *others = untold.items()
    for name, other in others:
        for event_id in held.keys() ^ other.keys():
            has, lacks = (first, name) if event_id in held else (name, first)
            findings.add(lacks, "lost", event_id, f"nobody was told of it, but {has} has it")
        for event_id in held.keys() & other.keys():
            if held[event_id] != other[event_id]:
                findings.add(name, "altered", event_id, f"content is not that of {first}")


def check(told, stores, sent=None, pseudonym=lambda vin: vin, waited=False):
    """Raises LedgerError unless every store holds exactly what was acknowledged.

    told       {event id: Told} in the order of the answers
    stores     the ordered ones are compared with each other, so give the spool before Kafka
    sent       ids (or {id: Told}) of all that was sent: what among it was never answered may be in the stores, but then in all of them
    pseudonym  function from the sender's vehicle to the stores' (pseudonyms(keys_file))
    waited     the sender sent a vehicle's next batch only after it had the answer of the last one: their order is checked, too
    """
    findings, order, untold, places = Findings(), Order(told, waited), {}, {}
    refused = {one.content: event_id for event_id, one in told.items() if one.state == "quarantined"}
    for store in sorted(stores, key=lambda store: (store.name != "spool", store.name == "kafka")):
        untold[store.name] = _check_events(store, order, told, sent, pseudonym, findings)
        for event_id, content in _check_quarantined(store, refused, told, sent, findings, places).items():
            untold[store.name]["quarantined " + event_id] = content
    _check_untold(untold, findings)
    findings.raise_if_any()
