"""A session that starts whole or not at all: what was made costs money until it is stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask_heygen.errors import (
    HeyGenError,
    LimitError,
    OutcomeUnknown,
    SessionClosed,
    SessionNotFound,
    UpstreamFailed,
)
from flask_heygen.http.deadline import Deadline

#: Seconds that it may take to stop a session that started half, after the start's own deadline;
#: above those of a limit whose end the vendor does not tell.
ABANDON_SECONDS = 7.0

logger = logging.getLogger(__name__)


@contextmanager
def stop_on_error(session_id: str, stop: Callable[[Deadline], object]) -> Iterator[None]:
    """Have ``stop`` end the session where the block fails; then nothing of it is in doubt.

    Where it cannot be ended either, no error asks for another one.
    """
    try:
        yield
    except BaseException as error:  # a worker that is shut down must not leave it open either
        stopped = _stopped(session_id, stop)
        if stopped and isinstance(error, OutcomeUnknown):
            raise UpstreamFailed(upstream=error.upstream) from None  # now it is known
        if not stopped and isinstance(error, HeyGenError) and _asks_for_another(error):
            raise OutcomeUnknown(
                "The session started half and could not be stopped; it may still be running.",
                upstream=error.upstream,
            ) from None
        raise


def _asks_for_another(error: HeyGenError) -> bool:
    return error.retryable or error.restart_session


def _stopped(session_id: str, stop: Callable[[Deadline], object]) -> bool:
    try:
        _stop_in_time(stop, Deadline(ABANDON_SECONDS))
    except (SessionClosed, SessionNotFound):
        return True
    except HeyGenError as error:
        logger.warning(
            "Session %s started half and could not be stopped (%s): it costs credits until the "
            "vendor's idle time-out ends it. Stop it by hand.",
            session_id,
            error.code,
        )
        return False
    return True


def _stop_in_time(stop: Callable[[Deadline], object], deadline: Deadline) -> None:
    """Stop, and once more where the vendor puts it off for no longer than there is time."""
    try:
        stop(deadline)
    except LimitError as error:
        if error.retry_after is None or error.retry_after >= deadline.remaining():
            raise
        time.sleep(error.retry_after)
        stop(deadline)
