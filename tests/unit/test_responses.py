"""Replies: what HeyGen's codes, words and statuses mean."""

from __future__ import annotations

from typing import Any

import pytest

from flask_heygen.backends.responses import (
    LIVEAVATAR_ERROR_RULES,
    STREAMING_ERROR_RULES,
    ErrorRules,
    parse_response,
)
from flask_heygen.errors import (
    ApiRetired,
    AuthFailed,
    ConcurrentLimit,
    HeyGenError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SessionClosed,
    SessionNotFound,
    SessionNotReady,
    UpstreamFailed,
)
from flask_heygen.http.client import Response

CONCURRENT = (
    "Concurrent limit reached, please make sure you have closed other testing sessions "
    "under the same account"
)
DEPRECATED = "avatar version is deprecated, please update to v3+"

#: The code table of the vendor's documentation and of public reports: HTTP status, code, message.
TABLE: list[tuple[int, Any, str, type[HeyGenError]]] = [
    (400, 10001, "session state wrong: new", SessionNotReady),
    (400, 10002, "session state wrong: connecting", SessionNotReady),
    (400, 10003, "session state wrong: connected", SessionNotReady),
    (400, 10004, "session state wrong: closing", SessionClosed),
    (400, 10005, "session state wrong: closed", SessionClosed),
    (400, 10003, DEPRECATED, Refused),
    (400, 400014, DEPRECATED, Refused),
    (400, 10006, "session not found", SessionNotFound),
    (400, 400004, "Session does not exist. SessionID: 1f0c", SessionNotFound),
    (400, 10007, CONCURRENT, ConcurrentLimit),
    (400, 10004, CONCURRENT, ConcurrentLimit),
    (400, 10012, "avatar not found", Refused),
    (400, 10013, "avatar not allow", Refused),
    (400, 10015, "trial api limit reached", Refused),
    (400, 10005, "Your quota is used up", Refused),
    (400, 10005, "insufficient credit", Refused),
    (400, 400006, "Session is not in correct state", SessionNotReady),
    (400, 400006, "Invalid params", Refused),
    (400, 400009, "Error calling text to speech provider: timeout", Refused),
    (400, 400009, "Error calling text to speech provider: Unauthorized", Refused),
    (401, 400112, "Unauthorized", AuthFailed),
    (401, 401056, "Access token expired", AuthFailed),
    (401, 401057, "Invalid access token", AuthFailed),
    (429, 400123, "Exceed rate limit", RateLimited),
    (429, 400140, "Exceed rate limit", RateLimited),
    (403, 400599, "Please upgrade your plan to use this feature", Refused),
    (410, "endpoint_sunset", "This endpoint has been retired", ApiRetired),
]

#: What a code means without words, and words without a code.
HALVES: list[tuple[int, Any, Any, type[HeyGenError]]] = [
    (400, 10001, None, SessionNotReady),
    (400, 10002, "", SessionNotReady),
    (400, 10003, None, Refused),
    (400, 10004, "oops", SessionClosed),
    (400, 10005, "oops", SessionClosed),
    (400, 10006, None, SessionNotFound),
    (400, 10007, None, ConcurrentLimit),
    (400, 10015, None, Refused),
    (400, 400004, None, SessionNotFound),
    (400, 400006, None, SessionNotReady),
    (400, 400014, None, Refused),
    (400, 400112, None, AuthFailed),
    (400, 400123, None, RateLimited),
    (400, 400140, None, RateLimited),
    (400, 400599, None, Refused),
    (400, 401056, None, AuthFailed),
    (400, 401057, None, AuthFailed),
    (400, "endpoint_sunset", None, ApiRetired),
    (400, "10006", None, SessionNotFound),
    (403, None, "UNAUTHORIZED", AuthFailed),
    (400, None, "endpoint_sunset", ApiRetired),
    (400, None, "Session concurrency limit reached", ConcurrentLimit),
    (400, None, "Too many requests", RateLimited),
    (400, None, "Session not found", SessionNotFound),
    (400, None, "session is closed", SessionClosed),
    (400, None, "session has already ended", SessionClosed),
    (400, None, "The session has been closed", SessionClosed),
    (400, None, "Session ended", SessionClosed),
    (400, None, "something else", Refused),
]

#: What a status means where nothing that is understood was said.
STATUSES: list[tuple[int, Any, type[HeyGenError]]] = [
    (301, None, Refused),
    (307, {}, Refused),
    (400, {}, Refused),
    (401, None, AuthFailed),
    (401, {"code": 1}, AuthFailed),
    (403, None, Refused),
    (404, None, Refused),
    (404, {"detail": "Not Found"}, Refused),
    (410, None, ApiRetired),
    (410, {"error": {"code": "endpoint_sunset", "message": "gone"}}, ApiRetired),
    (410, {"code": "endpoint_sunset"}, ApiRetired),
    (409, CONCURRENT, ConcurrentLimit),
    (409, {"detail": [CONCURRENT]}, ConcurrentLimit),
    (409, {"errors": [{"message": CONCURRENT}]}, ConcurrentLimit),
    (400, {"code": 1, "data": {"message": CONCURRENT}}, ConcurrentLimit),
    (415, {"detail": "Unsupported media type '' in request."}, Refused),
    (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, Refused),
    (429, None, RateLimited),
    (429, {"code": 10007, "message": CONCURRENT}, ConcurrentLimit),
    (200, {"code": 999, "message": "no"}, Refused),
    (200, {"code": 10006, "message": "session not found"}, SessionNotFound),
    (200, {"code": 400112, "message": "Unauthorized"}, AuthFailed),
    (200, {"code": "failed", "data": {}}, Refused),
    (200, {"code": 0, "data": {}}, Refused),
    (200, {"error": {"code": 10007, "message": "no"}, "data": None}, ConcurrentLimit),
    (200, {"error": {"code": 999}, "data": {"token": "t"}}, Refused),
    (401, {"code": 10007, "message": CONCURRENT}, AuthFailed),
    (500, {"code": 10006, "message": "session not found"}, SessionNotFound),
]

#: Replies without a meaning: the vendor, or a proxy in front of it, failed.
BREAKDOWNS: list[tuple[int, Any]] = [
    (200, None),
    (200, {}),
    (200, []),
    (200, [{"code": 100, "data": {}}]),
    (200, "success"),
    (200, CONCURRENT),
    (502, CONCURRENT),
    (200, 100),
    (200, True),
    (200, {"status": "failed"}),
    (200, {"message": "success"}),
    (200, {"error": "an unknown one", "data": {}}),
    (500, None),
    (500, {"code": 500, "message": "Internal Server Error"}),
    (500, {"code": 100, "message": "success", "data": {}}),
    # A task is sent again after a refused token, and this one may have been spoken.
    (500, {"code": 400112, "message": "Unauthorized"}),
    (502, {"message": "could not renew the access token"}),
    (502, None),
    (503, {}),
    (504, None),
]

#: Breakdowns whose words would mean something, had the vendor refused the call.
FALSE_FRIENDS = [
    (500, {"message": "fatal error: concurrent map writes"}),
    (503, {"code": 503, "message": "Too many requests to the database."}),
    (504, {"message": "session state wrong"}),
    (502, {"detail": "session not found"}),
]


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def understood(status: int, body: Any, *, idempotent: bool = False) -> Any:
    return parse_response(
        Response(status, body, None), STREAMING_ERROR_RULES, secrets=(), idempotent=idempotent
    )


class TestSuccess:
    @pytest.mark.parametrize("code", [100, 1000, "success", "100", "1000", 100.0])
    def test_has_one_of_these_codes(self, code: Any) -> None:
        """Three codes were seen for the same, one of them as a string of digits."""
        assert understood(200, {"code": code, "message": "m", "data": {"a": 1}}) == {"a": 1}

    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_has_a_status_below_300(self, status: int) -> None:
        """Any 2xx will do."""
        assert understood(status, {"code": 100, "data": 1}) == 1

    @pytest.mark.parametrize(
        ("body", "data"),
        [
            ({"error": None, "data": {"token": "t"}}, {"token": "t"}),
            ({"data": None}, None),
            ({"code": None, "data": []}, []),
            ({"status": "success"}, None),
            ({"code": 100, "message": "success"}, None),
            ({"code": 100, "data": None}, None),
            ({"code": 100, "error": "", "data": 1}, 1),
        ],
    )
    def test_may_have_no_code_or_no_data(self, body: dict[str, Any], data: Any) -> None:
        """create_token has another envelope than the rest, and stop was seen with a status."""
        assert understood(200, body) == data

    def test_may_speak_of_trouble(self) -> None:
        """The words of a success are not searched for errors."""
        reply = {"code": 100, "message": "success, no quota left", "data": {"ok": True}}

        assert understood(200, reply) == {"ok": True}


class TestFailure:
    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize(("status", "code", "message", "kind"), [*TABLE, *HALVES])
    def test_means(
        self, status: int, code: Any, message: Any, kind: type[HeyGenError], *, idempotent: bool
    ) -> None:
        """Words are read before codes, for one code was seen for different things."""
        with pytest.raises(HeyGenError) as caught:
            understood(status, {"code": code, "message": message}, idempotent=idempotent)

        assert type(caught.value) is kind

    @pytest.mark.parametrize(("status", "code", "message", "kind"), TABLE)
    def test_means_the_same_inside_of_an_error(
        self, status: int, code: Any, message: str, kind: type[HeyGenError]
    ) -> None:
        """The envelope of newer APIs is read as well."""
        with pytest.raises(HeyGenError) as caught:
            understood(status, {"error": {"code": code, "message": message}, "data": None})

        assert type(caught.value) is kind

    @pytest.mark.parametrize(("_status", "code", "message", "kind"), TABLE)
    def test_means_the_same_in_a_200(
        self, _status: int, code: Any, message: str, kind: type[HeyGenError]
    ) -> None:
        """A 200 whose code is none of a success is a failure."""
        with pytest.raises(HeyGenError) as caught:
            understood(200, {"code": code, "message": message, "data": None})

        assert type(caught.value) is kind

    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize(("status", "body", "kind"), STATUSES)
    def test_is_told_by_the_status(
        self, status: int, body: Any, kind: type[HeyGenError], *, idempotent: bool
    ) -> None:
        """Without known words or a known code, the status decides."""
        with pytest.raises(HeyGenError) as caught:
            understood(status, body, idempotent=idempotent)

        assert type(caught.value) is kind

    @pytest.mark.parametrize("message", ["UNAUTHORIZED", "the access token is too old"])
    @pytest.mark.parametrize(("idempotent", "kind"), [(True, AuthFailed), (False, Refused)])
    def test_is_no_refused_token_by_a_word_alone(
        self, message: str, kind: type[HeyGenError], *, idempotent: bool
    ) -> None:
        """A task would be sent again, and such words were not seen without 401 or a code."""
        with pytest.raises(HeyGenError) as caught:
            understood(400, {"code": 400009, "message": message}, idempotent=idempotent)

        assert type(caught.value) is kind

    def test_beside_a_success_is_no_refusal(self) -> None:
        """The text may have been spoken."""
        reply = {"code": 100, "error": "webhook: unauthorized", "data": {"task_id": "t"}}

        with pytest.raises(OutcomeUnknown):
            understood(200, reply, idempotent=False)

    def test_may_be_an_error_that_is_a_sentence(self) -> None:
        """The words may stand where the object was expected."""
        with pytest.raises(ConcurrentLimit) as caught:
            understood(400, {"error": CONCURRENT})

        assert caught.value.upstream == {"status": 400, "code": None, "message": CONCURRENT}

    def test_is_not_told_by_an_echo(self) -> None:
        """The text that was to be spoken is not taken for the vendor's words."""
        text = "Session not found, said the vendor of my former employer"
        reply = Response(400, {"code": 400006, "message": f"Invalid params: {text}"}, None)

        with pytest.raises(Refused) as caught:
            parse_response(reply, STREAMING_ERROR_RULES, secrets=[text], idempotent=False)

        assert (caught.value.upstream or {})["message"] == "Invalid params: […]"

    def test_is_cut_out_of_what_is_no_text(self) -> None:
        """Python would write quotes in a way of its own, which no echo is looked for in."""
        text = "It's out, she said: \"It's off\"."
        reply = Response(400, {"code": 1, "message": {"text": text}}, None)

        with pytest.raises(Refused) as caught:
            parse_response(reply, STREAMING_ERROR_RULES, secrets=[text], idempotent=False)

        assert (caught.value.upstream or {})["message"] == '{"text": "[…]"}'


class TestBreakdown:
    @pytest.mark.parametrize(("status", "body"), BREAKDOWNS)
    def test_of_a_harmless_call_is_a_failure(self, status: int, body: Any) -> None:
        """An idempotent call is reported as failed."""
        with pytest.raises(HeyGenError) as caught:
            understood(status, body, idempotent=True)

        assert type(caught.value) is UpstreamFailed

    @pytest.mark.parametrize("rules", [STREAMING_ERROR_RULES, LIVEAVATAR_ERROR_RULES])
    @pytest.mark.parametrize(
        "words",
        ["RuntimeError: Session is closed", "session not found", "session-api: host not found"],
    )
    def test_ends_no_session(self, words: str, rules: ErrorRules) -> None:
        """A server that fails may speak of a session of its own; one that is to be stopped runs."""
        reply = Response(500, {"code": 500, "message": words}, None)

        with pytest.raises(HeyGenError) as caught:
            parse_response(reply, rules, secrets=(), idempotent=True)

        assert type(caught.value) is UpstreamFailed

    @pytest.mark.parametrize(("status", "body"), [*BREAKDOWNS, *FALSE_FRIENDS])
    def test_of_another_call_leaves_it_open(self, status: int, body: Any) -> None:
        """The outcome of any other call is reported as unknown."""
        with pytest.raises(HeyGenError) as caught:
            understood(status, body, idempotent=False)

        assert type(caught.value) is OutcomeUnknown

    @pytest.mark.parametrize(
        "body",
        [
            {"code": nested(400)},
            {"code": {}},
            {"code": float("nan")},
            {"code": "9" * 5000},
            {"code": 10**400},
            {"code": -1},
            {"code": True},
            {"message": nested(400)},
            {"message": {"en": "no"}},
            {"message": 7},
            {"error": nested(400)},
            {"error": {"code": nested(400), "message": nested(400)}},
            {"error": 7},
            {"detail": 7},
            {"detail": [{"loc": 7}, {"loc": None}, {"loc": {}}, {}, 7, None]},
            {"detail": [{"loc": nested(400), "msg": nested(400)}]},
        ],
        ids=lambda body: str(body)[:30],
    )
    def test_may_have_any_shape(self, body: Any) -> None:
        """Nonsense in any place is a refusal, not an internal error."""
        with pytest.raises(Refused):
            understood(400, body)


class TestUpstream:
    @pytest.mark.parametrize(("status", "code", "message", "kind"), TABLE)
    def test_is_what_the_vendor_said(
        self, status: int, code: Any, message: str, kind: type[HeyGenError]
    ) -> None:
        """The status, code and words are handed on."""
        with pytest.raises(kind) as caught:
            understood(status, {"code": code, "message": message})

        assert caught.value.upstream == {"status": status, "code": code, "message": message}

    @pytest.mark.parametrize(
        ("code", "shown"),
        [
            (None, None),
            ("10006", 10006),
            ("a_word", "a_word"),
            ("a\nword", "a word"),
            (1.5, None),
            ([1], None),
            (10**9, None),
            ("9" * 40, "[…]"),
            (-(10**9), None),
        ],
    )
    def test_has_a_code_that_is_fit_to_be_shown(self, code: Any, shown: Any) -> None:
        """A code is a word on one line or a number of a sensible size."""
        with pytest.raises(HeyGenError) as caught:
            understood(400, {"code": code, "message": "m"})

        assert caught.value.upstream == {"status": 400, "code": shown, "message": "m"}

    def test_holds_no_secret(self) -> None:
        """Code and words go through the redaction, every secret in both."""
        reply = Response(400, {"code": "the-key-of-it", "message": "What you said?"}, None)
        secrets = iter(["the-key-of-it", "What you said?"])

        with pytest.raises(Refused) as caught:
            parse_response(reply, STREAMING_ERROR_RULES, secrets=secrets, idempotent=False)

        assert caught.value.upstream == {"status": 400, "code": "[…]", "message": "[…]"}

    def test_is_empty_for_a_page_of_html(self) -> None:
        """A proxy's page is not quoted."""
        with pytest.raises(UpstreamFailed) as caught:
            understood(502, None, idempotent=True)

        assert caught.value.upstream == {"status": 502, "code": None, "message": ""}


class TestWait:
    def test_is_the_vendor_s(self) -> None:
        """The vendor's Retry-After wins over the wait of the error."""
        with pytest.raises(RateLimited) as caught:
            parse_response(
                Response(429, None, 17), STREAMING_ERROR_RULES, secrets=(), idempotent=True
            )

        assert caught.value.retry_after == 17

    def test_is_the_error_s_where_the_vendor_names_none(self) -> None:
        """Without one, the wait of the error stands."""
        with pytest.raises(RateLimited) as caught:
            parse_response(
                Response(429, None, None), STREAMING_ERROR_RULES, secrets=(), idempotent=True
            )

        assert caught.value.retry_after == RateLimited.wait
