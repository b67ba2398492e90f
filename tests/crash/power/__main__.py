"""Builds one state of a recording again, to look at, and checks it."""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "support"), str(HERE.parents[1] / "integration")]

from power import check, record, states  # noqa: E402
from power.disk import write_tree  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="tests/crash/power", description=__doc__)
    parser.add_argument("recording", help="folder that a failed test named")
    parser.add_argument("number", type=int, help="of the state")
    parser.add_argument("folder", type=pathlib.Path, help="new folder: FOLDER/state gets the state, FOLDER/check what vsocd makes of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default="build/dev", help="folder of vsocd, default build/dev")
    arguments = parser.parse_args()
    recording = record.Recording(arguments.recording)
    state = next(states.states(recording, arguments.seed, [arguments.number]))
    (arguments.folder / "state").mkdir(parents=True)
    write_tree(state.tree, arguments.folder / "state")
    print(f"cut before note {state.point} of {len(recording.notes)}, {state.mode} kept, {len(state.granted)} batches granted")
    for number, note in enumerate(recording.notes[:state.point]):
        print(number, note.op, note.inode or "", note.number or "", note.name, len(note.data) if note.op in "wa" else note.data.decode())
    try:
        check.Check(pathlib.Path(arguments.build).resolve(), recording, state, arguments.folder / "check").run()
    except check.LostError as error:
        print(error)
        return 1
    print("keeps all promises")
    return 0


if __name__ == "__main__":
    sys.exit(main())
