"""LiveKit's signaling messages that the room sends, as protobufs."""

import json
import time
from collections.abc import Mapping, Sequence

from livekit.protocol import models, rtc

from .participants import Participants, sid

_VERSION = "1.9.0"
# Seconds.
_PING_INTERVAL, _PING_TIMEOUT = 5, 15
_MIME_TYPES = {models.AUDIO: "audio/opus", models.VIDEO: "video/VP8"}


def join_response(
    room: str, identity: str, others: Sequence[models.ParticipantInfo]
) -> rtc.SignalResponse:
    """Describe the room to a client that has joined."""
    return rtc.SignalResponse(
        join=rtc.JoinResponse(
            room=models.Room(sid=sid("RM"), name=room, num_participants=1 + len(others)),
            participant=models.ParticipantInfo(
                sid=sid("PA"),
                identity=identity,
                name=identity,
                state=models.ParticipantInfo.JOINED,
                joined_at=int(time.time()),
                permission=models.ParticipantPermission(
                    can_subscribe=True, can_publish=True, can_publish_data=True
                ),
            ),
            other_participants=others,
            server_version=_VERSION,
            server_info=models.ServerInfo(version=_VERSION, protocol=15, node_id="simulation"),
            subscriber_primary=True,
            ping_interval=_PING_INTERVAL,
            ping_timeout=_PING_TIMEOUT,
            enabled_publish_codecs=[models.Codec(mime=mime) for mime in _MIME_TYPES.values()],
        )
    )


def participant_update(participants: Sequence[models.ParticipantInfo]) -> rtc.SignalResponse:
    """Announce participants that have come or gone."""
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=participants))


def offer(sdp: str, number: int, tracks: Mapping[str, str]) -> rtc.SignalResponse:
    """Offer the avatar's media; `tracks` maps a media section's id to its track's."""
    description = rtc.SessionDescription(type="offer", sdp=sdp, id=number, mid_to_track_id=tracks)
    return rtc.SignalResponse(offer=description)


def answer(sdp: str, number: int) -> rtc.SignalResponse:
    """Accept the media that a client offers."""
    return rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp=sdp, id=number))


def track_published(request: rtc.AddTrackRequest) -> rtc.SignalResponse:
    """Accept a client's track."""
    track = models.TrackInfo(
        sid=sid("TR"),
        type=request.type,
        name=request.name,
        source=request.source,
        mime_type=_MIME_TYPES.get(request.type, ""),
    )
    return rtc.SignalResponse(
        track_published=rtc.TrackPublishedResponse(cid=request.cid, track=track)
    )


def pong(request: rtc.SignalRequest) -> rtc.SignalResponse:
    """Answer ``ping``, or ``ping_req``, which measures the round trip."""
    if request.HasField("ping"):
        return rtc.SignalResponse(pong=_now_ms())
    response = rtc.Pong(last_ping_timestamp=request.ping_req.timestamp, timestamp=_now_ms())
    return rtc.SignalResponse(pong_resp=response)


def speakers_changed(participants: Participants, *, speaking: bool) -> rtc.SignalResponse:
    """Announce whether the avatar is the active speaker."""
    level = 0.7 if speaking else 0
    speaker = models.SpeakerInfo(sid=participants.avatar_sid, level=level, active=speaking)
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=[speaker]))


def reconnect() -> rtc.SignalResponse:
    """Make a client that tries to resume its connection join again from the start."""
    return rtc.SignalResponse(
        leave=rtc.LeaveRequest(
            can_reconnect=True,
            reason=models.STATE_MISMATCH,
            action=rtc.LeaveRequest.RECONNECT,
        )
    )


def leave(reason: models.DisconnectReason) -> rtc.SignalResponse:
    """Send a client away for good."""
    return rtc.SignalResponse(leave=rtc.LeaveRequest(can_reconnect=False, reason=reason))


def data_packet(sender: tuple[str, str], message: Mapping[str, object], topic: str) -> bytes:
    """Pack a reliable data message of a sender's id and identity; an empty topic is none."""
    sender_sid, identity = sender
    user = models.UserPacket(
        participant_sid=sender_sid,
        participant_identity=identity,
        payload=json.dumps(message).encode(),
        topic=topic or None,
    )
    packet = models.DataPacket(
        kind=models.DataPacket.RELIABLE, participant_identity=identity, user=user
    )
    return packet.SerializeToString()


def _now_ms() -> int:
    return int(time.time() * 1000)
