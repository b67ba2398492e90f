"""A small file system for tests: mounted in a mount namespace of its own, so that an ordinary user can have one, too.

It is there for programs that run in that namespace (SmallDisk.enter before their command) at SmallDisk.path, and for everyone who
may look into the namespace at SmallDisk.seen.
"""

import contextlib
import os
import pathlib
import subprocess

from harness import HarnessError

# Holds the namespace until its standard input ends.
HOLD = 'mount -t tmpfs -o "size=$1,mode=755" tmpfs "$2" && echo mounted && cat'


class SmallDisk:
    def __init__(self, path, size):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        self.holder = subprocess.Popen([*unshare, "sh", "-c", HOLD, "sh", str(size), str(path)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "mounted\n":
            raise HarnessError("no mount namespace with a tmpfs here: as an ordinary user this needs user namespaces")
        pid = self.holder.pid
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self.enter = ["nsenter", "-t", str(pid), "-m", *user, "--wd=" + os.getcwd()]
        # For a program that refuses to be root, which an ordinary user is in a user namespace: itself again, in one more.
        self.enter_as_user = self.enter + ([] if os.geteuid() == 0 else ["unshare", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"])
        self.seen = pathlib.Path(f"/proc/{pid}/root") / self.path.relative_to("/")

    def run(self, *words):
        """A command in the namespace."""
        subprocess.run([*self.enter, *map(str, words)], check=True)

    def remount(self, options):
        self.run("mount", "-o", f"remount,{options}", self.path)

    def free_bytes(self):
        fs = os.statvfs(self.seen)
        return fs.f_bavail * fs.f_frsize

    def fill(self, leave=0):
        """Takes all room but `leave` bytes with a file of somebody else's; returns it."""
        ballast = self.seen / "ballast"
        with open(ballast, "ab") as file:
            file.truncate(0)
            while (room := self.free_bytes() - leave) > 0:
                with contextlib.suppress(OSError):  # others took some of it meanwhile
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room)
        return ballast

    def close(self):
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()
