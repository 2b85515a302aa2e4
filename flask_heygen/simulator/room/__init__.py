"""A session's room: an avatar that can be seen and heard, over the part of LiveKit it takes.

It answers the signalling of an unmodified LiveKit client and sends its media by WebRTC, to a few
viewers on one machine: a simulator, no media server.  Participants see the avatar, not each other.
It needs the extra ``avatar``, and is imported when somebody is about to join.

Measured with 640 by 360 pixels at 25 frames a second, on one core of a busy machine: 10 % of its
time for a viewer and 22 % for three, silent or speaking; 62 MB before anybody joins, 165 to 190 MB
with a viewer, 240 MB with three speaking at once, 210 MB after thirty have come and gone.
"""
