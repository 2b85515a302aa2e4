"""Who may enter which room: LiveKit's access tokens."""

import secrets
import time
from dataclasses import dataclass

import jwt

from flask_heygen.simulator.clock import Clock

_ALGORITHM = "HS256"
_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Pass:
    """What a good token says."""

    session_id: str
    identity: str


class Passes:
    """The tokens of one simulator, which no other takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def issue(self, session_id: str, identity: str) -> str:
        """Make a token with the claims that the vendor's has (seen); the room's name is a guess."""
        now = int(time.time())
        grant = {
            "roomJoin": True,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
            "room": session_id,
        }
        claims = {
            "iss": "simulation",
            "sub": identity,
            "name": identity,
            "nbf": now,
            "exp": now + _SECONDS,
            "video": grant,
        }
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, token: str) -> Pass | None:
        """Read a token; None for one that is forged, expired or another simulator's."""
        # The clock that a test has moved makes a token older, never younger than its nbf.
        options: jwt.types.Options = {"require": ["exp", "sub", "video"], "verify_nbf": False}
        try:
            claims = jwt.decode(
                token, self._secret, [_ALGORITHM], options=options, leeway=-self._clock.ahead
            )
        except jwt.InvalidTokenError:
            return None
        return Pass(claims["video"]["room"], claims["sub"])
