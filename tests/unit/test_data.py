"""Values from a vendor's data, checked before they are used."""

from __future__ import annotations

import time
from typing import Any

import pytest

from flask_heygen.backends.data import (
    parse_credits,
    parse_duration,
    parse_room,
    parse_session,
    parse_sessions,
)
from flask_heygen.errors import UpstreamFailed


def listed(**fields: Any) -> dict[str, Any]:
    [session] = parse_sessions([{"session_id": "a-session", **fields}])
    return session


class TestAge:
    @pytest.mark.parametrize(
        "created", [1_700_000_000, 1_700_000_000.5, 1_700_000_000_000, "2023-11-14T22:13:20Z"]
    )
    def test_is_in_seconds(self, created: Any) -> None:
        """From a number of seconds or milliseconds, or a date, whichever the vendor has."""
        age = listed(created_at=created)["age"]

        assert age == pytest.approx(time.time() - 1_700_000_000, abs=60)

    @pytest.mark.parametrize(
        "created",
        [None, True, "", "yesterday", [], {}, -1, 10**400, 1e308, -1e308, float("nan"), 1e14],
        ids=lambda created: str(created)[:20],
    )
    def test_is_unknown_where_no_time_is_told(self, created: Any) -> None:
        """An invalid time is an unknown age, not an error."""
        assert listed(created_at=created)["age"] is None


class TestStatus:
    def test_is_the_vendor_s_word(self) -> None:
        """Or that it lives, where there is none."""
        assert listed(status="connected")["status"] == "connected"
        assert listed()["status"] == "live"

    @pytest.mark.parametrize("status", ["a\nb", "a\x1b[2Jb", "a\u202eb", ["a\n"], "x" * 9999])
    def test_is_fit_for_a_terminal(self, status: Any) -> None:
        """On one line, of a sensible size, without a word for the terminal itself."""
        shown = listed(status=status)["status"]

        assert shown.isprintable()
        assert len(shown) <= 300


class TestAList:
    @pytest.mark.parametrize(
        "rows", [None, {}, "s", 7, [None], [{}], [{"session_id": "../../x"}], [{"session_id": 7}]]
    )
    def test_is_one_of_sessions(self, rows: Any) -> None:
        """No list is a failure, rather than a part of one."""
        with pytest.raises(UpstreamFailed):
            parse_sessions(rows)


class TestANumber:
    @pytest.mark.parametrize(
        "nonsense", [10**400, 1e300, -1, "1e300", "NaN"], ids=lambda each: str(each)[:9]
    )
    def test_is_of_a_sensible_size(self, nonsense: Any) -> None:
        """Any other is none, and nothing falls over."""
        session = parse_session({"id": "a", "credits_consumed": nonsense, "duration": nonsense})

        assert (session["credits"], session["seconds"]) == (None, None)
        with pytest.raises(UpstreamFailed):
            parse_credits({"left": nonsense}, "left")

    @pytest.mark.parametrize("seconds", [3e6, 2**31, 10**400], ids=["a month", "68 years", "ever"])
    def test_fits_a_timer_of_a_page(self, seconds: float) -> None:
        """A timer of more than 24 days goes off at once, and the page would start a new session."""
        names = ("url", "access_token", "limit")
        room = {"url": "wss://a.example", "access_token": "a", "limit": seconds}

        assert parse_room(room, names, local=False)["session_seconds"] is None
        assert parse_duration(int(seconds) * 1000) is None
