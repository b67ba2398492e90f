"""Three verifiers of evidence bundles agree: `vsocd evidence verify`, docs/verify_bundle.py, and Go's implementation of the formats (tests/interop/bundle).

Each accepts every bundle of random logs and refuses every forgery of them.
"""

import importlib.util
import os
import random
import subprocess

import evidence_bundles
import evidence_forgeries
import fetched
import pytest

BUNDLES = int(os.environ.get("VSOCD_BUNDLES", "40"))
SEED = int(os.environ.get("VSOCD_BUNDLES_SEED") or random.SystemRandom().randrange(1 << 32))
SCRIPT = fetched.ROOT / "docs" / "verify_bundle.py"


def python_verifier():
    spec = importlib.util.spec_from_file_location("verify_bundle", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def verdict(archive, policy):
        try:
            list(module.verify(archive.read_bytes(), policy.read_text()))
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


@pytest.fixture(scope="module")
def verifiers(go_verifier):
    return {"python": python_verifier(), "go": go_verifier}


def verdicts(verifiers, folder, name, archive, policy):
    path, rules = folder / f"{name.replace(' ', '-')}.tar", folder / "policy.txt"
    path.write_bytes(archive)
    rules.write_text(policy)
    said = {who: verdict(path, rules) for who, verdict in verifiers.items()}
    path.unlink()
    return said


@pytest.mark.parametrize("part", range(4))
def test_verifiers_accept_every_bundle_and_refuse_every_forgery(verifiers, tmp_path, part):
    seen = set()
    for number in range(part, BUNDLES, 4):
        rng = random.Random(SEED + number)
        case = evidence_bundles.random_case(rng)
        said = verdicts(verifiers, tmp_path, "bundle", case.archive(), case.policy)
        assert set(said.values()) == {"ok"}, (SEED + number, said)
        for name, archive in evidence_forgeries.forgeries(rng, case):
            seen.add(name)
            said = verdicts(verifiers, tmp_path, name, archive, case.policy)
            assert "ok" not in said.values(), (SEED + number, name, said)
    assert len(seen) >= len(evidence_forgeries.FORGERIES) - 6, sorted(set(evidence_forgeries.FORGERIES) - seen)


def test_verifiers_refuse_a_bundle_under_the_key_of_another_log(verifiers, tmp_path):
    rng = random.Random(SEED)
    case, other = evidence_bundles.random_case(rng), evidence_bundles.random_case(rng)
    said = verdicts(verifiers, tmp_path, "other", case.archive(), other.policy)
    assert "ok" not in said.values(), (SEED, said)
    same_name = evidence_bundles.Key(case.log.name, 1, rng.randbytes(32))
    said = verdicts(verifiers, tmp_path, "same", case.archive(), case.policy.replace(case.log.vkey, same_name.vkey))
    assert "ok" not in said.values(), (SEED, said)


def test_verifiers_refuse_each_changed_byte(verifiers, tmp_path):
    """One small bundle, a byte of each block and every byte of some."""
    rng = random.Random(SEED)
    case = evidence_bundles.random_case(rng, leaves=4)
    archive = case.archive()
    for at in sorted(rng.sample(range(len(archive)), 400)):
        changed = archive[:at] + bytes([archive[at] ^ 1 << rng.randrange(8)]) + archive[at + 1 :]
        said = verdicts(verifiers, tmp_path, "byte", changed, case.policy)
        assert "ok" not in said.values(), (SEED, at, said)


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
