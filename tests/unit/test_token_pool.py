"""Tests of the token pool: tokens are created in the background and used once."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from flask_heygen import HeyGenClient, heygen_bp
from flask_heygen.backends import token_pool
from flask_heygen.backends.token_pool import Token, TokenPool
from flask_heygen.http.deadline import Timestamp
from flask_heygen.settings import Settings
from flask_heygen.simulator import Fault, Simulator
from tests.constants import KEY, question

SERVERS = Path(__file__).parents[1] / "servers"
#: Seconds that a session token is good for, where a test is about that.
LIFETIME = 60

Post = Callable[..., int]
Minters = Callable[[], set[threading.Thread]]
Names = list[str]


@pytest.fixture
def app(sim: Simulator) -> Flask:
    """Return a host outside testing, where tokens are minted ahead."""
    app = Flask(__name__)
    app.config.update(
        HEYGEN_API_KEY="the-key-of-the-host",
        HEYGEN_BASE_URL=sim.url,
        HEYGEN_SPARE_TOKENS=4,
    )
    app.register_blueprint(heygen_bp)
    return app


@pytest.fixture
def session_id(app: Flask, wait_idle: Callable[[], None]) -> str:
    """Start a session, and wait for the token that a start mints ahead."""
    started = app.test_client().post("/api/heygen/start", json={})
    wait_idle()
    return str(started.get_json()["data"]["session_id"])


@pytest.fixture
def post(app: Flask, session_id: str) -> Post:
    """Call a route for the session, and return the status of the answer."""

    def post(route: str, **fields: object) -> int:
        body = {"session_id": session_id, **fields}
        return app.test_client().post(f"/api/heygen/{route}", json=body).status_code

    return post


@pytest.fixture
def calls(sim: Simulator) -> Callable[[Callable[[], int]], Names]:
    """Return which upstream calls had ended when a request was answered, in their order."""

    def calls(act: Callable[[], int]) -> Names:
        before = len(sim.calls)
        assert act() == 200

        answered = time.monotonic()
        made = sim.calls[before:]
        return [call.name for call in made if call.ended is not None and call.ended <= answered]

    return calls


Calls = Callable[[Callable[[], int]], Names]


def unused(sim: Simulator) -> int:
    """Count the tokens that were minted and never sent."""
    return len({token.value for token in sim.tokens} - {call.token for call in sim.calls})


class TestLifetimes:
    """Ten tasks over three lifetimes of a token, in four bursts."""

    TEXTS = tuple(f"Question {number}?" for number in range(10))
    BURSTS = (TEXTS[:3], TEXTS[3:6], TEXTS[6:8], TEXTS[8:])

    @pytest.fixture
    def sim(self) -> Iterator[Simulator]:
        with Simulator(token_seconds=LIFETIME) as sim:
            yield sim

    def speak(
        self, sim: Simulator, post: Post, wait_idle: Callable[[], None], age: float = 0
    ) -> None:
        for number, burst in enumerate(self.BURSTS):
            if number:
                wait_idle()
                sim.advance(LIFETIME)  # the pooled tokens have expired, for the vendor
                time.sleep(age)  # and for us
            for text in burst:
                assert post("task", text=text) == 200

    def test_no_token_is_refused_where_the_maximal_age_is_below_the_lifetime(
        self, app: Flask, sim: Simulator, post: Post, wait_idle: Callable[[], None]
    ) -> None:
        """Old tokens are thrown away before they are tried: the vendor answers no 401."""
        app.config["HEYGEN_TOKEN_MAX_AGE"] = 0.2

        self.speak(sim, post, wait_idle, age=0.2)

        assert sim.texts == self.TEXTS
        assert not [call for call in sim.calls if call.status == 401]

    def test_each_refusal_is_cured_where_the_maximal_age_is_above_the_lifetime(
        self, app: Flask, sim: Simulator, post: Post, wait_idle: Callable[[], None]
    ) -> None:
        """A task that meets a 401 is sent again with a new token, and spoken once, in its turn."""
        app.config["HEYGEN_TOKEN_MAX_AGE"] = 300

        self.speak(sim, post, wait_idle)

        refused = sim.count("task", status=401)
        assert sim.texts == self.TEXTS
        assert refused >= 3
        assert sim.count("task") == len(self.TEXTS) + refused

    def test_a_refusal_is_cured_by_a_token_minted_on_the_spot(
        self,
        sim: Simulator,
        post: Post,
        wait_idle: Callable[[], None],
        calls: Calls,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A refused token is replaced by a new one, as a second spare one would be as old."""
        sim.latency["task"] = 1  # in which all three are under way
        with ThreadPoolExecutor(3) as pool:
            assert set(pool.map(lambda text: post("task", text=text), "abc")) == {200}
        wait_idle()
        assert unused(sim) > 1
        sim.expire_tokens()
        sim.latency.update(task=0, create_token=0.5)

        assert calls(lambda: post("task", text="Cured.")) == ["task", "create_token", "task"]
        assert sim.texts.count("Cured.") == 1
        assert "HEYGEN_TOKEN_MAX_AGE" in caplog.text
        wait_idle()


class TestExpiryInTheMiddleOfAStart:
    """The token that made a session is refused when it is to start it, or to stop it."""

    @pytest.fixture
    def start(self, app: Flask, sim: Simulator) -> Callable[[], int]:
        """Start a session whose token expires before its second call; return the status."""

        def start() -> int:
            sim.latency["start"] = 1
            with ThreadPoolExecutor(1) as pool:
                page = app.test_client()
                starting = pool.submit(page.post, "/api/heygen/start", json={})
                until = time.monotonic() + 10
                while not sim.count("start"):
                    assert time.monotonic() < until
                    time.sleep(0.005)
                sim.expire_tokens()
                sim.latency["start"] = 0
                return starting.result().status_code

        return start

    def test_is_cured(self, sim: Simulator, start: Callable[[], int]) -> None:
        """A start that was refused was not made: it is made once more, of the same session."""
        assert start() == 200

        (session,) = sim.sessions.values()
        assert session.state == "connected"
        assert [call.status for call in sim.calls if call.name == "start"] == [401, 200]

    def test_leaves_no_session_open(self, sim: Simulator, start: Callable[[], int]) -> None:
        """One that starts half is stopped with a new token where the first is refused."""
        sim.fault("start", Fault.SERVER_ERROR)

        assert start() == 502

        (session,) = sim.sessions.values()
        assert session.state == "closed"


class TestSpareTokens:
    def test_spaced_tasks_make_one_upstream_call_each(
        self, sim: Simulator, post: Post, wait_idle: Callable[[], None], calls: Calls
    ) -> None:
        """The token has been there since the task before."""
        sim.latency["create_token"] = 0.5  # no mint ordered by a task ends before its answer

        for number in range(4):
            assert calls(lambda n=number: post("task", text=question(n))) == ["task"]  # type: ignore[misc]
            wait_idle()

        assert len(set(sim.texts)) == len(sim.texts) == 4

    def test_a_successor_is_ordered_after_the_task(
        self, sim: Simulator, post: Post, wait_idle: Callable[[], None]
    ) -> None:
        """The next token is created only after the task, as both would compete for the CPU."""
        sim.latency["task"] = 0.2

        assert post("task", text="First me.") == 200
        wait_idle()

        task, successor = sim.calls[-2:]
        assert (task.name, successor.name) == ("task", "create_token")
        assert task.ended is not None
        assert task.ended < successor.started

    def test_each_token_is_used_for_one_task(
        self, sim: Simulator, post: Post, wait_idle: Callable[[], None]
    ) -> None:
        """Neither a second task nor the session's start has had it."""
        for number in range(6):
            assert post("task", text=question(number)) == 200
            if number % 2:
                wait_idle()

        used = [speech.token for speech in sim.spoken]
        assert len(set(used)) == 6
        assert not {session.token for session in sim.sessions.values()} & set(used)

    def test_one_token_serves_an_interrupt_and_its_task(
        self, sim: Simulator, post: Post, calls: Calls, wait_idle: Callable[[], None]
    ) -> None:
        """``interrupt: true`` costs one round trip, not two."""
        sim.latency["create_token"] = 0.5

        made = calls(lambda: post("task", text="No, wait.", interrupt=True))

        assert made == ["interrupt", "task"]
        interrupt, task = (call for call in sim.calls if call.name in made)
        assert interrupt.token == task.token
        wait_idle()

    def test_no_more_are_kept_than_the_setting_says(
        self, sim: Simulator, post: Post, wait_idle: Callable[[], None]
    ) -> None:
        """The pool's size is the limit, however many tasks came at once."""
        with ThreadPoolExecutor(16) as pool:
            texts = [question(number) for number in range(48)]
            assert set(pool.map(lambda text: post("task", text=text), texts)) == {200}
        wait_idle()

        assert 1 <= unused(sim) <= 4

    @pytest.mark.parametrize("route", ["keep-alive", "interrupt", "stop"])
    def test_other_routes_take_and_order_none(
        self, sim: Simulator, post: Post, calls: Calls, minters: Minters, route: str
    ) -> None:
        """The token kept ready is for a task, which alone is waited for."""
        assert unused(sim) == 1

        made = calls(lambda: post(route))

        assert made == ["create_token", route.replace("-", "_")]
        assert minters() == set()
        assert unused(sim) == 1

    def test_a_task_finds_its_token_after_other_routes(
        self, sim: Simulator, post: Post, calls: Calls, wait_idle: Callable[[], None]
    ) -> None:
        """Other routes leave the stock as it is."""
        assert post("keep-alive") == 200
        sim.latency["create_token"] = 0.5

        assert calls(lambda: post("task", text="Mine.")) == ["task"]
        wait_idle()

    @pytest.mark.parametrize("config", [{"HEYGEN_SPARE_TOKENS": 0}, {"TESTING": True}])
    def test_none_is_minted_in_the_background_where_none_is_to_be_kept(
        self, app: Flask, sim: Simulator, minters: Minters, config: dict[str, object]
    ) -> None:
        """Under TESTING, which says the same, a host's tests see no call they did not cause."""
        app.config["HEYGEN_SPARE_TOKENS"] = None
        app.config.update(config)
        page = app.test_client()

        session = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        for text in ("One.", "Two.", "Three."):
            page.post("/api/heygen/task", json={"session_id": session, "text": text})

        assert sim.texts == ("One.", "Two.", "Three.")
        assert sim.count("create_token") == 4
        assert minters() == set()

    def test_those_of_another_key_are_not_used(self, app: Flask, post: Post) -> None:
        """Tokens of a key that was replaced are not used."""
        with Simulator(api_key="another-key") as sim:
            app.config["HEYGEN_BASE_URL"] = sim.url

            assert post("task", text="With the old key.") == 502
            assert not sim.texts
            assert {call.name for call in sim.calls} == {"create_token"}


class TestStock:
    """Refills of the pool, and the tokens that it returns."""

    @staticmethod
    def of(size: int, *ages: float) -> TokenPool:
        """Make a stock whose tokens are minted with these ages, then new."""
        old = itertools.chain(ages, itertools.repeat(0))
        numbers = itertools.count()

        def mint() -> Token:
            return Token(f"token {next(numbers)}", Timestamp(next(old)))

        return TokenPool(mint, size=size, max_age=300)

    @pytest.mark.parametrize("size", [1, 4])
    def test_is_filled_to_its_size(self, wait_idle: Callable[[], None], size: int) -> None:
        """Exactly as many tokens are kept as there is room for, and each is handed out once."""
        stock = self.of(size)

        for _ in range(size + 3):
            stock.refill()
        wait_idle()

        taken = list(iter(stock.get, None))
        assert len(taken) == len({token.value for token in taken}) == size

    def test_hands_out_none_from_before_a_suspend(
        self, monkeypatch: pytest.MonkeyPatch, wait_idle: Callable[[], None]
    ) -> None:
        """A token's age is measured by the wall clock, which goes on during a suspend."""
        stock = self.of(1)
        stock.refill()
        wait_idle()

        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 301)

        assert stock.get() is None

    def test_hands_out_the_youngest_first(self, wait_idle: Callable[[], None]) -> None:
        """It has the longest to live; those past the maximal age are not handed out at all."""
        stock = self.of(4, 400, 200, 100)

        for _ in range(3):
            stock.refill()
            wait_idle()

        assert [token.value for token in iter(stock.get, None)] == ["token 2", "token 1"]

    def test_hands_out_none_that_was_long_on_its_way(self, wait_idle: Callable[[], None]) -> None:
        """A token's age counts from when it was asked for, not from when it came."""
        stock = self.of(4, 100, 400)

        for _ in range(2):
            stock.refill()
            wait_idle()

        assert [token.value for token in iter(stock.get, None)] == ["token 0"]

    def test_is_filled_again_when_threads_can_start_again(
        self, monkeypatch: pytest.MonkeyPatch, wait_idle: Callable[[], None]
    ) -> None:
        """An order that failed does not count against the size."""

        def fail(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        stock = self.of(4)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            for _ in range(6):
                stock.refill()

        for _ in range(6):
            stock.refill()
        wait_idle()

        assert len(list(iter(stock.get, None))) == 4


class TestMinter:
    """A thread that mints."""

    @pytest.fixture
    def seated(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        """Keep worker threads, and wait until one more of them is idle."""
        seats = threading.Semaphore(0)

        class Watched(threading.Semaphore):
            def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
                seats.release()
                return super().acquire(blocking, timeout)

        def seated() -> None:
            assert seats.acquire(timeout=10)

        monkeypatch.setattr(threading, "Semaphore", Watched)
        monkeypatch.setattr(token_pool, "IDLE_TIMEOUT", 60)
        return seated

    @pytest.mark.parametrize("rounds", [(1, 1, 1), (2, 2, 4, 3, 8), (4, 1, 2, 4)])
    def test_serves_each_request_concurrently(
        self,
        monkeypatch: pytest.MonkeyPatch,
        wait_idle: Callable[[], None],
        seated: Callable[[], None],
        rounds: tuple[int, ...],
    ) -> None:
        """Requests for tokens are served concurrently, by idle workers before new ones."""
        minters = set()

        def mint() -> Token:
            minters.add(threading.current_thread())
            together.wait(10)
            return Token("a token", Timestamp())

        stock = TokenPool(mint, size=8, max_age=300)
        for number, orders in enumerate(rounds, start=1):
            if number == len(rounds):
                monkeypatch.setattr(token_pool, "IDLE_TIMEOUT", 0)
            together = threading.Barrier(orders)
            for _ in range(orders):
                stock.refill()
            for _ in range(orders):
                seated()
            assert len(list(iter(stock.get, None))) == orders

        assert len(minters) == max(rounds)
        wait_idle()

    def test_serves_a_request_at_its_idle_timeout(
        self, monkeypatch: pytest.MonkeyPatch, wait_idle: Callable[[], None]
    ) -> None:
        """A request that arrives as an idle worker times out is not lost."""

        class Late(threading.Semaphore):
            def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
                if timeout is None:
                    return super().acquire(blocking)
                stock.refill()
                return False

        monkeypatch.setattr(threading, "Semaphore", Late)
        stock = TestStock.of(2)

        stock.refill()
        wait_idle()

        assert len(list(iter(stock.get, None))) == 2


#: A host that ends while a token is being minted.
_ENDING = """
import threading, time
from flask_heygen.backends.token_pool import TokenPool

minting = threading.Event()

def mint():
    minting.set()
    time.sleep(60)

TokenPool(mint, size=1, max_age=300).refill()
minting.wait()
"""


class TestBackground:
    """Failures in the background, for which no request waits."""

    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        """Return an app in which a create_token call without an answer times out soon."""
        app.config["HEYGEN_TIMEOUT"] = 2
        return app

    @pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
    def test_a_failure_reaches_no_request(
        self,
        sim: Simulator,
        post: Post,
        calls: Calls,
        wait_idle: Callable[[], None],
        fault: Fault,
    ) -> None:
        """During the pause after a failure, each task creates its own token."""
        sim.fault("create_token", fault, times=None)
        assert post("task", text="With the spare one.") == 200
        wait_idle()
        sim.clear()

        assert calls(lambda: post("task", text="On the spot.")) == ["create_token", "task"]
        wait_idle()
        assert calls(lambda: post("task", text="Once more.")) == ["create_token", "task"]
        assert sim.texts == ("With the spare one.", "On the spot.", "Once more.")

    def test_a_failure_is_logged(
        self,
        sim: Simulator,
        post: Post,
        wait_idle: Callable[[], None],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A failure is logged once, as no further token is requested during the pause."""
        sim.fault("create_token", Fault.SUNSET, times=None)
        assert post("task", text="With the spare one.") == 200
        wait_idle()
        sim.clear()
        assert post("task", text="On the spot.") == 200
        wait_idle()

        (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
        assert warning.name == "flask_heygen.backends.token_pool"
        assert warning.getMessage() == (
            "Minting a session token ahead failed (api_retired); for 5 s each call mints its own."
        )

    def test_the_rest_is_as_long_as_the_vendor_says(
        self, sim: Simulator, post: Post, calls: Calls, wait_idle: Callable[[], None]
    ) -> None:
        """Then tokens are minted ahead again."""
        sim.fault("create_token", Fault.RATE_LIMITED, retry_after=3)
        assert post("task", text="With the spare one.") == 200
        wait_idle()
        rested = time.monotonic() + 3

        assert calls(lambda: post("task", text="At rest.")) == ["create_token", "task"]
        wait_idle()
        assert unused(sim) == 0
        time.sleep(max(0, rested - time.monotonic()))
        assert post("task", text="Awake.") == 200
        wait_idle()
        assert unused(sim) == 1

    def test_an_unfinished_mint_lets_the_host_end(self) -> None:
        """A worker that is shut down does not wait for a token that nobody will use."""
        host = [sys.executable, "-W", "error", "-c", _ENDING]

        ran = subprocess.run(host, check=False, timeout=30, capture_output=True, text=True)

        assert (ran.returncode, ran.stderr) == (0, "")

    def test_a_host_without_threads_mints_on_the_spot(self, sim: Simulator) -> None:
        """Without threads, each task creates its own token."""
        ran = run("threadless.py", sim, spare_tokens=4)

        assert ran.stdout.split() == ["200", "200", "200"]
        assert sim.texts == ("One.", "Two.", "Three.")
        assert sim.count("create_token") == 4


class TestCrowd:
    def test_each_of_640_tasks_from_64_threads_has_a_token_of_its_own(self, sim: Simulator) -> None:
        """All are spoken, each once, and nobody is refused."""
        config = {
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_BASE_URL": sim.url,
            "HEYGEN_SPARE_TOKENS": 32,
        }
        client = HeyGenClient(Settings.from_mapping(config))
        session_id = client.start()["session_id"]
        together = threading.Barrier(64)

        def speak(thread: int) -> list[tuple[str, str]]:
            together.wait(30)
            texts = [f"Thread {thread}, text {number}." for number in range(10)]
            return [(text, client.task(session_id, text)["task_id"]) for text in texts]

        with ThreadPoolExecutor(64) as pool:
            answers = [each for pairs in pool.map(speak, range(64)) for each in pairs]

        assert len(sim.spoken) == 640
        assert set(answers) == {(speech.text, speech.task_id) for speech in sim.spoken}
        assert len({speech.token for speech in sim.spoken}) == 640
        assert sim.count("task") == 640


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system cannot fork.")
class TestFork:
    @pytest.mark.parametrize("spare_tokens", [0, 4])
    def test_both_processes_speak_on(self, sim: Simulator, spare_tokens: int) -> None:
        """At once, each hearing the replies to its own tasks, and no token used by both."""
        ran = run("forking.py", sim, spare_tokens=spare_tokens)

        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        assert {line["status"] for line in lines} == {"success"}
        assert len(sim.spoken) == len(lines) == 22
        assert {(line["text"], line["data"]["task_id"]) for line in lines} == {
            (speech.text, speech.task_id) for speech in sim.spoken
        }
        assert len({speech.token for speech in sim.spoken}) == 22

    def test_the_child_has_a_connection_of_its_own(self, sim: Simulator) -> None:
        """One for the parent, before and after the fork, and one for the child."""
        run("forking.py", sim, spare_tokens=0)

        assert sim.connections == 2


def run(program: str, sim: Simulator, *, spare_tokens: int) -> subprocess.CompletedProcess[str]:
    """Run a host of tests/servers to its end, which must be a good one."""
    config = {
        "FLASK_HEYGEN_API_KEY": KEY,
        "FLASK_HEYGEN_BASE_URL": sim.url,
        "FLASK_HEYGEN_SPARE_TOKENS": str(spare_tokens),
    }
    command = [sys.executable, "-W", "error", str(SERVERS / program)]
    ran = subprocess.run(
        command,
        env={**os.environ, **config},
        check=False,
        timeout=30,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran
