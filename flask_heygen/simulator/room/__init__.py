"""A session's room: an avatar that can be seen and heard, over the part of LiveKit it takes.

It answers the signalling of an unmodified LiveKit client and sends its media by WebRTC, to a few
viewers on one machine: a simulator, no media server.  Participants see the avatar, not each other.
It needs the extra ``avatar``, and is imported when somebody first joins.
"""
