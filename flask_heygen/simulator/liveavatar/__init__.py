"""LiveAvatar, the vendor's second API: its calls over HTTP, and its agent in the room.

Facts are from docs.liveavatar.com (doc), from ``@heygen/liveavatar-web-sdk`` 0.0.18 (sdk) and from
runs against a live account that others reported (live); where one was only reported (seen), or is
our own (guess), it says so. Only FULL mode is simulated.
"""
