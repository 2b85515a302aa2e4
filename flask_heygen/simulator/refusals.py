"""What the vendor refuses, and the literal reply for it.

    Refusal
    ├── Unauthorized           401  400112
    ├── UnsupportedMediaType   415
    ├── UnknownPath            404
    ├── InvalidParams          400  400006
    ├── NotInCorrectState      400  400006
    ├── StateWrong             400  10001, 10002, 10003, 10005
    ├── SessionNotFound        400  10006
    ├── SessionDoesNotExist    400  400004
    └── ConcurrentLimit        400  10007

Codes and messages come from replies that were seen and from docs.heygen.com/reference/errors (doc);
which call answers 10006 and which 400004 is a guess, as is every HTTP 400.
"""

from .replies import Reply, error


class Refusal(Exception):
    """A call that the vendor answers with an error."""

    status = 400
    code = 0

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)

    def reply(self) -> Reply:
        """Make the reply, to the letter."""
        return error(self.status, {"code": self.code, "message": self.message})


class Unauthorized(Refusal):
    """A bad, missing or expired token or key (seen)."""

    status = 401
    code = 400112

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class UnsupportedMediaType(Refusal):
    """A create_token without a JSON content type (seen; the status is a guess)."""

    status = 415

    def __init__(self, media_type: str) -> None:
        super().__init__(f"Unsupported media type '{media_type}' in request.")

    def reply(self) -> Reply:
        """Make the reply, in another envelope than the rest."""
        return error(self.status, {"detail": self.message})


class UnknownPath(Refusal):
    """A path or method that the vendor does not have (guess)."""

    status = 404
    code = 404

    def __init__(self) -> None:
        super().__init__("Not Found")


class InvalidParams(Refusal):
    """A body that is no object, lacks a field or has a wrong value (seen)."""

    code = 400006

    def __init__(self) -> None:
        super().__init__("Invalid params")


class NotInCorrectState(Refusal):
    """A task or interrupt before anyone joined the room (seen)."""

    code = 400006

    def __init__(self) -> None:
        super().__init__("Session is not in correct state")


class StateWrong(Refusal):
    """A call that comes too early or too late in the session's life (10005 seen)."""

    _CODES = {"new": 10001, "connecting": 10002, "connected": 10003, "closed": 10005}  # noqa: RUF012  never changed

    def __init__(self, state: str) -> None:
        self.code = self._CODES[state]
        super().__init__(f"session state wrong: {state}")


class SessionNotFound(Refusal):
    """A session id that the vendor never gave out (doc)."""

    code = 10006

    def __init__(self) -> None:
        super().__init__("session not found")


class SessionDoesNotExist(Refusal):
    """A task for a session id that the vendor never gave out (seen)."""

    code = 400004

    def __init__(self, session_id: str) -> None:
        super().__init__(f"Session does not exist. SessionID: {session_id}")


class ConcurrentLimit(Refusal):
    """A session more than the account may have open (seen)."""

    code = 10007

    def __init__(self) -> None:
        super().__init__(
            "Concurrent limit reached, please make sure you have closed other testing sessions"
            " under the same account"
        )
