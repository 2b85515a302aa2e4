"""One vendor account, without Flask: the operations of a session, validated and timed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .backends import Progress, create_backend, is_id, no_progress, working_apis
from .errors import InvalidField, NotConfigured, SessionClosed, SessionNotFound
from .http.deadline import Deadline
from .settings import Settings, is_local, meant
from .text import check_text
from .tracebacks import conceal_frames, hold_back

TASK_TYPES = ("repeat", "chat", "talk")
#: Two ways to choose the avatar.
AVATAR_FIELDS = frozenset({"avatar_id", "avatar_name"})

logger = logging.getLogger(__name__)
logger.addFilter(hold_back)


class HeyGenClient:
    """One vendor account, for any number of threads or greenlets of one process.

    Every method raises a :class:`~flask_heygen.HeyGenError`, whose class says what to do next,
    and returns within ``settings.timeout`` seconds; a failed start may take longer to clean up.
    A ``session_id`` is the vendor's, as :meth:`start` returns it; the client of a blueprint also
    takes the handle that a page holds.
    """

    @conceal_frames
    def __init__(
        self,
        settings: Settings,
        unsign: Callable[[str], str] | None = None,
        config_prefix: str = "HEYGEN",
    ) -> None:
        self.settings = settings
        self._prefix = config_prefix
        #: Unknown fields of a start that were logged.
        self._logged: set[str] = set()
        self._backend = create_backend(settings)
        self._unsign = unsign
        #: The names of the session fields that are known.
        self.known_fields = tuple(self._backend.fields)
        #: The URL of the vendor's API.
        self.base_url = self._backend.base_url
        #: What a minute of a session costs.
        self.credits_per_minute = self._backend.credits_per_minute

    def close(self) -> None:
        """Close the idle connections; the client can still be used."""
        self._backend.close()

    @conceal_frames
    def session_fields(
        self, loaded: Mapping[str, Any] | None = None, /, **fields: Any
    ) -> dict[str, Any]:
        """Return the fields of a new session, validated.

        ``fields`` replace ``loaded``, those of a session_loader, and these the session defaults.

        Raises:
            NotConfigured: one of the defaults, or of ``loaded``, is wrong, or one is missing.
            InvalidField: one of ``fields`` is wrong.

        """
        if wrong := self._backend.validate(self.settings.session_defaults):
            raise NotConfigured(f"In {self._prefix}_SESSION_DEFAULTS, {wrong}")
        given = _merge(self.settings.session_defaults, loaded or {})
        if wrong := self._backend.validate(given):
            raise NotConfigured(f"In the fields of the session_loader, {wrong}")
        merged = _merge(given, fields)
        if wrong := self._backend.validate(merged):
            raise InvalidField(wrong)
        if missing := self._missing(merged):
            raise NotConfigured(missing)
        self._warn_of_unknown([*(loaded or ()), *fields])
        return merged

    @conceal_frames
    def start(self, /, **fields: Any) -> dict[str, Any]:
        """Start a session and return what a page needs to join it.

        ``fields`` replace those of ``HEYGEN_SESSION_DEFAULTS``; an unknown one is sent, and logged
        as a warning. Returns ``session_id``, the vendor's, ``transport`` ("livekit"), ``url``,
        ``access_token``, ``session_seconds`` (None if unknown), ``idle_seconds`` and
        ``listening``, how the avatar hears the user's microphone ("conversational",
        "push_to_talk", or None if it does not). It is never sent twice; a half-started session is
        stopped.
        """
        return self._backend.start(self.session_fields(**fields), self._deadline())

    @conceal_frames
    def start_existing(self, session_id: str) -> None:
        """Start a session that a page has created itself; one that runs already is a success.

        Raises:
            NotSupported: with LiveAvatar, whose sessions are started with their own token.

        """
        self._backend.start_existing(self.session_id(session_id), self._deadline())

    @conceal_frames
    def check_task(
        self,
        session_id: str,
        text: str,
        task_type: str = "repeat",
        interrupt: bool = False,  # noqa: FBT001, FBT002  as those of task
    ) -> str:
        """Return the vendor's session id of a task that can be sent, or raise its error."""
        session_id = self.session_id(session_id)
        check_text(text, self.settings.max_text)
        if task_type not in TASK_TYPES:
            raise InvalidField(f"task_type must be one of: {', '.join(TASK_TYPES)}.")
        if not isinstance(interrupt, bool):
            raise InvalidField("interrupt must be true or false.")
        return session_id

    @conceal_frames
    def check_can_respond(self, task_type: str) -> None:
        """Raise InvalidField if the avatar would not respond to a text of this type.

        LiveAvatar responds only in a session with a context or a voice agent. It has neither if
        the session defaults set none, and a page may not.
        """
        needed = self._backend.responding_fields
        possible = {*self.settings.session_defaults, *self.settings.session_allowed}
        if task_type in ("chat", "talk") and needed and not possible.intersection(needed):
            raise InvalidField(
                f"task_type must be repeat: the avatar responds only in sessions with "
                f"{' or '.join(needed)}, and none is set."
            )

    @conceal_frames
    def task(
        self,
        session_id: str,
        text: str,
        task_type: str = "repeat",
        interrupt: bool = False,  # noqa: FBT001, FBT002  the names and the order of the route
    ) -> dict[str, Any]:
        """Make the avatar say ``text`` word for word, or respond to it (``task_type`` chat, talk).

        ``interrupt`` interrupts the avatar first. Returns ``task_id`` and ``duration_ms`` (None
        if unknown). If only the page can publish the text, also ``deliver``, a LiveKit data
        message: ``transport``, ``topic``, ``payload`` and, to be published first, ``interrupt``.
        A text is never sent twice: after ``OutcomeUnknown`` it may or may not have been spoken.
        """
        session_id = self.check_task(session_id, text, task_type, interrupt)

        return self._backend.send_task(
            session_id, text, task_type, self._deadline(), interrupt=interrupt
        )

    @conceal_frames
    def stop(self, session_id: str, *, missing_ok: bool = True) -> None:
        """Stop a session, which ends its cost.

        Raises:
            SessionClosed, SessionNotFound: it no longer runs, and ``missing_ok`` is false.

        """
        session_id = self.session_id(session_id)

        try:
            self._backend.stop(session_id, self._deadline())
        except (SessionClosed, SessionNotFound):
            if not missing_ok:
                raise
            logger.debug("The session to be stopped had ended already.")

    @conceal_frames
    def interrupt(self, session_id: str) -> dict[str, Any]:
        """Interrupt the avatar; does nothing while it is silent.

        Returns an empty dict, or ``deliver`` if only the page can do it.
        """
        return self._backend.interrupt(self.session_id(session_id), self._deadline())

    @conceal_frames
    def keep_alive(self, session_id: str) -> None:
        """Reset the session's idle timeout."""
        self._backend.keep_alive(self.session_id(session_id), self._deadline())

    @conceal_frames
    def sessions(self) -> list[dict[str, Any]]:
        """List the live sessions: ``session_id``, ``status``, ``age`` in seconds or None."""
        return self._backend.sessions(self._deadline())

    @conceal_frames
    def session(self, session_id: str) -> dict[str, Any]:
        """Return what a session, live or ended, has used and why it ended.

        ``session_id``, ``seconds``, ``credits``, ``end_reason`` (the vendor's word, such as
        "IDLE_TIMEOUT"; None while it runs).

        Raises:
            NotSupported: with HeyGen's v1 API.

        """
        return self._backend.session(self.session_id(session_id), self._deadline())

    @conceal_frames
    def transcript(self, session_id: str) -> list[dict[str, Any]]:
        """Return what was said in a session, in order.

        Each row has ``role`` ("user" or "avatar"), ``text`` and ``at``, in Unix seconds.

        Raises:
            NotSupported: with HeyGen's v1 API.

        """
        return self._backend.transcript(self.session_id(session_id), self._deadline())

    @conceal_frames
    def delete_transcript(self, session_id: str) -> None:
        """Delete what was said in a session from the vendor's servers, for good.

        Raises:
            NotSupported: with HeyGen's v1 API.

        """
        self._backend.delete_transcript(self.session_id(session_id), self._deadline())

    @conceal_frames
    def credits(self) -> float:
        """Return the credits that the account has left."""
        return self._backend.credits(self._deadline())

    @conceal_frames
    def avatars(self, progress: Progress = no_progress) -> list[dict[str, Any]]:
        """List the avatars that a session can have: ``id``, ``name``, ``kind``, ``ready``.

        ``progress`` is called with the rows that are read, and their number in all.
        """
        return self._backend.avatars(self._deadline(), progress)

    @conceal_frames
    def voices(self, progress: Progress = no_progress) -> list[dict[str, Any]]:
        """List the voices, as :meth:`avatars` does.

        Raises:
            NotSupported: with HeyGen's v1 API.

        """
        return self._backend.voices(self._deadline(), progress)

    @conceal_frames
    def check(self) -> list[dict[str, Any]]:
        """Try the key: list the live sessions, or raise what is wrong with the key or the API."""
        return self._backend.check(self._deadline())

    def problems(self, *, complete: bool = True) -> list[str]:
        """Return what would make a start fail for which the page sets no field.

        The session defaults need not be ``complete`` if a session_loader adds to them.
        """
        defaults = self.settings.session_defaults
        if wrong := self._backend.validate(defaults):
            return [f"In {self._prefix}_SESSION_DEFAULTS, {wrong}"]
        missing = self._missing(defaults) if complete else None
        return [missing] if missing else []

    def warnings(self) -> list[str]:
        """Return which settings are valid and may be mistakes."""
        prefix, settings = self._prefix, self.settings
        warnings = [
            *self._unknown(f"{prefix}_SESSION_DEFAULTS", settings.session_defaults),
            *self._unknown(f"{prefix}_SESSION_ALLOWED", settings.session_allowed),
        ]
        if self.base_url.startswith("http:") and not is_local(self.base_url):
            warnings.append(
                f"{prefix}_BASE_URL is http: key, tokens and texts are sent unencrypted."
            )
        return warnings

    @conceal_frames
    def working_apis(self) -> list[str]:
        """Return the other values of ``HEYGEN_API`` with which this key works."""
        return working_apis(self.settings, self._deadline())

    def session_id(self, session_id: str) -> str:
        """Return the vendor's id of a session, given that or the handle that a page holds.

        Raises:
            InvalidField: it is neither, or handles cannot be read here.

        """
        if isinstance(session_id, str) and self._unsign and not is_id(session_id):
            session_id = self._unsign(session_id)
        if not is_id(session_id):
            raise InvalidField("session_id must be the one that start answered.")
        return session_id

    def _missing(self, fields: Mapping[str, Any]) -> str | None:
        """Return which field a new session lacks, and the setting for it, or None."""
        missing = self._backend.missing(fields)
        return f"{missing}: set it in {self._prefix}_SESSION_DEFAULTS." if missing else None

    def _unknown(self, where: str, names: Iterable[str]) -> list[str]:
        """Return a sentence for each name that is not a known session field."""
        known = self.known_fields
        return [
            f"In {where}, {name[:40]!r} is not a known field{meant(name, known)}"
            for name in names
            if name not in known
        ]

    def _warn_of_unknown(self, names: Iterable[str]) -> None:
        """Log each unknown field of a start once; ``warnings`` names those of the settings."""
        named = {*self.settings.session_defaults, *self.settings.session_allowed, *self._logged}
        new = [name for name in names if name not in named]
        self._logged.update(new)
        for warning in self._unknown("the fields of a start", new):
            logger.warning("%s", warning)

    def _deadline(self) -> Deadline:
        return Deadline(self.settings.timeout)


def _merge(fields: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``fields`` with those of ``others`` over them."""
    replaced = AVATAR_FIELDS if others.keys() & AVATAR_FIELDS else ()
    return {**{name: fields[name] for name in fields if name not in replaced}, **others}
