"""A session's room: who is there, what they are told, and the avatar on its stage."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from aiohttp import web
from livekit.protocol import models

from flask_heygen.simulator.script import Message, Script

from . import signals
from .cast import Cast
from .peer import Peer
from .sheet import sheet
from .sound import Sound, record
from .speaker import Speaker
from .stage import Stage
from .tracks import Track

# How long the first words wait for the media of somebody who has joined.
_PATIENCE_SECONDS = 5.0
# What a client gets to close its connection in.
_GRACE_SECONDS = 2.0


class Room:
    """A room, open until `close`."""

    def __init__(self, session_id: str, script: Script) -> None:
        self._session_id = session_id
        self._script = script
        self._cast = Cast(script.companion)
        self._begun = script.present()
        self._peers: set[Peer] = set()
        self._patience_ends = 0.0
        self._speaker = Speaker(self.tell)
        stage = Stage(self._speaker, self._viewers, self._ready)
        self._performance = asyncio.create_task(stage.perform())

    @staticmethod
    def paint() -> None:
        """Paint what every room shows, which takes a second the first time."""
        sheet()

    @property
    def empty(self) -> bool:
        """Whether nobody is there."""
        return not self._peers

    async def attend(self, socket: web.WebSocketResponse, identity: str, *, firefox: bool) -> None:
        """Let somebody in until they go; an identity is there once only, the newest stays."""
        for other in self._peers:
            if other.identity == identity:
                other.dismiss(models.DUPLICATE_IDENTITY)
        peer = Peer(socket, self._cast, identity, self._script.heed, firefox=firefox)
        self._peers.add(peer)
        self._patience_ends = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        try:
            await peer.attend(self._session_id, begun=self._begun)
        finally:
            self._peers.discard(peer)

    async def turn_back(self, socket: web.WebSocketResponse) -> None:
        """Have a client that would resume its connection join anew."""
        await socket.send_bytes(signals.come_anew().SerializeToString())
        await socket.close()

    def record(self, text: str, language: str, pace: float) -> Sound:
        """Make the sound of a text, which takes a moment: in a thread."""
        return record(text, language, pace)

    def say(self, task_id: str, sound: Sound) -> None:
        """Have the avatar speak, after what it has yet to say."""
        self._speaker.say(task_id, sound)

    def interrupt(self) -> None:
        """Silence the avatar."""
        self._speaker.interrupt()

    async def begin(self) -> None:
        """Let the avatar in, if it is not there yet."""
        if not self._begun:
            self._begun = True
            await asyncio.gather(*(peer.meet() for peer in self._peers))

    def broadcast(self, message: Message) -> None:
        """Send everybody a data message."""
        packet = signals.packet(self._cast, message, self._script.topic)
        for peer in self._peers:
            peer.tell(packet)

    def tell(self, message: Message) -> None:
        """Tell what the avatar does, and who is the active speaker if that changes."""
        for line in self._script.lines(message):
            self.broadcast(line)
        if message["type"] in {"avatar_start_talking", "avatar_stop_talking"}:
            speaking = message["type"] == "avatar_start_talking"
            for peer in self._peers:
                peer.signal(signals.speakers(self._cast, speaking=speaking))

    async def close(self, *, deleted: bool) -> None:
        """Silence the avatar and send everybody away, for good if the room is deleted."""
        self._performance.cancel()
        with suppress(asyncio.CancelledError):
            await self._performance
        self._speaker.interrupt()
        for peer in self._peers:
            peer.dismiss(models.ROOM_DELETED if deleted else models.SERVER_SHUTDOWN)
        deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
        while self._peers and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    def _viewers(self) -> Iterator[tuple[Track, Track]]:
        return (peer.tracks for peer in self._peers)

    def _ready(self) -> bool:
        if any(peer.present for peer in self._peers):
            return True
        # Nobody is coming: the session goes on without, as the vendor's would (guess).
        return asyncio.get_running_loop().time() >= self._patience_ends
