"""The simulator as Python code uses it."""

import ssl
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from functools import partial
from types import TracebackType
from typing import Any

from aiohttp import web
from itsdangerous import URLSafeTimedSerializer

from .account import Account
from .admin import AdminApi
from .app import create_app
from .config import Config
from .fault_queue import ScheduledFault
from .faults import Fault, FaultFunction
from .liveavatar.routes import LiveAvatar
from .models import Call, Session, Speech, Token
from .server import Server
from .streaming import Streaming


@dataclass(kw_only=True, eq=False)
class Simulator(Config):
    """A stand-in for the vendor, at whose `url` an app's ``HEYGEN_BASE_URL`` points in tests.

    It runs in a thread of this process, on 127.0.0.1; every method may be called from any other.
    The keywords are the fields of `Config`, and `port`: 0 takes a free one, and keeps it when the
    simulator is started again; with an `ssl_context` it serves https. A method that takes a session
    id takes the handle of a page, too.
    """

    port: InitVar[int] = 0
    ssl_context: InitVar[ssl.SSLContext | None] = None

    def __post_init__(self, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self._account = Account(self)
        self._apis = (Streaming(self._account), LiveAvatar(self._account))
        for api in self._apis:
            self._account.faults.register(route.kwargs["name"] for route in api.routes())
        self._server = Server(self._make_app, port, ssl_context)

    def __enter__(self) -> "Simulator":  # noqa: PYI034  typing.Self came with Python 3.11
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen at `url`; raises OSError if the port is taken."""
        self._server.start()

    def stop(self) -> None:
        """Drop every connection and free the port; the records stay, as after an outage."""
        self._server.stop()

    def close_connections(self, last_words: bytes = b"") -> None:
        """Close every connection after these bytes, as a vendor closes idle ones.

        On return the clients have received the end of their connections.
        """
        self._server.close_connections(last_words)

    def refuse_connections(self, seconds: float) -> None:
        """Refuse new connections from now on, for at least so long; open ones stay."""
        self._server.refuse_connections(seconds)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; known once started."""
        scheme = "https" if self._server.ssl_context else "http"
        return f"{scheme}://127.0.0.1:{self._server.port}"

    @property
    def connections(self) -> int:
        """TCP connections accepted so far; `reset` keeps it, since a client's pool stays, too."""
        return self._server.connections

    @property
    def spoken(self) -> tuple[Speech, ...]:
        """Every accepted task, in order."""
        return self._account.speech.spoken

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of every accepted task, in order."""
        return tuple(speech.text for speech in self.spoken)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Every token minted, in order."""
        minted = [token for each in self._account.tokens.values() for token in each.tokens]
        return tuple(sorted(minted, key=lambda token: token.minted_at))

    @property
    def sessions(self) -> dict[str, Session]:
        """Every session by its id, closed ones too."""
        return self._account.sessions.sessions

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call to a vendor's path, in order."""
        return self._account.log.calls

    def count(self, name: str, *, status: int | None = None) -> int:
        """Count the calls of a name (``"*"``: of any), or those of them that got a status.

        Raises ValueError for a name that no call has.
        """
        self._account.faults.check(name)
        found = [call for call in self.calls if name in (call.name, "*")]
        return len(found) if status is None else sum(call.status == status for call in found)

    def fault(
        self,
        name: str,
        fault: FaultFunction | str,
        times: int | None = 1,
        *,
        retry_after: int = 7,
        seconds: float = 0.2,
    ) -> None:
        """Make the next `times` calls of a name (``"*"``: of any) go wrong; None: until cleared.

        A fault is a member of `Fault`, the name of one such as ``"rate-limited"``, or an async
        function of an `Exchange`. Those scheduled for the same name happen one after the other.
        Raises ValueError for a name that no call, or no fault, has, and TypeError for a function
        that is not async.
        """
        function = Fault(fault) if isinstance(fault, str) else fault
        self._account.faults.add(name, ScheduledFault(function, times, retry_after, seconds))

    def clear(self) -> None:
        """Forget the faults."""
        self._account.faults.reset()

    def reset(self) -> None:
        """Forget sessions, tokens, speech, calls and faults."""
        self._account.reset()

    def advance(self, seconds: float) -> None:
        """Let the vendor's time pass at once: tokens expire, speech ends, sessions run out."""
        self._account.clock.advance(seconds)

    def expire_tokens(self) -> None:
        """Refuse every token minted so far."""
        for tokens in self._account.tokens.values():
            tokens.expire()

    def close_session(self, session_id: str, reason: str = "UNKNOWN") -> None:
        """End a session from the vendor's side; raises Refusal if it is not open.

        The reason is one of LiveAvatar's, such as ``NO_CREDITS`` or ``AVATAR_DELETED``.
        """
        self._account.sessions.close(_vendor_id(session_id), reason)

    def join(self, session_id: str) -> None:
        """Count a session's room as joined; raises Refusal if it is not connecting."""
        self._account.sessions.join(_vendor_id(session_id))

    def avatar_leaves(self, session_id: str) -> None:
        """Let the avatar (and its agent) leave the room, which stays, as when its process crashed.

        Tasks are accepted and not spoken; what a page publishes is lost. Raises Refusal if
        the session is not open.
        """
        session_id = _vendor_id(session_id)
        self._account.sessions.keep_alive(session_id)
        self._account.rooms.avatar_left.add(session_id)

    def hear(self, session_id: str, text: str) -> None:
        """Act as if a session's user had said a text; raises Refusal if it is not connected.

        There is no speech recognition here: what is said into a microphone is noticed by its
        loudness, and its words are those of `hears`.
        """
        session = self._account.sessions.connected(_vendor_id(session_id))
        self._server.call(lambda: self._account.rooms.hear(session, text))

    def send(self, session_id: str, message: Mapping[str, object], sender: str = "") -> None:
        """Send a session's room any data message, as the avatar or as a participant of that name.

        It is for hostile or broken rooms; nothing happens if no client has joined it.
        """
        rooms, session_id = self._account.rooms, _vendor_id(session_id)
        self._server.call(lambda: rooms.inject(session_id, message, sender))

    def publish(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Act as a page that publishes an event on the topic agent-control (LiveAvatar).

        Given the ``deliver`` of a task, it publishes its interrupt, if any, and its payload. They
        have been executed on return; one that comes before the agent is lost. Raises ValueError for
        what has no ``event_type``, and Refusal if no client is in the session's room, as a page
        must be to publish.
        """
        agents, session_id = self._apis[1].agents, _vendor_id(session_id)
        published = (event.get("interrupt"), event["payload"]) if "payload" in event else (event,)
        for each in published:
            if each is None:
                continue
            if "event_type" not in each:
                raise ValueError("Publish the deliver of a task, or an event with an event_type.")
            self._server.call(partial(agents.execute, session_id, dict(each)))

    def events(self, session_id: str) -> tuple[dict[str, object], ...]:
        """Return what was sent so far on the topic agent-response of a session (LiveAvatar)."""
        return self._account.events(_vendor_id(session_id))

    def _make_app(self) -> web.Application:
        admin = AdminApi(self._account, lambda: self.connections)
        return create_app(self._account, self._apis, admin)


def _vendor_id(session_id: str) -> str:
    """Return the vendor's id in a page's handle, whose signature is not checked here."""
    _, content = URLSafeTimedSerializer("").loads_unsafe(session_id)
    return str(content[0]) if isinstance(content, list) and content else session_id
