"""Who may command a session: signed session ids, issued to an owner and read again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from itsdangerous import BadData, Signer, URLSafeTimedSerializer

from .errors import NotConfigured, NotYourSession, SessionExpired

#: Seconds that the clocks of two machines may differ.
CLOCK_SKEW = 60

_HMAC: dict[str, Any] = {"key_derivation": "hmac", "digest_method": sha256}


def signing_keys(secret: Any, fallbacks: Any) -> list[str | bytes]:
    """Return a host's ``SECRET_KEY`` and its ``SECRET_KEY_FALLBACKS``, the newest last.

    Raises:
        NotConfigured: one of them is no key; found out here, nothing is started in vain.

    """
    if not secret:
        raise NotConfigured("SECRET_KEY is not set; session ids are signed with it.")
    if not _is_key(secret):
        raise NotConfigured("SECRET_KEY must be a string or bytes.")
    older = fallbacks or ()
    # Each letter of a string would be a key, with which anybody could sign.
    if not isinstance(older, list | tuple) or not all(map(_is_key, older)):
        raise NotConfigured("SECRET_KEY_FALLBACKS must be a list of strings or bytes.")

    return [*older, secret]


def _is_key(value: Any) -> bool:
    return isinstance(value, str | bytes) and bool(value)


class Handles:
    """The handles of one owner: the vendor's session id, the owner and the time, signed.

    Any process with the same keys reads them, and none has to remember them. The owner is in a
    handle as a keyed digest alone, another one for each session. ``keys`` are from the oldest,
    which still reads, to the newest, which signs; ``purpose`` keeps the handles of one vendor API
    and of one blueprint apart from those of another. ``owner`` is None after logout.
    """

    def __init__(
        self, owner: str | None, keys: Iterable[str | bytes], purpose: str, max_age: float
    ) -> None:
        self.owner = owner
        self._max_age = max_age
        secrets = [key.encode() if isinstance(key, str) else key for key in keys]
        salt = f"flask_heygen.{purpose}"
        self._serializer = URLSafeTimedSerializer(secrets, salt=salt, signer_kwargs=_HMAC)
        self._digester = Signer(secrets, salt=f"{salt}.owner", **_HMAC)

    def issue(self, session_id: str) -> str:
        """Return the handle of a session that the owner has just started."""
        digest = self._digester.get_signature(self._owned(session_id)).decode()
        return str(self._serializer.dumps([session_id, digest]))

    def read(self, handle: Any) -> str:
        """Return the vendor's session id.

        Raises:
            NotYourSession: the handle is forged, or another owner's.
            SessionExpired: the session started more than ``max_age`` seconds ago.

        """
        session_id, issued = self._verify(handle)
        age = time.time() - issued
        # Not the max_age of itsdangerous: it refuses a handle from a clock one second ahead.
        if age < -CLOCK_SKEW:
            raise NotYourSession
        if age > self._max_age:
            raise SessionExpired

        return session_id

    def read_to_stop(self, handle: Any) -> str:
        """Return the vendor's session id for its end, which must not fail: it costs money.

        An expired handle is good for it, and any at all after logout.

        Raises:
            NotYourSession: the handle is forged, or another's than that of the owner signed in.

        """
        session_id, _ = self._verify(handle)
        return session_id

    def _verify(self, handle: Any) -> tuple[str, float]:
        if not isinstance(handle, str) or not handle.isascii():
            raise NotYourSession
        try:
            (session_id, digest), issued = self._serializer.loads(handle, return_timestamp=True)
        except BadData as error:
            raise NotYourSession from error
        owned = self._owned(session_id)
        if self.owner is not None and not self._digester.verify_signature(owned, digest):
            raise NotYourSession

        return session_id, issued.timestamp()

    def _owned(self, session_id: str) -> bytes:
        # A host's id may be any text, half of a surrogate pair among it.
        return f"{session_id} {self.owner}".encode(errors="surrogatepass")


class UnsignedSessions:
    """The handles where nobody is asked who they are: the vendor's session ids themselves."""

    owner = None

    def issue(self, session_id: str) -> str:
        """Return ``session_id``."""
        return session_id

    def read(self, handle: Any) -> Any:
        """Return ``handle``, whatever it is; the client checks it."""
        return handle

    read_to_stop = read
