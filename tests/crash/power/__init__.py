"""Power cuts: what a run of vsocd did to its disk is recorded, the states that a power cut could have left are built from it, and vsocd
is started on each. `python3 tests/crash/power --help` builds one state again.

recorder.c notes what is written, synced and answered; journal.py reads the notes; disk.py knows what a cut may keep of them; states.py
numbers the states; record.py makes recordings; check.py looks at a state with vsocd itself.
"""
