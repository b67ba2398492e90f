"""What /proc tells of processes while they and their threads come and go.

A process or thread that ends between two looks is left out: its end is no error of who looks. Used by tests and by load-tests.
"""

import os
import pathlib

# Ended before the file was opened; ended before it was read; ended, and a zombie's files are nobody's.
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def read(path):
    """Text of a file of /proc; None: what it is about has ended."""
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except GONE:
        return None


def names(folder):
    """Names in a folder of /proc, none when it has ended."""
    try:
        return os.listdir(folder)
    except GONE:
        return []


def processes():
    return [int(name) for name in names("/proc") if name.isdigit()]


def tasks(pid):
    """Ids of the threads that a process has."""
    return [int(name) for name in names(f"/proc/{pid}/task")]


def of_tasks(pid, file):
    """{thread id: text of its file} of the threads that live."""
    found = {task: read(f"/proc/{pid}/task/{task}/{file}") for task in tasks(pid)}
    return {task: text for task, text in found.items() if text is not None}


def thread_names(pid):
    return [name.strip() for name in of_tasks(pid, "comm").values()]


def children_of(pid):
    return [int(child) for text in of_tasks(pid, "children").values() for child in text.split()]


def descendants_of(pid):
    """The process and those below it."""
    found = [pid]
    for one in found:
        found += children_of(one)
    return found


def command_of(pid):
    """Words of its command line, [] when it has ended."""
    return (read(f"/proc/{pid}/cmdline") or "").split("\0")[:-1]


def stat_fields(text):
    """(name, fields behind the name) of a stat file's text: fields[0] is the state, fields[1] the parent."""
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, rest.split()
