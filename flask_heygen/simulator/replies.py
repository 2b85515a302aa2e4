"""What goes back over the wire: status, headers and literal bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

_JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """An HTTP reply before it is sent."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, str]:
        """The header fields, with the content type among them."""
        return {"Content-Type": self.content_type, **self.headers}

    @property
    def head(self) -> bytes:
        """The status line and headers as bytes, for a reply whose connection ends with it."""
        fields = {**self.fields, "Content-Length": str(len(self.body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def json_reply(content: object, *, status: int = 200, **headers: str) -> Reply:
    """Make a JSON reply; a header's underscores become hyphens."""
    body = json.dumps(content, separators=(",", ":")).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body, headers=names)


def success(*parts: object) -> Reply:
    """Make the v1 success envelope, with ``data`` if a part is given for it."""
    envelope: dict[str, object] = {"code": 100, "message": "success"}
    if parts:
        (envelope["data"],) = parts
    return json_reply(envelope)


def error(status: int, content: object, **headers: str) -> Reply:
    """Make an error reply; the vendor's end in a newline (seen)."""
    reply = json_reply(content, status=status, **headers)
    return Reply(status, reply.body + b"\n", headers=reply.headers)
