"""The agents of the sessions, and the commands of the topic agent-control (doc)."""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from flask_heygen.simulator.account import Account
from flask_heygen.simulator.errors import SessionNotFound
from flask_heygen.simulator.models import Session, TaskRequest

from .agent import Agent

_PUSH_TO_TALK = {"user.start_push_to_talk": True, "user.stop_push_to_talk": False}

_log = logging.getLogger("flask_heygen.simulator")


class Agents:
    """The agents, which execute their commands one after the other.

    There is no model: where one would answer, the avatar says that it heard the text.
    """

    def __init__(self, account: Account, contexts: Mapping[str, Mapping[str, Any]]) -> None:
        self._account = account
        self._contexts = contexts
        self._lock = threading.Lock()
        self._agents: dict[str, Agent] = {}
        account.parts.append(self)
        account.rooms.protocols["liveavatar"] = self.agent

    def agent(self, session: Session) -> Agent:
        """Return a session's agent."""
        with self._lock:
            agent = self._agents.get(session.session_id)
            if agent is None:
                persona = session.options.get("avatar_persona") or {}
                context = self._contexts.get(str(persona.get("context_id")), {})
                opening_text = context.get("opening_text") or ""
                agent = Agent(self._account, session, self.execute, opening_text)
                self._agents[session.session_id] = agent
            return agent

    async def execute(self, session_id: str, event: dict[str, Any]) -> None:
        """Execute a command; raises an ApiError if no client is there to have published it.

        A command that comes before the agent has joined is lost (sdk), and an unknown one ignored.
        """
        async with self._account.rooms.command_lock:
            session = self._account.sessions.connected(session_id)
            if session.api != "liveavatar":
                raise SessionNotFound
            if not self._account.rooms.avatar_present(session):
                _log.warning("Session %s: a command came without an agent, and is lost", session_id)
                return

            await self._execute(self.agent(session), session, event)

    def reset(self) -> None:
        """Forget every agent."""
        with self._lock:
            self._agents.clear()

    async def _execute(self, agent: Agent, session: Session, event: dict[str, Any]) -> None:
        match event:
            case {"event_type": "avatar.speak_text", "text": str(text)}:
                await self._speak(agent, session, event, text, "repeat")
            case {"event_type": "avatar.speak_response", "text": str(text)} if agent.has_model:
                # What was said into a microphone is in the transcript already.
                if not event.get("heard"):
                    agent.transcript.append(("user", text, self._account.clock.now()))
                await self._speak(agent, session, event, f"You said: {text}", "chat")
            case {"event_type": "avatar.interrupt"}:
                self._account.sessions.interrupt(session.session_id)
                self._account.rooms.interrupt(session.session_id)
            case {"event_type": str(kind)} if kind in _PUSH_TO_TALK:
                self._push_to_talk(agent, session.session_id, on=_PUSH_TO_TALK[kind])
            case {"event_type": "avatar.start_listening" | "avatar.stop_listening"}:
                # It changes the avatar's looks alone, but is a sign of life (guess).
                self._account.sessions.keep_alive(session.session_id)
            case {"event_type": kind}:
                _log.warning("Session %s: ignored the event %.80r", session.session_id, kind)

    async def _speak(
        self, agent: Agent, session: Session, event: dict[str, Any], text: str, task_type: str
    ) -> None:
        if not event["text"].strip():
            return

        given = event.get("event_id")
        source = given if isinstance(given, str) and given else None
        task = TaskRequest(session.session_id, text, task_type, task_id=source)
        rooms = self._account.rooms
        sound = await rooms.synthesize(task)
        duration_ms = sound.duration_ms if sound else None
        speech = self._account.sessions.task(task, session.token, duration_ms)
        rooms.send(session.session_id, agent.speak(speech, source, heard=sound is not None))
        rooms.say(speech, sound)

    def _push_to_talk(self, agent: Agent, session_id: str, *, on: bool) -> None:
        verb = "start" if on else "stop"
        rooms = self._account.rooms
        if not agent.push_to_talk or agent.talking == on:
            rooms.send(session_id, agent.note(f"user.push_to_talk_{verb}_failed"))
            return

        rooms.end_speech(session_id)
        agent.talking = on
        past = "started" if on else "stopped"
        rooms.send(session_id, agent.note(f"user.push_to_talk_{past}"))
