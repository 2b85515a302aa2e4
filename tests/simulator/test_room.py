"""A session's room, as LiveKit's own Python client meets it."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import aiohttp
import pytest
import requests
from livekit import rtc
from livekit.protocol.rtc import LeaveRequest, SignalResponse

from flask_heygen.simulator import Refusal, Simulator
from tests.constants import KEY
from tests.coroutines import run
from tests.simulator.guest import LONG, SILENT, TEXT, Guest, Invite, wait_until

NOT_READY = {"code": 400006, "message": "Session is not in correct state"}
# Where the mouth is, in pixels.
MOUTH = [(y, x) for y in range(192, 224) for x in range(300, 342)]


class Account:
    """The vendor's customer, whose server calls the API."""

    def __init__(self, url: str, http: requests.Session) -> None:
        self.url = url
        self.http = http

    def post(self, call: str, **body: object) -> Any:
        base = f"{self.url}/v1/streaming."
        key = {"X-Api-Key": KEY}
        reply = self.http.post(f"{base}create_token", json={}, headers=key, timeout=30)
        bearer = {"Authorization": f"Bearer {reply.json()['data']['token']}"}
        return self.http.post(base + call, json=body, headers=bearer, timeout=30).json()

    def new(self, **options: object) -> dict[str, Any]:
        return dict(self.post("new", **options)["data"])

    def started(self, **options: object) -> dict[str, Any]:
        session = self.new(**options)
        self.post("start", session_id=session["session_id"])
        return session

    def say(self, session: dict[str, Any], text: str) -> dict[str, Any]:
        reply = self.post("task", session_id=session["session_id"], text=text, task_mode="async")
        return dict(reply["data"])


class Customer(Account):
    """A customer that can look into the simulator, too."""

    def __init__(self, sim: Simulator, http: requests.Session) -> None:
        super().__init__(sim.url, http)
        self.sim = sim

    def state(self, session: dict[str, Any]) -> str:
        return self.sim.sessions[session["session_id"]].state


class Page(Guest):
    """A page that receives v1's messages."""

    def join(self, session: dict[str, Any]) -> None:
        """Join a room, and wait for the picture."""
        self.enter(session["url"], session["access_token"])
        self.wait_for_video()

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages() if message["type"] == kind]

    def wait_for_speech(self, count: int = 1) -> None:
        wait_until(lambda: len(self.heard("avatar_stop_talking")) == count, "the avatar had spoken")


def threads() -> set[str]:
    """Return the names of the threads that Python started, without the Rust client's."""
    return {thread.name for thread in threading.enumerate() if "Dummy" not in thread.name}


def mouth(picture: rtc.VideoFrame) -> bytes:
    assert picture.type == rtc.VideoBufferType.I420
    luma = memoryview(picture.data).cast("B")
    return bytes(luma[y * picture.width + x] for y, x in MOUTH)


def movement(pictures: list[rtc.VideoFrame]) -> float:
    """Return by how much the mouth changed, at most, in shades of 255."""
    first = mouth(pictures[0])
    return max(
        sum(abs(a - b) for a, b in zip(first, mouth(each), strict=True)) / len(first)
        for each in pictures
    )


Open = Callable[..., Customer]


@pytest.fixture
def open_account(configure: Callable[..., Simulator], http: requests.Session) -> Open:
    options: dict[str, Any] = {"joined": False, "frame_rate": 5}  # few pictures save CPU
    return lambda **more: Customer(configure(**{**options, **more}), http)


@pytest.fixture
def account(open_account: Open) -> Customer:
    return open_account()


@pytest.fixture
def guest(invite: Invite) -> Page:
    return invite(Page)


class TestEntering:
    def test_connects_the_session(self, account: Customer, guest: Page) -> None:
        """A started session is connecting, and accepts no task, until a client is in its room."""
        session = account.started()
        session_id = session["session_id"]
        before = account.post("task", session_id=session_id, text="Too early")
        connecting = account.state(session)
        guest.join(session)

        assert (before, connecting) == (NOT_READY, "connecting")
        assert account.state(session) == "connected"
        assert account.say(session, "Now")["task_id"]

    def test_may_come_before_the_start(self, account: Customer, guest: Page) -> None:
        """A client in a new session's room makes it connected as soon as it starts."""
        session = account.new()
        guest.join(session)
        new = account.state(session)
        account.post("start", session_id=session["session_id"])

        assert (new, account.state(session)) == ("new", "connected")

    def test_meets_the_avatar(self, account: Customer, guest: Page) -> None:
        """The participant heygen publishes a voice and a face of 640 by 360 pixels."""
        guest.join(account.started())

        [avatar] = guest.room.remote_participants.values()
        kinds = {publication.kind for publication in avatar.track_publications.values()}
        assert avatar.identity == "heygen"
        assert kinds == {rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO}
        assert {(each.width, each.height) for each in guest.pictures} == {(640, 360)}

    def test_twice_throws_the_first_out(self, account: Customer, invite: Invite) -> None:
        """A token carries one identity, and that is in the room only once."""
        session = account.started()
        first, second = invite(Page), invite(Page)
        first.join(session)
        second.join(session)
        wait_until(lambda: first.left, "the first was gone")

        assert first.left == [rtc.DisconnectReason.DUPLICATE_IDENTITY]
        assert account.state(session) == "connected"
        assert second.left == []


class TestRefusing:
    @pytest.mark.parametrize("path", ["/rtc", "/rtc/validate"])
    @pytest.mark.parametrize("token", ["", "nonsense", "foreign"])
    def test_a_token_that_is_none(
        self, account: Customer, open_account: Open, path: str, token: str
    ) -> None:
        """A missing, malformed or foreign token is a 401 that every origin can read."""
        if token == "foreign":
            with Simulator() as other:
                token = Customer(other, account.http).new()["access_token"]
        reply = account.http.get(account.sim.url + path, params={"access_token": token}, timeout=30)

        assert (reply.status_code, reply.text) == (401, "invalid token")
        assert reply.headers["Access-Control-Allow-Origin"] == "*"

    def test_an_expired_token(self, open_account: Open) -> None:
        """After a day a token is 401."""
        day = 24 * 3600
        account = open_account(session_seconds=2 * day, idle_seconds=2 * day, empty_seconds=2 * day)
        session = account.new()
        before = self.validate(account, session)
        account.sim.advance(day)

        assert (before, self.validate(account, session)) == (200, 401)

    @pytest.mark.parametrize("closed", [True, False])
    def test_a_room_that_is_none(self, account: Customer, *, closed: bool) -> None:
        """The room of a closed or forgotten session is 404."""
        session = account.started()
        if closed:
            account.post("stop", session_id=session["session_id"])
        else:
            account.sim.reset()

        assert self.validate(account, session) == 404

    def test_is_understood_by_the_client(self, account: Customer, guest: Page) -> None:
        """The official client reports what the simulator said."""
        session = {**account.new(), "access_token": "nonsense"}

        with pytest.raises(rtc.ConnectError, match="401"):
            guest.join(session)

    def test_the_newer_protocol(self, account: Customer) -> None:
        """At /rtc/v1 it is 404, at which clients fall back."""
        for path in ("/rtc/v1", "/rtc/v1/validate"):
            reply = account.http.get(account.sim.url + path, timeout=30)

            assert reply.status_code == 404
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert account.sim.count("unknown") == 0

    def test_a_look_whether_the_network_is_back(self, account: Customer) -> None:
        """A client that was offline joins again as soon as it can read the answer."""
        reply = account.http.head(account.sim.url, timeout=30)

        assert reply.status_code == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "*"

    def validate(self, account: Customer, session: dict[str, Any]) -> int:
        """Ask as the Rust clients do, by a header."""
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        url = f"{account.sim.url}/rtc/validate"
        return account.http.get(url, headers=headers, timeout=30).status_code


class TestSignalling:
    """The answers to raw signals, beneath LiveKit's client."""

    def test_names_the_avatar_in_its_offer(self, account: Customer) -> None:
        """By the line msid a client finds participant and track; Firefox wants the track twice."""
        offers = {}
        for browser in ("Chrome", "Firefox"):
            join, offer = run(signals(account.new(), 2, browser=browser))
            [avatar] = join.join.other_participants
            offers[browser] = (avatar, re.findall("a=msid:(.*)\r\n", offer.offer.sdp))

        avatar, lines = offers["Chrome"]
        assert lines == [f"{avatar.sid}|heygen {track.sid}" for track in avatar.tracks]
        avatar, lines = offers["Firefox"]
        assert lines == [f"{avatar.sid}|{track.sid} {track.sid}" for track in avatar.tracks]

    def test_does_not_resume(self, account: Customer) -> None:
        """A client that lost its connection has to join again."""
        [leave] = run(signals(account.new(), 1, reconnect="1"))

        assert leave.leave.action == LeaveRequest.RECONNECT

    def test_ends_on_nonsense(self, account: Customer) -> None:
        """Bytes that are no message close the connection."""
        session = account.new()
        run(signals(session, 10, send=b"\xff"))

        session_id = session["session_id"]
        wait_until(lambda: account.sim.sessions[session_id].empty_until, "the room was empty")


async def signals(
    session: dict[str, Any], count: int, send: bytes = b"", **query: str
) -> list[SignalResponse]:
    """Join by hand, and read so many messages, or those up to the connection's end."""
    query["access_token"] = session["access_token"]
    messages: list[SignalResponse] = []
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{session['url']}/rtc", params=query) as socket,
    ):
        if send:
            await socket.send_bytes(send)
        while len(messages) < count:
            message = await socket.receive(timeout=30)
            if message.type != aiohttp.WSMsgType.BINARY:
                break
            messages.append(SignalResponse.FromString(message.data))
    return messages


class TestSpeaking:
    def test_is_heard_and_seen(self, open_account: Open, guest: Page) -> None:
        """Sound and mouth move while a task is spoken, and rest after."""
        account = open_account(frame_rate=25)
        session = account.started()
        guest.join(session)
        wait_until(lambda: len(guest.pictures) > 5, "pictures came")
        account.say(session, TEXT)
        guest.wait_for_speech()
        guest.wait_for_audio()
        wait_until(lambda: movement(guest.pictures) > 15, "the mouth moved")
        # What was under way arrives first.
        wait_until(lambda: guest.peak(20) < SILENT, "it was silent")
        wait_until(lambda: movement(guest.pictures[-10:]) < 3, "the mouth rested")

    def test_takes_as_long_as_announced(self, account: Customer, guest: Page) -> None:
        """The reply and the last message have the duration of the audio."""
        session = account.started()
        guest.join(session)
        started = time.monotonic()
        task = account.say(session, TEXT)
        guest.wait_for_speech()
        took = time.monotonic() - started

        assert 1000 < task["duration_ms"] < 8000
        assert guest.heard("avatar_stop_talking")[0]["duration_ms"] == task["duration_ms"]
        assert took >= task["duration_ms"] / 1000

    def test_is_described_in_messages(self, account: Customer, guest: Page) -> None:
        """Start, words in groups, the end of the words, the end of the sound: task by task."""
        session = account.started()
        guest.join(session)
        tasks = [account.say(session, text)["task_id"] for text in (TEXT, "And then?")]
        guest.wait_for_speech(2)

        kinds = [[m["type"] for m in guest.messages() if m["task_id"] == task] for task in tasks]
        for each in kinds:
            assert each[0] == "avatar_start_talking"
            assert set(each[1:-2]) == {"avatar_talking_message"}
            assert each[-2:] == ["avatar_end_message", "avatar_stop_talking"]
        assert len(kinds[0]) > 5
        assert [m["task_id"] for m in guest.messages()] == sorted(
            (m["task_id"] for m in guest.messages()), key=tasks.index
        )
        words = [message["message"] for message in guest.heard("avatar_talking_message")]
        assert "".join(words) == TEXT + "And then?"

    def test_sends_reliable_packets(self, account: Customer, guest: Page) -> None:
        """They come from heygen, reliably and without a topic."""
        session = account.started()
        guest.join(session)
        account.say(session, "Yes.")
        guest.wait_for_speech()

        packet = guest.packets[0]
        assert packet.participant is not None
        assert packet.participant.identity == "heygen"
        assert packet.kind == rtc.DataPacketKind.KIND_RELIABLE
        assert not packet.topic

    def test_makes_heygen_the_active_speaker(self, account: Customer, guest: Page) -> None:
        """The avatar is the active speaker while it speaks, and no participant is after."""
        session = account.started()
        guest.join(session)
        account.say(session, "Yes.")
        wait_until(lambda: len(guest.speakers) == 2, "the speakers changed twice")

        assert guest.speakers == [["heygen"], []]

    def test_follows_the_voice_that_was_asked_for(self, account: Customer, invite: Invite) -> None:
        """A voice's rate and the language change the sound."""
        voices: list[dict[str, object]] = [{}, {"voice": {"rate": 1.5}}, {"language": "de"}]
        durations = []
        for options in voices:
            session = account.started(**options)
            invite(Page).join(session)
            durations.append(account.say(session, TEXT)["duration_ms"])

        usual, fast, german = durations
        assert fast < usual * 0.8
        assert german != usual

    def test_holds_for_both_of_two_rooms(self, account: Customer, invite: Invite) -> None:
        """Each room hears its own tasks."""
        sessions, guests = [account.started() for _ in range(2)], [invite(Page), invite(Page)]
        for session, guest in zip(sessions, guests, strict=True):
            guest.join(session)
        tasks = [account.say(session, TEXT)["task_id"] for session in sessions]
        for guest in guests:
            guest.wait_for_speech()

        for task, guest in zip(tasks, guests, strict=True):
            assert {message["task_id"] for message in guest.messages()} == {task}
            guest.wait_for_audio()


class TestSending:
    @pytest.mark.parametrize("sender", ["", "mallory"])
    def test_of_any_message(self, account: Customer, guest: Page, sender: str) -> None:
        """A test can send a room anything, as the avatar or as another participant."""
        session = account.started()
        guest.join(session)
        message = {"type": "avatar_stop_talking"}
        account.sim.send(session["session_id"], message, sender)
        wait_until(lambda: guest.packets, "the message came")

        [packet] = guest.packets
        assert guest.messages() == [message]
        assert packet.participant is not None
        assert packet.participant.identity == (sender or "heygen")


class TestInterrupting:
    def test_silences(self, account: Customer, guest: Page) -> None:
        """The task that is spoken ends at once, and what is queued never begins."""
        session = account.started()
        guest.join(session)
        first, _ = account.say(session, LONG), account.say(session, TEXT)
        guest.wait_for_audio()
        wait_until(lambda: guest.heard("avatar_talking_message"), "its words came")
        account.post("interrupt", session_id=session["session_id"])
        guest.wait_for_speech()
        wait_until(lambda: guest.peak(20) < SILENT, "it was silent", seconds=5)
        last = account.say(session, "Well.")
        guest.wait_for_speech(2)

        stopped = guest.heard("avatar_stop_talking")
        assert stopped[0]["task_id"] == first["task_id"]
        assert stopped[0]["duration_ms"] < first["duration_ms"] / 2
        assert [message["task_id"] for message in stopped] == [first["task_id"], last["task_id"]]
        assert [speech.interrupted for speech in account.sim.spoken] == [True, True, False]


class TestHearing:
    def test_is_sent_to_the_room(self, account: Customer, guest: Page) -> None:
        """The page receives what `hear` says that the user said."""
        session = account.started()
        guest.join(session)
        account.sim.hear(session["session_id"], "I like Python.")
        wait_until(lambda: len(guest.messages()) == 2, "both messages came")

        talking, end = guest.messages()
        task_id = talking.pop("task_id")
        assert talking == {"type": "user_talking_message", "message": "I like Python."}
        assert end == {"type": "user_end_message", "task_id": task_id}

    def test_of_a_microphone_needs_an_option(self, open_account: Open, guest: Page) -> None:
        """Where the session has ia_is_livekit_transport, the words are the script's (sdk)."""
        account = open_account(hears=["I like Python."])
        guest.join(account.started(ia_is_livekit_transport=True))
        publication = guest.publish_microphone()
        guest.speak_until(lambda: guest.heard("user_end_message"), "the words came")

        assert publication.sid.startswith("TR_")
        assert guest.heard("user_talking_message")[0]["message"] == "I like Python."

    def test_needs_somebody_in_the_room(self, account: Customer) -> None:
        """A session that no client has joined cannot hear."""
        session = account.started()

        with pytest.raises(Refusal, match="not in correct state"):
            account.sim.hear(session["session_id"], "Hello?")


ENDINGS: dict[str, Callable[[Customer, str], object]] = {
    "stop": lambda account, session_id: account.post("stop", session_id=session_id),
    "idle": lambda account, _: account.sim.advance(121),
    "cap": lambda account, _: account.sim.advance(601),
    "vendor": lambda account, session_id: account.sim.close_session(session_id),
    "reset": lambda account, _: account.sim.reset(),
}


class TestEnding:
    @pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())
    def test_deletes_the_room(
        self, account: Customer, guest: Page, end: Callable[[Customer, str], object]
    ) -> None:
        """A session that ends, for any reason, disconnects its clients: room deleted."""
        session = account.started()
        guest.join(session)
        end(account, session["session_id"])
        wait_until(lambda: guest.left, "the client was disconnected")

        assert guest.left == [rtc.DisconnectReason.ROOM_DELETED]

    def test_is_not_caused_by_leaving(self, account: Customer, guest: Page) -> None:
        """An empty room stays for five minutes, and its session speaks on."""
        session = account.started(activity_idle_timeout=3600)
        guest.join(session)
        guest.leave()
        wait_until(lambda: account.sim.sessions[session["session_id"]].empty_until, "it was empty")
        account.sim.advance(290)
        states = [account.state(session)]
        said = account.say(session, TEXT)
        account.sim.advance(11)
        states.append(account.state(session))

        assert states == ["connected", "closed"]
        assert said["duration_ms"] > 0

    def test_comes_for_a_session_that_nobody_joins(self, account: Customer) -> None:
        """Five minutes without a client close a session that is kept alive."""
        session = account.started(activity_idle_timeout=3600)
        account.sim.advance(299)
        before = account.state(session)
        account.sim.advance(1)

        assert (before, account.state(session)) == ("connecting", "closed")


class TestSimulator:
    def test_disconnects_clients_when_it_stops(self, account: Customer, invite: Invite) -> None:
        """Its sessions are still there when it starts again, and can be joined again."""
        session = account.started()
        first, second = invite(Page), invite(Page)
        first.join(session)
        account.say(session, LONG)
        account.sim.stop()
        wait_until(lambda: first.left, "the client was disconnected")
        account.sim.start()
        second.join(session)
        account.say(session, "Welcome back.")
        second.wait_for_speech()

        assert first.left == [rtc.DisconnectReason.SERVER_SHUTDOWN]
        assert account.state(session) == "connected"

    def test_leaves_nothing_running(self, account: Customer, guest: Page) -> None:
        """After a stop its threads are gone."""
        before = threads()
        with Simulator(joined=False) as sim:
            other = Customer(sim, account.http)
            session = other.started()
            guest.join(session)
            other.say(session, TEXT)

        assert threads() <= before


WITHOUT = """
import sys
sys.modules["aiortc"] = None
import requests
from flask_heygen.simulator import Simulator, joinable
with Simulator() as sim:
    key = {"X-Api-Key": "key"}
    token = requests.post(sim.url + "/v1/streaming.create_token", json={}, headers=key).json()
    bearer = {"Authorization": "Bearer " + token["data"]["token"]}
    new = requests.post(sim.url + "/v1/streaming.new", json={}, headers=bearer).json()["data"]
    params = {"access_token": new["access_token"]}
    for path in ("/rtc", "/rtc/validate"):
        reply = requests.get(sim.url + path, params=params)
        print(joinable(), reply.status_code, reply.text)
"""

INSTALL_HINT = "To see and hear the simulated avatar: pip install 'flask-heygen[avatar]'"


class TestWithoutTheExtra:
    def test_says_what_to_install(self) -> None:
        """The API works, and a client that tries to join learns what is missing."""
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=True
        )

        assert done.stdout.splitlines() == [f"False 501 {INSTALL_HINT}"] * 2


PROGRAM = """
import sys
sys.modules["aiortc"] = None
from flask_heygen.simulator.__main__ import main
main(["--port", "0"])
"""


class TestProgram:
    @pytest.mark.parametrize(
        ("options", "state"), [([], "connecting"), (["--joined"], "connected")]
    )
    def test_waits_for_somebody_to_join(self, options: list[str], state: str) -> None:
        """Where sessions can be joined, they are connected only then, or by an option."""
        command = [sys.executable, "-m", "flask_heygen.simulator", "--port", "0", *options]
        with running(command) as lines, requests.Session() as http:
            http.trust_env = False
            account = Account(lines.readline().split()[-1], http)
            session = account.started()
            seen = http.get(f"{account.url}/simulator", timeout=30).json()["sessions"]

        assert seen[session["session_id"]]["state"] == state

    def test_says_what_to_install(self) -> None:
        """Without the extra it says so once, and works."""
        with running([sys.executable, "-c", PROGRAM]) as lines:
            printed = [lines.readline() for _ in range(2)]

        assert printed[0].startswith("A simulation of HeyGen is at http://127.0.0.1:")
        assert printed[1] == f"{INSTALL_HINT}\n"


@contextmanager
def running(command: list[str]) -> Iterator[IO[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout
        process.terminate()
