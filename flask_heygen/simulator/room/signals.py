"""What the room says in LiveKit's signalling, as protobuf messages."""

import json
import time
from collections.abc import Mapping, Sequence

from livekit.protocol import models, rtc

from .cast import Cast, sid

_VERSION = "1.9.0"
# Seconds.
_PING_INTERVAL, _PING_TIMEOUT = 5, 15


def welcome(
    room: str, identity: str, present: Sequence[models.ParticipantInfo]
) -> rtc.SignalResponse:
    """Tell a guest who is in the room and how to behave there."""
    return rtc.SignalResponse(
        join=rtc.JoinResponse(
            room=models.Room(sid=sid("RM"), name=room, num_participants=1 + len(present)),
            participant=_guest(identity),
            other_participants=present,
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


def joined(participants: Sequence[models.ParticipantInfo]) -> rtc.SignalResponse:
    """Tell that somebody has come."""
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=participants))


def offer(sdp: str, number: int, tracks: Mapping[str, str]) -> rtc.SignalResponse:
    """Offer the avatar's media; `tracks` tells the track id of each media section."""
    description = rtc.SessionDescription(type="offer", sdp=sdp, id=number, mid_to_track_id=tracks)
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


def speakers(cast: Cast, *, speaking: bool) -> rtc.SignalResponse:
    """Tell whether the avatar is the active speaker."""
    speaker = models.SpeakerInfo(sid=cast.sid, level=0.7 if speaking else 0, active=speaking)
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


def packet(cast: Cast, message: Mapping[str, object], topic: str) -> bytes:
    """Wrap a data message, reliable and of a topic, or without one."""
    speaker_sid, speaker = cast.speaker
    user = models.UserPacket(
        participant_sid=speaker_sid,
        participant_identity=speaker,
        payload=json.dumps(message).encode(),
        topic=topic or None,
    )
    whole = models.DataPacket(
        kind=models.DataPacket.RELIABLE,
        participant_identity=speaker,
        user=user,
    )
    return whole.SerializeToString()


def _now_ms() -> int:
    return int(time.time() * 1000)
