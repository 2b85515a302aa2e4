"""The errors, each with the HTTP status and the code that a page gets.

    HeyGenError                       500 internal_error
    ├── NotConfigured                 503 not_configured
    ├── RequestError                  the request is invalid
    │   ├── BadRequest                400 bad_request
    │   ├── NotFound                  404 not_found
    │   ├── MethodNotAllowed          405 method_not_allowed
    │   ├── BodyTooLarge              413 body_too_large
    │   ├── TextTooLong               413 text_too_long
    │   ├── UnsupportedMediaType      415 unsupported_media_type
    │   └── InvalidField              422 invalid_field
    ├── CallerError                   the caller is not allowed to
    │   ├── NotSignedIn               401 not_signed_in
    │   ├── NotYourSession            403 not_your_session
    │   ├── CrossSite                 403 cross_site
    │   └── TextRefused               403 text_refused
    ├── SessionError                  the session is not in the right state
    │   ├── SessionNotFound           404 session_not_found
    │   ├── SessionNotReady           409 session_not_ready
    │   ├── SessionClosed             410 session_closed
    │   └── SessionExpired            410 session_expired
    ├── NotSupported                  501 not_supported
    ├── LimitError                    a limit is reached
    │   ├── ConcurrentLimit           429 concurrent_limit
    │   └── RateLimited               429 rate_limited
    └── UpstreamError                 the vendor failed, or refused
        ├── AuthFailed                502 heygen_auth_failed
        ├── Refused                   502 heygen_refused
        ├── UpstreamFailed            502 heygen_error
        ├── ApiRetired                502 api_retired
        ├── UpstreamTimeout           504 heygen_timeout
        └── OutcomeUnknown            504 outcome_unknown

Status, code and what a page may do next are attributes of the class. No error holds the API key,
a session token or a text that was to be spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HeyGenError(Exception):
    """The base of all errors; raised directly, it is a bug of this package."""

    #: The HTTP status of the answer.
    status = 500
    #: The name of the error, for a page.
    code = "internal_error"
    #: Whether the same request can be sent again without harm, and may then succeed.
    retryable = False
    #: Whether the page needs a new session.
    restart_session = False
    #: Seconds to wait before a retry, unless the vendor names a time.
    wait: int | None = None
    #: A sentence for a person, unless the error is raised with another.
    message = "Something went wrong on the server; see its log."
    #: What the operator can do about it; for the log and the command line.
    hint = ""

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: int | None = None,
        upstream: Mapping[str, Any] | None = None,
    ) -> None:
        self.message = message or self.message
        self.retry_after = self.wait if retry_after is None else retry_after
        self.upstream = upstream
        super().__init__(self.message)

    def __str__(self) -> str:
        reason = self.upstream and self.upstream.get("message")
        return f"{self.message} The vendor said: {reason!r}." if reason else self.message

    def to_dict(self) -> dict[str, Any]:
        """Return the ``error`` of the answer: ``code``, ``message`` and what a page may do next."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "restart_session": self.restart_session,
        }
        if self.retry_after is not None:
            error["retry_after"] = self.retry_after
        if self.upstream is not None:
            error["upstream"] = dict(self.upstream)
        return error


class NotConfigured(HeyGenError):
    """A setting is missing or wrong, and the operator must set it."""

    status = 503
    code = "not_configured"
    message = "The server's HeyGen settings are incomplete; see its log."


class RequestError(HeyGenError):
    """The request is invalid. Nothing was sent to the vendor."""


class BadRequest(RequestError):
    """The body cannot be read."""

    status = 400
    code = "bad_request"
    message = "The body is not a JSON object."


class NotFound(RequestError):
    """No route has this path."""

    status = 404
    code = "not_found"
    message = (
        "There is no such route: the routes are POST /start, /task, /stop, /interrupt and "
        "/keep-alive, and GET /heygen-avatar.js."
    )


class MethodNotAllowed(RequestError):
    """The route exists for another method."""

    status = 405
    code = "method_not_allowed"
    message = "This route does not take that method; see the Allow header."


class BodyTooLarge(RequestError):
    """The body is larger than any valid one."""

    status = 413
    code = "body_too_large"
    message = "The body is too large."


class TextTooLong(RequestError):
    """The text has more characters than ``HEYGEN_MAX_TEXT``; none of it was spoken."""

    status = 413
    code = "text_too_long"


class UnsupportedMediaType(RequestError):
    """The body is not declared as JSON in UTF-8."""

    status = 415
    code = "unsupported_media_type"
    message = "Send JSON in UTF-8, with the header Content-Type: application/json."


class InvalidField(RequestError):
    """A field is missing, unknown or out of range; the message names it."""

    status = 422
    code = "invalid_field"


class CallerError(HeyGenError):
    """The caller is not allowed to do this. Nothing was sent to the vendor."""


class NotSignedIn(CallerError):
    """Nobody is signed in: the owner_loader returned no user."""

    status = 401
    code = "not_signed_in"
    message = "Sign in first."


class NotYourSession(CallerError):
    """The session belongs to another user, or was not started by this server."""

    status = 403
    code = "not_your_session"
    message = "This session_id was not issued to you; use the one that start answered."


class CrossSite(CallerError):
    """The request comes from a page of another site."""

    status = 403
    code = "cross_site"
    message = "This request comes from another site, which the server does not allow."


class TextRefused(CallerError):
    """The app's text_loader refused the text. Nothing was sent to the vendor."""

    status = 403
    code = "text_refused"
    message = "This text is not spoken."


class SessionError(HeyGenError):
    """The session is not in the right state."""


class SessionNotFound(SessionError):
    """The vendor knows no such session: start a new one."""

    status = 404
    code = "session_not_found"
    restart_session = True
    message = "There is no such session; start a new one."


class SessionNotReady(SessionError):
    """Nobody has joined the session's room yet: join it, then retry."""

    status = 409
    code = "session_not_ready"
    retryable = True
    wait = 1
    message = "The avatar is not ready yet; join the session's room, then try again."


class SessionClosed(SessionError):
    """The session has ended: start a new one."""

    status = 410
    code = "session_closed"
    restart_session = True
    message = "The session has ended; start a new one."


class SessionExpired(SessionError):
    """The session is older than ``HEYGEN_MAX_SESSION_SECONDS``: start a new one."""

    status = 410
    code = "session_expired"
    restart_session = True
    message = "The session has lasted too long; start a new one."


class NotSupported(HeyGenError):
    """The vendor API that ``HEYGEN_API`` names has no such operation."""

    status = 501
    code = "not_supported"
    message = "The vendor API that this server uses (HEYGEN_API) has no such operation."


class LimitError(HeyGenError):
    """A limit of the vendor is reached: wait ``retry_after`` seconds, then retry."""

    status = 429
    retryable = True


class ConcurrentLimit(LimitError):
    """All of the account's sessions are in use."""

    code = "concurrent_limit"
    wait = 30
    message = "Every avatar is in use; try again in a moment."
    hint = (
        "List the sessions with `flask heygen sessions`, stop those that nobody watches with "
        "`flask heygen stop --older-than 1h`, or ask for a higher limit."
    )


class RateLimited(LimitError):
    """Too many requests in a short time."""

    code = "rate_limited"
    wait = 5
    message = "There were too many requests; try again in a moment."
    hint = "Ask the vendor for a higher rate, or limit what one user may send."


class UpstreamError(HeyGenError):
    """The vendor failed or refused, or its answer was lost."""

    status = 502


class AuthFailed(UpstreamError):
    """The vendor refused the API key, or a session token minted with it just now."""

    code = "heygen_auth_failed"
    message = "The vendor does not accept the server's credentials."
    hint = (
        "Check that HEYGEN_API_KEY is the whole key, and that it is for the API that HEYGEN_API "
        "names: LiveAvatar refuses HeyGen's keys, and HeyGen refuses LiveAvatar's."
    )


class Refused(UpstreamError):
    """The vendor understood the request and refused it; ``upstream`` holds its reason."""

    code = "heygen_refused"
    message = "The vendor refused the request."
    hint = (
        "Compare its fields, and those of HEYGEN_SESSION_DEFAULTS, with the vendor's reason; after "
        "a 404 also HEYGEN_BASE_URL, which does not hold the path of an endpoint."
    )


class UpstreamFailed(UpstreamError):
    """The vendor failed or was not reached; a retry does nothing twice."""

    code = "heygen_error"
    retryable = True
    message = "The vendor could not be reached or did not answer properly; try again."
    hint = "If it goes on, check the network, HEYGEN_BASE_URL and the vendor's status page."


class ApiRetired(UpstreamError):
    """The vendor has switched this API off (HTTP 410, ``endpoint_sunset``)."""

    code = "api_retired"
    message = "The vendor has retired the API that this server uses."
    hint = (
        "HEYGEN_API = 'streaming' is HeyGen's v1 API, reported retired on 2026-03-31: set "
        "HEYGEN_API = 'liveavatar', and HEYGEN_API_KEY to a key for LiveAvatar. If it is set "
        "already, look for a newer flask-heygen."
    )


class UpstreamTimeout(UpstreamError):
    """The vendor took too long; a retry does nothing twice."""

    status = 504
    code = "heygen_timeout"
    retryable = True
    message = "The vendor took too long to answer; try again."
    hint = "HEYGEN_TIMEOUT is the time that one request may take, in seconds."


class OutcomeUnknown(UpstreamError):
    """The vendor may or may not have done it: a retry could speak, or cost, twice."""

    status = 504
    code = "outcome_unknown"
    message = "The vendor's answer was lost: it may or may not have done what was asked."
    hint = "It was not retried: that could speak a text twice, or pay for a second session."
