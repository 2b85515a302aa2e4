"""Signed session ids, which belong to the user who started the session."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import Any

from itsdangerous import BadData, Signer, URLSafeTimedSerializer

from .errors import NotConfigured, NotYourSession, SessionExpired

#: Seconds by which the clocks of two machines may differ.
CLOCK_SKEW = 60

_HMAC: dict[str, Any] = {"key_derivation": "hmac", "digest_method": sha256}
_DERIVED = {**_HMAC, "key_derivation": "none"}


def signing_keys(secret: Any, fallbacks: Any) -> list[str | bytes]:
    """Return an app's ``SECRET_KEY_FALLBACKS`` and its ``SECRET_KEY``, the newest last.

    Raises:
        NotConfigured: one of them is not a key. Call this before a session is started.

    """
    if not secret:
        raise NotConfigured("SECRET_KEY is not set: set a random string, which signs session ids.")
    if not _is_key(secret):
        raise NotConfigured("SECRET_KEY must be a string or bytes; digits alone need quotes.")
    older = fallbacks or ()
    # A string would be taken as a list of keys of one letter each.
    if not isinstance(older, list | tuple) or not all(map(_is_key, older)):
        raise NotConfigured("SECRET_KEY_FALLBACKS must be a list of strings or bytes.")

    return [*older, secret]


def _is_key(value: Any) -> bool:
    return isinstance(value, str | bytes) and bool(value)


class SessionSigner:
    """Signs the session ids of one owner, and verifies them.

    A signed id, called a *handle*, holds the vendor's session id, a keyed digest of the owner and
    the time of signing. Every process with the same keys can verify it; nothing is stored.
    """

    def __init__(
        self, owner: str | None, keys: Iterable[str | bytes], salt: str, max_age: float
    ) -> None:
        #: The id of the signed-in user, None after logout: ``unsign`` then accepts every owner.
        self.owner = owner
        self._max_age = max_age
        self._serializer, self._digester = _signers(tuple(keys), f"flask_heygen.{salt}")

    def sign(self, session_id: str) -> str:
        """Return the handle of a session of the owner."""
        digest = self._digester.get_signature(self._owned(session_id)).decode()
        return str(self._serializer.dumps([session_id, digest]))

    def unsign(self, handle: Any, *, to_stop: bool = False) -> str:
        """Return the session id in a handle.

        Raises:
            NotYourSession: the handle is forged, or of another owner.
            SessionExpired: the handle is older than ``max_age`` seconds, and not ``to_stop``.

        """
        if not isinstance(handle, str) or not handle.isascii():
            raise NotYourSession
        loaded = None
        with suppress(BadData):  # not a cause: its message quotes what the page has sent
            loaded = self._serializer.loads(handle, return_timestamp=True)
        if loaded is None:
            raise NotYourSession
        (session_id, digest), signed = loaded
        owned = self._owned(session_id)
        if self.owner is not None and not self._digester.verify_signature(owned, digest):
            raise NotYourSession
        if not to_stop:
            self._check_age(time.time() - signed.timestamp())

        return str(session_id)

    def _check_age(self, age: float) -> None:
        # Not left to itsdangerous, which refuses a handle from a clock that is one second ahead.
        if age < -CLOCK_SKEW:
            raise NotYourSession
        if age > self._max_age:
            raise SessionExpired

    def _owned(self, session_id: str) -> bytes:
        # With the session id, so that two handles of one owner share no digest. An owner's id may
        # be any string, with lone surrogates too.
        return f"{session_id} {self.owner}".encode(errors="surrogatepass")


@lru_cache(maxsize=32)  # they cost more to make than to use
def _signers(keys: tuple[str | bytes, ...], salt: str) -> tuple[URLSafeTimedSerializer, Signer]:
    """Return what signs handles, and what digests the owner in them."""
    # Each signature would derive its key from the secret again, which takes as long as to sign.
    return (
        URLSafeTimedSerializer(_derived(keys, salt), salt=salt, signer_kwargs=_DERIVED),
        Signer(_derived(keys, f"{salt}.owner"), **_DERIVED),
    )


def _derived(keys: Iterable[str | bytes], salt: str) -> list[bytes]:
    return [Signer(key, salt=salt, **_HMAC).derive_key() for key in keys]


class UnsignedSessions:
    """Stands in for a SessionSigner without an owner_loader: session ids are not signed."""

    owner = None

    def sign(self, session_id: str) -> str:
        """Return ``session_id``."""
        return session_id

    def unsign(self, handle: Any, *, to_stop: bool = False) -> Any:  # noqa: ARG002  as a signer's
        """Return ``handle`` unchecked; the client checks it."""
        return handle
