"""One participant's connection: the signalling and the media of a client that has joined."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSMsgType, web
from aiortc import InvalidStateError, MediaStreamTrack, RTCDataChannel, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from . import signals
from .cast import Cast
from .tracks import Track
from .transmission import Transmission, connection


class Peer:
    """A client in the room; `heed` is given the topic and the content of what it publishes."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        cast: Cast,
        identity: str,
        heed: Callable[[str, bytes], None],
        *,
        firefox: bool,
    ) -> None:
        self.identity = identity
        self._socket = socket
        self._cast = cast
        self._heed_data = heed
        self._outbox: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue()
        self._drains: set[asyncio.Task[None]] = set()
        # Whether it knows that the avatar has come.
        self._met = False
        self._transmission = Transmission(cast, self.signal, firefox=firefox)
        self._publisher = connection()
        self._publisher.on("track", self._accept)
        self._publisher.on("datachannel", self._listen)

    @property
    def present(self) -> bool:
        """Whether its media flow."""
        return self._transmission.flows

    @property
    def tracks(self) -> tuple[Track, Track]:
        """The voice and the face that it gets."""
        return self._transmission.voice, self._transmission.face

    def signal(self, response: rtc.SignalResponse) -> None:
        """Say something in the signalling."""
        self._outbox.put_nowait(response)

    def tell(self, packet: bytes) -> None:
        """Send a data message."""
        self._transmission.send(packet)

    def dismiss(self, reason: models.DisconnectReason) -> None:
        """Send the client away, which ends `attend`."""
        self.signal(signals.leave(reason))
        self._outbox.put_nowait(None)

    async def meet(self) -> None:
        """Tell that the avatar has come, and offer its media."""
        self._met = True
        self.signal(signals.joined(self._cast.participants()))
        # It may be going at this very moment.
        with suppress(InvalidStateError):
            await self._transmission.offer(begun=True)

    async def attend(self, room: str, *, begun: bool) -> None:
        """Do what the client asks for, until it goes or is sent away."""
        writer = asyncio.create_task(self._write())
        self._met = begun
        try:
            present = self._cast.participants() if begun else []
            self.signal(signals.welcome(room, self.identity, present))
            await self._transmission.offer(begun=begun)
            async for message in self._socket:
                if message.type == WSMsgType.BINARY:
                    await self._heed(message.data)
        except DecodeError:
            await self._socket.close(code=1003)
        finally:
            writer.cancel()
            await self._close()

    async def _write(self) -> None:
        # A socket that breaks off ends `attend`, too.
        with suppress(ConnectionError):
            while (response := await self._outbox.get()) is not None:
                await self._socket.send_bytes(response.SerializeToString())
            await self._socket.close()

    async def _heed(self, content: bytes) -> None:
        request = rtc.SignalRequest.FromString(content)
        match request.WhichOneof("message"):
            case "answer":
                await self._transmission.settle(request.answer)
                await self._transmission.offer(begun=self._met)
            case "offer":
                await self._answer(request.offer)
            case "trickle":
                await self._add_candidate(request.trickle)
            case "add_track":
                self.signal(signals.published(request.add_track))
            case "ping":
                self.signal(signals.pong())
            case "ping_req":
                self.signal(signals.pong_to(request.ping_req))
            case "leave":
                await self._socket.close()

    async def _answer(self, offer: rtc.SessionDescription) -> None:
        await self._publisher.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        await self._publisher.setLocalDescription(await self._publisher.createAnswer())
        self.signal(signals.answer(self._publisher.localDescription.sdp, offer.id))

    async def _add_candidate(self, trickle: rtc.TrickleRequest) -> None:
        told = json.loads(trickle.candidateInit)
        if not told.get("candidate"):
            return

        candidate = candidate_from_sdp(told["candidate"].partition(":")[2])
        candidate.sdpMid = told.get("sdpMid")
        candidate.sdpMLineIndex = told.get("sdpMLineIndex")
        if trickle.target == rtc.PUBLISHER:
            await self._publisher.addIceCandidate(candidate)
        else:
            await self._transmission.add_candidate(candidate)

    def _listen(self, channel: RTCDataChannel) -> None:
        if channel.label == "_reliable":
            channel.on("message", self._receive)

    def _receive(self, content: bytes | str) -> None:
        with suppress(DecodeError):
            packet = models.DataPacket.FromString(content if isinstance(content, bytes) else b"")
            if packet.HasField("user"):
                self._heed_data(packet.user.topic, packet.user.payload)

    def _accept(self, track: MediaStreamTrack) -> None:
        drain = asyncio.create_task(_drain(track))
        self._drains.add(drain)
        drain.add_done_callback(self._drains.discard)

    async def _close(self) -> None:
        await self._transmission.close()
        await self._publisher.close()
        await asyncio.gather(*self._drains)


async def _drain(track: MediaStreamTrack) -> None:
    """Take what a microphone sends, and hear nothing: there is no speech recognition here."""
    with suppress(MediaStreamError):
        while True:
            await track.recv()
