"""Tracebacks and log records without the key, the tokens and the texts in local variables."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_held_back: ContextVar[list[logging.LogRecord] | None] = ContextVar("heygen_records", default=None)


def conceal_frames(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a function whose frames hold secrets.

    Error reporters (Sentry, loguru) show the variables of each frame of a traceback, and of the
    stack of a log record. So when the function raises, be it a worker's time limit, the variables
    of its frames are cleared, and what it logs is emitted after it has returned.
    """

    @wraps(function)
    def concealed(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        records: list[logging.LogRecord] = []
        held_before = _held_back.set(records)
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  it is raised below
            failure = error
        finally:
            del args, kwargs
            _held_back.reset(held_before)
            for record in records:
                _emit(record)
        # An error of requests, which the failure may have been raised from, holds the request.
        failure.__cause__ = failure.__context__ = None
        traceback.clear_frames(failure.__traceback__)
        try:
            raise failure
        finally:
            del failure  # its traceback holds this frame

    return concealed


def _emit(record: logging.LogRecord) -> None:
    """Emit a record that was held back.

    A handler that raises must not replace what the function has returned, such as the id of a
    session that runs: its error is printed, as logging does with those of its own handlers.
    """
    try:
        logging.getLogger(record.name).handle(record)
    except Exception:  # noqa: BLE001  of any handler
        traceback.print_exc()


def hold_back(record: logging.LogRecord) -> bool:
    """Filter out a record of a concealed function until that has returned."""
    records = _held_back.get()
    if records is None:
        return True
    records.append(record)
    return False
