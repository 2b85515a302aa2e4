"""What a server can have an avatar do: the verbs of a session, checked and timed, without Flask."""

from __future__ import annotations

import os
from typing import Any

from .backends import create_backend, drivable_apis
from .backends.fields import validate_field
from .backends.sessions import SESSION_ID
from .errors import InvalidField, NotConfigured, TextTooLong
from .http.deadline import Deadline
from .settings import Settings
from .tracebacks import bare_errors

TASK_TYPES = ("repeat", "chat", "talk")


class HeyGenClient:
    """One account at the vendor, for any number of threads or greenlets of one process.

    Every verb raises a :class:`~flask_heygen.HeyGenError`, whose class says what can be done next,
    and takes no longer than ``settings.timeout`` seconds, but for a start that has to be undone.
    """

    @bare_errors
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        #: Connections and locks do not outlive a fork: in another process, make another client.
        self.pid = os.getpid()
        self._api = create_backend(settings)
        #: Where the vendor is.
        self.base_url = self._api.base_url

    @bare_errors
    def start(self, /, **fields: Any) -> dict[str, Any]:
        """Start a session and return what a page needs to join it.

        ``fields`` replace those of ``HEYGEN_SESSION_DEFAULTS``. Returns ``session_id``,
        ``transport`` ("livekit"), ``url``, ``access_token``, ``session_seconds`` and
        ``idle_seconds``. It is never sent twice, and a session that started half is stopped.
        """
        for name, value in fields.items():
            if wrong := validate_field(self._api.fields, name, value):
                raise InvalidField(f"{name} {wrong}.")
        defaults = dict(self.settings.session_defaults)
        for name, value in defaults.items():
            if wrong := validate_field(self._api.fields, name, value):
                raise NotConfigured(f"{name} in the session defaults {wrong}.")
        if fields.keys() & {"avatar_id", "avatar_name"}:  # two names of one choice
            defaults.pop("avatar_id", None)
            defaults.pop("avatar_name", None)

        return self._api.start({**defaults, **fields}, self._deadline())

    @bare_errors
    def task(
        self,
        session_id: str,
        text: str,
        task_type: str = "repeat",
        interrupt: bool = False,  # noqa: FBT001, FBT002  the names and the order of the route
    ) -> dict[str, Any]:
        """Have the avatar say ``text`` word for word, or answer it (``task_type`` chat or talk).

        ``interrupt`` cuts it short first. Returns ``task_id`` and ``duration_ms``, None if untold;
        where only the page can have it spoken, also ``deliver``, the LiveKit data message that
        does it: ``transport``, ``topic``, ``payload``, and first of all ``interrupt``, if there.
        A text is never sent twice: whether it was spoken is unknown after ``OutcomeUnknown``.
        """
        _check_session_id(session_id)
        if not isinstance(text, str) or not text.strip():
            raise InvalidField("text must be a text that is not blank.")
        if not _is_unicode(text):
            raise InvalidField("text must be valid Unicode; it holds half of a surrogate pair.")
        if task_type not in TASK_TYPES:
            raise InvalidField(f"task_type must be one of: {', '.join(TASK_TYPES)}.")
        if not isinstance(interrupt, bool):
            raise InvalidField("interrupt must be true or false.")
        if len(text) > self.settings.max_text:
            raise TextTooLong(
                f"text has {len(text)} characters, and {self.settings.max_text} are the most that "
                "are spoken at once; send it in parts."
            )

        return self._api.task(session_id, text, task_type, self._deadline(), interrupt=interrupt)

    @bare_errors
    def stop(self, session_id: str) -> None:
        """End a session, and its cost; one that has ended already is a success."""
        _check_session_id(session_id)

        self._api.stop(session_id, self._deadline())

    @bare_errors
    def interrupt(self, session_id: str) -> dict[str, Any]:
        """Cut the avatar short; does nothing while it is silent.

        Returns nothing, or ``deliver`` where only the page can do it.
        """
        _check_session_id(session_id)

        return self._api.interrupt(session_id, self._deadline())

    @bare_errors
    def keep_alive(self, session_id: str) -> None:
        """Have the session's idle time count anew."""
        _check_session_id(session_id)

        self._api.keep_alive(session_id, self._deadline())

    @bare_errors
    def sessions(self) -> list[dict[str, Any]]:
        """List the live sessions: ``session_id``, ``status``, ``age`` in seconds or None."""
        return self._api.sessions(self._deadline())

    @bare_errors
    def check(self) -> list[dict[str, Any]]:
        """Raise what keeps the account from being used, or list its live sessions."""
        self._api.check(self._deadline())
        return self.sessions()

    @bare_errors
    def drivable_apis(self) -> list[str]:
        """Return the values of ``HEYGEN_API`` with which this key works."""
        return drivable_apis(self.settings, self._deadline())

    def _deadline(self) -> Deadline:
        return Deadline(self.settings.timeout)


def _check_session_id(session_id: Any) -> None:
    if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
        raise InvalidField("session_id must be the one that start answered.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
