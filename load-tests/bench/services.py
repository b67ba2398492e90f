"""PostgreSQL and Kafka of a measured run, one of each for all rounds. What a round leaves there does not count in the next: each server has an
instance name and a database of its own."""

import itertools
import re
import subprocess

from rig import RigError


class Services:
    """Attributes: dsn (of the newest database, as owner) and bootstrap; "" where it does not run."""

    numbers = itertools.count(1)  # of all objects: they may share a rig

    def __init__(self, rig, names):
        """names: "postgres", "kafka": those whose CPU counts."""
        self.rig, self.names = rig, list(names)
        self.dsn, self.bootstrap = rig.dsn, rig.bootstrap

    def fresh(self):
        """An unused instance name; self.dsn is then that of an empty database. The one before it is dropped."""
        number = next(self.numbers)
        if "postgres" in self.names:
            old = re.search(r"dbname=(\S+)", self.dsn)[1]
            self._sql(f"CREATE DATABASE round_{number}")
            self.dsn = self.rig.dsn.replace("dbname=vsoc", f"dbname=round_{number}")
            if old != "vsoc":
                self._sql(f"DROP DATABASE {old} WITH (FORCE)")
        return f"round-{number}"

    def _sql(self, statement):
        done = subprocess.run(["psql", self.rig.dsn, "-XqAtc", statement], capture_output=True, text=True)
        if done.returncode != 0:
            raise RigError(f"{statement}: {done.stderr}")
        return done.stdout

    def checkpoint(self):
        """What PostgreSQL still has to write of earlier rounds is written before the next."""
        if self.rig.dsn:
            self._sql("CHECKPOINT")

    def pids(self):
        """Roots of their processes."""
        return [int((self.rig.folder / name / "state" / "pid").read_text().split()[0]) for name in self.names]
