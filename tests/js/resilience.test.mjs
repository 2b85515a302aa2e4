/** HeyGenAvatar where browsers, networks, logins and vendors behave badly: nobody is stranded, and
 *  nobody pays for an empty chair. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";
import { LiveKit, Page, Segmenter, Server, json, lines, page as htmlPage, pass, record, settle } from "./page.mjs";

const FULL = { status: 429, code: "concurrent_limit", retryable: true, retry_after: 30 };
const AGENT = "liveavatar-agent-1";
const FAILED = { status: 502, code: "heygen_error", retryable: true };

let page, server, livekit;

beforeEach(() => {
  page = new Page();
  server = new Server();
  livekit = new LiveKit();
});
afterEach(() => page.close());

function make(options = {}) {
  return new HeyGenAvatar({ livekit, baseUrl: "/api/heygen", ...options });
}

async function appear() {
  await settle();
  livekit.room.enter("heygen");
  livekit.room.send("video");
  livekit.room.send("audio");
  await settle();
}

async function live(options) {
  const avatar = make(options);
  const events = record(avatar);
  avatar.start();
  await appear();
  assert.equal(avatar.live, true);
  return { avatar, events };
}

/** An avatar whose start is not answered before `answer` is called. */
async function starting() {
  let answer;
  server.next("start", new Promise((resolve) => (answer = resolve)));
  const avatar = make();
  const events = record(avatar);
  const started = avatar.start();
  await settle();
  return { avatar, events, started, answer };
}

const types = (events) => events.map(([type]) => type);
const sessions = () => server.to("task").map((task) => task.session_id);

/** Count the texts with each outcome: resolved with what, or rejected with which code. */
function outcome(promise) {
  const result = {};
  promise.then(
    (by) => (result.by = by),
    (error) => (result.code = error.code ?? error.name),
  );
  return result;
}

describe("an avatar that leaves its room", () => {
  test("is replaced, and what it had not begun is said by the next one", async () => {
    const { avatar, events } = await live();
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    livekit.room.exit("heygen");
    await appear();
    assert.deepEqual(spoken, {});
    livekit.room.speak("task-2");
    await settle();

    assert.deepEqual(spoken, { by: "avatar" });
    assert.deepEqual(sessions(), ["session-1", "session-2"]);
    assert.deepEqual(events[2], ["closed", { reason: "lost", restarting: true }]);
  });

  test("is replaced before the next text is sent", async () => {
    const { avatar } = await live();
    livekit.room.exit("heygen");
    avatar.speak("Hello.");
    await appear();

    assert.deepEqual(sessions(), ["session-2"]);
  });

  test("has what it had begun cut short, and not repeated", async () => {
    const { avatar } = await live();
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    livekit.room.exit("heygen");
    await appear();

    assert.deepEqual(spoken, { by: null });
    assert.deepEqual(server.texts, ["Hello."]);
  });

  for (const both of [false, true]) {
    test(`is gone without its agent, too${both ? ", and with it" : ""}`, async () => {
      const { events } = await live();
      const { room } = livekit;
      room.enter(AGENT);
      room.exit(AGENT);
      if (both) room.exit("heygen");
      await appear();

      assert.deepEqual(server.routes, ["start", "stop", "start"]);
      assert.deepEqual(types(events).slice(2), ["closed", "starting", "live"]);
    });
  }

  test("may do so while the room is joined again, if it is back then", async () => {
    const { avatar } = await live();
    const { room } = livekit;
    room.exit("heygen"); // as livekit-client says of everybody before it joins again
    room.emit("Reconnecting");
    await settle();
    room.enter("heygen");
    room.emit("Reconnected");
    await settle();
    assert.equal(avatar.live, true);

    room.exit("heygen");
    room.emit("Reconnecting");
    await settle();
    room.emit("Reconnected");
    await settle();
    assert.equal(server.to("start").length, 2);
  });

  test("is not somebody else", async () => {
    await live();
    livekit.room.enter("an observer");
    livekit.room.exit("an observer");
    await settle();

    assert.deepEqual(server.routes, ["start"]);
  });
});

describe("headers that are a promise", () => {
  test("are waited for", async () => {
    await live({ headers: async () => ({ Authorization: "Bearer later" }) });

    assert.equal(server.calls[0].options.headers.Authorization, "Bearer later");
  });

  test("are an error where they never come", async () => {
    const started = outcome(make({ headers: () => new Promise(() => {}) }).start());
    await settle();
    await pass(40_000);

    assert.deepEqual(started, { code: "page_error" });
  });

  for (const [headers, how] of [[() => Promise.reject(new Error("popup_blocked")), "rejects"], [() => { throw new Error("popup_blocked"); }, "throws"]]) {
    test(`are an error with its cause where the page ${how}, and nothing is sent`, async () => {
      const error = await make({ headers }).start().catch((error) => error);

      assert.equal(error.name, "AvatarError");
      assert.equal(error.cause.message, "popup_blocked");
      assert.deepEqual(server.routes, []);
    });
  }
});

describe("a text with nothing to say", () => {
  for (const text of [null, undefined, 7, "", " \n", "\u200b\u2060\ufeff", "\u00ad\u200e"]) {
    test(`is refused: ${JSON.stringify(text)}`, async () => {
      page.voices.push({ lang: "en" });
      const { avatar } = await live();

      await assert.rejects(avatar.speak(text), TypeError);
      assert.deepEqual(server.routes, ["start"]);
      assert.deepEqual(page.utterances, []);
    });
  }

  test("is not a smile", async () => {
    const { avatar } = await live();
    avatar.speak("🙂");
    await settle();

    assert.deepEqual(server.texts, ["🙂"]);
  });
});

describe("speak without a start", () => {
  test("is refused", async () => {
    await assert.rejects(make().speak("Hello."), { code: "not_started" });
  });

  test("is refused after the stop of a start that fails", async () => {
    const { avatar, events, started, answer } = await starting();
    avatar.stop();
    answer(FAILED);
    await started;

    assert.deepEqual(types(events), ["starting"]);
    await assert.rejects(avatar.speak("Hello."), { code: "not_started" });
  });

  test("is refused after stop", async () => {
    const { avatar } = await live();
    await avatar.stop();

    await assert.rejects(avatar.speak("Hello."), { code: "not_started" });
    assert.deepEqual(server.texts, []);
  });
});

describe("a login that has ended", () => {
  const redirect = () => Object.defineProperty(new Response(null), "type", { value: "opaqueredirect" });
  for (const [answer, what] of [
    [() => json({ msg: "Token has expired" }, 401), "another extension's 401"],
    [() => htmlPage(403), "a proxy's 403"],
    [() => htmlPage(200), "a page for signing in"],
    [redirect, "a redirect to one"],
  ]) {
    test(`is an error of its own: ${what}`, async () => {
      const { avatar } = await live();
      server.next("task", answer());

      const spoken = outcome(avatar.speak("Hello."));
      await settle();
      await pass(500);
      assert.deepEqual(spoken, { code: "not_signed_in" });
      assert.equal(server.calls.at(-1).options.redirect, "manual");
    });
  }

  test("leaves the text to the browser's voice: it was not spoken", async () => {
    page.voices.push({ lang: "en" });
    const { avatar } = await live();
    server.next("task", htmlPage(401));
    const spoken = avatar.speak("Hello.");
    await settle();
    page.utterances[0].onend();

    assert.equal(await spoken, "browser");
  });
});

describe("an account with room for one session", () => {
  test("is given time to free it after a stop", async () => {
    const { avatar } = await live();
    await avatar.stop();
    server.next("start", FULL, FULL);
    avatar.start();
    await settle();
    await pass(2_000);
    await pass(2_000);
    await appear();

    assert.equal(avatar.live, true);
    assert.equal(server.to("start").length, 4);
  });

  test("is given time by the page that was reloaded", async () => {
    await live();
    page.window.fire("pagehide");
    server.next("start", FULL);
    const avatar = make();
    avatar.start();
    await settle();
    await pass(2_000);
    await appear();

    assert.equal(avatar.live, true);
    assert.ok(page.storage.size);
  });

  test("is not tried for longer than 20 seconds", async () => {
    const { avatar } = await live();
    await avatar.stop();
    server.next("start", ...Array(20).fill(FULL));
    const started = outcome(avatar.start());
    await settle();
    for (let seconds = 0; seconds < 20; seconds += 2) await pass(2_000);

    assert.deepEqual(started, { code: "concurrent_limit" });
    assert.equal(server.to("start").length, 12);
  });

  test("is not tried again where somebody else has the session", async () => {
    server.next("start", FULL);
    await assert.rejects(make().start(), { code: "concurrent_limit", retryAfter: 30 });
  });

  test("is not tried any more once the page has stopped", async () => {
    const { avatar } = await live();
    await avatar.stop();
    server.next("start", FULL);
    avatar.start();
    await settle();
    await avatar.stop();
    await pass(20_000);

    assert.equal(server.to("start").length, 2);
    assert.equal(avatar.live, false);
  });

  test("is shared by the avatars of a page: one starts after the other's stop", async () => {
    const { avatar } = await live();
    let answer;
    server.next("stop", new Promise((resolve) => (answer = resolve)));
    avatar.stop();
    const other = make();
    other.start();
    await settle();
    assert.deepEqual(server.routes, ["start", "stop"]);
    answer();
    await appear();

    assert.equal(other.live, true);
  });

  test("is shared with one that is being started", async () => {
    let answer;
    server.next("start", new Promise((resolve) => (answer = resolve)));
    const avatar = make();
    avatar.start();
    await settle();
    avatar.stop();
    make().start();
    await settle();
    assert.deepEqual(server.routes, ["start"]);
    answer();
    await settle();

    assert.deepEqual(server.routes, ["start", "stop", "start"]);
  });
});

describe("a stop that does not get through", () => {
  test("is sent again", async () => {
    const { avatar } = await live();
    server.next("stop", "offline", 502);
    const stopped = avatar.stop();
    await settle();
    await pass(2_000);
    await pass(2_000);
    await stopped;

    assert.equal(server.to("stop").length, 3);
  });

  test("is an error at last: the session may still cost", async () => {
    const { avatar, events } = await live();
    server.next("stop", ...Array(9).fill("offline"));
    const stopped = avatar.stop();
    await settle();
    for (let left = 5; left; left--) await pass(2_000);

    await assert.rejects(stopped, { code: "unreachable" });
    assert.deepEqual(types(events).slice(2), ["closed", "error"]);
  });

  test("is an error of the stop, and not of the start that it ended", async () => {
    const { avatar, events, started, answer } = await starting();
    server.next("stop", ...Array(9).fill("offline"));
    const stopped = avatar.stop();
    answer();
    await settle();
    for (let left = 5; left; left--) await pass(2_000);

    await started;
    await assert.rejects(stopped, { code: "unreachable" });
    assert.equal(types(events).filter((type) => type === "error").length, 1);
  });
});

describe("a text given while the room is joined again", () => {
  for (const gap of ["SignalReconnecting", "Reconnecting"]) {
    test(`is held until it is: ${gap}`, async () => {
      const { avatar } = await live();
      livekit.room.emit(gap);
      avatar.speak("Hello.");
      await settle();
      assert.deepEqual(server.texts, []);
      livekit.room.emit("Reconnected");
      await settle();

      assert.deepEqual(server.texts, ["Hello."]);
    });
  }

  test("is said in the next session where it never is", async () => {
    const { avatar } = await live();
    livekit.room.emit("Reconnecting");
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    livekit.room.emit("Disconnected", 7);
    await appear();
    livekit.room.speak("task-1");
    await settle();

    assert.deepEqual(spoken, { by: "avatar" });
    assert.deepEqual(sessions(), ["session-2"]);
  });
});

describe("nobody there", () => {
  const minutes = async (count) => {
    for (let half = 0; half < 2 * count; half++) await pass(30_000);
  };

  test("ends the session after ten minutes", async () => {
    server.sessionSeconds = null;
    const { events } = await live();
    await minutes(10);

    assert.deepEqual(events.at(-1), ["closed", { reason: "idle", restarting: false }]);
    assert.equal(server.routes.filter((route) => route !== "keep-alive").join(), "start,stop");
  });

  test("is asked for by the next text, which begins a session", async () => {
    server.sessionSeconds = null;
    const { avatar } = await live({ idleMinutes: 1 });
    await minutes(1);
    assert.equal(avatar.live, false);
    const spoken = outcome(avatar.speak("Are you still there?"));
    await appear();
    livekit.room.speak("task-1");
    await settle();

    assert.deepEqual(spoken, { by: "avatar" });
    assert.deepEqual(sessions(), ["session-2"]);
  });

  test("is asked for by listening, too", async () => {
    server.sessionSeconds = null;
    const { avatar } = await live({ idleMinutes: 1 });
    await minutes(1);
    server.listening = "conversational";
    const heard = avatar.listen();
    await appear();

    assert.equal(await heard, "avatar");
    assert.equal(server.to("start").length, 2);
  });

  for (const [what, act] of [
    ["a key", () => page.window.fire("keydown")],
    ["a pointer", () => page.window.fire("pointermove")],
    ["a call", (avatar) => avatar.interrupt()],
    ["a text", (avatar) => avatar.speak("Take your time.")],
  ]) {
    test(`is not so where there was ${what}`, async () => {
      server.sessionSeconds = null;
      const { avatar } = await live({ idleMinutes: 2 });
      await minutes(1.5);
      act(avatar);
      await settle();
      await minutes(1);
      assert.equal(avatar.live, true);
      await minutes(1.5);
      assert.equal(avatar.live, false);
    });
  }

  test("is not so where the user was heard", async () => {
    server.sessionSeconds = null;
    server.listening = "conversational";
    const { avatar } = await live({ idleMinutes: 2 });
    await avatar.listen();
    await minutes(1.5);
    livekit.room.receive({ event_type: "user.transcription", text: "Let me think." }, AGENT);
    await settle();
    await minutes(1);
    assert.equal(avatar.live, true);
    await minutes(1.5);
    assert.equal(avatar.live, false);
  });

  test("is noticed though the session was renewed meanwhile", async () => {
    const { avatar } = await live();
    await minutes(9.5);
    await appear();
    assert.equal(server.to("start").length, 2);
    await minutes(0.5);

    assert.equal(avatar.live, false);
  });

  test("ends a start, too", async () => {
    server.sessionSeconds = null;
    let answer;
    server.next("start", new Promise((resolve) => (answer = resolve)));
    const avatar = make({ idleMinutes: 0.5 });
    const events = record(avatar);
    avatar.start().catch(() => {});
    await settle();
    await minutes(0.5);
    answer();
    await settle();

    assert.deepEqual(server.routes, ["start", "stop"]);
    assert.equal(events.find(([type]) => type === "closed")[1].reason, "idle");
  });

  test("is never so for a page that says 0", async () => {
    server.sessionSeconds = null;
    const { avatar } = await live({ idleMinutes: 0 });
    await minutes(30);

    assert.equal(avatar.live, true);
  });
});

describe("a picture that is held back", () => {
  test("is played by enableSound, too", async () => {
    const { avatar, events } = await live();
    livekit.room.canPlaybackVideo = false;
    livekit.room.emit("VideoPlaybackStatusChanged");
    await avatar.enableSound();

    assert.deepEqual(events[2], ["sound", { blocked: true }]);
    assert.deepEqual(events.at(-1), ["sound", { blocked: false }]);
    assert.equal(livekit.room.canPlaybackVideo, true);
  });
});

describe("several texts at once", () => {
  test("follow each other without a gap: the next is sent while one is spoken", async () => {
    const { avatar, events } = await live();
    const spoken = ["one", "two", "three"].map((text) => outcome(avatar.speak(text)));
    await settle();
    assert.deepEqual(server.texts, ["one", "two"]);
    livekit.room.speak("task-1");
    livekit.room.speak("task-2");
    await settle();
    livekit.room.speak("task-3");
    await settle();

    assert.deepEqual(spoken, Array(3).fill({ by: "avatar" }));
    const said = events.slice(2).map(([type, { text }]) => `${type} ${text}`);
    assert.deepEqual(said, ["one", "two", "three"].flatMap((text) => [`speaking ${text}`, `silent ${text}`]));
  });

  test("follow without a gap also where the second comes while the first is spoken", async () => {
    const { avatar } = await live();
    avatar.speak("one");
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    avatar.speak("two");
    await settle();

    assert.deepEqual(server.texts, ["one", "two"]);
  });

  test("are published one after the other with LiveAvatar, without waiting for the server", async () => {
    server.delivers = { topic: "agent-control", payload: { event_type: "avatar.speak_text" }, participants: ["heygen"] };
    const { avatar } = await live();
    avatar.speak("one");
    avatar.speak("two");
    await settle();
    assert.deepEqual([server.texts.length, livekit.room.published.length], [2, 1]);
    server.next("task", new Promise(() => {})); // no further answer is waited for
    livekit.room.receive({ event_type: "avatar.speak_started", source_event_id: "task-1" });
    livekit.room.receive({ event_type: "avatar.speak_ended", source_event_id: "task-1" });
    await settle();

    assert.equal(livekit.room.published.length, 2);
  });

  test("are sent one by one without a room, whose messages part them", async () => {
    const avatar = make({ livekit: undefined });
    await avatar.start();
    avatar.speak("one");
    avatar.speak("two");
    await settle();

    assert.deepEqual(server.texts, ["one"]);
  });

  test("are dropped by an interrupt, and one that the vendor begins all the same is interrupted", async () => {
    const { avatar } = await live();
    const spoken = ["one", "two"].map((text) => outcome(avatar.speak(text)));
    await settle();
    await avatar.interrupt();
    livekit.room.report("avatar_start_talking", "task-2");
    await settle();
    await pass(200);

    assert.deepEqual(spoken, [{ by: null }, { by: null }]);
    assert.deepEqual(server.routes, ["start", "task", "task", "interrupt", "interrupt"]);
  });

  test("that were sent to a session that is lost are said in the next one", async () => {
    const { avatar } = await live();
    avatar.speak("one");
    const next = outcome(avatar.speak("two"));
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    livekit.room.emit("Disconnected", 5);
    await appear();
    livekit.room.speak("task-3");
    await settle();

    assert.deepEqual(next, { by: "avatar" });
    assert.deepEqual(server.texts, ["one", "two", "two"]);
  });

  test("that could not be sent ahead are sent in their turn", async () => {
    const { avatar } = await live();
    avatar.speak("one");
    const next = outcome(avatar.speak("two"));
    server.next("task", null, { status: 429, code: "rate_limited", retryable: true, retry_after: 9 });
    await settle();
    livekit.room.speak("task-1");
    await settle();
    livekit.room.speak("task-3");
    await settle();

    assert.deepEqual(next, { by: "avatar" });
  });

  test("that may have been sent ahead are not sent again", async () => {
    const { avatar } = await live();
    avatar.speak("one");
    const next = outcome(avatar.speak("two"));
    server.next("task", null, 504);
    await settle();
    livekit.room.speak("task-1");
    await settle();

    assert.deepEqual(next, { code: "outcome_unknown" });
    assert.deepEqual(server.texts, ["one", "two"]);
  });
});

describe("a text in pieces", () => {
  async function* words(...pieces) {
    yield* pieces;
  }

  test("is spoken in sentences, as soon as each is complete", async () => {
    const { avatar } = await live();
    let more;
    async function* answer() {
      yield "Hello, I am ";
      yield "Maya. Tell me";
      await new Promise((resolve) => (more = resolve));
      yield " about yourself.";
    }
    const spoken = outcome(avatar.speak(answer()));
    const after = outcome(avatar.speak("Goodbye."));
    await settle();
    assert.deepEqual(server.texts, ["Hello, I am Maya. "]);
    more();
    await settle();
    livekit.room.speak("task-1");
    await settle();
    livekit.room.speak("task-2");
    await settle();
    assert.deepEqual(spoken, { by: "avatar" });
    livekit.room.speak("task-3");
    await settle();

    assert.deepEqual(after, { by: "avatar" });
    assert.deepEqual(server.texts, ["Hello, I am Maya. ", "Tell me about yourself.", "Goodbye."]);
  });

  test("is not read on once it was cut", async () => {
    const { avatar } = await live();
    let asked = 0;
    async function* answer() {
      for (;;) {
        asked += 1;
        yield "Again and again. ";
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
    const spoken = outcome(avatar.speak(answer()));
    await settle();
    await pass(1000);
    await avatar.interrupt();
    await pass(1000);
    await pass(1000);

    assert.deepEqual(spoken, { by: null });
    assert.ok(asked <= 3);
  });

  test("ends with the first sentence that nobody speaks", async () => {
    const avatar = make();
    const events = record(avatar);
    async function* answer() {
      for (const word of ["One. ", "Two. ", "Three. ", "Four."]) {
        yield word;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    const spoken = outcome(avatar.speak(answer()));
    for (let piece = 0; piece < 4; piece++) await pass(100);

    assert.deepEqual(spoken, { code: "not_started" });
    assert.deepEqual(types(events), ["error"]);
  });

  test("that breaks off rejects with the page's own error, which is the cause of the event's", async () => {
    const { avatar, events } = await live();
    async function* broken() {
      yield "One. ";
      throw new RangeError("The model is gone.");
    }
    await assert.rejects(avatar.speak(broken()), RangeError);
    assert.deepEqual(events.filter(([type]) => type === "error").map(([, { error }]) => [error.code, error.cause.name]), [["page_error", "RangeError"]]);
    await assert.rejects(avatar.speak(words(null)), TypeError);
  });

  test("is parted by Intl.Segmenter where the browser has it", async (context) => {
    Intl.Segmenter = Segmenter;
    context.after(() => delete Intl.Segmenter);
    const { avatar } = await live();
    avatar.speak(words("It costs 3.", "50 dollars. ", "Yes."));
    await settle();

    assert.deepEqual(server.texts, ["It costs 3.50 dollars. ", "Yes."]);
  });

  test("is parted without it, too", async () => {
    const { avatar } = await live();
    avatar.speak(words("Really? ", "Yes", "."));
    await settle();

    assert.deepEqual(server.texts, ["Really? ", "Yes."]);
  });
});

describe("a session whose own limit nears", () => {
  test("is renewed in a pause before it", async () => {
    server.sessionSeconds = 60;
    const { avatar, events } = await live();
    await pass(45_000);
    await appear();

    assert.equal(avatar.live, true);
    assert.deepEqual(types(events), ["starting", "live", "closed", "starting", "live"]);
    assert.deepEqual(events[2][1], { reason: "renewed", restarting: true });
    assert.equal(server.routes.filter((route) => route !== "keep-alive").join(), "start,stop,start");
  });

  test("is renewed once a text that is being spoken has ended", async () => {
    server.sessionSeconds = 60;
    const { avatar } = await live();
    await pass(40_000);
    const spoken = [outcome(avatar.speak("Hello.")), outcome(avatar.speak("And yourself?"))];
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    await pass(5_500);
    assert.equal(server.to("start").length, 1);
    livekit.room.report("avatar_stop_talking", "task-1");
    await appear();
    livekit.room.speak(`task-${server.texts.length}`);
    await settle();

    assert.deepEqual(spoken, Array(2).fill({ by: "avatar" }));
    assert.equal(server.to("task").at(-1).session_id, "session-2");
  });

  test("is renewed before a text that it would end in", async () => {
    server.sessionSeconds = 60;
    const { avatar } = await live();
    await pass(40_000);
    const long = "Let me tell you about the role in some more detail. ".repeat(7);
    avatar.speak(long);
    await appear();

    assert.deepEqual(sessions(), ["session-2"]);
    assert.deepEqual(server.texts, [long]);
  });

  test("is left to end on a page that nobody sees", async () => {
    server.sessionSeconds = 60;
    await live();
    page.document.hidden = true;
    await pass(45_000);

    assert.equal(server.to("start").length, 1);
  });
});

describe("a session that the vendor ends for good", () => {
  for (const [field, endReason, code] of [["end_reason", "NO_CREDITS", "no_credits"], ["stop_reason", "AVATAR_DELETED", "avatar_deleted"]]) {
    test(`is not replaced: ${endReason}`, async () => {
      const { avatar, events } = await live();
      livekit.room.receive({ event_type: "session.stopped", [field]: endReason }, AGENT);
      livekit.room.emit("Disconnected", 5);
      await settle();

      assert.equal(avatar.live, false);
      assert.equal(server.to("start").length, 1);
      assert.deepEqual(types(events).slice(2), ["closed", "error"]);
      assert.deepEqual(events[2][1], { reason: "lost", restarting: false, endReason });
      assert.equal(events[3][1].error.code, code);
    });
  }

  test("is replaced where it only took its time", async () => {
    const { events } = await live();
    livekit.room.receive({ event_type: "session.stopped", end_reason: "MAX_DURATION_REACHED" });
    await appear();

    assert.deepEqual(events[2][1], { reason: "lost", restarting: true, endReason: "MAX_DURATION_REACHED" });
    assert.equal(server.to("start").length, 2);
  });
});

describe("the page's CSRF token", () => {
  test("is for its own origin", async () => {
    page.document.csrf = "token-of-the-page";
    await live({ baseUrl: "https://elsewhere.example/api/heygen" });
    page.window.fire("pagehide");

    assert.equal(server.calls[0].options.headers["X-CSRFToken"], undefined);
    assert.equal(server.calls.at(-1).body.csrf_token, undefined);
  });
});

describe("a message", () => {
  test("of another participant ends nothing", async () => {
    const { avatar } = await live();
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    livekit.room.receive({ type: "avatar_stop_talking", task_id: "task-1" }, "an observer");
    await settle();
    assert.deepEqual(spoken, {});

    livekit.room.speak("task-1");
    await settle();
    assert.deepEqual(spoken, { by: "avatar" });
  });

  test("without a task counts where there is only one", async () => {
    const { avatar } = await live();
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    for (const type of ["avatar_start_talking", "avatar_stop_talking"]) livekit.room.receive({ type });
    await settle();

    assert.deepEqual(spoken, { by: "avatar" });
  });

  test("without a task counts for none of two", async () => {
    const { avatar } = await live();
    const spoken = outcome(avatar.speak("one"));
    avatar.speak("two");
    await settle();
    livekit.room.receive({ type: "avatar_stop_talking" });
    await settle();

    assert.deepEqual(spoken, {});
  });

  test("of LiveAvatar's without the text's id ends nothing", async () => {
    const { avatar } = await live();
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    livekit.room.receive({ event_type: "avatar.speak_ended" });
    await settle();

    assert.deepEqual(spoken, {});
  });
});

describe("a loudspeaker", () => {
  test("is chosen for this session and the next ones", async () => {
    const { avatar } = await live();
    await avatar.setSpeaker("headphones");
    assert.deepEqual(livekit.room.device, ["audiooutput", "headphones"]);
    await avatar.stop();
    avatar.start();
    await appear();

    assert.deepEqual(livekit.room.options.audioOutput, { deviceId: "headphones" });
  });

  test("can be chosen before the first session", async () => {
    const avatar = new HeyGenAvatar({ livekit, baseUrl: "/api/heygen" });
    await avatar.setSpeaker("headphones");
    avatar.start();
    await appear();

    assert.equal(livekit.rooms.length, 1);
    assert.deepEqual(livekit.room.device, ["audiooutput", "headphones"]);
  });

  for (const [when, open] of [
    ["before the first session", make],
    ["in a session", async () => (await live()).avatar],
  ]) {
    test(`that cannot be used ${when} is an error, and the one before it stays`, async () => {
      const avatar = await open();
      await avatar.setSpeaker("headphones");
      const cause = new DOMException("There is no such device.", "NotFoundError");
      livekit.room.switchActiveDevice = () => Promise.reject(cause);

      await assert.rejects(avatar.setSpeaker("unplugged"), { name: "AvatarError", code: "speaker_failed", cause });
      for (let session = 0; session < 2; session++) {
        await avatar.stop();
        avatar.start();
        await appear();
      }
      assert.deepEqual(livekit.room.options.audioOutput, { deviceId: "headphones" });
    });
  }

  test("that cannot be used does not replace one that was chosen meanwhile", async () => {
    const { avatar } = await live();
    let refuse = null;
    livekit.room.switchActiveDevice = () => new Promise((_, reject) => (refuse ??= reject));
    const first = avatar.setSpeaker("unplugged");
    avatar.setSpeaker("headphones");
    refuse(new Error("There is no such device."));
    await assert.rejects(first, { code: "speaker_failed" });
    await avatar.stop();
    avatar.start();
    await appear();

    assert.deepEqual(livekit.room.options.audioOutput, { deviceId: "headphones" });
  });

  test("cannot be chosen in every browser", async () => {
    delete HTMLMediaElement.prototype.setSinkId;

    await assert.rejects(make().setSpeaker("headphones"), { code: "not_supported" });
  });
});

describe("an answer in two lines", () => {
  test("is asked for by what must not be done twice", async () => {
    const { avatar } = await live();
    avatar.speak("Hello.");
    await settle();
    await avatar.interrupt();

    const accepts = server.calls.map(({ route, options }) => [route, options.headers.Accept]);
    const both = "application/x-ndjson, application/json";
    assert.deepEqual(accepts, [["start", both], ["task", both], ["interrupt", undefined]]);
  });

  test("is read to its end", async () => {
    const { avatar } = await live();
    server.next("task", lines({ status: "accepted" }, { status: "success", data: { task_id: "task-7", duration_ms: 900 } }));
    const spoken = outcome(avatar.speak("Hello."));
    await settle();
    livekit.room.speak("task-7");
    await settle();

    assert.deepEqual(spoken, { by: "avatar" });
  });

  test("has the status of its error in it", async () => {
    const { avatar } = await live();
    const error = { code: "session_not_ready", message: "", retryable: true, retry_after: 1, http_status: 409 };
    server.next("task", lines({ status: "accepted" }, { status: "error", error }));
    avatar.speak("Hello.");
    await settle();
    await pass(1_000);

    assert.deepEqual(server.texts, ["Hello.", "Hello."]);
  });

  test("that ends after the first line leaves the start unknown", async () => {
    server.next("start", lines({ status: "accepted" }));

    await assert.rejects(make().start(), { code: "outcome_unknown" });
  });
});
