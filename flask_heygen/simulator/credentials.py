"""Who may call the vendor: its account's API key, and the session tokens minted for it."""

import base64
import json
import threading
import uuid
from dataclasses import replace

from .clock import Clock
from .records import Token
from .refusals import Unauthorized


class Credentials:
    """The account's key, and the tokens of an API; all methods may be called from any thread."""

    def __init__(self, clock: Clock, *, token_seconds: float, api_key: str | None) -> None:
        self._clock = clock
        self._token_seconds = token_seconds
        self._api_key = api_key
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Every token minted so far."""
        with self._lock:
            return tuple(self._tokens.values())

    def admit_key(self, key: str | None) -> None:
        """Check an API key: the account's, or any that is not blank if it has none."""
        if not (key or "").strip() or self._api_key not in {None, key}:
            raise Unauthorized

    def mint(self) -> Token:
        """Make a token of the vendor's shape (seen): Base64 of JSON that tells no expiry."""
        content = {
            "token": uuid.uuid4().hex,
            "token_type": "sa_from_regular",
            "created_at": self._clock.unix(self._clock.now()),
        }
        value = base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
        return self.issue(value)

    def issue(self, value: str, session_id: str | None = None) -> Token:
        """Note a token of any shape, which may be for one session from the start."""
        now = self._clock.now()
        token = Token(value, now, now + self._token_seconds, session_id)
        with self._lock:
            self._tokens[value] = token
        return token

    def admit(self, value: str | None) -> Token:
        """Check a session token, which is good for every session of the account (guess)."""
        with self._lock:
            token = self._tokens.get(value or "")
        if token is None or token.expires_at <= self._clock.now():
            raise Unauthorized

        return token

    def admit_unused(self, value: str | None) -> Token:
        """Check a token for streaming.new: "one time use" (sdk) means one session (guess)."""
        token = self.admit(value)
        if token.session_id is not None:
            raise Unauthorized

        return token

    def use(self, token: Token, session_id: str) -> None:
        """Note the session that a token was good for."""
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
