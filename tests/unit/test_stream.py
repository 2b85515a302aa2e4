"""The head of a response, which we read instead of http.client."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest

from flask_heygen.http.stream import HTTPResponse

HEAD = b"HTTP/1.1 200 OK\r\n"


class Received:
    """A socket that has received these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        return io.BytesIO(self._content)


def read(kind: type[http.client.HTTPResponse], content: bytes) -> tuple[Any, ...]:
    """Return all that a response says of itself."""
    sock: Any = Received(content)
    response = kind(sock, method="POST")
    response.begin()
    said = (response.version, response.status, response.reason, response.headers.items())
    whole = (response.chunked, response.length, response.will_close)
    return *said, *whole, response.read(100), response.isclosed()


class TestResponse:
    @pytest.mark.parametrize(
        "content",
        [
            HEAD + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
            HEAD + b"content-length:2\r\nCONNECTION: Close\r\n\r\n{}",
            HEAD + b"\r\n{}",
            HEAD + b"Content-Length: 0\r\n\r\n",
            HEAD + b"Content-Length: -2\r\n\r\n{}",
            HEAD + b"Content-Length: two\r\n\r\n{}",
            HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            HEAD + b"Content-Length: 2",
            HEAD.replace(b"\r", b"") + b"Content-Length: 2\n\n{}",
            HEAD + b"Server: caf\xe9\r\nContent-Length: 2\r\n\r\n{}",
            HEAD + b"X-Empty:\r\nX-Colons: a:b:c\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 404\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 404 \r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        ],
    )
    def test_is_read_as_http_client_reads_it(self, content: bytes) -> None:
        """Length, end and headers are the same."""
        assert read(HTTPResponse, content) == read(http.client.HTTPResponse, content)

    @pytest.mark.parametrize("status", [100, 102, 103, 199])
    def test_follows_interim_ones(self, status: int) -> None:
        """Of which http.client knows 100 alone."""
        interim = b"HTTP/1.1 %d Interim\r\nLink: </style.css>\r\n\r\n" % status
        final = HEAD + b"Content-Length: 2\r\n\r\n{}"

        assert read(HTTPResponse, 2 * interim + final) == read(HTTPResponse, final)

    @pytest.mark.parametrize(
        "line",
        [
            b"no header",
            b" folded: value",
            b"\tfolded",
            b"You said: a key",
            b": a value",
            b"\xe9: a key",
        ],
    )
    def test_ignores_a_line_that_is_no_header(self, line: bytes) -> None:
        """http.client would ignore those that follow; since Python 3.14 some would be an error."""
        content = HEAD + b"X-First: 1\r\n" + line + b"\r\nContent-Length: 2\r\n\r\n{}"

        names = [name for name, _ in read(HTTPResponse, content)[3]]
        assert names == ["X-First", "Content-Length"]

    @pytest.mark.parametrize(
        "framing",
        [
            b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}!",
            b"Transfer-Encoding: gzip, chunked\r\nContent-Length: 2\r\n\r\n{}!",
            b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\n{}\r\n0\r\n\r\n!",
        ],
    )
    def test_that_may_end_in_two_places_is_the_last(self, framing: bytes) -> None:
        """The bytes that follow could otherwise be read as the answer to the next request."""
        *_, will_close, content, _ = read(HTTPResponse, HEAD + framing)

        assert (will_close, content) == (True, b"{}")

    def test_that_announces_its_end_in_a_second_header_is_the_last(self) -> None:
        """http.client reads the first alone, and the next request meets a closed connection."""
        headers = b"Connection: Via\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
        *_, will_close, content, _ = read(HTTPResponse, HEAD + headers)

        assert (will_close, content) == (True, b"{}")

    def test_of_a_length_without_end_is_read_to_its_own(self) -> None:
        """Python converts no number of so many digits."""
        length = b"Content-Length: " + 5000 * b"9"

        assert read(HTTPResponse, HEAD + length + b"\r\n\r\n{}")[-3:-1] == (True, b"{}")

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"", http.client.RemoteDisconnected),
            (b"SSH-2.0-OpenSSH_9.2\r\n", http.client.BadStatusLine),
            (b"HTTP/2 200 OK\r\n\r\n", http.client.BadStatusLine),
            (b"HTTP/1.1 2000 OK\r\n\r\n", http.client.BadStatusLine),
            (b"HTTP/1.1 OK\r\n\r\n", http.client.BadStatusLine),
            (HEAD + 101 * b"X: y\r\n", http.client.HTTPException),
            # Cut at the limit, its end would be a header.
            (HEAD + b"X: " + 65533 * b"y" + b"Retry-After: 9\r\n\r\n", http.client.HTTPException),
        ],
    )
    def test_is_refused_if_it_is_no_http(
        self, content: bytes, error: type[http.client.HTTPException]
    ) -> None:
        """By the errors of http.client."""
        with pytest.raises(error):
            read(HTTPResponse, content)
