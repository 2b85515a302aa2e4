"""One participant's connection: the signalling and the media of a client that has joined."""

import asyncio
import json
import re
from contextlib import suppress

from aiohttp import WSMsgType, web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from . import signals, tracks


def _connection() -> RTCPeerConnection:
    # No ICE servers: who can reach the simulator's port can reach its media.
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


class Peer:
    """A client in the room; what it cannot receive yet waits for it."""

    def __init__(
        self, socket: web.WebSocketResponse, avatar: signals.Avatar, identity: str, *, firefox: bool
    ) -> None:
        self.identity = identity
        self.voice, self.face = tracks.voice(), tracks.face()
        self._socket = socket
        self._avatar = avatar
        self._firefox = firefox
        self._outbox: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue()
        self._unsent: list[bytes] = []
        self._drains: set[asyncio.Task[None]] = set()
        # Candidates that came before the description they belong to.
        self._early: list[RTCIceCandidate] = []
        self._subscriber = _connection()
        self._publisher = _connection()
        self._publisher.on("track", self._accept)
        self._reliable = self._subscriber.createDataChannel("_reliable")
        self._reliable.on("open", self._flush)
        # Clients wait for both.
        self._subscriber.createDataChannel("_lossy", ordered=False, maxRetransmits=0)

    @property
    def present(self) -> bool:
        """Whether its media flow."""
        return self._subscriber.connectionState == "connected"

    def signal(self, response: rtc.SignalResponse) -> None:
        """Say something in the signalling."""
        self._outbox.put_nowait(response)

    def tell(self, packet: bytes) -> None:
        """Send a data message."""
        self._unsent.append(packet)
        if self._reliable.readyState == "open":
            self._flush()

    def dismiss(self, reason: models.DisconnectReason) -> None:
        """Send the client away, which ends `attend`."""
        self.signal(signals.leave(reason))
        self._outbox.put_nowait(None)

    async def attend(self, room: str) -> None:
        """Do what the client asks for, until it goes or is sent away."""
        writer = asyncio.create_task(self._write())
        try:
            self.signal(signals.welcome(room, self.identity, self._avatar))
            await self._offer()
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

    def _flush(self) -> None:
        for packet in self._unsent:
            self._reliable.send(packet)
        self._unsent.clear()

    async def _offer(self) -> None:
        sent = {self.voice: self._avatar.voice, self.face: self._avatar.face}
        for track in sent:
            self._subscriber.addTrack(track)
        await self._subscriber.setLocalDescription(await self._subscriber.createOffer())

        sdp = self._subscriber.localDescription.sdp
        for track, sid in sent.items():
            # By this line a client finds the participant and the track.
            stream = sid if self._firefox else signals.IDENTITY
            sdp = re.sub(rf"msid:\S+ {track.id}", f"msid:{self._avatar.sid}|{stream} {sid}", sdp)
        transceivers = self._subscriber.getTransceivers()
        mids = {str(part.mid): sid for part, sid in zip(transceivers, sent.values(), strict=True)}
        self.signal(signals.offer(sdp, mids))

    async def _heed(self, content: bytes) -> None:
        request = rtc.SignalRequest.FromString(content)
        match request.WhichOneof("message"):
            case "answer":
                await self._settle(request.answer)
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

    async def _settle(self, answer: rtc.SessionDescription) -> None:
        await self._subscriber.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        for candidate in self._early:
            await self._subscriber.addIceCandidate(candidate)
        self._early.clear()

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
        elif self._subscriber.remoteDescription is None:
            self._early.append(candidate)
        else:
            await self._subscriber.addIceCandidate(candidate)

    def _accept(self, track: MediaStreamTrack) -> None:
        drain = asyncio.create_task(_drain(track))
        self._drains.add(drain)
        drain.add_done_callback(self._drains.discard)

    async def _close(self) -> None:
        for track in (self.voice, self.face):
            track.stop()
        await self._subscriber.close()
        await self._publisher.close()
        await asyncio.gather(*self._drains)


async def _drain(track: MediaStreamTrack) -> None:
    """Take what a microphone sends, and hear nothing: there is no speech recognition here."""
    with suppress(MediaStreamError):
        while True:
            await track.recv()
