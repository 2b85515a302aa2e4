"""A site of more than one machine: two gunicorns behind the nginx of a recipe."""

from __future__ import annotations

import itertools
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from flask_heygen.settings import Settings
from flask_heygen.simulator import Simulator
from tests.constants import question
from tests.leak_detector import LeakDetector
from tests.servers.machines import Machine, Visitor, redis_server, wait_until
from tests.servers.nginx import Nginx
from tests.servers.recipes import RECIPES, settings_for

GUNICORN = "gunicorn --worker-class gthread --threads 16 tests.servers.shop:app"
#: Seconds that a request of a page may take.
DEADLINE = Settings(api_key="k").timeout
#: Seconds; it takes milliseconds, and on a busy machine less than the vendor would.
AT_ONCE = 5


class Site(NamedTuple):
    """Two machines that share a key, and what stands before them."""

    nginx: Nginx
    machines: tuple[Machine, Machine]

    @property
    def url(self) -> str:
        return self.nginx.url

    def other(self, address: str) -> str:
        """Return the address of the machine that is not at this one."""
        [other] = {each.address for each in self.machines} - {address}
        return other

    def at(self, address: str) -> Machine:
        return next(each for each in self.machines if each.address == address)


def machine_of(answer: requests.Response) -> str:
    """Return the address of the machine that gave an answer, the last where several were asked."""
    return answer.headers["X-Machine"].split(", ")[-1]


def timed(recipe: str, times: Iterable[tuple[str, int]]) -> str:
    """Set times of nginx to so many seconds."""
    for name, seconds in times:
        recipe, found = re.subn(rf"\b({name}[ =])\d+s", rf"\g<1>{seconds}s", recipe)
        assert found
    return recipe


Open = Callable[..., AbstractContextManager[Site]]


@pytest.fixture
def open_site(sim: Simulator, leak_detector: LeakDetector) -> Open:
    """Run a host that follows a recipe on two machines until the end of a block."""

    @contextmanager
    def open_site(
        recipe: str, times: Iterable[tuple[str, int]] = (), **more: str
    ) -> Iterator[Site]:
        settings = {**settings_for(sim), "SHOP": recipe, "SHOP_PROXIED": "1", **more}
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))  # its name is short
            stack.callback(leak_detector.read_logs, folder)
            machines = []
            for name in ("one", "two"):
                (folder / name).mkdir()
                machines.append(Machine(GUNICORN, folder / name, **settings))
                stack.callback(machines[-1].kill)
            one, two = machines
            configuration = timed((RECIPES / "nginx.conf").read_text(), times)
            nginx = Nginx(folder, configuration, [one.address, two.address])
            stack.callback(nginx.end)
            yield Site(nginx, (one, two))

    return open_site


@pytest.fixture
def site(open_site: Open) -> Iterator[Site]:
    """Run two machines whose users sign in."""
    with open_site("login") as site:
        yield site


class Load:
    """A user who sends texts continuously, four at a time."""

    def __init__(self, site: Site) -> None:
        self._url = site.url
        self._numbers = itertools.count()
        self._over = threading.Event()
        #: The status that each text was answered with, and the machine that did.
        self.answers: dict[str, tuple[int, str]] = {}

    @contextmanager
    def run(self, user: str) -> Iterator[Load]:
        """Send texts for the duration of the block, then wait for the last answer."""
        with Visitor(self._url, user) as page:
            session_id = page.start(self._url)
        with ThreadPoolExecutor(4) as pool:
            speakers = [pool.submit(self._speak, user, session_id) for _ in range(4)]
            try:
                yield self
            finally:
                self._over.set()
        for speaker in speakers:
            speaker.result()

    def _speak(self, user: str, session_id: str) -> None:
        with Visitor(self._url, user) as page:
            page.headers["Connection"] = "close"  # an idle connection could be closed by a reload
            while not self._over.is_set():
                text = question(next(self._numbers))
                answer = page.call(self._url, "task", session_id=session_id, text=text)
                self.answers[text] = (answer.status_code, machine_of(answer))
                if answer.status_code != 200:
                    self._over.wait(0.05)  # no more load than where all is well

    def goes_on(self, *machines: Machine) -> None:
        """Wait until each of some machines has answered ten more tasks well."""
        enough = {each: self._spoken(each) + 10 for each in machines}
        wait_until(lambda: all(self._spoken(each) >= enough[each] for each in machines))

    def _spoken(self, machine: Machine) -> int:
        return list(self.answers.values()).count((200, machine.address))


class TestASession:
    def test_moves_freely_between_the_machines(self, site: Site, sim: Simulator) -> None:
        """Each speaks every other text of it, and all are spoken in their order."""
        texts = tuple(question(number) for number in range(10))

        with Visitor(site.url, "ada") as ada:
            session_id = ada.start(site.url)
            spoken = [
                ada.call(site.url, "task", session_id=session_id, text=text) for text in texts
            ]
            stopped = ada.call(site.url, "stop", session_id=session_id)

        assert [answer.status_code for answer in [*spoken, stopped]] == [200] * 11
        turns = [machine_of(answer) for answer in spoken]
        assert set(turns[::2]) == {turns[0]}
        assert set(turns[1::2]) == {site.other(turns[0])}
        assert sim.texts == texts
        assert [each.state for each in sim.sessions.values()] == ["closed"]

    @pytest.mark.parametrize(("user", "status"), [("eve", 403), (None, 401)])
    def test_is_its_owners_at_both(
        self, site: Site, sim: Simulator, user: str | None, status: int
    ) -> None:
        """Both machines refuse another user, wherever the session was started."""
        with Visitor(site.url, "ada") as ada, Visitor(site.url, user) as other:
            sessions = [ada.start(site.url) for _ in range(2)]
            asked = itertools.product(sessions, ("task", "interrupt"), range(2))
            refused = [
                other.call(
                    site.url, route, session_id=each, **({"text": "Hm?"} if route == "task" else {})
                )
                for each, route, _ in asked
            ]

        assert {answer.status_code for answer in refused} == {status}
        assert {machine_of(answer) for answer in refused} == {
            each.address for each in site.machines
        }
        assert sim.texts == ()

    @pytest.mark.parametrize(("port", "status"), [("", 200), ("0", 403)])
    def test_is_started_by_pages_of_the_site(self, site: Site, port: str, status: int) -> None:
        """The recipe's headers pass on the site's name, so that its pages count as same-origin."""
        with Visitor(site.url, "ada") as ada:
            ada.headers["Origin"] = site.url + port  # alone, as older browsers send it
            started = [ada.call(site.url, "start") for _ in range(2)]

        assert [answer.status_code for answer in started] == [status] * 2


@pytest.mark.slow
class TestARollingRestart:
    def test_loses_nothing(self, site: Site, sim: Simulator) -> None:
        """Every task is answered well and spoken once, while one machine after the other ends."""
        sim.latency["task"] = 0.05

        with Load(site).run("ada") as load:
            for machine, other in (site.machines, site.machines[::-1]):
                load.goes_on(machine, other)
                site.nginx.serve(without=machine)
                machine.end()
                load.goes_on(other)
                machine.start()
                site.nginx.serve()
            load.goes_on(*site.machines)

        assert {status for status, _ in load.answers.values()} == {200}
        assert sorted(sim.texts) == sorted(load.answers)

    @pytest.mark.parametrize("way", [Machine.reload, Machine.restart])
    def test_without_notice_to_nginx_doubles_nothing(
        self, site: Site, sim: Simulator, way: Callable[[Machine], None]
    ) -> None:
        """A text answered with success was spoken once, any other at most once."""
        sim.latency["task"] = 0.05

        with Load(site).run("ada") as load:
            for machine in site.machines:
                load.goes_on(*site.machines)
                way(machine)
            load.goes_on(*site.machines)

        well = {text for text, (status, _) in load.answers.items() if status == 200}
        assert {status for status, _ in load.answers.values()} <= {200, 502}
        assert len(sim.texts) == len(set(sim.texts))
        assert well <= set(sim.texts) <= set(load.answers)


class TestAMachineThatIsKilled:
    def test_in_mid_task_is_replaced_by_the_other(self, site: Site, sim: Simulator) -> None:
        """The interrupted task fails at once without a retry, and the next ones succeed."""
        with Visitor(site.url, "ada") as ada, ThreadPoolExecutor(1) as pool:
            session_id = ada.start(site.url)
            before = ada.call(site.url, "keep-alive", session_id=session_id)
            sim.latency["task"] = DEADLINE / 2
            cut_off = pool.submit(
                ada.call, site.url, "task", session_id=session_id, text="Cut off."
            )
            wait_until(lambda: sim.count("task") == 1)
            dead = site.at(site.other(machine_of(before)))
            killed = time.monotonic()
            dead.kill()
            answer = cut_off.result()
            waited = time.monotonic() - killed
            sim.latency["task"] = 0
            texts = [question(number) for number in range(4)]
            spoken = [
                ada.call(site.url, "task", session_id=session_id, text=text) for text in texts
            ]

        assert (answer.status_code, machine_of(answer)) == (502, dead.address)
        assert "text/html" in answer.headers["Content-Type"]
        assert waited < AT_ONCE
        assert [each.status_code for each in spoken] == [200] * 4
        assert {machine_of(each) for each in spoken} == {site.other(dead.address)}
        assert max(each.elapsed.total_seconds() for each in spoken) < AT_ONCE
        assert [text for text in sim.texts if text != "Cut off."] == texts
        assert sim.count("task") == 5


class TestAMachineThatHangs:
    def test_in_mid_task_is_given_up(self, open_site: Open, sim: Simulator) -> None:
        """The task on a hung machine lasts until nginx times out; the next ones succeed at once."""
        patience = 3
        # One that was given up is tried again after the other time.
        times = [("proxy_read_timeout", patience), ("fail_timeout", 60)]
        with (
            open_site("login", times=times) as site,
            Visitor(site.url, "ada") as ada,
            ThreadPoolExecutor(1) as pool,
        ):
            session_id = ada.start(site.url)
            before = ada.call(site.url, "keep-alive", session_id=session_id)
            sim.latency["task"] = patience / 2  # in which the machine is stopped
            unheard = pool.submit(
                ada.call, site.url, "task", session_id=session_id, text="Unheard."
            )
            wait_until(lambda: sim.count("task") == 1)
            hung = site.at(site.other(machine_of(before)))
            hung.hang()
            answer = unheard.result()
            sim.latency["task"] = 0
            texts = [question(number) for number in range(4)]
            spoken = [
                ada.call(site.url, "task", session_id=session_id, text=text) for text in texts
            ]

        assert (answer.status_code, machine_of(answer)) == (504, hung.address)
        assert "text/html" in answer.headers["Content-Type"]
        assert patience <= answer.elapsed.total_seconds() < patience + AT_ONCE
        assert [each.status_code for each in spoken] == [200] * 4
        assert {machine_of(each) for each in spoken} == {site.other(hung.address)}
        assert max(each.elapsed.total_seconds() for each in spoken) < AT_ONCE
        assert sim.texts == ("Unheard.", *texts)


class TestALimit:
    def test_is_one_for_both_machines(self, open_site: Open, sim: Simulator) -> None:
        """The 31st task within a minute is one too many, whichever of them it comes to."""
        with (
            redis_server() as redis,
            open_site("rate_limit", FLASK_RATELIMIT_STORAGE_URI=redis) as site,
            Visitor(site.url, "ada") as ada,
        ):
            session_id = ada.start(site.url)
            answers = [
                ada.call(site.url, "task", session_id=session_id, text="Well?") for _ in range(32)
            ]

        assert [each.status_code for each in answers] == [200] * 30 + [429] * 2
        for some in (answers[:30], answers[30:]):
            assert {machine_of(each) for each in some} == {each.address for each in site.machines}
        assert sim.count("task") == 30
