"""Writes the corpus of tests/fuzz/fuzz_bundle.c: bundles as the list of files that it takes. evidence_corpus.py FOLDER"""

import pathlib
import random
import sys

import evidence_bundles
import evidence_forgeries

# As in fuzz_bundle.c.
NAMES = """README.txt policy.txt heads/4.checkpoint heads/2.checkpoint heads/2.consistency records/9/leaf.bin records/9/body records/9/meta
records/9/events records/9/seed records/9/erased records/9/proof.tlog-proof custody/leaf.bin custody/body custody/meta custody/events custody/seed
custody/proof.tlog-proof manifest.json time/2-0.tsr versions.json records/9/record.json records/9/events.ndjson""".split()


def entries(files):
    return b"".join(bytes([NAMES.index(name)]) + len(data).to_bytes(2, "big") + data for name, data in files.items() if name in NAMES)


def unpacked(archive):
    files, at = {}, 0
    while any(archive[at : at + 512]):
        name, size = archive[at : at + 100].rstrip(b"\0").decode(), int(archive[at + 124 : at + 135], 8)
        files[name] = archive[at + 512 : at + 512 + size]
        at += 512 + (size + 511) // 512 * 512
    return files


def bundle_of(seed):
    """One record at position 9 in a tree of four leaves with an old head of two."""
    for number in range(seed, seed + 100000, 16):
        case = evidence_bundles.random_case(random.Random(number), leaves=4, first=9)
        if len(case.records) == 1 and case.records[0].position == 9 and (case.old == [2] or seed % 2):
            return number, case
    raise ValueError(seed)


def main(folder):
    for seed in range(6):
        number, case = bundle_of(seed)
        (folder / f"bundle-{seed}").write_bytes(entries(case.files))
        for name, archive in evidence_forgeries.forgeries(random.Random(number), case):
            if seed < 2 and name in ("forked", "forked head", "without witness", "changed body", "called erased", "shorter proof", "truncated"):
                (folder / f"{name.replace(' ', '-')}-{seed}").write_bytes(entries(unpacked(archive)))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
