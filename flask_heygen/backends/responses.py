"""What a vendor's reply means: its data, or the error that its code and words tell.

The codes are partly documented, partly only seen in public reports, and the same code was seen
for different things: so the words of a message are read before its code.
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
    SessionNotFound,
    SessionNotReady,
    UpstreamFailed,
)
from flask_heygen.http.client import Response

from .redaction import redact

#: 100 is documented; the others were seen (``"success"``, 1000).
SUCCESS = (100, 1000, "success")

#: The words of a message, the codes or statuses that stand for the same, and what they mean.
ErrorRules = tuple[tuple[str, tuple[Any, ...], type[HeyGenError]], ...]

STREAMING_ERROR_RULES: ErrorRules = (
    # Not of a speech provider whom HeyGen itself may not call (400009).
    (r"^(?!.*provider).*(unauthorized|access token)", (400112, 401056, 401057), AuthFailed),
    (r"endpoint_sunset", ("endpoint_sunset",), ApiRetired),
    (r"concurren", (10007,), ConcurrentLimit),
    (r"rate limit|too many requests", (400123, 400140), RateLimited),
    (r"quota|trial|credit|upgrade|deprecated|invalid param", (10015, 400014, 400599), Refused),
    (r"session (not found|does not exist)", (10006, 400004), SessionNotFound),
    (
        r"state wrong: clos|session (is |was |has )?(been )?(already )?(closed|ended)",
        (10004, 10005),
        SessionClosed,
    ),
    (r"state wrong|not in correct state", (10001, 10002, 400006), SessionNotReady),
)

LIVEAVATAR_ERROR_RULES: ErrorRules = (
    (r"unauthorized|(invalid|wrong|missing) (api )?key", (4001,), AuthFailed),
    (r"concurren", (4003,), ConcurrentLimit),
    (r"rate limit|too many requests", (), RateLimited),
    (r"(voice|avatar|context) not found|credit|quota|upgrade", (), Refused),
    (r"session (is |was |has )?(been )?(already )?(closed|ended|stopped)", (), SessionClosed),
    (r"session\b.*(not found|does not exist)", (404,), SessionNotFound),
)

#: What a status means where neither words nor code tell.
_STATUSES: dict[int, type[HeyGenError]] = {401: AuthFailed, 410: ApiRetired, 429: RateLimited}


def parse_response(
    reply: Response, meanings: ErrorRules, *, secrets: Iterable[str], idempotent: bool
) -> Any:
    """Return the ``data`` of a success, or raise what went wrong.

    ``secrets`` are cut out of the vendor's words. A breakdown of a call that is not ``idempotent``
    leaves open whether it was done.

    Raises:
        HeyGenError: the kind that the reply means, ``upstream`` holding status, code and message.

    """
    body = reply.body if isinstance(reply.body, dict) else {}
    error = body.get("error")
    told = error if isinstance(error, dict) else body
    code, message = told.get("code"), _words(told.get("message") or error or _detail(body))
    if isinstance(code, str) and code.isdecimal() and len(code) < 10:
        code = int(code)
    if 200 <= reply.status < 300 and not error and _is_success(code, body):
        return body.get("data")

    secrets = tuple(secrets)
    message = redact(message, secrets)  # an echoed text must not be read as the vendor's words
    kind = _kind(reply, meanings, code, message, idempotent=idempotent)
    kind = kind or (UpstreamFailed if idempotent else OutcomeUnknown)
    upstream = {
        "status": reply.status,
        "code": redact(code, secrets) if isinstance(code, str) else _number(code),
        "message": message,
    }
    raise kind(retry_after=reply.retry_after, upstream=upstream)


def _is_success(code: Any, body: dict[str, Any]) -> bool:
    if code is None:
        # create_token has no code at all, and stop was seen with a status alone.
        return "data" in body or body.get("status") == "success"
    return code in SUCCESS


def _words(told: Any) -> str:
    """Return what is no text as JSON: an echo in it is then written as redact knows it."""
    if isinstance(told, str):
        return told
    try:
        return json.dumps(told, ensure_ascii=False)
    except RecursionError:
        return ""


def _detail(body: dict[str, Any]) -> str:
    """Return what is wrong with which field, as LiveAvatar's 422 lists it."""
    detail = body.get("detail", "")
    if not isinstance(detail, list):
        return _words(detail)
    rows = [(each.get("loc"), each.get("msg")) for each in detail if isinstance(each, dict)]
    return "; ".join(
        f"{'.'.join(map(str, where)) if isinstance(where, list) else where}: {what}"
        for where, what in rows
    )


def _kind(
    reply: Response, meanings: ErrorRules, code: Any, message: str, *, idempotent: bool
) -> type[HeyGenError] | None:
    """Return what was refused and why, or None where something broke instead."""
    # A task is sent again after AuthFailed: a breakdown is none, since it may have been spoken.
    known = [each for each in meanings if reply.status < 500 or each[2] is not AuthFailed]
    # Nor do the words of one tell that it was put off: "concurrent map writes" is no limit.
    heard = known if idempotent or reply.status < 500 else ()
    for words, _, kind in heard:
        if re.search(words, message, re.IGNORECASE):
            return kind
    for _, codes, kind in known:
        # A status counts in the vendor's own envelope: a gateway's 404 is of no session.
        if code in codes or (code is not None and reply.status in codes):
            return kind
    if reply.status in _STATUSES:
        return _STATUSES[reply.status]
    if 300 <= reply.status < 500 or (reply.status < 300 and code is not None):
        return Refused

    return None


def _number(code: Any) -> int | None:
    return code if isinstance(code, int) and abs(code) < 10**9 else None
