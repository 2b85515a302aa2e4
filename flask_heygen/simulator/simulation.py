"""The simulator as Python code holds it."""

from collections.abc import Mapping
from types import TracebackType

from aiohttp import web

from .faults import Fault, Mishap
from .listener import Listener
from .records import Call, Session, Speech, Token
from .rules import Rules
from .vendor import Vendor
from .window import Window


class Simulator:
    """A vendor of one's own: ``with Simulator() as sim: app.config["HEYGEN_BASE_URL"] = sim.url``.

    It runs in a thread of this process, on 127.0.0.1, and is for any thread.  Times are in seconds.

    - `token_seconds`: how long a session token is good for
    - `latency`: how long a call waits before it is acted on, by its name (``"*"``: any other)
    - `concurrent_limit`: how many sessions may be open at the same time
    - `api_key`: the only good key; None takes any that is not blank
    - `joined`: whether somebody counts as being in the room from the start; else, as at the vendor,
      a session is connecting until somebody joins it, or `join` says so
    - `idle_seconds`: the idle limit of a v1 session that sets no activity_idle_timeout
    - `agent_seconds`: how long after its start a LiveAvatar session's avatar joins the room
    - `empty_seconds`: how long a session with nobody in its room stays open
    - `session_seconds`: the hard limit of a session that sets none
    - `ms_per_character`: how long the avatar takes to speak
    - `port`: 0 takes a free one, and keeps it when the simulator is started again
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing that tests vary
        self,
        *,
        token_seconds: float = 3600,
        latency: Mapping[str, float] | None = None,
        concurrent_limit: int = 3,
        api_key: str | None = None,
        joined: bool = True,
        idle_seconds: float = 120,
        empty_seconds: float = 300,
        session_seconds: float = 600,
        agent_seconds: float = 0,
        ms_per_character: float = 60,
        port: int = 0,
    ) -> None:
        self._latency = dict(latency or {})
        rules = Rules(
            token_seconds=token_seconds,
            concurrent_limit=concurrent_limit,
            api_key=api_key,
            joined=joined,
            idle_seconds=idle_seconds,
            empty_seconds=empty_seconds,
            session_seconds=session_seconds,
            agent_seconds=agent_seconds,
            ms_per_character=ms_per_character,
        )
        self._vendor = Vendor(rules, self._latency)
        self._names = self._vendor.names | {"*"}
        self._listener = Listener(self._application, port)

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
        self._listener.start()

    def stop(self) -> None:
        """Drop every connection and free the port; what is remembered stays, as after an outage."""
        self._listener.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; known once started."""
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def latency(self) -> dict[str, float]:
        """How long each call waits, by its name; what is put in here holds from the next call."""
        return self._latency

    @property
    def connections(self) -> int:
        """TCP connections accepted so far; `reset` does not touch it, for pools outlive it."""
        return self._listener.connections

    @property
    def spoken(self) -> tuple[Speech, ...]:
        """Every accepted task, in order."""
        return self._vendor.voice.spoken

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of every accepted task, in order."""
        return tuple(speech.text for speech in self.spoken)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Every token minted, in order."""
        minted = [token for each in self._vendor.credentials for token in each.tokens]
        return tuple(sorted(minted, key=lambda token: token.minted_at))

    @property
    def sessions(self) -> dict[str, Session]:
        """Every session by its id, closed ones too."""
        return self._vendor.sessions.sessions

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call to a vendor's path, in order."""
        return self._vendor.calls.calls

    def count(self, name: str, *, status: int | None = None) -> int:
        """Count the calls of a name, or those of them that got a status."""
        found = [call for call in self.calls if call.name == name]
        return len(found) if status is None else sum(call.status == status for call in found)

    def fault(
        self,
        name: str,
        fault: Fault,
        times: int | None = 1,
        *,
        retry_after: int = 7,
        seconds: float = 0.2,
    ) -> None:
        """Have the next `times` calls of a name (``"*"``: of any) go wrong; None: until cleared.

        Faults planned for the same name happen one after the other.
        """
        if name not in self._names:
            raise ValueError(
                f"No call is named {name}; there are {', '.join(sorted(self._names))}."
            )

        self._vendor.plan.add(name, Mishap(fault, times, retry_after, seconds))

    def clear(self) -> None:
        """Forget the faults."""
        self._vendor.plan.reset()

    def reset(self) -> None:
        """Forget sessions, tokens, speech, calls and faults."""
        self._vendor.reset()

    def advance(self, seconds: float) -> None:
        """Let the vendor's time pass at once: tokens expire, speech ends, sessions run out."""
        self._vendor.clock.advance(seconds)

    def expire_tokens(self) -> None:
        """Refuse every token minted so far."""
        for credentials in self._vendor.credentials:
            credentials.expire()

    def close_session(self, session_id: str) -> None:
        """End a session from the vendor's side; raises Refusal if there is none open."""
        self._vendor.sessions.close(session_id)

    def join(self, session_id: str) -> None:
        """Count somebody as being in a session's room; raises Refusal if it is not connecting."""
        self._vendor.sessions.join(session_id)

    def hear(self, session_id: str, text: str) -> None:
        """Have a session's room hear what its user said; raises Refusal if it is not connected.

        There is no speech recognition here: a microphone may be published, and is not listened to.
        So this is the one source of user_talking_message and user_end_message.
        """
        session = self._vendor.sessions.connected(session_id)
        self._vendor.rooms.call(self._vendor.rooms.hear(session, text))

    def publish(self, session_id: str, event: Mapping[str, object]) -> None:
        """Act as a page that publishes an event on the topic agent-control (LiveAvatar).

        It has been obeyed on return; one that comes before the agent is lost.  Raises Refusal if
        nobody is in the session's room, which a page must be to publish.
        """
        self._vendor.rooms.call(self._vendor.commands.obey(session_id, dict(event)))

    def events(self, session_id: str) -> tuple[dict[str, object], ...]:
        """Give what a session's room was told so far on the topic agent-response (LiveAvatar)."""
        return self._vendor.agents.events(session_id)

    def _application(self) -> web.Application:
        return self._vendor.application(Window(self))
