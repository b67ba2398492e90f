"""Grants and withdraws rights at a private Kafka, as kafka-acls.sh would, but without its seconds of Java.

The client library of Debian 12 has no such call, so the two requests are written here (CreateAcls and DeleteAcls, version 1).
"""

import socket
import struct

RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional_id": 5}
OPERATIONS = {"all": 2, "read": 3, "write": 4, "create": 5, "describe": 8, "describe_configs": 10, "idempotent_write": 12}
LITERAL, PREFIXED = 3, 4
ALLOW, ANY = 3, 1


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def request(bootstrap, api, body):
    """Sends one request to the first broker; the answer behind correlation id and throttle time."""
    host, _, port = bootstrap.split(",")[0].rpartition(":")
    message = struct.pack(">hhi", api, 1, 1) + text("test") + body
    with socket.create_connection((host, int(port)), timeout=20) as connection, connection.makefile("rb") as stream:
        connection.sendall(struct.pack(">i", len(message)) + message)
        (size,) = struct.unpack(">i", stream.read(4))
        return stream.read(size)[8:]


def check(answer):
    """Both answers begin with a list whose members begin with an error code; one request, one member."""
    count, error = struct.unpack(">ih", answer[:6])
    assert (count, error) == (1, 0), f"the broker answered {answer!r}"


def entry(user, kind, name, operation, permission, prefixed):
    pattern = PREFIXED if prefixed else LITERAL
    body = struct.pack(">ib", 1, RESOURCES[kind]) + text(name) + struct.pack(">b", pattern) + text(f"User:{user}") + text("*")
    return body + struct.pack(">bb", OPERATIONS[operation], permission)


def grant(bootstrap, user, kind, name, operation, prefixed=False):
    check(request(bootstrap, 30, entry(user, kind, name, operation, ALLOW, prefixed)))


def withdraw(bootstrap, user, kind, name, operation, prefixed=False):
    check(request(bootstrap, 31, entry(user, kind, name, operation, ANY, prefixed)))
