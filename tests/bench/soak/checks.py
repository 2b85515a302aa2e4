"""Comparison of the vendor's record with the answers that the pages got."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.soak.interviews import CUT, DOUBTS, SUCCESS, UNANSWERED, Answer
from tests.bench.soak.scenario import Record


@dataclass(frozen=True)
class Violations:
    """The texts and sessions for which an answer contradicts the vendor's record."""

    #: Texts reported as spoken that were not, or never answered.
    lost: list[str] = field(default_factory=list)
    #: Texts spoken twice.
    doubled: list[str] = field(default_factory=list)
    #: Texts spoken, but reported as failed.
    false: list[str] = field(default_factory=list)
    #: Sessions left open, but reported as failed.
    leaked: list[str] = field(default_factory=list)
    #: Number of tokens used for two requests.
    used_twice: int = 0

    @property
    def good(self) -> bool:
        """Whether there are no violations."""
        return self == Violations()


@dataclass(frozen=True)
class Open:
    """Number of sessions open at the end, by reason."""

    #: The page got no answer to its start: its worker was killed, or the page gave up.
    cut: int
    #: The page got outcome_unknown: the vendor's reply, or the stop, was lost.
    in_doubt: int
    #: The page could not stop them.
    unstopped: int


def check(answers: Sequence[Answer], record: Record) -> Violations:
    """Compare the pages' answers with the vendor's record."""
    codes = _codes(answers, "task")
    task_of = {each.name: each.data["task_id"] for each in _answers_to(answers, "task", SUCCESS)}
    spoken = Counter(text for text, _ in record.spoken)
    started = _codes(answers, "start")
    return Violations(
        lost=[
            *(text for text, _ in task_of.items() - set(record.spoken)),
            *(each.name for each in _answers_to(answers, "task", UNANSWERED)),
        ],
        doubled=[text for text, times in spoken.items() if times > 1],
        false=[text for text in spoken if not codes[text] & {SUCCESS, *DOUBTS}],
        leaked=[
            name
            for name, is_open in record.sessions
            if is_open and not started[name] & {SUCCESS, *DOUBTS}
        ],
        used_twice=record.used_twice,
    )


def still_open(answers: Sequence[Answer], record: Record) -> Open:
    """Count the sessions that are open at the end, by reason."""
    started = _codes(answers, "start")
    unclosed = [started[name] for name, is_open in record.sessions if is_open]
    return Open(
        cut=sum(bool(codes & {CUT, UNANSWERED}) for codes in unclosed),
        in_doubt=sum("outcome_unknown" in codes for codes in unclosed),
        unstopped=sum(SUCCESS in codes for codes in unclosed),
    )


def _codes(answers: Sequence[Answer], route: str) -> defaultdict[str, set[str]]:
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for each in answers:
        if each.route == route:
            codes[each.name].add(each.code)
    return codes


def _answers_to(answers: Sequence[Answer], route: str, code: str) -> list[Answer]:
    return [each for each in answers if (each.route, each.code) == (route, code)]
