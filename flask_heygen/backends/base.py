"""The interface of a vendor API, and the cleanup that every start needs."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask_heygen.errors import (
    HeyGenError,
    LimitError,
    NotSupported,
    OutcomeUnknown,
    SessionClosed,
    SessionNotFound,
    UpstreamFailed,
)
from flask_heygen.http.client import ApiClient
from flask_heygen.http.deadline import Deadline
from flask_heygen.settings import Settings, is_local
from flask_heygen.tracebacks import hold_back

from .fields import Fields, validate_fields

#: Seconds that a request waits for the end of a rate limit; LiveAvatar counts by the second.
MAX_WAIT = 2.0
#: Seconds that a *stop* waits, RateLimited's own wait: a page that is left cannot send it again.
MAX_STOP_WAIT = 5.0
#: Seconds to stop a half-started session, on top of the deadline of the start; longer than the
#: default wait of a rate limit, so that a stop that is put off can be sent again.
STOP_SECONDS = 7.0

#: Called with the rows of a list that are read, and their number in all.
Progress = Callable[[int, int], None]

logger = logging.getLogger(__name__)
logger.addFilter(hold_back)


def no_progress(read: int, total: int) -> None:
    """Report nothing."""


class Backend(ABC):
    """The operations of a vendor API, each within a deadline.

    Where only the page can carry out a task or an interrupt, from inside the session's LiveKit
    room, the result has a ``deliver``: the message that the page publishes there.
    """

    #: The URL of the API.
    base_url: str
    #: What a minute of a session costs.
    credits_per_minute: float
    #: The fields of a session of which one is needed for the avatar to respond; empty for none.
    responding_fields: Collection[str] = ()
    #: The fields of a session, each with its check; those of the other API refuse every value.
    fields: Fields

    def __init__(self, settings: Settings) -> None:
        self.base_url = settings.base_url or self.base_url
        self._key = settings.api_key
        self._local = is_local(self.base_url)
        self._http = ApiClient(self.base_url)

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def validate(self, fields: Mapping[str, Any]) -> str | None:
        """Return the first thing that is wrong with the fields of a new session, or None."""
        return validate_fields(self.fields, fields)

    def missing(self, fields: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Return which field a new session lacks, as the start of a sentence, or None."""
        return None

    @abstractmethod
    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Create and start a session; return what a page needs to join its room.

        A session that could not be started is stopped before the error is raised.
        """

    def start_existing(self, session_id: str, deadline: Deadline) -> None:  # noqa: ARG002
        """Start a session that was created elsewhere; a session that runs already is a success."""
        raise NotSupported

    @abstractmethod
    def send_task(
        self, session_id: str, text: str, task_type: str, deadline: Deadline, *, interrupt: bool
    ) -> dict[str, Any]:
        """Make the avatar speak; return ``task_id``, ``duration_ms`` and perhaps ``deliver``."""

    @abstractmethod
    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:
        """Interrupt the avatar; return an empty dict, or ``deliver``."""

    @abstractmethod
    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        """Reset the session's idle timeout."""

    @abstractmethod
    def stop(self, session_id: str, deadline: Deadline) -> None:
        """Stop the session.

        Raises:
            SessionClosed, SessionNotFound: it no longer runs.

        """

    def check(self, deadline: Deadline) -> list[dict[str, Any]]:
        """List the live sessions, or raise what is wrong with the key or the API."""
        return self.sessions(deadline)

    @abstractmethod
    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        """List the live sessions: ``session_id``, ``status``, ``age`` in seconds or None."""

    def session(self, session_id: str, deadline: Deadline) -> dict[str, Any]:  # noqa: ARG002
        """Return what is known of a session, live or ended; see :meth:`HeyGenClient.session`."""
        raise NotSupported

    def transcript(self, session_id: str, deadline: Deadline) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return what was said in a session: ``role``, ``text`` and ``at`` of each utterance."""
        raise NotSupported

    def delete_transcript(self, session_id: str, deadline: Deadline) -> None:  # noqa: ARG002
        """Delete the transcript of a session for good."""
        raise NotSupported

    @abstractmethod
    def credits(self, deadline: Deadline) -> float:
        """Return the credits that the account has left."""

    @abstractmethod
    def avatars(self, deadline: Deadline, progress: Progress) -> list[dict[str, Any]]:
        """List the avatars: ``id``, ``name``, ``kind``, ``ready``."""

    def voices(self, deadline: Deadline, progress: Progress) -> list[dict[str, Any]]:  # noqa: ARG002
        """List the voices, as ``avatars`` are listed."""
        raise NotSupported


@contextmanager
def stop_on_error(
    session_id: str,
    stop: Callable[[Deadline], None],
    harmless: tuple[type[HeyGenError], ...] = (),
) -> Iterator[None]:
    """Stop the session if the block fails, so that no session is left half-started.

    If the session cannot be stopped either, the error is OutcomeUnknown, with the vendor's reason:
    it invites nobody to start another one. The session is not stopped after a ``harmless`` error,
    with which it surely was not started.
    """
    try:
        yield
    except harmless:
        raise
    except BaseException as error:  # a worker that is shut down must not leave it open either
        stopped = _is_stopped(session_id, stop)
        if stopped and isinstance(error, OutcomeUnknown):
            raise UpstreamFailed(upstream=error.upstream) from None  # the outcome is known now
        if stopped or not isinstance(error, HeyGenError):
            raise
        unknown = OutcomeUnknown(
            "The session could neither be started nor stopped; it may still be running.",
            upstream=error.upstream,
        )
        unknown.hint = error.hint
        raise unknown from None


def retry_when_allowed(
    call: Callable[[Deadline], object], deadline: Deadline, max_wait: float = MAX_WAIT
) -> None:
    """Make a call, and retry it after the wait of a rate limit if that is at most ``max_wait``."""
    try:
        call(deadline)
    except LimitError as error:
        wait = error.retry_after
        if wait is None or wait > max_wait or wait >= deadline.remaining():
            raise
        time.sleep(wait)
        call(deadline)


def _is_stopped(session_id: str, stop: Callable[[Deadline], None]) -> bool:
    try:
        retry_when_allowed(stop, Deadline(STOP_SECONDS), max_wait=STOP_SECONDS)
    except (SessionClosed, SessionNotFound):
        return True
    except HeyGenError as error:
        logger.warning(
            "Session %s could neither be started nor stopped (%s). It costs credits until the "
            "vendor's idle timeout ends it: stop it with `flask heygen stop`.",
            session_id,
            error.code,
        )
        return False
    return True
