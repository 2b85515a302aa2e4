"""What LiveAvatar refuses, and the reply for it.

    Refusal
    ├── BadCredentials         401  4001
    ├── ConcurrencyReached     403  4003
    ├── VoiceNotFound          404  4004
    ├── NoSuchSession          404  4004
    ├── AlreadyStarted         400  4000
    ├── AlreadyClosed          400  4000
    └── Unprocessable          422

4001, 4003 and their messages were seen, the form of a 422 is documented; every other status, code
and message is a guess.
"""

from collections.abc import Sequence

from flask_heygen.simulator.refusals import (
    ConcurrentLimit,
    Refusal,
    SessionNotFound,
    StateWrong,
    Unauthorized,
)
from flask_heygen.simulator.replies import Reply, json_reply


class LiveAvatarRefusal(Refusal):
    """A call that LiveAvatar answers with an error."""

    code = 4000

    def reply(self) -> Reply:
        """Make the reply, in LiveAvatar's envelope."""
        envelope = {"code": self.code, "data": None, "message": self.message}
        return json_reply(envelope, status=self.status)


class BadCredentials(LiveAvatarRefusal):
    """A key or session token that is missing, wrong, expired or another session's (seen)."""

    status = 401
    code = 4001

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class ConcurrencyReached(LiveAvatarRefusal):
    """A session more than the account may have open (seen)."""

    status = 403
    code = 4003

    def __init__(self) -> None:
        super().__init__("Session concurrency limit reached")


class VoiceNotFound(LiveAvatarRefusal):
    """A voice that the account does not have; the message was seen."""

    status = 404
    code = 4004

    def __init__(self) -> None:
        super().__init__("Voice not found")


class NoSuchSession(LiveAvatarRefusal):
    """A session id that LiveAvatar never started."""

    status = 404
    code = 4004

    def __init__(self) -> None:
        super().__init__("Session not found")


class AlreadyStarted(LiveAvatarRefusal):
    """A second start with the token of one session."""

    def __init__(self) -> None:
        super().__init__("Session has already been started")


class AlreadyClosed(LiveAvatarRefusal):
    """A call for a session that has ended."""

    def __init__(self) -> None:
        super().__init__("Session is already closed")


class Unprocessable(LiveAvatarRefusal):
    """A body or query with something wrong in it (doc)."""

    status = 422

    def __init__(self, problems: Sequence[dict[str, object]]) -> None:
        self._problems = problems
        super().__init__("; ".join(str(problem["msg"]) for problem in problems))

    def reply(self) -> Reply:
        """Make the reply, in the envelope of a validation error."""
        return json_reply({"detail": self._problems}, status=self.status)


_WORDS: dict[type[Refusal], type[BadCredentials | NoSuchSession | AlreadyClosed]] = {
    Unauthorized: BadCredentials,
    SessionNotFound: NoSuchSession,
    StateWrong: AlreadyClosed,
}


def in_own_words(refusal: Refusal) -> Refusal:
    """Put what the account's shared parts refuse into LiveAvatar's words."""
    if isinstance(refusal, ConcurrentLimit):
        return ConcurrencyReached()
    return _WORDS[type(refusal)]() if type(refusal) in _WORDS else refusal
