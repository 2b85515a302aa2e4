"""The account's API key, session tokens, and the access tokens of rooms."""

import base64
import importlib.util
import json
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .clock import Clock
from .config import Config
from .errors import Unauthorized
from .models import Token

_DAY = 24 * 3600


def joinable() -> bool:
    """Return whether sessions can be joined: whether the extra ``avatar`` is installed."""
    needed = ("aiortc", "espeakng_loader", "livekit", "livekit.protocol", "jwt")
    return all(importlib.util.find_spec(name) for name in needed)


def unsigned_jwt(claims: Mapping[str, object]) -> str:
    """Make a token with the form and the claims of a JSON Web Token; its signature is random."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    parts.append(secrets.token_bytes(32))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class SessionTokens:
    """The account's key and one API's session tokens; every method may be called by any thread."""

    def __init__(self, clock: Clock, config: Config) -> None:
        self._clock = clock
        self._config = config
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Every token minted so far."""
        with self._lock:
            return tuple(self._tokens.values())

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Raise Unauthorized unless X-Api-Key is the account's key, or any if it has none."""
        key = headers.get("X-Api-Key", "")
        if not key.strip() or self._config.api_key not in {None, key}:
            raise Unauthorized

    def mint(self) -> Token:
        """Make a token of the vendor's form (seen): Base64 of JSON that has no expiry."""
        content = {
            "token": uuid.uuid4().hex,
            "token_type": "sa_from_regular",
            "created_at": self._clock.unix(self._clock.now()),
        }
        value = base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
        return self.add(value)

    def add(
        self, value: str, session_id: str | None = None, body: Mapping[str, Any] | None = None
    ) -> Token:
        """Note a token of any form, perhaps one that is for one session from the start."""
        now = self._clock.now()
        token = Token(value, now, now + self._config.token_seconds, session_id, body or {})
        with self._lock:
            self._tokens[value] = token
        return token

    def check(self, value: str | None) -> Token:
        """Return a valid token, which is good for every session of the account (guess)."""
        with self._lock:
            token = self._tokens.get(value or "")
        if token is None or token.expires_at <= self._clock.now():
            raise Unauthorized

        return token

    def check_unused(self, value: str | None) -> Token:
        """Return a token for streaming.new: "one time use" (sdk) means one session (guess)."""
        token = self.check(value)
        if token.session_id is not None:
            raise Unauthorized

        return token

    def use(self, token: Token, session_id: str) -> None:
        """Note the session that a token was used for."""
        with self._lock:
            self._tokens[token.value] = replace(token, session_id=session_id)

    def expire(self) -> None:
        """Refuse every token minted so far."""
        now = self._clock.now()
        with self._lock:
            for value, token in self._tokens.items():
                self._tokens[value] = replace(token, expires_at=min(now, token.expires_at))

    def reset(self) -> None:
        """Forget every token, which refuses it too."""
        with self._lock:
            self._tokens.clear()


class AccessTokens:
    """LiveKit's access tokens; another simulator refuses them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def issue(self, session_id: str, identity: str) -> str:
        """Make a token with the claims of the vendor's (seen); the room's name is a guess.

        Where rooms cannot be joined, it is not signed.
        """
        now = int(time.time())
        grants = dict.fromkeys(("roomJoin", "canPublish", "canSubscribe", "canPublishData"), True)
        claims = {
            "iss": "simulation",
            "sub": identity,
            "name": identity,
            "nbf": now,
            "exp": int(now + self._clock.ahead) + _DAY,
            "video": {**grants, "room": session_id},
        }
        if not joinable():
            return unsigned_jwt(claims)

        import jwt  # noqa: PLC0415  an extra

        return jwt.encode(claims, self._secret, "HS256")

    def read(self, token: str) -> tuple[str, str]:
        """Return session id and identity; raises Unauthorized if it is forged or expired."""
        import jwt  # noqa: PLC0415  an extra

        # A clock that a test has advanced makes a token older, never younger than its nbf.
        options: jwt.types.Options = {"require": ["exp", "sub", "video"], "verify_nbf": False}
        try:
            claims = jwt.decode(
                token, self._secret, ["HS256"], options=options, leeway=-self._clock.ahead
            )
        except jwt.InvalidTokenError as error:
            raise Unauthorized from error
        return claims["video"]["room"], claims["sub"]
