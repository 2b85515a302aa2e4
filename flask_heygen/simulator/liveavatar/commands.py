"""What a page can have the avatar do: the events of the topic agent-control (doc)."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from flask_heygen.simulator.parameters import Order
from flask_heygen.simulator.records import Session
from flask_heygen.simulator.refusals import Refusal, SessionNotFound
from flask_heygen.simulator.rooms import Rooms
from flask_heygen.simulator.sessions import Sessions

from .agents import Agents

_log = logging.getLogger("flask_heygen.simulator")


class Commands:
    """The commands, obeyed one after the other in the order of their coming.

    There is no model behind ``avatar.speak_response``: the avatar says that it heard the text.
    """

    def __init__(self, sessions: Sessions, rooms: Rooms, agents: Agents) -> None:
        self._sessions = sessions
        self._rooms = rooms
        self._agents = agents
        self._obeying: set[asyncio.Task[None]] = set()
        agents.obeyed_by(self._receive)

    async def obey(self, session_id: str, event: dict[str, Any]) -> None:
        """Do what an event says; raises Refusal where nobody is there who could have told it.

        One that comes before the agent has joined is lost (sdk), as is one that says nothing.
        """
        async with self._rooms.turn:
            session = self._sessions.connected(session_id)
            if session.api != "liveavatar":
                raise SessionNotFound
            if not self._agents.agent(session).present():
                _log.warning("Session %s: a command came before its agent, and is lost", session_id)
                return

            match event:
                case {"event_type": "avatar.speak_text", "text": str(text)}:
                    await self._speak(session, event, text, "repeat")
                case {"event_type": "avatar.speak_response", "text": str(text)}:
                    await self._speak(session, event, f"You said: {text}", "chat")
                case {"event_type": "avatar.interrupt"}:
                    self._sessions.interrupt(session_id)
                    self._rooms.interrupt(session_id)
                case {"event_type": "avatar.start_listening" | "avatar.stop_listening"}:
                    # To be seen nowhere, but a sign of life (guess).
                    self._sessions.keep_alive(session_id)

    async def _speak(
        self, session: Session, event: dict[str, Any], text: str, task_type: str
    ) -> None:
        if not event["text"].strip():
            return

        told = event.get("event_id")
        source = told if isinstance(told, str) and told else None
        order = Order(session.session_id, text, task_type, sync=False, task_id=source)
        sound = await self._rooms.record(order)
        duration_ms = None if sound is None else sound.duration_ms
        speech = self._sessions.task(order, session.token, duration_ms)
        agent = self._agents.agent(session)
        if task_type == "chat":
            agent.transcript.append(("user", event["text"], speech.at))
        words = agent.speak(speech, source, heard=sound is not None)
        self._rooms.tell(session.session_id, words)
        self._rooms.say(speech, sound)

    def _receive(self, session_id: str, event: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._try(session_id, event))
        self._obeying.add(task)
        task.add_done_callback(self._obeying.discard)

    async def _try(self, session_id: str, event: dict[str, Any]) -> None:
        with suppress(Refusal):
            await self.obey(session_id, event)
