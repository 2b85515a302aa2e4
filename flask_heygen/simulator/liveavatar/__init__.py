"""LiveAvatar, the vendor's second API: its calls over HTTP, and its agent in the room.

Facts are from docs.liveavatar.com (doc) and from ``@heygen/liveavatar-web-sdk`` 0.0.18 (sdk);
where one was only reported (seen), or is ours (guess), it says so.  Only FULL mode is simulated.
"""
