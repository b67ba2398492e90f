"""What a run of vsocd wrote to stderr by itself."""

import re

# Printed once by the first switch of a fiber, whatever the program tells the sanitizer about its stacks.
SANITIZER_NOTE = re.compile(r"==\d+==WARNING: ASan doesn't fully support makecontext/swapcontext.*\n")


def own_errors(run):
    return SANITIZER_NOTE.sub("", run.stderr.decode())
