"""The avatar in a session's room: signaling and media for an unmodified LiveKit client.

It speaks the part of LiveKit's protocol that a few viewers on one machine need. It is a simulator,
not a media server: participants see the avatar, not each other. This package needs the extra
``avatar`` and is imported when the first participant joins.

CPU of one core with 640 by 360 pixels at 25 frames per second: 10 % for one viewer, 22 % for three.
Memory: 62 MB before anybody joins, 165 to 190 MB with one viewer, 240 MB with three rooms speaking.
"""
