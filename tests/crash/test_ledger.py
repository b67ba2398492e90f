"""The checker itself: every kind of fault that it is there for is planted once and found."""

import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from ledger import LedgerError, check  # noqa: E402

TOLD = {"a": "accepted", "b": "accepted", "c": "duplicate", "q": "quarantined"}


def test_agreeing_stores_pass():
    check(TOLD, {"postgres": ["a", "b", "c"], "kafka": ["c", "b", "a"]})


@pytest.mark.parametrize(
    "postgres, kafka, word",
    [
        (["a", "b"], ["a", "b", "c"], "lost"),
        (["a", "b", "c", "c"], ["a", "b", "c"], "twice"),
        (["a", "b", "c", "x"], ["a", "b", "c", "x"], "invented"),
        (["a", "b", "c", "q"], ["a", "b", "c"], "invented"),
    ],
)
def test_planted_fault_is_found(postgres, kafka, word):
    with pytest.raises(LedgerError, match=word):
        check(TOLD, {"postgres": postgres, "kafka": kafka})


def test_event_that_was_sent_but_not_acknowledged_may_be_in_all_stores_or_in_none():
    sent = {"a", "b", "c", "u"}
    check(TOLD, {"postgres": ["a", "b", "c", "u"], "kafka": ["a", "b", "c", "u"]}, sent)
    check(TOLD, {"postgres": ["a", "b", "c"], "kafka": ["a", "b", "c"]}, sent)
    with pytest.raises(LedgerError, match="differs"):
        check(TOLD, {"postgres": ["a", "b", "c", "u"], "kafka": ["a", "b", "c"]}, sent)
    with pytest.raises(LedgerError, match="never sent"):
        check(TOLD, {"postgres": ["a", "b", "c", "z"], "kafka": ["a", "b", "c", "z"]}, sent)
