"""The verdict: what the vendor did, against what each page was told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.soak.interviews import CUT, DOUBTS, SUCCESS, UNANSWERED, Answer
from tests.bench.soak.scenario import Record


@dataclass(frozen=True)
class Verdict:
    """What went wrong, by the texts and the sessions concerned; none of it may be."""

    #: Told to be spoken and never were, or never answered.
    lost: list[str] = field(default_factory=list)
    #: Spoken twice.
    doubled: list[str] = field(default_factory=list)
    #: Told to have failed, though they were spoken.
    false: list[str] = field(default_factory=list)
    #: Sessions left open of which their page was told that they had failed.
    leaked: list[str] = field(default_factory=list)
    #: Tokens that served two requests.
    used_twice: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        return self == Verdict()


@dataclass(frozen=True)
class Open:
    """The sessions that are open in the end, and why."""

    #: Their worker was killed, or their page's patience ended, before it heard of them.
    cut: int
    #: Their page was told outcome_unknown: the vendor's answer was lost, or their stop.
    in_doubt: int
    #: Their page could not stop them.
    unstopped: int


def judge(answers: Sequence[Answer], record: Record) -> Verdict:
    """Compare what pages were told with what the vendor did."""
    codes = _codes(answers, "task")
    task_of = {each.name: each.told["task_id"] for each in _told(answers, "task", SUCCESS)}
    spoken = Counter(text for text, _ in record.spoken)
    started = _codes(answers, "start")
    return Verdict(
        lost=[
            *(text for text, _ in task_of.items() - set(record.spoken)),
            *(each.name for each in _told(answers, "task", UNANSWERED)),
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
    """Explain the sessions that are open in the end."""
    started = _codes(answers, "start")
    told = [started[name] for name, is_open in record.sessions if is_open]
    return Open(
        cut=sum(bool(codes & {CUT, UNANSWERED}) for codes in told),
        in_doubt=sum("outcome_unknown" in codes for codes in told),
        unstopped=sum(SUCCESS in codes for codes in told),
    )


def _codes(answers: Sequence[Answer], route: str) -> defaultdict[str, set[str]]:
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for each in answers:
        if each.route == route:
            codes[each.name].add(each.code)
    return codes


def _told(answers: Sequence[Answer], route: str, code: str) -> list[Answer]:
    return [each for each in answers if (each.route, each.code) == (route, code)]
