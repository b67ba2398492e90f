"""All contenders. Peers live in load-tests/bench/peers/, one file each; each has a class that takes nothing."""

import importlib
import pathlib
import pkgutil

from .contender import Contender
from .floors import floors
from .vsocd import Vsocd


def peers():
    """One object of each class in bench/peers/*.py that names itself."""
    folder = pathlib.Path(__file__).parent / "peers"
    found = []
    for module in sorted(pkgutil.iter_modules([str(folder)]), key=lambda one: one.name):
        loaded = importlib.import_module(f"bench.peers.{module.name}")
        found += [kind() for kind in vars(loaded).values() if is_peer(kind, loaded)]
    return found


def is_peer(kind, module):
    return isinstance(kind, type) and issubclass(kind, Contender) and kind.role == "peer" and bool(kind.name) and kind.__module__ == module.__name__


def contenders(build, scenario, sinks=(), names=None, further=()):
    """Those of a scenario, vsocd first, then further ones of ours. names: of the others only these; None: all."""
    others = [one for one in [*floors(build), *peers()] if scenario in one.scenarios and (names is None or one.name in names)]
    return [Vsocd(sinks=sinks, build=build), *further, *others]
