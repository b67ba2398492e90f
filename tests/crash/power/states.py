"""The states that a power cut may have left, by number: the same recording, seed and number give the same state."""

import collections
import random

from .disk import FOLDER, Disk
from .journal import batch_of_reply

State = collections.namedtuple("State", "number point mode tree granted")

GOLDEN = 0.6180339887498949  # its multiples spread evenly over the journal, however many there are
MODES = ["nothing", "nothing", "everything", "sizes", "data", "names"] + 6 * ["random"]


def never():
    return False


def always():
    return True


def content_for(mode, file, rng):
    """Bytes of a file with pending changes."""
    if mode == "random":
        mode = rng.choice(["nothing", "everything", "sizes", "sectors", "sectors", "sectors"])
    if mode in ("nothing", "names"):
        return file.durable
    sizes = len(file.pending)
    if mode == "sectors":
        share = rng.choice([0.1, 0.5, 0.9, 0.99])
        return file.content(rng.choice([sizes, rng.randint(0, sizes)]), lambda: rng.random() < share)
    return file.content(sizes, never if mode == "sizes" else always)


def names_for(mode, disk, rng):
    if mode == "random":
        share = rng.choice([0, 0.2, 0.5, 0.8, 1])
        return disk.kept_names(lambda: rng.random() < share)
    return disk.kept_names(never if mode in ("nothing", "data") else always)


def tree_for(mode, disk, rng):
    tree, contents = {}, {}
    for path, file in names_for(mode, disk, rng).items():
        if file is FOLDER:
            tree[path] = FOLDER
        elif not file.pending:
            tree[path] = file.durable
        else:
            if id(file) not in contents:
                contents[id(file)] = content_for(mode, file, rng)
            tree[path] = contents[id(file)]
    return tree


def choice_of(recording, seed, number):
    """(point of the journal that the cut is before, mode, random numbers)"""
    rng = random.Random(f"{seed} {recording.name} {number}")
    return int(number * GOLDEN % 1 * (len(recording.notes) + 1)), rng.choice(MODES), rng


def states(recording, seed, numbers):
    """The states of these numbers, in the order of their points."""
    choices = sorted((choice_of(recording, seed, number)[0], number) for number in numbers)
    disk, at, granted = Disk(recording.tree), 0, dict(recording.granted)
    disk.inodes = {inode: disk.names[path] for path, inode in recording.inodes.items()}
    for point, number in choices:
        for note in recording.notes[at:point]:
            disk.apply(note)
            batch = batch_of_reply(note) if note.op == "a" else None
            if batch:
                granted[batch[0]] = batch[1]
        at = max(at, point)
        _, mode, rng = choice_of(recording, seed, number)
        yield State(number, point, mode, tree_for(mode, disk, rng), dict(granted))


def fingerprint(state):
    """The same for states with the same files and the same batches granted before the cut; of use in this process only."""
    return hash((frozenset(state.granted), frozenset((path, hash(content)) for path, content in state.tree.items())))
