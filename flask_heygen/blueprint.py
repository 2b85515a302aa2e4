"""Flask blueprint with the session routes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Response, after_this_request, g, request, request_finished
from flask.blueprints import BlueprintSetupState

from .access import (
    add_cors_headers,
    add_timings,
    drop_session_cookie,
    note_session,
    reject_cross_site,
    warn_once,
)
from .account import OPEN, AccountBlueprint, Signer
from .cli import add_commands
from .client import HeyGenClient
from .error_handlers import forbid_caching, register_error_handlers
from .errors import HeyGenError, InvalidField
from .loaders import load_session_fields, load_text
from .ndjson import Answer, respond
from .page_module import module, module_part
from .request_body import limit_body, parse_beacon, parse_json_body
from .signals import send, session_started, session_stopped, task_sent
from .timing import start_timings

#: The fields of *start* that name a session which a page has created itself.
EXISTING = ("session_id", "session_token")

logger = logging.getLogger(__name__)


class HeyGen(AccountBlueprint):
    """The routes of one HeyGen account, below ``/api/<name>``.

    Register it on any app, under any name and prefix, before or after the app is configured. A
    second account in the same app is a second instance: ``HeyGen("coach", config_prefix="COACH")``
    reads ``COACH_API_KEY`` and serves ``/api/coach``.
    """

    def __init__(self, name: str = "heygen", *, config_prefix: str = "HEYGEN") -> None:
        if not isinstance(name, str):
            raise TypeError("HeyGen is a Blueprint: call app.register_blueprint(HeyGen()).")
        super().__init__(name, __name__, url_prefix=f"/api/{name}", config_prefix=config_prefix)

        # Runs before the app's before_request hooks, which may read the body or reject the request.
        self.url_value_preprocessor(self._check_request)
        self._route("POST", "/start", self._start)
        self._route("POST", "/task", self._task)
        self._route("POST", "/stop", self._stop)
        self._route("POST", "/interrupt", self._interrupt)
        self._route("POST", "/keep-alive", self._keep_alive)
        self._route("GET", "/heygen-avatar.js", module)
        self._route("GET", "/heygen-avatar/<module_name>.js", module_part)
        self.after_request(forbid_caching)
        register_error_handlers(self)
        self.record(_connect_signals)
        add_commands(self)

    def _route(self, method: str, rule: str, view: Callable[[], Any]) -> None:
        """Add a route whose endpoint is the name of its view.

        Each instance has its own view functions, with unique names: extensions set attributes on
        view functions and identify them by name. They ignore the variables of a URL prefix.
        """
        endpoint = view.__name__.lstrip("_")

        def view_func(**_: object) -> Any:
            return view()

        view_func.__name__ = view_func.__qualname__ = f"{self.name}_{endpoint}"
        self.add_url_rule(rule, endpoint, view_func, methods=[method])

    def _check_request(self, endpoint: str | None, _: object) -> None:
        if (endpoint or "").endswith(".stop"):
            note_session()
        if request.method in ("GET", "HEAD"):  # the page's module, which is public
            return
        if self.is_open:
            warn_once(OPEN, self.name)
        after_this_request(partial(add_timings, timings=start_timings()))
        g.heygen_client = self.client  # once per request, as it reads and compares the settings
        origins = g.heygen_client.settings.cors_origins
        after_this_request(partial(add_cors_headers, origins=origins))
        limit_body()

        reject_cross_site(origins)

    def _start(self) -> Answer | Response:
        client, signer = g.heygen_client, self._signer()
        allowed = (*client.settings.session_allowed, *EXISTING)
        fields = parse_json_body((), (*allowed, *client.known_fields))
        for name in fields:
            if name not in allowed:
                setting = f"{self.config_prefix}_SESSION_ALLOWED"
                raise InvalidField(f"{name} cannot be set by a page: {setting} does not name it.")
        if fields.keys() & set(EXISTING):
            return _start_existing(client, signer, fields)
        fields = client.session_fields(load_session_fields(self._session_loader, fields), **fields)

        def start() -> Answer:
            session = client.start(**fields)
            answer = _success({**session, "session_id": signer.sign(session["session_id"])})
            try:
                send(session_started, owner=signer.owner, session_id=session["session_id"])
            except BaseException:  # of a time limit, while a receiver runs
                _stop_unclaimed(client, signer, answer)
                raise
            return answer

        return respond(start, undo=partial(_stop_unclaimed, client, signer))

    def _task(self) -> Answer | Response:
        client, signer = g.heygen_client, self._signer()
        fields = parse_json_body(("session_id", "text"), ("task_type", "interrupt"))
        fields["session_id"] = client.session_id(signer.unsign(fields["session_id"]))
        fields["text"] = load_text(self._text_loader, fields.pop("text"))
        client.check_task(**fields)
        if self._session_loader is None:
            client.check_can_respond(fields.get("task_type", "repeat"))
        characters = len(fields["text"])

        def send_task() -> Answer:
            # Popped, as error reporters show the variables of these frames.
            task = client.task(text=fields.pop("text"), **fields)
            event = {name: task[name] for name in ("task_id", "duration_ms")}
            answer = iter([_success(task)])  # whose repr shows nothing of LiveAvatar's `deliver`
            del task
            send(
                task_sent,
                owner=signer.owner,
                session_id=fields["session_id"],
                characters=characters,
                **event,
            )
            return next(answer)

        return respond(send_task)

    def _stop(self) -> Answer:
        client, signer = g.heygen_client, self._signer(to_stop=True)
        session_id = signer.unsign(parse_beacon("session_id"), to_stop=True)

        client.stop(session_id)
        send(session_stopped, owner=signer.owner, session_id=session_id)
        return _success()

    def _interrupt(self) -> Answer:
        client, signer = g.heygen_client, self._signer()
        fields = parse_json_body(("session_id",))

        return _success(client.interrupt(signer.unsign(fields["session_id"])))

    def _keep_alive(self) -> Answer:
        client, signer = g.heygen_client, self._signer()
        fields = parse_json_body(("session_id",))

        client.keep_alive(signer.unsign(fields["session_id"]))
        return _success()


def _connect_signals(state: BlueprintSetupState) -> None:
    request_finished.connect(drop_session_cookie, sender=state.app)


def _start_existing(
    client: HeyGenClient, signer: Signer, fields: dict[str, Any]
) -> Answer | Response:
    """Start a session that a page has created itself; its ``session_token`` is not used."""
    for name in fields:
        if name not in EXISTING:
            raise InvalidField(f"{name} cannot be set, as the session exists already.")
    if "session_id" not in fields:
        raise InvalidField("session_id is missing; a session_token alone starts nothing.")
    fields.pop("session_token", None)  # as the text of a task
    session_id = client.session_id(signer.unsign(fields["session_id"]))

    def start() -> Answer:
        client.start_existing(session_id)
        send(session_started, owner=signer.owner, session_id=session_id)
        return _success({"session_id": fields["session_id"]})

    return respond(start)


def _stop_unclaimed(client: HeyGenClient, signer: Signer, answer: Answer) -> None:
    """Stop a session whose page did not get its id."""
    session_id = signer.unsign(answer["data"]["session_id"])
    try:
        client.stop(session_id)
    except HeyGenError as error:
        logger.warning(
            "The page that started session %s did not get its id, and the session could not be "
            "stopped (%s): it costs credits until its idle timeout.",
            session_id,
            error.code,
        )
    else:
        send(session_stopped, owner=signer.owner, session_id=session_id)


def _success(data: dict[str, Any] | None = None) -> Answer:
    return {"status": "success", "data": data or {}}


#: The blueprint of the account in ``HEYGEN_API_KEY``.
heygen_bp = HeyGen()
