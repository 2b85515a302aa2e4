"""What can go wrong, and the answer a browser gets for it.

    HeyGenError                       500 internal_error
    ├── NotConfigured                 503 not_configured
    ├── RequestError                  the page sent something that cannot be done
    │   ├── BadRequest                400 bad_request
    │   ├── NotFound                  404 not_found
    │   ├── MethodNotAllowed          405 method_not_allowed
    │   ├── BodyTooLarge              413 body_too_large
    │   ├── TextTooLong               413 text_too_long
    │   ├── UnsupportedMediaType      415 unsupported_media_type
    │   └── InvalidField              422 invalid_field
    ├── CallerError                   whoever calls may not
    │   ├── NotSignedIn               401 not_signed_in
    │   ├── NotYourSession            403 not_your_session
    │   ├── CrossSite                 403 cross_site
    │   └── TextRefused               403 text_refused
    ├── SessionError                  this session cannot do it
    │   ├── SessionNotFound           404 session_not_found
    │   ├── SessionNotReady           409 session_not_ready
    │   ├── SessionClosed             410 session_closed
    │   └── SessionExpired            410 session_expired
    ├── NotSupported                  501 not_supported
    ├── LimitError                    not now
    │   ├── ConcurrentLimit           429 concurrent_limit
    │   └── RateLimited               429 rate_limited
    └── UpstreamError                 the vendor did not do it
        ├── AuthFailed                502 heygen_auth_failed
        ├── Refused                   502 heygen_refused
        ├── UpstreamFailed            502 heygen_error
        ├── ApiRetired                502 api_retired
        ├── UpstreamTimeout           504 heygen_timeout
        └── OutcomeUnknown            504 outcome_unknown

The class is the decision: status, code and what a page may do next are class attributes.
No error ever holds the API key, a session token or a text that was to be spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HeyGenError(Exception):
    """Anything that keeps the avatar from doing what was asked; by itself, a fault of ours."""

    #: The HTTP status of our answer.
    status = 500
    #: The word a page branches on.
    code = "internal_error"
    #: Whether the same request may be sent again without harm, and may then succeed.
    retryable = False
    #: Whether a new session is the way on.
    restart_session = False
    #: Seconds to wait before a repeat, where the vendor names none.
    wait: int | None = None
    #: A sentence for a person, used where the raiser has no better one.
    message = "Something went wrong on the server; its log says what."
    #: What the operator can do about it; for the log alone.
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

    def to_dict(self) -> dict[str, Any]:
        """Return what a browser is told: ``code``, ``message`` and what may be done next."""
        answer: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "restart_session": self.restart_session,
        }
        if self.retry_after is not None:
            answer["retry_after"] = self.retry_after
        if self.upstream is not None:
            answer["upstream"] = dict(self.upstream)
        return answer


class NotConfigured(HeyGenError):
    """A setting is missing or wrong: nothing works until the operator has set it."""

    status = 503
    code = "not_configured"
    message = "The server's HeyGen settings are incomplete; its log says which."


class RequestError(HeyGenError):
    """The request is at fault: send another one. Nothing was sent to the vendor."""


class BadRequest(RequestError):
    """The body cannot be read."""

    status = 400
    code = "bad_request"
    message = "The body is not a JSON object."


class NotFound(RequestError):
    """No route has this path."""

    status = 404
    code = "not_found"
    message = "There is no such route."


class MethodNotAllowed(RequestError):
    """The route exists for another method."""

    status = 405
    code = "method_not_allowed"
    message = "This route does not take that method; see the Allow header."


class BodyTooLarge(RequestError):
    """The body is longer than any valid one."""

    status = 413
    code = "body_too_large"
    message = "The body is too large."


class TextTooLong(RequestError):
    """The text has more characters than ``HEYGEN_MAX_TEXT``; nothing was cut, nothing was said."""

    status = 413
    code = "text_too_long"


class UnsupportedMediaType(RequestError):
    """The body does not say that it is JSON in UTF-8."""

    status = 415
    code = "unsupported_media_type"
    message = "Send JSON in UTF-8, with the header Content-Type: application/json."


class InvalidField(RequestError):
    """A field is missing, unknown or out of range; the message names it."""

    status = 422
    code = "invalid_field"


class CallerError(HeyGenError):
    """Whoever calls may not. Nothing was sent to the vendor."""


class NotSignedIn(CallerError):
    """The owner_loader knows no user who makes this request."""

    status = 401
    code = "not_signed_in"
    message = "Sign in first."


class NotYourSession(CallerError):
    """The session id was issued to another user, or not by this server."""

    status = 403
    code = "not_your_session"
    message = "This session is not yours."


class CrossSite(CallerError):
    """The request comes from the page of another site."""

    status = 403
    code = "cross_site"
    message = "This request comes from another site, which the server does not allow."


class TextRefused(CallerError):
    """The app's text_loader refused the text. Nothing was sent to the vendor."""

    status = 403
    code = "text_refused"
    message = "This text is not spoken."


class SessionError(HeyGenError):
    """This session cannot do it."""


class SessionNotFound(SessionError):
    """The vendor knows no such session: start a new one."""

    status = 404
    code = "session_not_found"
    restart_session = True
    message = "There is no such session; start a new one."


class SessionNotReady(SessionError):
    """Nobody has joined the session's room yet: join, then send the same again."""

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
    message = "The session is too old to go on; start a new one."


class NotSupported(HeyGenError):
    """The vendor API that ``HEYGEN_API`` names has no such operation."""

    status = 501
    code = "not_supported"
    message = "The avatar service that this server uses cannot do this."


class LimitError(HeyGenError):
    """The vendor's limit is reached: wait ``retry_after`` seconds, then send the same again."""

    status = 429
    retryable = True


class ConcurrentLimit(LimitError):
    """All of the account's sessions are in use."""

    code = "concurrent_limit"
    wait = 30
    message = "Every avatar is in use at the moment; try again in a little while."
    hint = "Stop sessions that nobody watches, or have HeyGen raise the account's limit."


class RateLimited(LimitError):
    """Too many requests in too short a time."""

    code = "rate_limited"
    wait = 5
    message = "There were too many requests; try again in a moment."
    hint = "Ask HeyGen for a higher rate, or limit what one user may send."


class UpstreamError(HeyGenError):
    """The vendor did not do it, or nobody can tell."""

    status = 502


class AuthFailed(UpstreamError):
    """The vendor refused the API key, or a session token minted with it this very moment."""

    code = "heygen_auth_failed"
    message = "HeyGen does not accept the server's credentials."
    hint = (
        "Check that HEYGEN_API_KEY is the whole key, and one for the API that HEYGEN_API names: "
        "LiveAvatar refuses HeyGen's keys, and HeyGen LiveAvatar's."
    )


class Refused(UpstreamError):
    """The vendor understood and said no; ``upstream`` holds its reason."""

    code = "heygen_refused"
    message = "HeyGen refused the request."
    hint = "The vendor's reason is in its own words above."


class UpstreamFailed(UpstreamError):
    """The vendor failed or was not reached; nothing was done that a repeat could do twice."""

    code = "heygen_error"
    retryable = True
    message = "HeyGen could not be reached or did not answer properly; try again."
    hint = (
        "Nothing is lost. If it stays so, check the network, HEYGEN_BASE_URL and HeyGen's status."
    )


class ApiRetired(UpstreamError):
    """The vendor has switched this API off (HTTP 410, ``endpoint_sunset``)."""

    code = "api_retired"
    message = "HeyGen has retired the API that this server speaks."
    hint = (
        "HEYGEN_API = 'streaming' is HeyGen's v1 streaming API, reported retired on 2026-03-31. "
        "LiveAvatar is its successor: set HEYGEN_API = 'liveavatar', and HEYGEN_API_KEY to a key "
        "of LiveAvatar's."
    )


class UpstreamTimeout(UpstreamError):
    """The vendor took too long; nothing was done that a repeat could do twice."""

    status = 504
    code = "heygen_timeout"
    retryable = True
    message = "HeyGen took too long to answer; try again."
    hint = "Nothing is lost. HEYGEN_TIMEOUT is the time that one request may take, in seconds."


class OutcomeUnknown(UpstreamError):
    """The vendor may or may not have done it: a repeat could speak, or cost, twice."""

    status = 504
    code = "outcome_unknown"
    message = "HeyGen's answer was lost: it may or may not have done what was asked."
    hint = "It was not sent again, since that could speak a text twice or pay for a second session."
