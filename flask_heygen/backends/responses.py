"""The data of a vendor's response, or the error that it means.

Some error codes are documented, others were only seen in public reports, and the same code was
seen for different errors: so the words of a message are read before its code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from flask_heygen.errors import (
    ApiRetired,
    AuthFailed,
    ConcurrentLimit,
    HeyGenError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SessionClosed,
    SessionError,
    SessionNotFound,
    SessionNotReady,
    UpstreamFailed,
)
from flask_heygen.http.client import Response

from .redaction import redact

#: 100 is documented; the others were seen (``"success"``, 1000).
SUCCESS = (100, 1000, "success")

#: Rows of a pattern for the message, the codes or statuses that mean the same, and the error.
ErrorRules = tuple[tuple[str, tuple[Any, ...], type[HeyGenError]], ...]

#: HeyGen's, for a call that concerns no session: one that is to be stopped may run.
STREAMING_ACCOUNT_RULES: ErrorRules = (
    # But not of a speech provider that refuses HeyGen (400009).
    (r"^(?!.*provider).*(unauthorized|access token)", (400112, 401056, 401057), AuthFailed),
    (r"endpoint_sunset", ("endpoint_sunset",), ApiRetired),
    (r"concurren", (10007,), ConcurrentLimit),
    (r"rate limit|too many requests", (400123, 400140), RateLimited),
    (r"quota|trial|credit|upgrade|deprecated|invalid param", (10015, 400014, 400599), Refused),
)

STREAMING_ERROR_RULES: ErrorRules = (
    *STREAMING_ACCOUNT_RULES,
    (r"session (not found|does not exist)", (10006, 400004), SessionNotFound),
    (
        r"state wrong: clos|session (is |was |has )?(been )?(already )?(closed|ended)",
        (10004, 10005),
        SessionClosed,
    ),
    (r"state wrong|not in correct state", (10001, 10002, 400006), SessionNotReady),
)

#: LiveAvatar's, for a call that concerns no session.
LIVEAVATAR_ACCOUNT_RULES: ErrorRules = (
    (r"unauthorized|not authenticated|(invalid|wrong|missing) (api )?key", (4001,), AuthFailed),
    (r"concurren", (4003,), ConcurrentLimit),
    (r"rate limit|too many requests", (), RateLimited),
    (r"(voice|avatar|context|agent|configuration)\b.*not found", (), Refused),
    (r"credit|quota|upgrade", (), Refused),
    (r"limit reached", (), ConcurrentLimit),
)

LIVEAVATAR_ERROR_RULES: ErrorRules = (
    *LIVEAVATAR_ACCOUNT_RULES,
    # Of a session that was created too long ago (guess).
    (r"session token (is |was |has )?(invalid|expired)|invalid session token", (), SessionClosed),
    (
        r"session (is |was |has )?(been )?(already )?(closed|ended|stopped|expired)",
        (),
        SessionClosed,
    ),
    (r"session\b.*(not found|does not exist)", (404,), SessionNotFound),
)

#: The error that a status means if neither message nor code is known.
_STATUSES: dict[int, type[HeyGenError]] = {410: ApiRetired, 429: RateLimited}


def parse_response(
    response: Response, rules: ErrorRules, *, secrets: Iterable[str], idempotent: bool
) -> Any:
    """Return the ``data`` of a success, or raise the error that the response means.

    ``secrets`` are cut out of the vendor's message. If the vendor failed, the outcome of a call
    that is not ``idempotent`` is unknown.

    Raises:
        HeyGenError: ``upstream`` holds the response's status, code and message.

    """
    body = response.body if isinstance(response.body, dict) else {}
    error = body.get("error")
    source = error if isinstance(error, dict) else body
    code = _parse_code(source.get("code"))
    if 200 <= response.status < 300 and not error and _is_success(code, body):
        return body.get("data")

    secrets = tuple(secrets)
    # Redacted first: an echoed text must not be read as the vendor's words.
    message = redact(_message(response, source, error, body), secrets)
    kind = _kind(response, rules, code, message, idempotent=idempotent)
    kind = kind or (UpstreamFailed if idempotent else OutcomeUnknown)
    upstream = {
        "status": response.status,
        "code": redact(code, secrets) if isinstance(code, str) else _short_code(code),
        "message": message,
    }
    raise kind(retry_after=response.retry_after, upstream=upstream)


def _parse_code(code: Any) -> Any:
    """Return a code that is a number in a string as a number."""
    is_number = isinstance(code, str) and code.isdecimal() and len(code) < 10
    return int(code) if is_number else code


def _is_success(code: Any, body: dict[str, Any]) -> bool:
    if code is None:
        # create_token has no code at all, and stop was seen with a status alone.
        return "data" in body or body.get("status") == "success"
    return code in SUCCESS


def _message(response: Response, source: dict[str, Any], error: Any, body: dict[str, Any]) -> str:
    """Return the words of a refusal, wherever they are.

    LiveAvatar's 422 has a list of invalid fields in ``detail``, other refusals have one in
    ``data``, and some are plain text, or a text as JSON.
    """
    plain = response.body if 400 <= response.status < 500 else None
    lists = (body.get("detail"), body.get("data"), body.get("errors"))
    parts = [source.get("message") or error, *(item for each in lists for item in _items(each))]
    words = "; ".join(filter(None, map(_words, parts)))
    return words or response.text or (plain if isinstance(plain, str) else "")


def _items(rows: Any) -> list[str]:
    """Return the messages of a list, or of one row outside of a list."""
    return [_item(row) for row in (rows if isinstance(rows, list) else [rows])]


def _item(row: Any) -> str:
    if not isinstance(row, dict):
        return row if isinstance(row, str) else ""
    where, message = row.get("loc"), _words(row.get("msg") or row.get("message"))
    path = ".".join(map(str, where)) if isinstance(where, list) else ""
    return f"{path}: {message}" if path else message


def _words(value: Any) -> str:
    """Return a value that is not a text as JSON, so that redact recognizes an echo in it."""
    if isinstance(value, str) or value is None:
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return ""


def _kind(
    response: Response, rules: ErrorRules, code: Any, message: str, *, idempotent: bool
) -> type[HeyGenError] | None:
    """Return the kind of a refusal, or None if the vendor failed instead."""
    status = response.status
    if status == 401:
        return AuthFailed
    for pattern, _, kind in rules:
        proves = _words_prove(kind, status, idempotent=idempotent)
        if proves and re.search(pattern, message, re.IGNORECASE):
            return kind
    for _, codes, kind in rules:
        # A status counts only beside a code of the vendor: a gateway's 404 concerns no session.
        if code in codes or (code is not None and status in codes):
            # A task is sent again after AuthFailed, and one that failed may have been spoken.
            return None if kind is AuthFailed and status >= 500 else kind
    if status in _STATUSES:
        return _STATUSES[status]
    if 300 <= status < 500 or (status < 300 and code not in (None, *SUCCESS)):
        return Refused

    return None


def _words_prove(kind: type[HeyGenError], status: int, *, idempotent: bool) -> bool:
    """Return whether a message proves an error without its code.

    That of a failed server proves little: "concurrent map writes" is no limit, and its "Session is
    closed" may be about one of its own, while the avatar's has to be stopped. A task is sent again
    after AuthFailed, so that its refusal needs more than a word, too.
    """
    if status >= 500:
        return idempotent and not issubclass(kind, AuthFailed | SessionError)
    return idempotent or kind is not AuthFailed or status == 403


def _short_code(code: Any) -> int | None:
    return code if isinstance(code, int) and abs(code) < 10**9 else None
