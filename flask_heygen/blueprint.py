"""What a browser can call: a Flask blueprint with the routes of a session."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from flask import Blueprint, after_this_request, current_app, g, request

from .access import allow_origins, owner_of, refuse_cross_site
from .cli import add_commands
from .client import HeyGenClient
from .error_handlers import answer_errors, forbid_storing
from .errors import NotSignedIn
from .page_module import serve_module
from .request_body import beacon_field, bound_body, fields_of
from .settings import Settings
from .signals import session_started, session_stopped, task_sent, tell
from .signing import Handles, UnsignedSessions, signing_keys

#: Returns the id of the user who makes the current request, None where nobody is signed in.
OwnerLoader = Callable[[], object]

logger = logging.getLogger(__name__)


class HeyGen(Blueprint):
    """The routes of one HeyGen account, below ``/api/<name>``.

    Register it on any app, under any name and prefix, before or after the app is configured. A
    second account in the same app is a second instance: ``HeyGen("coach", config_prefix="COACH")``
    reads ``COACH_API_KEY`` and serves ``/api/coach``.
    """

    def __init__(self, name: str = "heygen", *, config_prefix: str = "HEYGEN") -> None:
        super().__init__(name, __name__, url_prefix=f"/api/{name}")
        self.config_prefix = config_prefix
        self._owner_loader: OwnerLoader | None = None
        # Sooner than any before_request: the host's may read the body, count the call or refuse it.
        self.url_value_preprocessor(self._guard)
        self.post("/start", endpoint="start")(self._start)
        self.post("/task", endpoint="task")(self._task)
        self.post("/stop", endpoint="stop")(self._stop)
        self.post("/interrupt", endpoint="interrupt")(self._interrupt)
        self.post("/keep-alive", endpoint="keep_alive")(self._keep_alive)
        serve_module(self)
        self.after_request(forbid_storing)
        answer_errors(self)
        add_commands(self.cli, lambda: self.client)

    def owner_loader(self, load: OwnerLoader) -> OwnerLoader:
        """Register the function that returns the id of the user who makes the request, or None.

        From then on each session belongs to the user who started it: nobody else can command it,
        and who is not signed in (None) can start none. The id may be of any type that ``str``
        makes unique, but no ``bool``.

        Raises:
            TypeError: the function is a coroutine.

        """
        if iscoroutinefunction(load):
            raise TypeError("The owner_loader must not be a coroutine.")
        self._owner_loader = load
        return load

    @property
    def client(self) -> HeyGenClient:
        """The client of the current app's settings, kept until they change.

        Raises:
            NotConfigured: a setting is missing or wrong; the message names it.

        """
        settings = Settings.from_mapping(current_app.config, self.config_prefix)
        clients = current_app.extensions.setdefault("heygen", {})
        client: HeyGenClient | None = clients.get(self.config_prefix)
        if client is None or client.settings != settings or client.pid != os.getpid():
            if client is not None and client.pid == os.getpid():  # a fork shares its locks
                client.close()
            client = clients[self.config_prefix] = HeyGenClient(settings)
        return client

    def _guard(self, *_: object) -> None:
        if request.method in ("GET", "HEAD"):  # the page's module, which is everybody's
            return
        self._warn_of_open_routes()
        g.heygen_client = self.client  # whose settings are read and compared once a request
        origins = g.heygen_client.settings.cors_origins
        after_this_request(partial(allow_origins, origins=origins))
        bound_body()

        refuse_cross_site(origins)

    def _warn_of_open_routes(self) -> None:
        if self._owner_loader is not None or current_app.debug or current_app.testing:
            return
        warned = current_app.extensions.setdefault("heygen_open", set())
        if self.name not in warned:
            warned.add(self.name)
            logger.warning(
                "The routes of the blueprint %r are open: whoever reaches them can spend the "
                "account's credits. Register an owner_loader.",
                self.name,
            )

    def _start(self) -> dict[str, Any]:
        client, handles = g.heygen_client, self._handles()
        fields = fields_of(client.settings.session_allowed)

        session = client.start(**fields)
        tell(session_started, owner=handles.owner, session_id=session["session_id"])
        return _success({**session, "session_id": handles.issue(session["session_id"])})

    def _task(self) -> dict[str, Any]:
        client, handles = g.heygen_client, self._handles()
        fields = fields_of(("session_id", "text", "task_type", "interrupt"), ("session_id", "text"))
        fields["session_id"] = handles.read(fields["session_id"])

        task = client.task(**fields)
        tell(
            task_sent,
            owner=handles.owner,
            session_id=fields["session_id"],
            characters=len(fields["text"]),
            task_id=task["task_id"],
            duration_ms=task["duration_ms"],
        )
        return _success(task)

    def _stop(self) -> dict[str, Any]:
        client, handles = g.heygen_client, self._handles(to_stop=True)
        session_id = handles.read_to_stop(beacon_field("session_id"))

        client.stop(session_id)
        tell(session_stopped, owner=handles.owner, session_id=session_id)
        return _success()

    def _interrupt(self) -> dict[str, Any]:
        client, handles = g.heygen_client, self._handles()
        fields = fields_of(("session_id",), ("session_id",))

        return _success(client.interrupt(handles.read(fields["session_id"])))

    def _keep_alive(self) -> dict[str, Any]:
        client, handles = g.heygen_client, self._handles()
        fields = fields_of(("session_id",), ("session_id",))

        client.keep_alive(handles.read(fields["session_id"]))
        return _success()

    def _handles(self, *, to_stop: bool = False) -> Handles | UnsignedSessions:
        """Return the handles of whoever makes the request, who must be signed in but to stop."""
        if self._owner_loader is None:
            return UnsignedSessions()
        owner = owner_of(self._owner_loader())
        if owner is None and not to_stop:
            raise NotSignedIn

        settings = g.heygen_client.settings
        keys = signing_keys(current_app.secret_key, current_app.config["SECRET_KEY_FALLBACKS"])
        purpose = f"{settings.api}.{self.config_prefix}.{self.name}"
        return Handles(owner, keys, purpose, settings.max_session_seconds)


def _success(data: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"status": "success", "data": data or {}}


#: The blueprint of the account in ``HEYGEN_API_KEY``.
heygen_bp = HeyGen()
