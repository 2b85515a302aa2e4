"""LiveAvatar's endpoints for credits, avatars, voices, languages and contexts (openapi)."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from flask_heygen.simulator.account import Account
from flask_heygen.simulator.errors import LiveAvatarError
from flask_heygen.simulator.request_log import json_body
from flask_heygen.simulator.responses import liveavatar_success as success

from . import rows, schemas

#: The sandbox's avatar (doc).
AVATAR_ID = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
#: A context that is there from the start.
CONTEXT_ID = "5b3f9c1e-7c0a-4b5d-9a51-0c2f4f0e7a10"

_VOICES = {
    "c2527536-6d1f-4412-a643-53a3497dada9": ("Simulated voice, English", "en"),
    "0e1c2f3a-8f5e-4d7c-9b6a-2d3e4f5a6b7c": ("Simulated voice, German", "de"),
}
_LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}


class Catalog:
    """The endpoints; any avatar and any voice is taken, listed or not."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tokens = account.tokens["liveavatar"]
        #: The contexts by their ids.
        self.contexts: dict[str, dict[str, Any]] = {}
        self.reset()
        account.parts.append(self)

    def reset(self) -> None:
        """Forget every context but the one that is there from the start."""
        self.contexts.clear()
        self._add_context({"name": "Simulated conversation", "prompt": "Talk."}, CONTEXT_ID)

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route."""
        yield web.get("/v1/users/credits", self.credits, name="users.credits")
        yield web.get("/v1/avatars/public", self.public_avatars, name="avatars.public")
        yield web.get("/v1/avatars", self.own_avatars, name="avatars.list")
        yield web.get("/v1/voices", self.voices, name="voices.list")
        yield web.get("/v1/languages", self.languages, name="languages.list")
        one = "/v1/contexts/{context_id}"
        yield web.post("/v1/contexts", self.create_context, name="contexts.create")
        yield web.get("/v1/contexts", self.list_contexts, name="contexts.list")
        yield web.get(one, self.get_context, name="contexts.get")
        yield web.patch(one, self.update_context, name="contexts.update")
        yield web.delete(one, self.delete_context, name="contexts.delete")

    async def credits(self, request: web.Request) -> web.Response:
        """Return the credits that are left, as a string."""
        self._tokens.check_key(request.headers)
        return success({"credits_left": f"{self._account.sessions.credits_left:.1f}"})

    async def public_avatars(self, request: web.Request) -> web.Response:
        """List the avatars of everybody, which needs no key."""
        voice_id, (voice, _) = next(iter(_VOICES.items()))
        default_voice = {"id": voice_id, "name": voice}
        avatar = _avatar(AVATAR_ID, "Simulated interviewer", "VIDEO", default_voice=default_voice)
        return rows.page(request, [avatar])

    async def own_avatars(self, request: web.Request) -> web.Response:
        """List the account's own avatars."""
        self._tokens.check_key(request.headers)
        avatar_id = "9f2b7c64-1f0e-4f7a-8c55-3f6f1f7b2a11"
        return rows.page(request, [_avatar(avatar_id, "Simulated picture", "IMAGE")])

    async def voices(self, request: web.Request) -> web.Response:
        """List the voices; there are no private ones."""
        self._tokens.check_key(request.headers)
        kind = request.query.get("voice_type", "public")
        voices = _VOICES if kind == "public" else {}
        return rows.page(
            request,
            [
                {"id": voice_id, "name": name, "language": language}
                for voice_id, (name, language) in voices.items()
            ],
        )

    async def languages(self, request: web.Request) -> web.Response:
        """List some languages, though any is taken."""
        self._tokens.check_key(request.headers)
        return rows.page(request, [{"code": c, "name": name} for c, name in _LANGUAGES.items()])

    async def create_context(self, request: web.Request) -> web.Response:
        """Add a context."""
        self._tokens.check_key(request.headers)
        body = schemas.parse_context(await json_body(request), new=True)
        return success(self._add_context(body, str(uuid.uuid4())), status=201)

    async def list_contexts(self, request: web.Request) -> web.Response:
        """List the contexts."""
        self._tokens.check_key(request.headers)
        return rows.page(request, list(self.contexts.values()))

    async def get_context(self, request: web.Request) -> web.Response:
        """Return a context."""
        return success(self._context(request))

    async def update_context(self, request: web.Request) -> web.Response:
        """Change some fields of a context."""
        context = self._context(request)
        body = schemas.parse_context(await json_body(request), new=False)
        return success(self._add_context({**context, **body}, context["id"]))

    async def delete_context(self, request: web.Request) -> web.Response:
        """Delete a context."""
        del self.contexts[self._context(request)["id"]]
        return success(None)

    def _context(self, request: web.Request) -> dict[str, Any]:
        self._tokens.check_key(request.headers)
        context = self.contexts.get(request.match_info["context_id"])
        if context is None:
            raise LiveAvatarError(404, 4004, "Context not found")

        return context

    def _add_context(self, body: dict[str, Any], context_id: str) -> dict[str, Any]:
        texts = f"{body.get('prompt')} {body.get('opening_text')}"
        variables = sorted(set(re.findall(r"{{\s*(\w+)\s*}}", texts)))
        context = {**body, "id": context_id, "required_dynamic_variables": variables}
        self.contexts[context_id] = context
        return context


def _avatar(
    avatar_id: str, name: str, kind: str, default_voice: dict[str, str] | None = None
) -> dict[str, object]:
    return {
        "id": avatar_id,
        "name": name,
        "type": kind,
        "status": "ACTIVE",
        "is_expired": False,
        "default_voice": default_voice,
        "preview_url": "",
        "is_1080p": False,
    }
