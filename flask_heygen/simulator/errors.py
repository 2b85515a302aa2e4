"""The errors that the vendor responds with.

    ApiError                   v1                               LiveAvatar
    ├── Unauthorized           401  400112                      401  4001
    ├── UnsupportedMediaType   415
    ├── NoSuchPath             404 or 405                       404 or 405
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
    """A call that the vendor answers with an error."""

    status: int = 400
    code: int = 0
    #: Status, code and message of LiveAvatar.
    liveavatar: ClassVar[tuple[int, int, str]] = (400, 4000, "Bad request")

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)

    def response(self, api: str) -> web.Response:
        """Make the response, literal for the streaming API."""
        if api == "liveavatar":
            return liveavatar_error(*self.liveavatar)
        return error(self.status, {"code": self.code, "message": self.message})


class Unauthorized(ApiError):
    """A bad, missing or expired token or key (seen)."""

    status, code = 401, 400112
    liveavatar = (401, 4001, "Unauthorized")

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class UnsupportedMediaType(ApiError):
    """A create_token without a JSON content type (seen; the status is a guess)."""

    status = 415

    def __init__(self, media_type: str) -> None:
        super().__init__(f"Unsupported media type '{media_type}' in request.")

    def response(self, api: str) -> web.Response:  # noqa: ARG002  v1 alone raises it
        """Make the response, in another envelope than the rest."""
        return error(self.status, {"detail": self.message})


class NoSuchPath(ApiError):
    """A path or method that the vendor does not have (LiveAvatar's 405: live; the rest: guess)."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = self.code = status
        super().__init__(reason)

    def response(self, api: str) -> web.Response:  # noqa: ARG002  the same for both
        """Make the response."""
        return super().response("streaming")


class InvalidParams(ApiError):
    """A body that is no object, lacks a field or has a wrong value (seen)."""

    code = 400006

    def __init__(self) -> None:
        super().__init__("Invalid params")


class NotInCorrectState(ApiError):
    """A task or interrupt before anyone joined the room (seen)."""

    code = 400006

    def __init__(self) -> None:
        super().__init__("Session is not in correct state")


class StateWrong(ApiError):
    """A call that comes too early or too late in the session's life (10005 seen)."""

    liveavatar = (400, 4000, "Session is already closed")
    _codes: ClassVar = {"new": 10001, "connecting": 10002, "connected": 10003, "closed": 10005}

    def __init__(self, state: str) -> None:
        self.code = self._codes[state]
        super().__init__(f"session state wrong: {state}")


class SessionNotFound(ApiError):
    """A session id that the vendor never issued (doc)."""

    code = 10006
    liveavatar = (404, 4004, "Session not found")

    def __init__(self) -> None:
        super().__init__("session not found")


class SessionDoesNotExist(ApiError):
    """A task for a session id that the vendor never issued (seen)."""

    code = 400004

    def __init__(self, session_id: str) -> None:
        super().__init__(f"Session does not exist. SessionID: {session_id}")


class ConcurrentLimit(ApiError):
    """A session more than the account may have open (seen)."""

    code = 10007
    liveavatar = (403, 4003, "Session concurrency limit reached")

    def __init__(self) -> None:
        super().__init__(
            "Concurrent limit reached, please make sure you have closed other testing sessions"
            " under the same account"
        )


class NoCredits(ApiError):
    """A session that the account's credits do not pay a minute of."""

    code = 10015
    liveavatar = (403, 4002, "Insufficient credits")

    def __init__(self) -> None:
        super().__init__("trial api limit reached")


class LiveAvatarError(ApiError):
    """An error of LiveAvatar's own."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)

    def response(self, api: str) -> web.Response:  # noqa: ARG002  LiveAvatar alone raises it
        """Make the response."""
        return liveavatar_error(self.status, self.code, self.message)


class ValidationError(ApiError):
    """A body or query of LiveAvatar's with something wrong in it (doc)."""

    status = 422

    def __init__(self, problems: Sequence[dict[str, object]]) -> None:
        self._problems = problems
        super().__init__("; ".join(str(problem["msg"]) for problem in problems))

    def response(self, api: str) -> web.Response:  # noqa: ARG002  LiveAvatar alone raises it
        """Make the response, in the form of a validation error."""
        return json_response({"detail": self._problems}, status=self.status)
