"""The rooms of the sessions that clients have joined."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from .config import Config
from .models import Session, Speech, TaskRequest
from .room_protocol import Message, RoomProtocol
from .sessions import Sessions

if TYPE_CHECKING:
    from .avatar.room import Room
    from .avatar.sound import Sound

_POLL_SECONDS = 0.05
_SIGNALING_SECONDS = 0.3


class RoomManager:
    """The rooms; all but `protocol` and `reset` is for the event loop that serves them."""

    def __init__(self, sessions: Sessions, config: Config) -> None:
        self._sessions = sessions
        self._config = config
        #: Makes the protocol of a session's room, by API; each API adds its own.
        self.protocols: dict[str, Callable[[Session], RoomProtocol]] = {}
        self._rooms: dict[str, Room] = {}
        self._words: dict[str, Iterator[str]] = {}
        self._speaking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = False
        self._loading: asyncio.Future[type[Room]] | None = None
        #: The sessions whose avatar has left its room.
        self.avatar_left: set[str] = set()

    async def begin(self, _application: web.Application) -> None:
        """Begin, until `end`."""
        self._running = True
        # One text at a time, so that tasks are spoken in the order they came in.
        self._synthesizing = asyncio.Lock()
        #: The same for the commands that pages publish.
        self.command_lock = asyncio.Lock()

    async def end(self, _application: web.Application) -> None:
        """Send every client away; the sessions stay, as after an outage."""
        self._running = False
        await asyncio.gather(*self._tasks)
        if self._loading is not None:
            await self._loading
            self._loading = None

    def reset(self) -> None:
        """Forget what was heard, and which avatars have left."""
        self._words.clear()
        self.avatar_left.clear()

    def preload(self) -> None:
        """Import the modules of rooms in the background, which takes a second."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(asyncio.to_thread(_load))

    async def open(self, session: Session) -> "Room":
        """Return a session's room, opened when the first client comes."""
        self.preload()
        assert self._loading is not None  # noqa: S101  now it is
        room_class = await asyncio.shield(self._loading)
        session_id = session.session_id
        if session_id not in self._rooms:
            protocol = self.protocol(session)
            self._rooms[session_id] = room_class(
                session_id,
                protocol,
                partial(self.on_speech, session_id),
                frame_rate=self._config.frame_rate,
            )
            task = asyncio.create_task(self._run_room(session_id, protocol))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._rooms[session_id]

    def protocol(self, session: Session) -> RoomProtocol:
        """Return the protocol of a session's room."""
        return self.protocols[session.api](session)

    def avatar_present(self, session: Session) -> bool:
        """Return whether a session's avatar has joined its room and not left."""
        joined = self.protocol(session).avatar_joined()
        return joined and session.session_id not in self.avatar_left

    async def synthesize(self, task: TaskRequest) -> "Sound | None":
        """Synthesize a task's text; None if no client ever joined its room."""
        room = self._rooms.get(task.session_id)
        session = self._sessions.find_open(task.session_id)
        if room is None or session is None:
            return None

        from .avatar.sound import record  # noqa: PLC0415  an extra, and loaded by now

        async with self._synthesizing:
            return await asyncio.to_thread(record, task.text, session.language, session.rate)

    def say(self, speech: Speech, sound: "Sound | None") -> None:
        """Play a synthesized task in its room."""
        room = self._rooms.get(speech.session_id)
        if room is not None and sound is not None:
            room.say(speech.task_id, sound)

    def interrupt(self, session_id: str) -> None:
        """Silence a session's avatar."""
        if session_id in self._rooms:
            self._rooms[session_id].interrupt()

    def send(self, session_id: str, message: Message) -> None:
        """Send everybody in a room a data message."""
        if session_id in self._rooms:
            self._rooms[session_id].broadcast(message)

    def on_speech(self, session_id: str, speaking: bool) -> None:  # noqa: FBT001  what is reported
        """Note that a user begins or ends to speak into a microphone."""
        session = self._sessions.find_open(session_id)
        if session is None or not self.avatar_present(session):
            return

        protocol = self.protocol(session)
        if speaking and protocol.listens():
            self._speaking.add(session_id)
            self._send_all(session_id, protocol.user_started())
        elif not speaking and session_id in self._speaking:
            self._speaking.remove(session_id)
            words = self._words.setdefault(session_id, _words(self._config.hears))
            self._send_all(session_id, protocol.user_said(next(words)))

    def end_speech(self, session_id: str) -> None:
        """End what a user is saying, without waiting for a pause."""
        self.on_speech(session_id, False)  # noqa: FBT003

    async def inject(self, session_id: str, message: Message, sender: str) -> None:
        """Send everybody in a room a data message of a participant."""
        room = self._rooms.get(session_id)
        if room is None:
            return

        if sender and sender not in room.others:
            room.announce(sender)
            # The signaling takes another way than a data message, which would overtake it.
            await asyncio.sleep(_SIGNALING_SECONDS)
        room.broadcast(message, sender)

    async def hear(self, session: Session, text: str) -> None:
        """Act as if a session's user had said a text."""
        protocol = self.protocol(session)
        self._send_all(session.session_id, protocol.user_started())
        self._send_all(session.session_id, protocol.user_said(text))

    def _send_all(self, session_id: str, messages: Iterable[Message]) -> None:
        for message in messages:
            self.send(session_id, message)

    async def _run_room(self, session_id: str, protocol: RoomProtocol) -> None:
        """Keep a room open for as long as its session is, and let the avatar join and leave."""
        room, met = self._rooms[session_id], False
        # Its limits, a call, another thread or a test's clock may end it.
        while self._running and (session := self._sessions.find_open(session_id)):
            present = self.avatar_present(session)
            await room.set_avatar(present=present)
            if present and not met and session.state == "connected":
                met = True
                protocol.on_avatar_joined()
            await asyncio.sleep(_POLL_SECONDS)
        deleted = self._sessions.find_open(session_id) is None
        del self._rooms[session_id]
        if deleted:
            ended = self._sessions.find(session_id)
            messages = list(protocol.closing_messages((ended and ended.end_reason) or "UNKNOWN"))
            for message in messages:
                room.broadcast(message)
            # Here the signaling would overtake them.
            await asyncio.sleep(_SIGNALING_SECONDS if messages else 0)
        await room.close(deleted=deleted)


def _words(script: Sequence[str]) -> Iterator[str]:
    yield from script
    number = 0
    while True:
        number += 1
        yield f"This is simulated answer {number}."


def _load() -> "type[Room]":
    from .avatar.room import Room  # noqa: PLC0415  an extra, and slow to load
    from .avatar.sprites import sprites  # noqa: PLC0415

    sprites()
    return Room
