"""Three verifiers of evidence bundles agree: `vsocd evidence verify`, docs/verify_bundle.py, and Go's implementation of the formats (tests/interop/bundle).

Each accepts every bundle of random logs and refuses every forgery of them.
"""

import dataclasses
import importlib.util
import json
import os
import random
import subprocess
import tarfile

import evidence_bundles
import evidence_forgeries
import evidence_oddities
import fetched
import pytest

BUNDLES = int(os.environ.get("VSOCD_BUNDLES", "40"))
ALL_FORGERIES_OF = 40  # bundles; of further ones, one each
SEED = int(os.environ.get("VSOCD_BUNDLES_SEED") or random.SystemRandom().randrange(1 << 32))
SCRIPT = fetched.ROOT / "docs" / "verify_bundle.py"


def python_verifier():
    spec = importlib.util.spec_from_file_location("verify_bundle", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def verdict(archive, policy):
        try:
            list(module.verify(archive.read_bytes(), policy.read_bytes()))
            return "ok"
        except (Exception, SystemExit) as e:  # as `python3 verify_bundle.py`: whatever ends it, it is not proven
            return f"{type(e).__name__}: {e}"

    return verdict


@pytest.fixture(scope="module")
def go_verifier():
    program = fetched.go_program(fetched.ROOT / "tests" / "interop" / "bundle")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def verdict(archive, policy):
            process.stdin.write(f"{archive} {policy}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield verdict
        process.stdin.close()


def vsocd_verdicts(build, paths, policy):
    """One run for all of them."""
    done = subprocess.run([build / "vsocd", "evidence", "verify", "--json", "--policy", policy, *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if "not a policy" in done.stderr:
        assert done.returncode == 78 and not done.stdout
        return [done.stderr] * len(paths)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(paths) and done.returncode == (0 if all(one["proven"] for one in said) else 1), done.stderr
    return ["ok" if one["proven"] else one["problem"] for one in said]


@pytest.fixture(scope="module")
def verdicts(build, go_verifier, tmp_path_factory):
    """verdicts({name: archive}, policy): {name: {verifier: `ok` or why not}}."""
    folder, python = tmp_path_factory.mktemp("bundles"), python_verifier()

    def judge(archives, policy):
        rules = folder / "policy.txt"
        rules.write_bytes(policy if isinstance(policy, bytes) else policy.encode())
        paths = {name: folder / f"{number}.tar" for number, name in enumerate(archives)}
        for name, path in paths.items():
            path.write_bytes(archives[name])
        ours = dict(zip(paths, vsocd_verdicts(build, list(paths.values()), rules)))
        return {name: {"vsocd": ours[name], "python": python(path, rules), "go": go_verifier(path, rules)} for name, path in paths.items()}

    return judge


def whole(said):
    return set(said.values()) == {"ok"}


def refused(said):
    return "ok" not in said.values()


@pytest.mark.parametrize("part", range(4))
def test_verifiers_accept_every_bundle_and_refuse_every_forgery(verdicts, part):
    seen = set()
    for number in range(part, BUNDLES, 4):
        rng = random.Random(SEED + number)
        case = evidence_bundles.random_case(rng)
        forged = {**dict(evidence_forgeries.forgeries(rng, case)), **dict(evidence_oddities.forgeries(rng, case))}
        if number >= ALL_FORGERIES_OF:
            forged = dict([rng.choice(list(forged.items()))])
        said = verdicts({"whole": case.archive(), **forged}, case.policy)
        assert whole(said.pop("whole")), (SEED + number, said)
        assert all(map(refused, said.values())), (SEED + number, {name: s for name, s in said.items() if not refused(s)})
        seen |= forged.keys()
    possible = evidence_forgeries.FORGERIES.keys() | evidence_oddities.ODDITIES.keys()
    assert len(seen) >= len(possible) - 12, sorted(possible - seen)


def test_verifiers_refuse_a_bundle_under_the_key_of_another_log(verdicts):
    rng = random.Random(SEED)
    case, other = evidence_bundles.random_case(rng), evidence_bundles.random_case(rng)
    same_name = evidence_bundles.Key(case.log.name, 1, rng.randbytes(32))
    for policy in (other.policy, case.policy.replace(case.log.vkey, same_name.vkey)):
        assert refused(verdicts({"bundle": case.archive()}, policy)["bundle"]), SEED


def test_verifiers_refuse_each_changed_byte(verdicts):
    """A sample of the bytes of a small bundle."""
    rng = random.Random(SEED)
    case = evidence_bundles.random_case(rng, leaves=4)
    archive = case.archive()
    changed = {at: archive[:at] + bytes([archive[at] ^ 1 << rng.randrange(8)]) + archive[at + 1 :] for at in rng.sample(range(len(archive)), 300)}
    said = verdicts(changed, case.policy)
    assert all(map(refused, said.values())), (SEED, {at: s for at, s in said.items() if not refused(s)})


def case_with_witnesses(rng):
    """Two witnesses at least, and all have cosigned."""
    while True:
        case = evidence_bundles.random_case(rng, leaves=20)
        if len(case.witnesses) >= 2:
            case.files = evidence_bundles.finished(case)
            return case


def test_verifiers_read_policies_alike(verdicts):
    """What one of them would take and another not, none takes."""
    rng = random.Random(SEED)
    case = case_with_witnesses(rng)
    archive = {"bundle": case.archive()}
    taken = {what for what, policy in evidence_oddities.odd_policies(rng, case).items() if not refused(verdicts(archive, policy)["bundle"])}
    missed = {what for what, policy in evidence_oddities.good_policies(rng, case).items() if not whole(verdicts(archive, policy)["bundle"])}
    assert not taken and not missed, SEED


def test_verifiers_accept_repeated_and_unknown_signatures(verdicts):
    """A note may have them; lines of text behind the root as well."""
    rng = random.Random(SEED)
    case = case_with_witnesses(rng)
    text = evidence_bundles.checkpoint_text(case.log.name, case.hashes)
    extended = text + "more of it \u2028\n"
    lines = lambda t: [case.log.line(t), *(w.line(t, 7 + i) for i, w in enumerate(case.witnesses))]  # noqa: E731
    unknown = [evidence_bundles.Key(f"u{i}", 1, rng.randbytes(32)).line(text) for i in range(50)]
    heads = {"twice": (text, lines(text) * 2), "unknown": (text, unknown + lines(text)), "extended": (extended, lines(extended))}
    said = verdicts({name: evidence_forgeries.rehead(case, evidence_bundles.note(t, *of)) for name, (t, of) in heads.items()}, case.policy)
    assert all(map(whole, said.values())), (SEED, said)


def test_the_command_says_what_to_do(build, tmp_path):
    """And a bundle gives the terminal of its reader no orders."""
    while True:
        case = evidence_bundles.random_case(random.Random(SEED + len(list(tmp_path.iterdir()))), leaves=4)
        (tmp_path / f"{len(list(tmp_path.iterdir()))}").touch()
        if not case.needed:
            break
    record = case.records[0]
    leaf = dataclasses.replace(record, tenant="oem\x1b[2K\n").leaf()
    (tmp_path / "bundle.tar").write_bytes(evidence_oddities.relabelled(case, record, leaf, {}))
    (tmp_path / "head.vkey").write_text(case.log.vkey + "\n")
    (tmp_path / "open.txt").write_text(f"log {case.log.vkey}\n")

    def said(*words):
        done = subprocess.run([build / "vsocd", "evidence", "verify", tmp_path / "bundle.tar", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return done.returncode, done.stdout, done.stderr

    code, out, _ = said("--log", tmp_path / "head.vkey")
    assert code == 0 and "tenant oem?[2K?" in out and "\x1b" not in out, SEED
    assert said("--log", case.log.vkey)[0] == 0
    assert "no line `quorum`: add" in said("--policy", tmp_path / "open.txt")[2]
    assert "does not fit its name and key" in said("--log", case.log.vkey.replace(case.log.id.hex(), "00000000"))[2]
    assert "--time-ca nofile: not found: it takes a PEM file" in said("--log", case.log.vkey, "--time-ca", "nofile")[2]


def test_the_samples_are_what_the_pages_say(verdicts, tmp_path):
    samples = fetched.ROOT / "tests" / "samples"
    said = verdicts({name: (samples / f"{name}.tar").read_bytes() for name in ("evidence", "evidence-changed")}, (samples / "evidence-policy.txt").read_bytes())
    assert whole(said["evidence"]) and refused(said["evidence-changed"]), said
    with tarfile.open(samples / "evidence.tar") as archive:
        archive.extractall(tmp_path)
    by_hand = ["sh", fetched.ROOT / "docs" / "check_by_hand.sh"]
    folders = [leaf.parent for leaf in tmp_path.rglob("leaf.bin")]
    assert len(folders) == 3
    for folder in folders:
        assert subprocess.run([*by_hand, folder], stdout=subprocess.DEVNULL).returncode == 0
        (folder / "leaf.bin").write_bytes(b"x" + (folder / "leaf.bin").read_bytes()[1:])
        assert subprocess.run([*by_hand, folder], stdout=subprocess.DEVNULL).returncode == 1


def test_the_script_is_short_and_needs_nothing_of_ours(tmp_path):
    assert len(SCRIPT.read_text().splitlines()) <= 60
    case = evidence_bundles.random_case(random.Random(SEED))
    (tmp_path / "bundle.tar").write_bytes(case.archive())
    (tmp_path / "policy.txt").write_text(case.policy)
    command = [fetched.PYTHON, "-I", SCRIPT, tmp_path / "bundle.tar", tmp_path / "policy.txt"]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0 and case.log.name in done.stdout, (SEED, done.stderr)
    (tmp_path / "bundle.tar").write_bytes(case.archive()[:-1] + b"1")
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "not proven" in done.stderr, (SEED, done.stderr)
