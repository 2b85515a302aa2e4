"""A LiveAvatar session's room, as LiveKit's own Python client meets it."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from livekit import rtc

from flask_heygen.simulator import Simulator
from tests import constants
from tests.simulator.guest import LONG, SILENT, TEXT, Guest, Invite, wait_until

CONTEXT = "5b3f9c1e-7c0a-4b5d-9a51-0c2f4f0e7a10"
AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
KEY = {"X-API-KEY": constants.KEY}
CONTROL, RESPONSE = "agent-control", "agent-response"
#: Longer than any test: the agent joins when the clock is advanced.
LATE = 100.0


class Page(Guest):
    """A page that publishes commands and receives events."""

    def join(self, session: dict[str, Any]) -> None:
        """Join a room."""
        self.enter(session["livekit_url"], session["livekit_client_token"])

    def join_and_see(self, session: dict[str, Any]) -> None:
        """Join a room, and wait for the picture."""
        self.join(session)
        self.wait_for_video()

    def publish(self, content: object, *, topic: str = CONTROL, reliable: bool = True) -> None:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        publish = self.room.local_participant.publish_data
        self.run(publish(payload, reliable=reliable, topic=topic))

    def say(self, text: str, event_id: str = "1") -> None:
        event = {"event_id": event_id, "event_type": "avatar.speak_text", "text": text}
        self.publish(event)

    def present(self) -> set[str]:
        return set(self.room.remote_participants)

    def event_types(self) -> list[tuple[str, str | None]]:
        """Give kind and source of each event."""
        return [(event["event_type"], event.get("source_event_id")) for event in self.messages()]

    def words(self) -> list[str]:
        """Give what the user was understood to say."""
        return [m["text"] for m in self.messages() if m["event_type"] == "user.transcription"]

    def wait_for_event(self, kind: str, source: str | None = "1") -> None:
        wait_until(lambda: (kind, source) in self.event_types(), f"{kind} of {source} was received")


Open = Callable[..., Simulator]


@pytest.fixture
def open_simulator(configure: Open) -> Open:
    return lambda **options: configure(joined=False, frame_rate=5, **options)


@pytest.fixture
def sim(open_simulator: Open) -> Simulator:
    return open_simulator()


@pytest.fixture
def late(open_simulator: Open) -> Simulator:
    """Return one whose agents join only when its clock is advanced."""
    return open_simulator(agent_seconds=LATE)


@pytest.fixture
def guest(invite: Invite) -> Page:
    return invite(Page)


def started(
    sim: Simulator, interactivity_type: str | None = None, **persona: Any
) -> dict[str, Any]:
    with requests.Session() as http:
        http.trust_env = False
        base = f"{sim.url}/v1/sessions"
        body = {
            "avatar_id": AVATAR,
            "avatar_persona": persona,
            "interactivity_type": interactivity_type,
        }
        made = http.post(f"{base}/token", json=body, headers=KEY, timeout=30).json()["data"]
        bearer = {"Authorization": f"Bearer {made['session_token']}"}
        return dict(http.post(f"{base}/start", headers=bearer, timeout=30).json()["data"])


def agent_of(session: dict[str, Any]) -> str:
    return f"liveavatar-agent-{session['session_id']}"


class TestEntering:
    def test_meets_the_avatar_and_its_agent(self, sim: Simulator, guest: Page) -> None:
        """The avatar has a voice and a face; the agent is there, and has neither."""
        session = started(sim)
        guest.join_and_see(session)

        people = guest.room.remote_participants
        kinds = {each.kind for each in people["heygen"].track_publications.values()}
        assert guest.present() == {"heygen", agent_of(session)}
        assert kinds == {rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO}
        assert not people[agent_of(session)].track_publications
        assert sim.sessions[session["session_id"]].state == "connected"

    def test_may_come_before_them(self, late: Simulator, guest: Page) -> None:
        """A client that joins first is notified when they join, and then receives the avatar."""
        session = started(late)
        guest.join(session)
        alone = guest.present()
        late.advance(LATE)
        wait_until(lambda: guest.pictures, "the picture came")
        guest.say(TEXT)
        guest.wait_for_event("avatar.speak_ended")

        assert alone == set()
        assert set(guest.joined) == {"heygen", agent_of(session)}
        guest.wait_for_audio()

    def test_twice_throws_the_first_out(self, sim: Simulator, invite: Invite) -> None:
        """The client's token carries one identity, and that is in the room only once."""
        session = started(sim)
        first, second = invite(Page), invite(Page)
        first.join_and_see(session)
        second.join_and_see(session)
        wait_until(lambda: first.left, "the first was gone")

        assert first.left == [rtc.DisconnectReason.DUPLICATE_IDENTITY]
        assert second.left == []


class TestPublishing:
    def test_has_the_avatar_speak(self, sim: Simulator, guest: Page) -> None:
        """A text is heard, and recorded as a task with the session's token."""
        guest.join_and_see(started(sim))
        guest.say(TEXT)
        guest.wait_for_event("avatar.speak_ended")
        guest.wait_for_audio()
        wait_until(lambda: guest.peak(20) < SILENT, "it was silent")

        [speech], [token] = sim.spoken, sim.tokens
        assert (speech.text, speech.task_id, speech.token) == (TEXT, "1", token.value)

    def test_keeps_its_order(self, sim: Simulator, guest: Page) -> None:
        """Texts are spoken one after the other, as they came, answers among them."""
        guest.join_and_see(started(sim, context_id=CONTEXT))
        guest.say(TEXT, "1")
        guest.publish({"event_id": "2", "event_type": "avatar.speak_response", "text": "Yes?"})
        guest.say("No.", "3")
        guest.wait_for_event("avatar.speak_ended", "3")

        spoken = [each for each in guest.event_types() if "transcription" not in each[0]]
        assert sim.texts == (TEXT, "You said: Yes?", "No.")
        assert spoken == [
            (f"avatar.speak_{moment}", event_id)
            for event_id in "123"
            for moment in ("started", "ended")
        ]

    def test_interrupts(self, sim: Simulator, guest: Page) -> None:
        """A text that is being spoken ends at once, and queued ones never begin."""
        guest.join_and_see(started(sim))
        guest.say(LONG, "1")
        guest.say(TEXT, "2")
        guest.wait_for_event("avatar.speak_started", "1")
        guest.wait_for_audio()
        guest.publish({"event_type": "avatar.interrupt"})
        guest.wait_for_event("avatar.speak_ended", "1")
        wait_until(lambda: guest.peak(20) < SILENT, "it was silent", seconds=5)
        guest.say("Well.", "3")
        guest.wait_for_event("avatar.speak_ended", "3")

        assert ("avatar.speak_started", "2") not in guest.event_types()
        assert [speech.interrupted for speech in sim.spoken] == [True, True, False]

    def test_is_lost_before_the_agent_has_joined(
        self, late: Simulator, guest: Page, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A command without an agent is lost, and the log says so."""
        session = started(late)
        guest.join(session)
        guest.say("Too early.", "1")
        lost = f"Session {session['session_id']}: a command came without an agent, and is lost"
        wait_until(lambda: lost in caplog.messages, "the command was lost")
        late.advance(LATE)
        wait_until(lambda: agent_of(session) in guest.present(), "the agent came")
        guest.say("Now.", "2")
        guest.wait_for_event("avatar.speak_ended", "2")

        assert late.texts == ("Now.",)

    @pytest.mark.parametrize(
        ("content", "options"),
        [
            ({"event_type": "avatar.speak_text", "text": "Hi"}, {"topic": "chat"}),
            ({"event_type": "avatar.speak_text", "text": "Hi"}, {"topic": ""}),
            ({"event_type": "avatar.speak_text", "text": "Hi"}, {"reliable": False}),
            (b"\xff", {}),
            (b"[]", {}),
        ],
    )
    def test_ignores_everything_else(
        self, sim: Simulator, guest: Page, content: object, options: dict[str, Any]
    ) -> None:
        """Another topic, an unreliable message, and what is no event are ignored."""
        guest.join_and_see(started(sim))
        guest.publish(content, **options)
        guest.say("Yes.")
        guest.wait_for_event("avatar.speak_ended")

        assert sim.texts == ("Yes.",)

    def test_by_the_test_is_the_same(self, sim: Simulator, guest: Page) -> None:
        """A command by `publish` is heard in the room, too."""
        session = started(sim)
        guest.join_and_see(session)
        event = {"event_id": "1", "event_type": "avatar.speak_text", "text": "Yes."}
        sim.publish(session["session_id"], event)
        guest.wait_for_event("avatar.speak_ended")

        assert guest.messages() == list(sim.events(session["session_id"]))


class TestEvents:
    def test_is_in_reliable_packets_of_the_agent(self, sim: Simulator, guest: Page) -> None:
        """They come from the agent, reliably, on the topic agent-response."""
        session = started(sim)
        guest.join_and_see(session)
        guest.say("Yes.")
        guest.wait_for_event("avatar.speak_ended")

        for packet in guest.packets:
            assert packet.participant is not None
            assert packet.participant.identity == agent_of(session)
            assert packet.kind == rtc.DataPacketKind.KIND_RELIABLE
            assert packet.topic == RESPONSE

    def test_follows_the_voice(self, sim: Simulator, guest: Page) -> None:
        """The words come at once, and beginning and end as they are heard."""
        session = started(sim)
        guest.join_and_see(session)
        started_at = time.monotonic()
        guest.say(TEXT)
        guest.wait_for_event("avatar.speak_ended")
        took = time.monotonic() - started_at

        words, *_ = guest.messages()
        kinds, sources = zip(*guest.event_types(), strict=True)
        assert set(sources) == {"1"}
        assert kinds[:2] == ("avatar.transcription", "avatar.speak_started")
        assert set(kinds[2:-1]) == {"avatar.transcription.chunk"}
        assert kinds[-1] == "avatar.speak_ended"
        assert "".join(message["text"] for message in guest.messages()[2:-1]) == TEXT
        assert (words["text"], words["session_id"]) == (TEXT, session["session_id"])
        assert took >= sim.spoken[0].duration_ms / 1000

    def test_hold_what_the_user_said(self, sim: Simulator, guest: Page) -> None:
        """The page receives what `hear` says that the user said."""
        session = started(sim)
        guest.join_and_see(session)
        sim.hear(session["session_id"], "I like Python.")
        guest.wait_for_event("user.transcription", None)

        [words] = [m for m in guest.messages() if m["event_type"] == "user.transcription"]
        assert words["text"] == "I like Python."

    def test_uses_the_voice_that_was_asked_for(self, sim: Simulator, invite: Invite) -> None:
        """A voice's speed and the language change the sound."""
        personas: list[dict[str, Any]] = [
            {},
            {"voice_settings": {"provider": "elevenLabs", "speed": 1.2}},
            {"language": "de"},
        ]
        for persona in personas:
            page = invite(Page)
            page.join_and_see(started(sim, **persona))
            page.say(TEXT)
            page.wait_for_event("avatar.speak_started")

        usual, fast, german = (speech.duration_ms for speech in sim.spoken)
        assert fast < usual * 0.95
        assert german != usual


class TestHearing:
    def test_follows_the_loudness(self, open_simulator: Open, guest: Page) -> None:
        """The words are the script's, then samples that say so; with a model they are answered."""
        sim = open_simulator(hears=["I like Python."])
        guest.join_and_see(started(sim, context_id=CONTEXT))
        guest.publish_microphone()
        guest.speak_until(guest.words, "the first was transcribed")
        wait_until(lambda: sim.texts, "the avatar answered")
        guest.speak_until(lambda: len(guest.words()) > 1, "the second was transcribed")

        kinds = [event["event_type"] for event in guest.messages()]
        assert kinds[:4] == [
            "user.speak_started",
            "user.transcription.chunk",
            "user.transcription",
            "user.speak_ended",
        ]
        assert guest.words()[:2] == ["I like Python.", "This is simulated answer 1."]
        assert sim.texts[0] == "You said: I like Python."

    def test_interrupts_the_avatar(self, sim: Simulator, guest: Page) -> None:
        """A user who begins to speak ends what is spoken, and what is queued."""
        guest.join_and_see(started(sim))
        guest.publish_microphone()
        guest.say(LONG, "1")
        guest.say(TEXT, "2")
        guest.wait_for_event("avatar.speak_started", "1")
        ended = ("avatar.speak_ended", "1")
        guest.speak_until(lambda: ended in guest.event_types(), "the text was ended")
        guest.say("Well.", "3")
        guest.wait_for_event("avatar.speak_ended", "3")

        kinds = guest.event_types()
        assert kinds.index(("user.speak_started", None)) < kinds.index(ended)
        assert ("avatar.speak_started", "2") not in kinds
        assert [speech.interrupted for speech in sim.spoken] == [True, True, False]

    def test_waits_for_push_to_talk(self, open_simulator: Open, guest: Page) -> None:
        """Nothing is heard before it, and its end ends the words; twice is a failure.

        The avatar speaks on.
        """
        sim = open_simulator(hears=["Yes."])
        session = started(sim, interactivity_type="PUSH_TO_TALK")
        guest.join_and_see(session)
        guest.publish_microphone()
        guest.speak(0.3)
        guest.publish({"event_type": "user.stop_push_to_talk"})
        guest.wait_for_event("user.push_to_talk_stop_failed", None)
        wait_until(lambda: guest.loud_blocks < -100, "nobody spoke any more")
        guest.say(LONG)
        guest.wait_for_event("avatar.speak_started")
        guest.publish({"event_type": "user.start_push_to_talk"})
        guest.wait_for_event("user.push_to_talk_started", None)
        guest.speak(60)
        guest.wait_for_event("user.speak_started", None)
        guest.publish({"event_type": "user.start_push_to_talk"})
        guest.wait_for_event("user.push_to_talk_start_failed", None)
        guest.publish({"event_type": "user.stop_push_to_talk"})
        guest.wait_for_event("user.push_to_talk_stopped", None)

        kinds = [event["event_type"] for event in guest.messages()]
        assert kinds.index("user.push_to_talk_started") < kinds.index("user.speak_started")
        assert kinds.index("user.speak_ended") < kinds.index("user.push_to_talk_stopped")
        assert guest.words() == ["Yes."]
        assert "avatar.speak_ended" not in kinds


class TestOpening:
    def test_is_spoken_once_the_client_is_there(self, sim: Simulator, guest: Page) -> None:
        """The opening text of a context is the first that the avatar speaks."""
        body = {"name": "Interview", "prompt": "Ask.", "opening_text": "Welcome."}
        reply = requests.post(f"{sim.url}/v1/contexts", json=body, headers=KEY, timeout=30)
        session = started(sim, context_id=reply.json()["data"]["id"])
        before = sim.texts
        guest.join_and_see(session)
        wait_until(lambda: "avatar.speak_ended" in dict(guest.event_types()), "it was spoken")

        assert (before, sim.texts) == ((), ("Welcome.",))


class TestLeaving:
    def test_of_the_avatar_leaves_the_room(
        self, sim: Simulator, guest: Page, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Avatar and agent go in mid-word; room and session stay, and commands are lost."""
        session = started(sim)
        guest.join_and_see(session)
        guest.say(LONG)
        guest.wait_for_event("avatar.speak_started")
        sim.avatar_leaves(session["session_id"])
        wait_until(lambda: len(guest.gone) == 2, "both were gone")
        guest.say("Hello?", "2")
        lost = f"Session {session['session_id']}: a command came without an agent, and is lost"
        wait_until(lambda: lost in caplog.messages, "the command was lost")

        assert set(guest.gone) == {"heygen", agent_of(session)}
        assert ("avatar.speak_ended", "1") not in guest.event_types()
        assert sim.texts == (LONG,)
        assert sim.sessions[session["session_id"]].state == "connected"
        assert guest.left == []


class TestEnding:
    @pytest.mark.parametrize(
        ("end", "reason"),
        [
            (lambda sim, _: sim.advance(301), "IDLE_TIMEOUT"),
            (lambda sim, session_id: sim.close_session(session_id), "UNKNOWN"),
            (lambda sim, _: sim.reset(), "UNKNOWN"),
        ],
        ids=["idle", "vendor", "reset"],
    )
    def test_is_told_before_the_room_is_deleted(
        self, sim: Simulator, guest: Page, end: Callable[[Simulator, str], object], reason: str
    ) -> None:
        """Clients receive the reason, under both of its names, and are disconnected."""
        session = started(sim)
        guest.join_and_see(session)
        end(sim, session["session_id"])
        wait_until(lambda: guest.left, "the client was disconnected")

        [event] = guest.messages()
        assert event["event_type"] == "session.stopped"
        assert event["end_reason"] == event["stop_reason"] == reason
        assert guest.left == [rtc.DisconnectReason.ROOM_DELETED]


class TestStreaming:
    def test_ignores_a_page(self, sim: Simulator, guest: Page) -> None:
        """In a room of the streaming API a page's commands are ignored; calls are executed."""
        with requests.Session() as http:
            http.trust_env = False
            base = f"{sim.url}/v1/streaming."
            made = http.post(f"{base}create_token", json={}, headers=KEY, timeout=30).json()
            bearer = {"Authorization": f"Bearer {made['data']['token']}"}
            new = http.post(f"{base}new", json={}, headers=bearer, timeout=30).json()["data"]
            body = {"session_id": new["session_id"]}
            http.post(f"{base}start", json=body, headers=bearer, timeout=30)
        room = {"livekit_url": new["url"], "livekit_client_token": new["access_token"]}
        guest.join_and_see(room)
        guest.say("Hello?")
        with requests.Session() as http:
            http.trust_env = False
            task = {**body, "text": "Yes.", "task_mode": "async"}
            http.post(f"{base}task", json=task, headers=bearer, timeout=30)
        ended = {"type": "avatar_stop_talking"}
        wait_until(
            lambda: any(ended.items() <= each.items() for each in guest.messages()), "it spoke"
        )

        assert sim.texts == ("Yes.",)
        assert guest.present() == {"heygen"}
