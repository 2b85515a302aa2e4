"""What a traceback shows: nothing of the frames that hold the key, a token or a text."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from .errors import HeyGenError

_P = ParamSpec("_P")
_T = TypeVar("_T")


def bare_errors(act: Callable[_P, _T]) -> Callable[_P, _T]:
    """Have the traceback of each HeyGenError of a function begin at its caller.

    Whoever reports errors (Sentry, loguru) shows the variables of every frame in it, and those
    beneath are all about secrets. The error itself says what went wrong.
    """

    @wraps(act)
    def bare(*args: _P.args, **options: _P.kwargs) -> _T:
        try:
            return act(*args, **options)
        except HeyGenError as error:
            failure = error
        del args, options  # this frame is shown, too
        failure.__cause__ = failure.__context__ = None
        try:
            raise failure.with_traceback(None)
        finally:
            del failure  # which holds this frame, and would be held by it

    return bare
