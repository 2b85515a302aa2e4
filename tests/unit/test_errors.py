"""The errors: one tree, drawn and coded, and the answer that a browser gets for each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flask_heygen import HeyGenError, errors
from flask_heygen.settings import Settings

_SENTENCE = re.compile(r"[A-Z].*[a-z]\.")
_ROW = re.compile(r"^    ([│ ├└─]*)(\w+) +(?:(\d{3}) (\w+)$|\D)", re.MULTILINE)


def _drawn() -> Iterator[tuple[str, str, str | None, str | None]]:
    """Read name, parent, status and code of each row of the tree in the docstring."""
    above: list[str] = []
    for stem, name, status, code in _ROW.findall(errors.__doc__ or ""):
        depth = len(stem) // 4
        above[depth:] = [name]
        yield name, above[depth - 1] if depth else "Exception", status or None, code or None


def _family(kind: type[HeyGenError]) -> Iterator[type[HeyGenError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


DRAWN = {name: row for name, *row in _drawn()}
CODED = [kind for kind in _family(HeyGenError) if kind.__module__ == errors.__name__]
#: Those that are raised: the others only gather them.
RAISED = [kind for kind in CODED if DRAWN[kind.__name__][1]]
#: Those that may be raised without words: of the others only the raiser knows what is wrong.
WORDED = [kind for kind in RAISED if kind not in (errors.TextTooLong, errors.InvalidField)]


class TestTree:
    def test_is_drawn_whole(self) -> None:
        """The docstring draws every class, and none that is not there."""
        assert sorted(DRAWN) == sorted(kind.__name__ for kind in CODED)
        assert len(DRAWN) == 31

    @pytest.mark.parametrize("kind", CODED)
    def test_is_drawn_as_it_is_coded(self, kind: type[HeyGenError]) -> None:
        """A class has the parent, and if it is raised the status and code, of its row."""
        parent, status, code = DRAWN[kind.__name__]

        assert kind.__bases__[0].__name__ == parent
        if status:
            assert (str(kind.status), kind.code) == (status, code)

    def test_has_a_code_for_each(self) -> None:
        """Every failure has a code of its own."""
        codes = [kind.code for kind in RAISED]

        assert len(set(codes)) == len(codes)

    @pytest.mark.parametrize("kind", RAISED)
    def test_never_says_401_or_403_for_the_vendor(self, kind: type[HeyGenError]) -> None:
        """Those two speak of the caller's own login."""
        if issubclass(kind, errors.UpstreamError):
            assert kind.status in (502, 504)

    def test_has_a_message_for_each(self) -> None:
        """Each failure has a sentence of its own for a person."""
        messages = [kind().message for kind in WORDED]

        assert [each for each in messages if not _SENTENCE.fullmatch(each)] == []
        assert len(set(messages)) == len(messages)

    @pytest.mark.parametrize("kind", RAISED)
    def test_advises_the_operator(self, kind: type[HeyGenError]) -> None:
        """An error that an operator must correct has a hint, and no other has one."""
        if issubclass(kind, errors.UpstreamError | errors.LimitError):
            assert _SENTENCE.fullmatch(kind.hint)
        else:
            assert kind.hint == ""

    def test_advises_settings_that_can_be_set(self) -> None:
        """The way out of a retired API is spelt as the operator has to spell it."""
        named = re.findall(r"(HEYGEN_API) = '(\w+)'", errors.ApiRetired.hint)

        for key, value in named:
            Settings.from_mapping({"HEYGEN_API_KEY": "a-key", key: value})
        assert [value for _, value in named] == ["streaming", "liveavatar"]

    def test_offers_a_repeat_only_where_it_does_no_harm(self) -> None:
        """Nothing that may have been done is marked as fit to be sent again."""
        assert {kind.code for kind in CODED if kind.retryable} == {
            "internal_error",  # of LimitError, which nobody raises
            "session_not_ready",
            "concurrent_limit",
            "rate_limited",
            "heygen_error",
            "heygen_timeout",
        }

    def test_offers_a_new_session_where_the_old_one_is_gone(self) -> None:
        """Only three failures are the end of a session."""
        assert {kind.code for kind in CODED if kind.restart_session} == {
            "session_not_found",
            "session_closed",
            "session_expired",
        }


class TestAnswer:
    @pytest.mark.parametrize("kind", RAISED)
    def test_has_these_parts(self, kind: type[HeyGenError]) -> None:
        """Four parts are always there, two as true or false, and the wait where there is one."""
        answer = kind("Something happened.").to_dict()

        assert {type(answer[part]) for part in ("retryable", "restart_session")} == {bool}
        assert answer.pop("retry_after", None) == kind.wait
        assert answer == {
            "code": kind.code,
            "message": "Something happened.",
            "retryable": kind.retryable,
            "restart_session": kind.restart_session,
        }

    def test_has_the_message_of_the_class(self) -> None:
        """An error raised without words has those of its class, for people and for logs."""
        error = errors.SessionClosed()

        assert error.to_dict()["message"] == "The session has ended; start a new one."
        assert str(error) == "The session has ended; start a new one."

    def test_has_the_words_of_the_raiser(self) -> None:
        """A sentence given at the raise wins, and stays with that error alone."""
        error = errors.SessionClosed("It is over.")

        assert (error.to_dict()["message"], str(error)) == ("It is over.", "It is over.")
        assert errors.SessionClosed().message != "It is over."

    @pytest.mark.parametrize(
        ("kind", "wait"),
        [
            (errors.SessionNotReady, 1),
            (errors.RateLimited, 5),
            (errors.ConcurrentLimit, 30),
        ],
    )
    def test_has_a_wait_of_its_own(self, kind: type[HeyGenError], wait: int) -> None:
        """There is a wait for a page even if the vendor names none."""
        assert kind().to_dict()["retry_after"] == wait

    @pytest.mark.parametrize("wait", [0, 1, 90])
    def test_has_the_wait_of_the_vendor(self, wait: int) -> None:
        """The vendor's own wait wins over that of the class."""
        assert errors.RateLimited(retry_after=wait).to_dict()["retry_after"] == wait

    def test_has_a_wait_for_any_error(self) -> None:
        """A wait that was named is passed on, whatever the error."""
        assert errors.UpstreamFailed(retry_after=9).to_dict()["retry_after"] == 9
        assert "retry_after" not in errors.UpstreamFailed().to_dict()

    def test_has_what_the_vendor_said(self) -> None:
        """The vendor's code and words are there where it said any, as a copy."""
        said = {"status": 400, "code": 10012, "message": "avatar not found"}

        answer = errors.Refused(upstream=said).to_dict()

        assert answer["upstream"] == said
        assert answer["upstream"] is not said
        assert "upstream" not in errors.Refused().to_dict()

    def test_keeps_the_hint_for_the_log(self) -> None:
        """The hint for the operator is not sent to the page."""
        assert "hint" not in errors.AuthFailed().to_dict()
        assert errors.AuthFailed.hint not in str(errors.AuthFailed().to_dict())
