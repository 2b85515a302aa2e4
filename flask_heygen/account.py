"""A blueprint's account: its loaders, its client, and the signer of its sessions."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, current_app, g, has_request_context
from flask.sansio.scaffold import setupmethod

from .access import warn_once
from .client import HeyGenClient
from .errors import NotConfigured, NotSignedIn, NotYourSession
from .loaders import OwnerLoader, SessionLoader, TextLoader, check_loader, load_owner
from .settings import Settings, config_values, unknown_keys
from .signing import SessionSigner, UnsignedSessions, signing_keys
from .tracebacks import conceal_frames, hold_back

Signer = SessionSigner | UnsignedSessions

OPEN = (
    "The routes of the blueprint %r are open: every client can spend the account's credits. "
    "Register an owner_loader."
)

_NO_LOGIN = (
    "The app has no SECRET_KEY: Flask keeps no login in a session without one, and no session id "
    "can be signed. Set a random string."
)

logger = logging.getLogger(__name__)
logger.addFilter(hold_back)


@dataclass(frozen=True)
class _Account:
    """A client, with what must not have changed for it to be used again."""

    client: HeyGenClient
    #: The config values that its settings were read from.
    config: dict[str, Any] = field(repr=False)
    #: Connections and locks do not survive a fork: another process needs another client.
    pid: int


class AccountBlueprint(Blueprint):
    """A blueprint with the settings ``<config_prefix>_*`` of the current app's config."""

    def __init__(self, name: str, import_name: str, *, url_prefix: str, config_prefix: str) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix)
        self.config_prefix = config_prefix
        self._owner_loader: OwnerLoader | None = None
        self._text_loader: TextLoader | None = None
        self._session_loader: SessionLoader | None = None

    @setupmethod
    def owner_loader(self, load: OwnerLoader) -> OwnerLoader:
        """Register the function that returns the id of the user who makes the request, or None.

        With one, each session belongs to the user who started it: other users cannot control it,
        and without a user (None, a blank string, Flask-Login's anonymous user) no session starts.
        The id is a ``str``, an ``int``, a ``uuid.UUID`` or an object whose class has its own
        ``__str__``.

        Raises:
            TypeError: it is no function, or a coroutine.

        """
        self._owner_loader = check_loader(load)
        return load

    @setupmethod
    def text_loader(self, load: TextLoader) -> TextLoader:
        """Register the function that returns the text to speak, given the ``text`` of a page.

        It may look up a question by its id, or moderate. If it returns None the page gets 403
        ``text_refused``. With LiveAvatar it does not bind a hostile page: everybody who has joined
        the room can publish to it, and make the avatar speak without this server.

        Raises:
            TypeError: it is no function, or a coroutine.

        """
        self._text_loader = check_loader(load)
        return load

    @setupmethod
    def session_loader(self, load: SessionLoader) -> SessionLoader:
        """Register the function that returns session fields for the user, over the defaults.

        A page cannot set the fields that it returns, even those in ``HEYGEN_SESSION_ALLOWED``.

        Raises:
            TypeError: it is no function, or a coroutine.

        """
        self._session_loader = check_loader(load)
        return load

    @property
    def is_open(self) -> bool:
        """Whether everybody may use the account, in an app that is not only tested or debugged."""
        return self._owner_loader is None and not (current_app.debug or current_app.testing)

    @property
    def has_session_loader(self) -> bool:
        """Whether the app chooses the session fields for each user."""
        return self._session_loader is not None

    @property
    @conceal_frames
    def client(self) -> HeyGenClient:
        """The client for the current app's settings, kept until they change.

        Raises:
            NotConfigured: a setting is missing or wrong; the message names it.

        """
        accounts: dict[str, _Account] = current_app.extensions.setdefault("heygen", {})
        config = config_values(current_app.config, self.config_prefix)
        account, pid = accounts.get(self.config_prefix), os.getpid()
        if account is None or account.config != config or account.pid != pid:
            settings = Settings.from_mapping(current_app.config, self.config_prefix)
            if account is not None and account.pid == pid:
                account.client.close()
            account = _Account(
                HeyGenClient(settings, self._unsign, self.config_prefix), _snapshot(config), pid
            )
            accounts[self.config_prefix] = account
            if has_request_context():  # the command line prints them itself
                for warning in self.warnings():
                    logger.warning("%s", warning)
        return account.client

    def problems(self) -> list[str]:
        """Return a sentence for each setting that would make a start fail."""
        problems = self.client.problems(complete=not self.has_session_loader)
        if self._owner_loader is not None:
            try:
                signing_keys(current_app.secret_key, current_app.config["SECRET_KEY_FALLBACKS"])
            except NotConfigured as error:
                problems.append(error.message)
        return problems

    def warnings(self) -> list[str]:
        """Return a sentence for each setting that may be a mistake."""
        others = [each.config_prefix for each in _registered()]
        return [
            *unknown_keys(current_app.config, self.config_prefix, others),
            *self.client.warnings(),
        ]

    def _signer(self, *, to_stop: bool = False) -> Signer:
        """Return the signer of the current user; only *stop* needs no signed-in user."""
        if self._owner_loader is None:
            return UnsignedSessions()
        owner = load_owner(self._owner_loader, to_stop=to_stop)
        if owner is None and not to_stop:
            if not current_app.secret_key:
                warn_once(_NO_LOGIN)
            raise NotSignedIn

        return _make_signer(owner, g.heygen_client.settings, self)

    def _unsign(self, handle: str) -> str:
        """Return the session id in a handle of any owner and any blueprint of this account."""
        for each in _registered():
            if each.config_prefix == self.config_prefix:
                with suppress(NotYourSession, NotConfigured):
                    signer = _make_signer(None, self.client.settings, each)
                    return signer.unsign(handle, to_stop=True)
        return handle


def _snapshot(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that changes of the values do not change."""
    # Not all mappings can be copied, such as a read-only MappingProxyType.
    return {
        name: deepcopy(dict(value) if isinstance(value, Mapping) else value)
        for name, value in config.items()
    }


def _registered() -> list[AccountBlueprint]:
    """Return the accounts that are registered on the current app, if there is one."""
    blueprints = current_app.blueprints.values() if current_app else ()
    return [each for each in blueprints if isinstance(each, AccountBlueprint)]


def _make_signer(
    owner: str | None, settings: Settings, blueprint: AccountBlueprint
) -> SessionSigner:
    keys = signing_keys(current_app.secret_key, current_app.config["SECRET_KEY_FALLBACKS"])
    salt = f"{settings.api}.{blueprint.config_prefix}.{blueprint.name}"
    return SessionSigner(owner, keys, salt, settings.max_session_seconds)
