"""`vsocd witness` as a process of a test."""

import re
import signal
import subprocess
import urllib.error
import urllib.request

import translog as tlog


class Witness:
    """A running `vsocd witness`."""

    def __init__(self, program, folder, *logs, options=()):
        self.program, self.folder, self.logs, self.options = program, folder, logs, options
        self.folder.mkdir(exist_ok=True)

    def command(self, *more):
        words = [self.program, "witness", "--state", self.folder / "state", "--listen", "127.0.0.1:0", *self.options, *more]
        return words + [word for log in self.logs for word in ("--log", log)]

    def start(self, *more):
        self.errors = open(self.folder / "log", "a")
        self.process = subprocess.Popen(self.command(*more), stdout=subprocess.PIPE, stderr=self.errors, text=True)
        said = [self.process.stdout.readline() for _ in range(3)]
        assert said[2], (self.folder / "log").read_text()
        self.url, self.key = re.search(r"\S+://\S+", said[0])[0], said[2].strip()
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.errors.close()
        return code

    def ask(self, body, path="/add-checkpoint", method="POST"):
        """Status, content type and text of the answer."""
        request = urllib.request.Request(self.url + path, body.encode() if body else None, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def cosign(self, log, old, size):
        """The answer must be one valid cosignature; gives its time."""
        status, _, text = self.ask(log.request(old, size))
        assert status == 200, text
        assert text.count("\n") == 1
        return tlog.verify(self.key, log.head(size).rpartition("\n\n")[0] + "\n", text)

    def known(self, log):
        """Size that it has cosigned."""
        status, kind, text = self.ask(log.request(1, 1))
        if status in (200, 422):  # nothing, or one
            return int(status == 200)
        assert (status, kind) == (409, tlog.SIZE_TYPE)
        return int(text)
