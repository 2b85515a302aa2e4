"""What the room says in LiveKit's signalling, as protobuf messages."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from livekit.protocol import models, rtc

from . import portrait

IDENTITY = "heygen"
_VERSION = "1.9.0"
# Seconds.
_PING_INTERVAL, _PING_TIMEOUT = 5, 15


def sid(kind: str) -> str:
    """Make an id as LiveKit does, such as ``PA_…`` for a participant."""
    return f"{kind}_{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Avatar:
    """The ids of the avatar and its tracks in one room."""

    sid: str = field(default_factory=lambda: sid("PA"))
    voice: str = field(default_factory=lambda: sid("TR"))
    face: str = field(default_factory=lambda: sid("TR"))

    def info(self) -> models.ParticipantInfo:
        """Describe it as a participant."""
        width, height = portrait.SIZE
        layer = models.VideoLayer(quality=models.HIGH, width=width, height=height)
        voice = models.TrackInfo(
            sid=self.voice,
            type=models.AUDIO,
            name="audio",
            source=models.MICROPHONE,
            mime_type="audio/opus",
            stream=IDENTITY,
        )
        face = models.TrackInfo(
            sid=self.face,
            type=models.VIDEO,
            name="video",
            source=models.CAMERA,
            mime_type="video/VP8",
            width=width,
            height=height,
            layers=[layer],
            stream=IDENTITY,
        )
        return models.ParticipantInfo(
            sid=self.sid,
            identity=IDENTITY,
            name=IDENTITY,
            state=models.ParticipantInfo.ACTIVE,
            is_publisher=True,
            version=1,
            joined_at=int(time.time()),
            tracks=[voice, face],
        )


def welcome(room: str, identity: str, avatar: Avatar) -> rtc.SignalResponse:
    """Tell a guest who is in the room and how to behave there."""
    return rtc.SignalResponse(
        join=rtc.JoinResponse(
            room=models.Room(sid=sid("RM"), name=room, num_participants=2, num_publishers=1),
            participant=_guest(identity),
            other_participants=[avatar.info()],
            server_version=_VERSION,
            server_info=models.ServerInfo(version=_VERSION, protocol=15, node_id="simulation"),
            subscriber_primary=True,
            ping_interval=_PING_INTERVAL,
            ping_timeout=_PING_TIMEOUT,
            enabled_publish_codecs=[
                models.Codec(mime="audio/opus"),
                models.Codec(mime="video/VP8"),
            ],
        )
    )


def _guest(identity: str) -> models.ParticipantInfo:
    return models.ParticipantInfo(
        sid=sid("PA"),
        identity=identity,
        name=identity,
        state=models.ParticipantInfo.JOINED,
        joined_at=int(time.time()),
        permission=models.ParticipantPermission(
            can_subscribe=True, can_publish=True, can_publish_data=True
        ),
    )


def offer(sdp: str, tracks: Mapping[str, str]) -> rtc.SignalResponse:
    """Offer the avatar's media; `tracks` tells the track id of each media section."""
    description = rtc.SessionDescription(type="offer", sdp=sdp, id=1, mid_to_track_id=tracks)
    return rtc.SignalResponse(offer=description)


def answer(sdp: str, number: int) -> rtc.SignalResponse:
    """Accept what a guest offers."""
    return rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp=sdp, id=number))


def published(request: rtc.AddTrackRequest) -> rtc.SignalResponse:
    """Agree to a guest's track."""
    mime = "audio/opus" if request.type == models.AUDIO else "video/VP8"
    track = models.TrackInfo(
        sid=sid("TR"),
        type=request.type,
        name=request.name,
        source=request.source,
        mime_type=mime,
    )
    return rtc.SignalResponse(
        track_published=rtc.TrackPublishedResponse(cid=request.cid, track=track)
    )


def pong() -> rtc.SignalResponse:
    """Answer a ping."""
    return rtc.SignalResponse(pong=_now_ms())


def pong_to(ping: rtc.Ping) -> rtc.SignalResponse:
    """Answer a ping that measures the way."""
    pong = rtc.Pong(last_ping_timestamp=ping.timestamp, timestamp=_now_ms())
    return rtc.SignalResponse(pong_resp=pong)


def speakers(avatar: Avatar, *, speaking: bool) -> rtc.SignalResponse:
    """Tell whether the avatar is the active speaker."""
    speaker = models.SpeakerInfo(sid=avatar.sid, level=0.7 if speaking else 0, active=speaking)
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=[speaker]))


def come_anew() -> rtc.SignalResponse:
    """Have a client that would resume its connection join from the start."""
    return rtc.SignalResponse(
        leave=rtc.LeaveRequest(
            can_reconnect=True,
            reason=models.STATE_MISMATCH,
            action=rtc.LeaveRequest.RECONNECT,
        )
    )


def leave(reason: models.DisconnectReason) -> rtc.SignalResponse:
    """Send a guest away for good."""
    return rtc.SignalResponse(leave=rtc.LeaveRequest(can_reconnect=False, reason=reason))


def packet(avatar: Avatar, message: Mapping[str, object]) -> bytes:
    """Wrap a data message, reliable and without a topic."""
    user = models.UserPacket(
        participant_sid=avatar.sid,
        participant_identity=IDENTITY,
        payload=json.dumps(message).encode(),
    )
    whole = models.DataPacket(
        kind=models.DataPacket.RELIABLE,
        participant_identity=IDENTITY,
        user=user,
    )
    return whole.SerializeToString()


def _now_ms() -> int:
    return int(time.time() * 1000)
