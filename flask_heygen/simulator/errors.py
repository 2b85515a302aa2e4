"""The errors that the vendor responds with.

    ApiError                   v1                               LiveAvatar
    ├── Unauthorized           401  400112                      401  4001
    ├── UnsupportedMediaType   415
    ├── InvalidParams          400  400006
    ├── NotInCorrectState      400  400006
    ├── StateWrong             400  10001, 10002, 10003, 10005  400  4000
    ├── SessionNotFound        400  10006                       404  4004
    ├── SessionDoesNotExist    400  400004
    ├── ConcurrentLimit        400  10007                       403  4003
    ├── NoCredits              400  10015                       403  4002
    ├── LiveAvatarError                                         as given
    └── ValidationError                                         422

Codes and messages come from responses that were seen and from docs.heygen.com/reference/errors
(doc); which call answers 10006 and which 400004 is a guess, as is every HTTP 400. Of LiveAvatar's,
4001, 4003 and their messages were seen and the form of a 422 is documented; the rest is a guess.
"""

from collections.abc import Sequence
from typing import ClassVar

from aiohttp import web

from .responses import error, json_response, liveavatar_error


class ApiError(Exception):
    """A call that the vendor answers with an error; `values` fill the message."""

    status: int = 400
    code: int = 0
    message: str = "Bad request"
    #: Status, code and message of LiveAvatar.
    liveavatar: ClassVar[tuple[int, int, str]] = (400, 4000, "Bad request")

    def __init__(self, **values: str) -> None:
        self.message = self.message.format(**values)
        super().__init__(self.message)

    def response(self, api: str) -> web.Response:
        """Make the response, literal for the streaming API."""
        if api == "liveavatar":
            return liveavatar_error(*self.liveavatar)
        return error(self.status, {"code": self.code, "message": self.message})


class Unauthorized(ApiError):
    """A bad, missing or expired token or key (seen)."""

    status, code, message = 401, 400112, "Unauthorized"
    liveavatar = 401, 4001, "Unauthorized"


class UnsupportedMediaType(ApiError):
    """A create_token without a JSON content type (seen; the status is a guess)."""

    status, message = 415, "Unsupported media type '{media_type}' in request."

    def response(self, api: str) -> web.Response:  # noqa: ARG002  v1 alone raises it
        """Make the response, in another envelope than the rest."""
        return error(self.status, {"detail": self.message})


class InvalidParams(ApiError):
    """A body that is no object, lacks a field or has a wrong value (seen)."""

    code, message = 400006, "Invalid params"


class NotInCorrectState(ApiError):
    """A task or interrupt before anyone joined the room (seen)."""

    code, message = 400006, "Session is not in correct state"


class StateWrong(ApiError):
    """A call that comes too early or too late in the session's life (10005 seen)."""

    message = "session state wrong: {state}"
    liveavatar = 400, 4000, "Session is already closed"

    def __init__(self, state: str) -> None:
        self.code = {"new": 10001, "connecting": 10002, "connected": 10003, "closed": 10005}[state]
        super().__init__(state=state)


class SessionNotFound(ApiError):
    """A session id that the vendor never issued (doc)."""

    code, message = 10006, "session not found"
    liveavatar = 404, 4004, "Session not found"


class SessionDoesNotExist(ApiError):
    """A task for a session id that the vendor never issued (seen)."""

    code, message = 400004, "Session does not exist. SessionID: {session_id}"


class ConcurrentLimit(ApiError):
    """The account has as many open sessions as it may have (seen)."""

    code = 10007
    message = (
        "Concurrent limit reached, please make sure you have closed other testing sessions under"
        " the same account"
    )
    liveavatar = 403, 4003, "Session concurrency limit reached"


class NoCredits(ApiError):
    """The account's credits do not pay for a minute of the session."""

    code, message = 10015, "trial api limit reached"
    liveavatar = 403, 4002, "Insufficient credits"


class LiveAvatarError(ApiError):
    """An error of LiveAvatar's own."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, "{message}"
        super().__init__(message=message)

    def response(self, api: str) -> web.Response:  # noqa: ARG002  LiveAvatar alone raises it
        """Make the response."""
        return liveavatar_error(self.status, self.code, self.message)


class ValidationError(ApiError):
    """A body or query of LiveAvatar's with something wrong in it (doc)."""

    status = 422

    def __init__(self, problems: Sequence[dict[str, object]]) -> None:
        self._problems = problems
        super().__init__()

    def response(self, api: str) -> web.Response:  # noqa: ARG002  LiveAvatar alone raises it
        """Make the response, in the form of a validation error."""
        return json_response({"detail": self._problems}, status=self.status)
