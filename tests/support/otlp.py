"""OTLP with the official message classes (PyPI: opentelemetry-proto), and requests made at random."""

import base64
import json
import math
import sys

import fetched

VIN = "1M8GDM9AXKP042788"


class Messages:
    """The classes, imported when first asked for: they are fetched then."""

    def __init__(self):
        folder = str(fetched.python_packages())
        if folder not in sys.path:
            sys.path.append(folder)
        from google.protobuf import json_format
        from google.rpc import status_pb2
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
        from opentelemetry.proto.common.v1 import common_pb2

        self.json_format = json_format
        self.Request = logs_service_pb2.ExportLogsServiceRequest
        self.Response = logs_service_pb2.ExportLogsServiceResponse
        self.Status = status_pb2.Status
        self.AnyValue = common_pb2.AnyValue

    def to_json(self, request, **options):
        """OTLP/JSON: protobuf's JSON but for the ids in hex and enums as numbers."""
        tree = self.json_format.MessageToDict(request, use_integers_for_enums=True)
        for resource in tree.get("resourceLogs", []):
            for scope in resource.get("scopeLogs", []):
                for record in scope.get("logRecords", []):
                    for name in ("traceId", "spanId"):
                        if name in record:
                            record[name] = base64.b64decode(record[name]).hex().upper()
        return json.dumps(tree, **options).encode()


def fill_value(value, thing):
    """Sets an AnyValue to what a Python value says."""
    if isinstance(thing, bool):
        value.bool_value = thing
    elif isinstance(thing, int):
        value.int_value = thing
    elif isinstance(thing, float):
        value.double_value = thing
    elif isinstance(thing, str):
        value.string_value = thing
    elif isinstance(thing, bytes):
        value.bytes_value = thing
    elif isinstance(thing, list):
        value.array_value.SetInParent()
        for one in thing:
            fill_value(value.array_value.values.add(), one)
    elif isinstance(thing, dict):
        value.kvlist_value.SetInParent()
        fill_attributes(value.kvlist_value.values, thing)


def fill_attributes(attributes, things):
    for key, thing in things.items():
        pair = attributes.add()
        pair.key = key
        if thing is None:
            pair.value.SetInParent()
        else:
            fill_value(pair.value, thing)


def as_json(value):
    """What an AnyValue must become in attributes."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [as_json(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: as_json(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "double_value" and not math.isfinite(value.double_value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value.double_value, "NaN")
    return getattr(value, kind)


TEXTS = ["", "text", "ünïcode ✓ 🚗", "with \"quotes\" and \\", "line\nend\ttab", "\x01\x1f", "x" * 300]


def any_thing(random, depth=0):
    choices = [
        lambda: random.choice(TEXTS),
        lambda: random.choice([0, 1, -1, 2**63 - 1, -(2**63), random.getrandbits(40)]),
        lambda: random.choice([0.0, -0.5, 637.704, 1e300, 5e-324, math.inf, -math.inf, math.nan, random.random()]),
        lambda: random.random() < 0.5,
        lambda: random.randbytes(random.randrange(9)),
        lambda: None,
    ]
    if depth < 2:
        choices += [
            lambda: [thing for thing in (any_thing(random, depth + 1) for _ in range(random.randrange(4))) if thing is not None],
            lambda: any_attributes(random, depth + 1),
        ]
    return random.choice(choices)()


def any_attributes(random, depth=0):
    return {f"key.{random.randrange(100)}": any_thing(random, depth) for _ in range(random.randrange(4))}


def any_request(messages, random):
    request = messages.Request()
    for _ in range(random.randrange(3)):
        resource = request.resource_logs.add()
        if random.random() < 0.8:
            things = any_attributes(random)
            if random.random() < 0.7:
                things["service.name"] = f"service-{random.randrange(5)}"
            if random.random() < 0.5:
                things["vehicle.vin"] = VIN
            fill_attributes(resource.resource.attributes, things)
        for _ in range(random.randrange(3)):
            scope = resource.scope_logs.add()
            scope.schema_url = "https://opentelemetry.io/schemas/1.30.0"
            if random.random() < 0.8:
                scope.scope.name = random.choice(["", "scope", "ü"])
                scope.scope.version = random.choice(["", "1.0"])
                fill_attributes(scope.scope.attributes, any_attributes(random))
            for _ in range(random.randrange(5)):
                fill_record(scope.log_records.add(), random)
    return request


def fill_record(record, random):
    record.time_unix_nano = random.choice([0, 1544712660300000000, 2**63 - 1, random.getrandbits(60)])
    record.observed_time_unix_nano = random.choice([0, 1544712660300000001])
    record.severity_number = random.randrange(25)
    record.severity_text = random.choice(["", "WARN", "Information"])
    record.event_name = random.choice(["", "com.example.event"])
    record.flags = random.choice([0, 1, 2**32 - 1])
    record.dropped_attributes_count = random.choice([0, 7])
    record.trace_id = random.choice([b"", random.randbytes(16)])
    record.span_id = random.choice([b"", random.randbytes(8)])
    thing = any_thing(random)
    if thing is not None:
        fill_value(record.body, thing)
    fill_attributes(record.attributes, any_attributes(random))


def expected_events(request):
    """What docs/formats.md says of each log record of any_request(), in order."""
    return [
        expected_event(record, resource.resource, scope.scope)
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def expected_event(record, resource, scope):
    attributes = {pair.key: as_json(pair.value) for pair in record.attributes}
    event = {"severity_id": [0, 1, 1, 1, 2, 3, 4][(record.severity_number + 3) // 4]}
    for name, value in (("trace_id", record.trace_id.hex()), ("span_id", record.span_id.hex()), ("trace_flags", record.flags),
                        ("dropped_attributes_count", record.dropped_attributes_count)):
        if value:
            attributes[name] = value
    if record.severity_text:
        event["severity_source"] = record.severity_text
        if record.severity_number:
            attributes["severity_number"] = record.severity_number
    elif record.severity_number:
        event["severity_source"] = str(record.severity_number)
    if record.body.WhichOneof("value") == "string_value":
        event["message"] = record.body.string_value or record.event_name or "message"
    elif record.body.WhichOneof("value"):
        attributes["body"] = as_json(record.body)
    time = record.time_unix_nano or record.observed_time_unix_nano
    event["time_event_ns"] = str(time) if time else None
    if record.time_unix_nano and record.observed_time_unix_nano:
        attributes["observed_time_unix_nano"] = str(record.observed_time_unix_nano)
    event["time_source"] = "rtc" if record.time_unix_nano else "inferred" if time else "none"
    event["event_name"] = record.event_name or "message"
    levels = {pair.key: as_json(pair.value) for pair in resource.attributes}
    event["ecu_id"] = levels.pop("service.name", None)
    event["wmi"] = VIN[:3] if levels.pop("vehicle.vin", None) else None
    if levels:
        attributes["resource"] = levels
    scopes = {pair.key: as_json(pair.value) for pair in scope.attributes}
    scopes |= {name: getattr(scope, name) for name in ("name", "version") if getattr(scope, name)}
    if scopes:
        attributes["scope"] = scopes
    event["attributes"] = attributes or None
    return {"severity_source": None, "message": event["event_name"], **event}
