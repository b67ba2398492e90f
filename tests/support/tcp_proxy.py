"""A proxy on a port of 127.0.0.1 in front of a server's socket, which cuts connections where a test says."""

import contextlib
import itertools
import socket
import struct
import threading


class Cut:
    """When to cut: after so many more bytes towards the server or the client, or instead of the answer to a request that has `answer_to`."""

    def __init__(self, to_server=None, to_client=None, answer_to=None):
        self.left = {"server": to_server, "client": to_client}
        self.answer_to = answer_to
        self.asked = False  # answer_to went by
        self.done = threading.Event()

    def passes(self, side, data):
        """How many of these bytes may still pass; fewer than all: cut after them."""
        if self.answer_to and side == "server":
            self.asked = self.asked or self.answer_to in data
        if self.asked and side == "client":
            return 0
        left = self.left[side]
        if left is None:
            return len(data)
        self.left[side] = max(0, left - len(data))
        return min(left, len(data))


class Proxy:
    def __init__(self, target):
        """target: (host, port), or the path of a Unix socket."""
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.cut = None
        self.resets = itertools.cycle((True, False))  # by turns a reset and an orderly end
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, **when):
        """The next cut, of whatever connection meets it first."""
        cut = Cut(**when)
        with self.lock:
            self.cut = cut
        return cut

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair in self.connections:
            self._end(pair, reset=False)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
        pair = (client, server)
        try:
            server.connect(self.target)
        except OSError:
            return self._end(pair, reset=False)
        self.connections.append(pair)
        threading.Thread(target=self._relay, args=(pair, server, client, "client"), daemon=True).start()
        self._relay(pair, client, server, "server")

    def _relay(self, pair, source, target, side):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passed = self._ask(side, data)
                target.sendall(data[:passed])
                if passed < len(data):
                    return self._end(pair, next(self.resets))
        self._end(pair, reset=False)

    def _ask(self, side, data):
        with self.lock:
            passed = self.cut.passes(side, data) if self.cut else len(data)
            if passed < len(data):
                self.cut.done.set()
                self.cut = None
            return passed

    @staticmethod
    def _end(pair, reset):
        for one in pair:
            with contextlib.suppress(OSError):
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            one.close()
