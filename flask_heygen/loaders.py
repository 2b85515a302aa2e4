"""Loaders: functions of the app that return its user, the text to speak and session fields."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from inspect import iscoroutinefunction
from types import NoneType
from typing import Any, TypeVar

from flask import after_this_request
from werkzeug.exceptions import HTTPException

from .client import AVATAR_FIELDS
from .error_handlers import replace_refusal
from .errors import HeyGenError, InvalidField, TextRefused

#: Returns the id of the user who makes the current request, None if nobody is signed in.
OwnerLoader = Callable[[], object]
#: Returns the text to speak for the ``text`` that a page sent, None to refuse it.
TextLoader = Callable[[str], str | None]
#: Returns the session fields for the current user.
SessionLoader = Callable[[], Mapping[str, Any] | None]

#: Types whose ``__str__`` does not identify a user.
_NO_IDS = (bool, bytes, float, complex, Decimal, Enum, BaseException, Iterable)
_Loader = TypeVar("_Loader", bound=Callable[..., Any])

logger = logging.getLogger(__name__)


def check_loader(load: _Loader) -> _Loader:
    """Return a loader; raise TypeError if it is no function, or a coroutine function."""
    if not callable(load):
        raise TypeError(f"A loader must be a function, not {type(load).__name__}.")
    if iscoroutinefunction(load):
        name = getattr(load, "__name__", load)  # a functools.partial has none
        raise TypeError(f"The loader {name!r} must not be a coroutine function.")
    return load


def load_owner(load: OwnerLoader, *, to_stop: bool = False) -> str | None:
    """Return the id of the signed-in user, None if nobody is.

    A loader may raise, as Flask-JWT-Extended does for an expired token. If the app answers that
    with 401 or 422, the page gets NotSignedIn. With ``to_stop`` the exception is logged, and
    nobody counts as signed in.

    Raises:
        TypeError: the loader returned something that is not an id.

    """
    try:
        return parse_owner(load())
    except (HTTPException, HeyGenError):  # answered by the blueprint's error handlers
        if not to_stop:
            raise
    except Exception:
        if not to_stop:
            after_this_request(replace_refusal)
            raise
        logger.warning("The owner_loader failed; the session is stopped anyway.", exc_info=True)
    return None


def parse_owner(loaded: object) -> str | None:
    """Return the id that an ``owner_loader`` returned, None if nobody is signed in.

    Raises:
        TypeError: it is not a string, an integer, a UUID or an object of a class with its own
            ``__str__``. Anything else, such as the response of a login decorator or empty claims,
            would be the same id for all strangers.

    """
    # By their class, as a proxy such as Flask-JWT-Extended's current_user is of that of its object.
    if isinstance(loaded, NoneType) or (isinstance(loaded, str | bytes) and not loaded.strip()):
        return None
    if getattr(loaded, "is_authenticated", True) is False:  # Flask-Login's anonymous user
        return None
    if isinstance(loaded, str | int) and not isinstance(loaded, bool | Enum):
        owner = str(loaded)
    else:
        # Not type(), which is that of the proxy.
        kind = loaded.__class__
        # A descriptor is a column, such as SQLAlchemy's User.id, that was read of the class.
        if kind.__str__ is object.__str__ or issubclass(kind, _NO_IDS) or hasattr(kind, "__get__"):
            wanted = "the id of a user as a str, an int or a uuid.UUID, or None"
            raise _wrong_type("owner_loader", loaded, wanted)
        owner = str(loaded).strip()
    if owner == "None":
        raise TypeError(
            "The owner_loader returned 'None', which str() makes of no user: return None "
            "itself. If a user has that id, put a prefix before all ids."
        )

    return owner or None


def load_text(load: TextLoader | None, text: Any) -> Any:
    """Return the text to speak for the ``text`` of a page; without a loader, the same.

    Raises:
        TextRefused: the loader returned None.
        TypeError: the loader returned something other than a string.

    """
    if load is None:
        return text
    if not isinstance(text, str):
        raise InvalidField("text must be a string.")
    loaded = load(text)
    if loaded is None:
        raise TextRefused
    if not isinstance(loaded, str):
        error = _wrong_type("text_loader", loaded, "the text to speak as a str, or None")
        del text, loaded  # which error reporters would show
        raise error
    return loaded


def load_session_fields(load: SessionLoader | None, chosen: Collection[str]) -> Mapping[str, Any]:
    """Return the session fields that the server sets, given the names that a page has chosen.

    Raises:
        InvalidField: the page has chosen a field that the server sets.
        TypeError: the loader returned something other than a mapping.

    """
    loaded = load() if load else {}
    fixed = {*loaded} if isinstance(loaded, Mapping) else set()
    if not isinstance(loaded, Mapping | None) or not all(isinstance(each, str) for each in fixed):
        raise _wrong_type("session_loader", loaded, "a mapping of names to fields, or None")
    if fixed & AVATAR_FIELDS:
        fixed |= AVATAR_FIELDS
    for name in chosen:
        if name in fixed:
            raise InvalidField(f"{name} is set by the server.")
    return loaded or {}


def _wrong_type(loader: str, loaded: object, wanted: str) -> TypeError:
    return TypeError(
        f"The {loader} returned a {loaded.__class__.__name__}; it must return {wanted}."
    )
