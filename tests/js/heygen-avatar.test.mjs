/** HeyGenAvatar on a page, with a server and a room that a test controls. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { AvatarError, HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";
import { LiveKit, Page, Server, json, lines, page as htmlPage, pass, record, settle } from "./page.mjs";

const NOT_READY = { status: 409, code: "session_not_ready", retryable: true, retry_after: 1 };
const CLOSED = { status: 410, code: "session_closed", restart_session: true };
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

/** Let the avatar of the newest room be seen and heard. */
async function appear() {
  await settle();
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

const types = (events) => events.map(([type]) => type);

describe("an option", () => {
  for (const [options, message] of [
    [{ vidoe: {} }, /no option "vidoe", but these: .*video/],
    [{ baseURL: "/avatar" }, /no option "baseURL", but these: .*baseUrl/],
    [{ video: null }, /video is null/],
    [{ audio: null }, /audio is null/],
    [{ video: "#avatar" }, /must be a <video> element/],
    [{ audio: { localName: "div" } }, /must be an <audio> element/],
  ]) {
    test(`is refused before anything is paid for: ${message.source}`, () => {
      assert.throws(() => make(options), { name: "TypeError", message });
      assert.deepEqual(server.calls, []);
    });
  }

  test("may be left out, or undefined, and a <video> may play the voice", () => {
    const video = { localName: "video" };

    assert.doesNotThrow(() => [new HeyGenAvatar(), make({ video: undefined }), make({ video, audio: video })]);
  });
});

describe("start", () => {
  test("joins the session's room and is live with picture and voice", async () => {
    const avatar = make({ session: { quality: "low" } });
    const events = record(avatar);
    const started = avatar.start();
    await settle();
    livekit.room.send("video");
    await settle();
    assert.equal(avatar.live, false);
    livekit.room.send("audio");
    await started;

    assert.deepEqual(server.to("start"), [{ quality: "low" }]);
    assert.deepEqual([livekit.room.url, livekit.room.token], ["wss://room.example", "room-token"]);
    assert.deepEqual(types(events), ["starting", "live"]);
    assert.equal(events[1][1].room, true);
    assert.equal(events[1][1].session.session_seconds, 600);
  });

  test("is one, however often it is called", async () => {
    const { avatar } = await live();
    await avatar.start();
    const other = make();
    assert.equal(other.start(), other.start());
    await appear();

    assert.equal(server.to("start").length, 2);
  });

  test("costs nothing where it is stopped in the same breath", async () => {
    const avatar = make();
    avatar.start();
    await avatar.stop();
    await settle();

    assert.deepEqual(server.routes, []);
  });

  test("is one for React, which starts, stops and starts", async () => {
    const avatar = make();
    avatar.start();
    avatar.stop();
    avatar.start();
    await appear();

    assert.deepEqual(server.routes, ["start"]);
    assert.equal(avatar.live, true);
  });

  test("stops the session that comes when it is not wanted any more", async () => {
    let answer;
    server.next("start", new Promise((resolve) => (answer = resolve)));
    const avatar = make();
    const started = avatar.start();
    await settle();
    avatar.stop();
    answer();
    await started;

    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
    assert.equal(avatar.live, false);
  });

  test("stops the session whose room is being joined", async () => {
    const avatar = make();
    const started = avatar.start();
    await settle();
    await avatar.stop();
    await started;

    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
    assert.equal(livekit.room.left, true);
  });

  test("rejects with the reason", async () => {
    server.next("start", { status: 503, code: "not_configured" });
    const avatar = make();
    const events = record(avatar);

    await assert.rejects(avatar.start(), { name: "AvatarError", code: "not_configured" });
    assert.deepEqual(types(events), ["starting", "error"]);
  });

  for (const [answer, what] of [[502, "a proxy's 502"], ["offline", "a lost connection"]]) {
    test(`does not offer a second session after ${what}, which may have hidden the first`, async () => {
      server.next("start", answer);

      await assert.rejects(make().start(), { code: "outcome_unknown", retryable: false });
    });
  }

  test("can be tried again", async () => {
    server.next("start", { status: 502, code: "heygen_error", retryable: true });
    const avatar = make();
    await assert.rejects(avatar.start(), { code: "heygen_error" });
    avatar.start();
    await appear();

    assert.equal(avatar.live, true);
  });

  test("can be tried again by who hears of the error", async () => {
    server.next("start", { status: 502, code: "heygen_error", retryable: true });
    const avatar = make();
    avatar.addEventListener("error", () => avatar.start(), { once: true });
    const started = avatar.start();
    const spoken = avatar.speak("Hello.");
    await appear();
    await started;
    await settle();
    livekit.room.speak("task-1");

    assert.equal(await spoken, "avatar");
    assert.equal(server.to("start").length, 2);
  });

  test("leaves no session behind where the page's livekit-client is none", async () => {
    const avatar = make({ livekit: {} });
    const events = record(avatar);

    await assert.rejects(avatar.start(), { code: "page_error" });
    assert.equal(avatar.live, false);
    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
    assert.deepEqual(types(events), ["starting", "closed", "error"]);
    await pass(120_000);
    assert.equal(server.to("keep-alive").length, 0);
  });

  test("rejects before the stop of what it leaves is answered", async () => {
    server.next("stop", new Promise(() => {}));

    await assert.rejects(make({ livekit: {} }).start(), { code: "page_error" });
  });

  test("is live without a room on a page without livekit-client", async () => {
    const avatar = make({ livekit: undefined });
    const events = record(avatar);
    await avatar.start();

    assert.equal(events.at(-1)[1].room, false);
  });

  test("fails once where the room cannot be joined, with the cause, and ends the session", async () => {
    livekit = new LiveKit({ refuses: true });
    const avatar = make();
    const events = record(avatar);
    avatar.speak("Hello.").catch(() => {});
    const error = await avatar.start().catch((error) => error);
    await pass(10_000);

    assert.equal(error.code, "room_not_joined");
    assert.match(error.message, /room/);
    assert.equal(error.cause.message, "There is no room.");
    assert.deepEqual(types(events), ["starting", "closed", "error"]);
    assert.deepEqual(server.routes, ["start", "stop"]);
  });

  test("fails where the room does not answer", async () => {
    livekit = new LiveKit({ silent: true });
    const started = make().start().catch((error) => error);
    await settle();
    await pass(30_000);

    const error = await started;
    assert.equal(error.code, "room_not_joined");
    assert.match(error.cause.message, /30 s/);
  });

  test("waits for a picture no longer than a person would", async () => {
    const avatar = make();
    avatar.start();
    await settle();
    await pass(15_000);

    assert.equal(avatar.live, true);
  });
});

describe("room", () => {
  test("lets in the avatar alone", async () => {
    const video = { localName: "video" };
    await live({ video });

    assert.deepEqual(livekit.room.send("video", "somebody"), []);
    assert.deepEqual(livekit.room.send("video"), [video]);
  });

  test("takes no harm from what is not a message", async () => {
    const { events } = await live();
    livekit.room.emit("DataReceived", new Uint8Array([255, 0]));
    livekit.room.report("avatar_stop_talking", "unknown");

    assert.deepEqual(types(events), ["starting", "live"]);
  });

  test("reports that it is being joined again", async () => {
    const { events } = await live();
    livekit.room.emit("Reconnecting");
    livekit.room.emit("Reconnected");

    assert.deepEqual(types(events), ["starting", "live", "starting", "live"]);
    assert.equal(events[2][1].reconnecting, true);
  });

  test("reports that the browser holds the sound back, and plays it in a click", async () => {
    const { avatar, events } = await live();
    livekit.room.canPlaybackAudio = false;
    livekit.room.emit("AudioPlaybackStatusChanged");
    await avatar.enableSound();

    assert.deepEqual(events.slice(2), [["sound", { blocked: true }], ["sound", { blocked: false }]]);
  });

  test("plays the sound that comes before the picture", async () => {
    const avatar = make();
    avatar.start();
    await settle();
    livekit.room.canPlaybackAudio = false;
    livekit.room.send("audio");
    await avatar.enableSound();

    assert.equal(livekit.room.canPlaybackAudio, true);
  });
});

describe("speak", () => {
  test("resolves when the avatar has said the last word", async () => {
    const { avatar, events } = await live();
    const spoken = avatar.speak("Hello.");
    await settle();
    assert.deepEqual(server.to("task"), [{ session_id: "session-1", text: "Hello.", task_type: "repeat" }]);
    livekit.room.report("avatar_start_talking", "task-1");
    livekit.room.report("avatar_talking_message", "task-1", { message: "Hello." });
    livekit.room.report("avatar_stop_talking", "task-1");

    assert.equal(await spoken, "avatar");
    assert.deepEqual(events.slice(2), [
      ["speaking", { text: "Hello.", by: "avatar", duration_ms: 1000 }],
      ["words", { text: "Hello.", message: "Hello." }],
      ["silent", { text: "Hello.", by: "avatar", cutShort: false }],
    ]);
  });

  test("says one text after the other", async () => {
    const { avatar } = await live();
    const spoken = Promise.all(["one", "two", "three"].map((text) => avatar.speak(text)));
    for (const number of [1, 2, 3]) {
      await settle();
      assert.equal(server.texts.length, Math.min(number + 1, 3)); // one is sent ahead
      livekit.room.speak(`task-${number}`);
    }

    assert.deepEqual(await spoken, ["avatar", "avatar", "avatar"]);
    assert.deepEqual(server.texts, ["one", "two", "three"]);
  });

  test("waits until the avatar is live", async () => {
    const avatar = make();
    avatar.speak("Hello.");
    avatar.start();
    await settle();
    assert.deepEqual(server.routes, ["start"]);
    await appear();

    assert.deepEqual(server.routes, ["start", "task"]);
  });

  test("uses messages that come before the server's answer", async () => {
    const { avatar } = await live();
    let answer;
    server.next("task", new Promise((resolve) => (answer = resolve)));
    const spoken = avatar.speak("Hello.");
    await settle();
    livekit.room.speak("task-1");
    answer();

    assert.equal(await spoken, "avatar");
  });

  test("takes no other task's silence for its own", async () => {
    const { avatar } = await live();
    let ended = false;
    avatar.speak("Hello.").then(() => (ended = true));
    await settle();
    livekit.room.report("avatar_stop_talking", "task-0");
    await settle();

    assert.equal(ended, false);
  });

  test("ends after the duration and some seconds without a message of its end", async () => {
    const { avatar } = await live();
    const spoken = avatar.speak("Hello.");
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    let ended = false;
    spoken.then(() => (ended = true));
    await pass(5_900);
    assert.equal(ended, false);
    await pass(200);

    assert.equal(ended, true);
  });

  test("ends after the duration alone without a room", async () => {
    const avatar = make({ livekit: undefined });
    const events = record(avatar);
    await avatar.start();
    const spoken = avatar.speak("Hello.");
    await settle();
    await pass(1000);

    assert.equal(await spoken, "avatar");
    assert.deepEqual(types(events), ["starting", "live", "speaking", "silent"]);
  });

  test("estimates an unknown duration without a room", async () => {
    const avatar = make({ livekit: undefined });
    await avatar.start();
    server.duration = null;
    const spoken = avatar.speak("Tell me about yourself.");
    await settle();
    await pass(1_495);

    assert.equal(await spoken, "avatar");
  });

  test("tries again what the server puts off", async () => {
    const { avatar } = await live();
    server.next("task", NOT_READY, { ...NOT_READY, status: 429, code: "rate_limited", retry_after: 2 });
    avatar.speak("Hello.");
    await settle();
    await pass(1000);
    await pass(2000);

    assert.deepEqual(server.texts, ["Hello.", "Hello.", "Hello."]);
  });

  test("retries a few times only, and ends a session that nobody joins", async () => {
    const { avatar } = await live();
    server.next("task", ...Array(9).fill(NOT_READY));
    const spoken = avatar.speak("Hello.");
    await settle();
    for (let second = 0; second < 9; second++) await pass(1000);

    await assert.rejects(spoken, { code: "session_not_ready" });
    assert.equal(server.texts.length, 6);
    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
  });

  test("rejects rather than wait for long", async () => {
    const { avatar } = await live();
    server.next("task", { status: 429, code: "rate_limited", retryable: true, retry_after: 30 });
    const spoken = avatar.speak("Hello.");
    await settle();
    await pass(500);

    await assert.rejects(spoken, { code: "rate_limited", retryAfter: 30 });
    assert.equal(server.texts.length, 1);
  });
});

describe("interrupt", () => {
  test("cuts short what is said, drops the rest and interrupts the avatar", async () => {
    const { avatar, events } = await live();
    const spoken = [avatar.speak("one"), avatar.speak("two")];
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    await avatar.interrupt();

    assert.deepEqual(await Promise.all(spoken), [null, null]);
    assert.deepEqual(server.routes, ["start", "task", "task", "interrupt"]);
    assert.deepEqual(events.at(-1), ["silent", { text: "one", by: "avatar", cutShort: true }]);
  });

  test("overtakes no task, and is overtaken by none", async () => {
    const { avatar } = await live();
    let answer;
    server.next("task", new Promise((resolve) => (answer = resolve)));
    avatar.speak("one");
    await settle();
    avatar.interrupt();
    avatar.speak("two");
    await settle();
    assert.deepEqual(server.routes, ["start", "task"]);
    answer();
    await settle();

    assert.deepEqual(server.routes, ["start", "task", "interrupt", "task"]);
    assert.deepEqual(server.texts, ["one", "two"]);
  });

  test("drops a text that waits behind a slow one", async () => {
    const { avatar } = await live();
    avatar.speak("one");
    await settle();
    let answer;
    server.next("interrupt", new Promise((resolve) => (answer = resolve)));
    avatar.interrupt();
    const dropped = avatar.speak("two");
    await settle();
    avatar.interrupt();
    avatar.speak("three");
    answer();
    await settle();

    assert.equal(await dropped, null);
    assert.deepEqual(server.texts, ["one", "three"]);
  });

  test("asks nothing of the server while nobody speaks", async () => {
    const { avatar } = await live();
    await avatar.interrupt();

    assert.deepEqual(server.routes, ["start"]);
  });
});

describe("stop", () => {
  test("ends the session, leaves the room and resolves what was to be said", async () => {
    const { avatar, events } = await live();
    const spoken = avatar.speak("Hello.");
    await settle();
    await avatar.stop();

    assert.equal(await spoken, null);
    assert.equal(livekit.room.left, true);
    assert.equal(avatar.live, false);
    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
    assert.deepEqual(events.at(-1), ["closed", { reason: "stopped", restarting: false }]);
  });

  for (const [how, room] of [["in its room", true], ["without a room", false]]) {
    test(`leaves no word of a text that was cut short as it was sent, ${how}`, async () => {
      const avatar = make({ livekit: room ? livekit : undefined });
      const events = record(avatar);
      avatar.start();
      await settle();
      if (room) await appear();
      let answer;
      server.next("task", new Promise((resolve) => (answer = resolve)));
      const spoken = avatar.speak("Hello.");
      await settle();
      if (room) livekit.room.report("avatar_start_talking", "task-1");
      avatar.stop();
      answer();

      assert.equal(await spoken, null);
      assert.deepEqual(types(events), ["starting", "live", "closed"]);
    });
  }

  test("is tried again where the server puts it off, and outlives the page", async () => {
    const { avatar } = await live();
    server.next("stop", { ...NOT_READY, status: 429, code: "rate_limited" });
    const stopped = avatar.stop();
    await settle();
    await pass(1000);
    await stopped;

    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }, { session_id: "session-1" }]);
    assert.deepEqual(server.calls.slice(-2).map(({ options }) => options.keepalive), [true, true]);
  });

  test("is waited for by the next start", async () => {
    const { avatar } = await live();
    let answer;
    server.next("stop", new Promise((resolve) => (answer = resolve)));
    avatar.stop();
    avatar.start();
    await settle();
    assert.deepEqual(server.routes, ["start", "stop"]);
    answer();
    await appear();

    assert.equal(avatar.live, true);
  });

  test("is done once", async () => {
    const { avatar } = await live();
    await avatar.stop();
    await avatar.stop();
    page.window.fire("pagehide");

    assert.equal(server.to("stop").length, 1);
  });
});

describe("a session that the other side ends", () => {
  test("is replaced, and nothing is said twice", async () => {
    const { avatar, events } = await live();
    const cut = avatar.speak("one");
    await settle();
    livekit.room.emit("Disconnected", 5);
    assert.equal(await cut, null);
    const next = avatar.speak("two");
    await appear();
    livekit.room.speak("task-2");

    assert.equal(await next, "avatar");
    assert.deepEqual(server.texts, ["one", "two"]);
    assert.deepEqual(server.to("task").map((task) => task.session_id), ["session-1", "session-2"]);
    assert.deepEqual(types(events).slice(2, 5), ["closed", "starting", "live"]);
  });

  test("is replaced where a task finds it gone, and the task is said in the new one", async () => {
    const { avatar } = await live();
    server.next("task", CLOSED);
    const spoken = avatar.speak("Hello.");
    await appear();
    livekit.room.speak("task-2");

    assert.equal(await spoken, "avatar");
    assert.deepEqual(server.to("task").map((task) => task.session_id), ["session-1", "session-2"]);
  });

  test("is replaced, and what it may have said is not sent again", async () => {
    const { avatar } = await live();
    let answer;
    server.next("task", new Promise((resolve) => (answer = resolve)));
    const spoken = avatar.speak("Hello.");
    await settle();
    livekit.room.emit("Disconnected", 5);
    await appear();
    answer(504);

    await assert.rejects(spoken, { code: "outcome_unknown" });
    assert.deepEqual(server.texts, ["Hello."]);
    const next = avatar.speak("And yourself?");
    await settle();
    livekit.room.speak("task-2");
    assert.equal(await next, "avatar");
  });

  test("is replaced, and what it certainly did not say is sent again", async () => {
    const { avatar } = await live();
    let answer;
    server.next("task", new Promise((resolve) => (answer = resolve)));
    const spoken = avatar.speak("Hello.");
    await settle();
    livekit.room.emit("Disconnected", 5);
    await appear();
    answer(CLOSED);
    await settle();
    livekit.room.speak("task-2");

    assert.equal(await spoken, "avatar");
    assert.deepEqual(server.texts, ["Hello.", "Hello."]);
  });

  test("is sent nothing more: what waited its turn is said in the next one", async () => {
    const { avatar } = await live();
    avatar.speak("one");
    await settle();
    let answer;
    server.next("interrupt", new Promise((resolve) => (answer = resolve)));
    avatar.interrupt();
    const next = avatar.speak("two");
    await settle();
    livekit.room.emit("Disconnected", 5);
    answer();
    await appear();
    livekit.room.speak("task-2");

    assert.equal(await next, "avatar");
    assert.deepEqual(server.to("task").map((task) => task.session_id), ["session-1", "session-2"]);
  });

  test("is replaced, and speaks though an answer of the old one is lost meanwhile", async () => {
    const { avatar } = await live();
    let answer, start;
    server.next("task", new Promise((resolve) => (answer = resolve)));
    server.next("start", new Promise((resolve) => (start = resolve)));
    avatar.speak("Hello.");
    await settle();
    livekit.room.emit("Disconnected", 5);
    await settle();
    answer(504);
    const next = avatar.speak("And yourself?");
    await settle();
    start();
    await appear();
    livekit.room.speak("task-2");

    assert.equal(await next, "avatar");
  });

  test("is replaced once, then it is an error", async () => {
    const { avatar, events } = await live();
    livekit.room.emit("Disconnected", 5);
    await appear();
    livekit.room.emit("Disconnected", 5);
    await settle();

    assert.equal(server.to("start").length, 2);
    assert.equal(avatar.live, false);
    assert.equal(events.at(-1)[0], "error");
    assert.equal(events.at(-1)[1].error.restartSession, true);
  });

  test("is replaced again once something was spoken", async () => {
    const { avatar } = await live();
    livekit.room.emit("Disconnected", 5);
    await appear();
    avatar.speak("Hello.");
    await settle();
    livekit.room.speak("task-1");
    await settle();
    livekit.room.emit("Disconnected", 5);
    await appear();

    assert.equal(avatar.live, true);
  });

  test("is replaced when somebody looks again", async () => {
    const { avatar } = await live();
    page.document.hidden = true;
    livekit.room.emit("Disconnected", 5);
    await settle();
    assert.equal(server.to("start").length, 1);
    page.document.hidden = false;
    page.document.fire("visibilitychange");
    await appear();

    assert.equal(avatar.live, true);
  });

  for (const [type, hidden] of [["closed", false], ["silent", false], ["closed", true]]) {
    test(`is not replaced where a handler of ${type} stops${hidden ? ", though nobody looks" : ""}`, async () => {
      const { avatar } = await live();
      avatar.speak("Hello.");
      await settle();
      livekit.room.report("avatar_start_talking", "task-1");
      avatar.addEventListener(type, () => avatar.stop());
      page.document.hidden = hidden;
      livekit.room.emit("Disconnected", 5);
      await settle();
      page.document.hidden = false;
      avatar.speak("And yourself?");
      await settle();

      assert.equal(server.to("start").length, 1);
    });
  }

  test("is replaced when a hidden page asks for it, and by no third", async () => {
    const { avatar } = await live();
    page.document.hidden = true;
    livekit.room.emit("Disconnected", 5);
    server.next("start", { status: 502, code: "heygen_error" });
    await assert.rejects(avatar.start(), { code: "heygen_error" });
    page.document.hidden = false;
    page.document.fire("visibilitychange");
    await settle();

    assert.equal(server.to("start").length, 2);
  });

  test("while it is joined and nobody looks is replaced when somebody does", async () => {
    const avatar = make();
    avatar.start();
    await settle();
    page.document.hidden = true;
    livekit.room.emit("Disconnected", 5);
    await settle();
    assert.equal(server.to("start").length, 1);
    page.document.hidden = false;
    page.document.fire("visibilitychange");
    await appear();

    assert.equal(avatar.live, true);
    assert.equal(server.to("start").length, 2);
  });

  test("is replaced once its end is answered: an account may have room for one", async () => {
    await live();
    let answer;
    server.next("stop", new Promise((resolve) => (answer = resolve)));
    livekit.room.emit("Disconnected", 5);
    await settle();
    assert.equal(server.to("start").length, 1);
    answer();
    await settle();

    assert.deepEqual(server.routes, ["start", "stop", "start"]);
  });

  test("is replaced though its end is never answered", async () => {
    await live();
    server.next("stop", new Promise(() => {}));
    livekit.room.emit("Disconnected", 5);
    await settle();
    await pass(5000);

    assert.equal(server.to("start").length, 2);
  });

  test("is not replaced where it is stopped before its end is answered", async () => {
    const { avatar, events } = await live();
    let answer;
    server.next("stop", new Promise((resolve) => (answer = resolve)));
    livekit.room.emit("Disconnected", 5);
    await settle();
    const stopped = avatar.stop();
    answer();
    await stopped;

    assert.deepEqual(server.routes, ["start", "stop"]);
    assert.deepEqual(types(events), ["starting", "live", "closed"]);
  });

  test("is stopped for the case that only the network is gone", async () => {
    await live();
    livekit.room.emit("Disconnected", 7);
    await settle();

    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
  });
});

describe("the browser's voice", () => {
  beforeEach(() => page.voices.push({ name: "Alex" }));

  async function sayAloud() {
    await settle();
    page.utterances.at(-1).onend();
  }

  test("helps out where the avatar fails", async () => {
    const { avatar, events } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Hello.");
    await sayAloud();

    assert.equal(await spoken, "browser");
    assert.equal(page.utterances[0].text, "Hello.");
    assert.deepEqual(types(events).slice(2), ["error", "speaking", "silent"]);
    assert.equal(events[3][1].by, "browser");
  });

  test("helps out where no session can be had", async () => {
    server.next("start", { status: 502, code: "api_retired" });
    const avatar = make();
    avatar.start();
    const spoken = avatar.speak("Hello.");
    await sayAloud();

    assert.equal(await spoken, "browser");
  });

  test("is not heard where the avatar may have spoken", async () => {
    const { avatar } = await live();
    server.next("task", { status: 504, code: "outcome_unknown" });

    await assert.rejects(avatar.speak("Hello."), { code: "outcome_unknown" });
    assert.deepEqual(page.utterances, []);
  });

  for (const [answer, what] of [
    [502, "a proxy's 502"],
    [503, "a proxy's 503"],
    [504, "a proxy's 504"],
    [json({ error: "upstream timed out" }, 504), "a gateway's own JSON"],
    [json({ status: "error", error: "bad gateway" }, 502), "JSON much like the server's"],
    [new Response('{"status": "suc', { headers: { "Content-Type": "application/json" } }), "half an answer"],
    [lines({ status: "accepted" }), "an answer that ends after its first line"],
    [lines({ status: "accepted" }, { status: "error", error: { code: "outcome_unknown", message: "", http_status: 504 } }), "an answer that says so"],
    ["offline", "a lost connection"],
  ]) {
    test(`is not heard after ${what}, since the avatar may have spoken`, async () => {
      const { avatar } = await live();
      server.next("task", answer);

      await assert.rejects(avatar.speak("Hello."), { code: "outcome_unknown", retryable: false });
      assert.deepEqual(page.utterances, []);
    });
  }

  for (const status of [413, 429]) {
    test(`is heard after a proxy's ${status}, which the server never saw`, async () => {
      const { avatar } = await live();
      server.next("task", status);
      const spoken = avatar.speak("Hello.");
      await sayAloud();

      assert.equal(await spoken, "browser");
    });
  }

  test("does not say what the server refuses to have spoken", async () => {
    const { avatar } = await live();
    server.next("task", { status: 403, code: "text_refused" });

    await assert.rejects(avatar.speak("Hello."), { code: "text_refused" });
    assert.deepEqual(page.utterances, []);
  });

  test("is not heard on a page that does without it", async () => {
    const { avatar } = await live({ browserVoice: false });
    server.next("task", { code: "heygen_error" });

    await assert.rejects(avatar.speak("question-7"), { code: "heygen_error" });
    assert.deepEqual(page.utterances, []);
  });

  test("is heard where the page is offline", async () => {
    const { avatar } = await live();
    navigator.onLine = false;
    server.next("task", "offline");
    const spoken = avatar.speak("Hello.");
    await sayAloud();

    assert.equal(await spoken, "browser");
  });

  test("gives way to the avatar with the next text", async () => {
    const { avatar } = await live();
    server.next("task", FAILED);
    avatar.speak("one");
    const next = avatar.speak("two");
    await sayAloud();
    await settle();
    livekit.room.speak("task-2");

    assert.equal(await next, "avatar");
  });

  test("is cut short like the avatar's", async () => {
    const { avatar } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Hello.");
    await settle();
    await avatar.interrupt();

    assert.equal(await spoken, null);
    assert.equal(page.utterances.at(-1), "cancelled");
  });

  test("that never begins is noticed, and nothing is claimed", async () => {
    const { avatar, events } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Hello.");
    await settle();
    await pass(3_000);

    await assert.rejects(spoken, { code: "heygen_error" });
    assert.deepEqual(types(events).slice(2), ["error"]);
    assert.equal(page.utterances.at(-1), "cancelled");
  });

  test("that falls silent is noticed, and its end not claimed", async () => {
    const { avatar, events } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Tell me about yourself. Take all the time that you need.");
    await settle();
    page.utterances.at(-1).onstart();
    page.utterances.at(-1).onend();
    await settle();
    page.utterances.at(-1).onboundary();
    await pass(5_000);

    await assert.rejects(spoken, { code: "heygen_error" });
    assert.deepEqual(types(events).slice(2), ["error", "speaking", "silent"]);
    assert.equal(events.at(-1)[1].cutShort, true);
  });

  test("says long texts in sentences, since some voices die in long ones", async () => {
    const { avatar } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Tell me about yourself. Take your time.");
    await sayAloud();
    await sayAloud();

    assert.equal(await spoken, "browser");
    assert.deepEqual(page.utterances.map(({ text }) => text.trim()), ["Tell me about yourself.", "Take your time."]);
  });

  test("is primed by a start in a click", async () => {
    let primed = 0;
    page.synthesis.speak = ({ volume }) => (primed += volume === 0);
    await live();

    assert.equal(primed, 1);
  });

  test("that the browser refuses is an error", async () => {
    const { avatar } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Hello.");
    await settle();
    page.utterances.at(-1).onerror();

    await assert.rejects(spoken, { code: "heygen_error" });
  });

  test("that a browser lacks is an error", async () => {
    page.voices.pop();
    const { avatar } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("Hello.");
    await settle();
    await pass(500);

    await assert.rejects(spoken, AvatarError);
  });

  test("may take its time in Chinese", async () => {
    const { avatar } = await live();
    server.next("task", FAILED);
    const spoken = avatar.speak("请介绍一下你自己，包括你最自豪的系统，以及它为什么好".repeat(2));
    await settle();
    page.utterances[0].onstart();
    await pass(24_000);
    assert.equal(page.utterances.length, 1);
    page.utterances[0].onend();

    assert.equal(await spoken, "browser");
  });
});

describe("keep-alive", () => {
  test("is sent at each third of the idle time, so that one may fail", async () => {
    await live();
    await pass(39_999);
    assert.equal(server.to("keep-alive").length, 0);
    server.next("keep-alive", "offline");
    await pass(1);
    await pass(40_000);

    assert.deepEqual(server.to("keep-alive"), [{ session_id: "session-1" }, { session_id: "session-1" }]);
  });

  test("is not sent while nobody looks, and made up for when somebody does", async () => {
    await live();
    page.document.hidden = true;
    page.document.fire("visibilitychange");
    await pass(40_000);
    assert.equal(server.to("keep-alive").length, 0);
    page.document.hidden = false;
    page.document.fire("visibilitychange");
    await settle();

    assert.equal(server.to("keep-alive").length, 1);
  });

  test("is not sent before it is due, however often somebody looks", async () => {
    await live();
    await pass(40_000);
    page.document.hidden = true;
    page.document.fire("visibilitychange");
    await pass(1_000);
    page.document.hidden = false;
    page.document.fire("visibilitychange");

    assert.equal(server.to("keep-alive").length, 1);
  });

  test("is not made up for a session that has ended", async () => {
    const { avatar } = await live();
    page.document.hidden = true;
    await pass(40_000);
    await avatar.stop();
    page.document.hidden = false;
    page.document.fire("visibilitychange");

    assert.equal(server.to("keep-alive").length, 0);
  });

  test("ends with the session", async () => {
    const { avatar } = await live();
    await avatar.stop();
    await pass(120_000);

    assert.equal(server.to("keep-alive").length, 0);
  });

  test("that finds the session gone has it replaced", async () => {
    const { avatar } = await live();
    server.next("keep-alive", CLOSED);
    await pass(60_000);
    await appear();

    assert.equal(server.to("start").length, 2);
    assert.equal(avatar.live, true);
  });
});

describe("a page that goes away", () => {
  test("stops the session with a request that outlives it", async () => {
    const { events } = await live();
    page.window.fire("pagehide");

    const { route, body, options } = server.calls.at(-1);
    assert.equal(route, "stop");
    assert.deepEqual(body, { session_id: "session-1" });
    assert.equal(options.keepalive, true);
    assert.deepEqual(events.at(-1), ["closed", { reason: "left", restarting: false }]);
  });

  test("sends a beacon where the request fails", async () => {
    await live();
    server.next("stop", "offline");
    page.window.fire("pagehide");
    await settle();

    assert.deepEqual(page.beacons, [{ url: "https://host.example/api/heygen/stop", body: "session_id=session-1" }]);
  });

  test("is alive again when it comes back", async () => {
    const { avatar } = await live();
    page.window.fire("pagehide");
    const spoken = avatar.speak("Welcome back.");
    page.window.fire("pageshow");
    await appear();
    livekit.room.speak("task-1");

    assert.equal(await spoken, "avatar");
    assert.deepEqual(server.to("task").map((task) => task.session_id), ["session-2"]);
  });

  test("is not alive again where a handler stops for good", async () => {
    const { avatar } = await live();
    avatar.addEventListener("closed", () => avatar.stop());
    page.window.fire("pagehide");
    page.window.fire("pageshow");
    await new Promise(setImmediate); // what a listener throws comes after all promises

    assert.equal(server.to("start").length, 1);
  });

  test("stops the session that was being started as it left, if it can", async () => {
    let answer;
    server.next("start", new Promise((resolve) => (answer = resolve)));
    make().start();
    await settle();
    page.window.fire("pagehide");
    answer();
    await settle();

    assert.deepEqual(server.to("stop"), [{ session_id: "session-1" }]);
  });
});

describe("the server", () => {
  test("is where the module comes from", async () => {
    const avatar = make({ baseUrl: undefined });
    avatar.start();
    await settle();

    assert.equal(server.calls[0].url, new URL("../../flask_heygen/static/start", import.meta.url).href);
  });

  test("is sent the page's CSRF token", async () => {
    page.document.csrf = "token-of-the-page";
    await live();
    page.window.fire("pagehide");

    assert.equal(server.calls[0].options.headers["X-CSRFToken"], "token-of-the-page");
    assert.equal(server.calls.at(-1).body.csrf_token, "token-of-the-page");
  });

  test("is sent no CSRF token where the page has none", async () => {
    await live();

    assert.deepEqual(Object.keys(server.calls[0].options.headers), ["Content-Type", "Accept"]);
  });

  test("is sent the headers of the page's own, as they are at the time", async () => {
    let token = "first";
    const { avatar } = await live({ headers: () => ({ Authorization: `Bearer ${token}` }) });
    token = "second";
    await avatar.stop();

    const sent = server.calls.map((call) => [call.options.headers.Authorization, call.options.headers["Content-Type"]]);
    assert.deepEqual(sent, [["Bearer first", "application/json"], ["Bearer second", "application/json"]]);
  });

  for (const [baseUrl, credentials] of [["/api/heygen/", "same-origin"], ["https://api.example/avatars", "include"]]) {
    test(`is sent cookies as ${credentials} at ${baseUrl}`, async () => {
      await live({ baseUrl });

      assert.equal(server.calls[0].options.credentials, credentials);
      assert.equal(server.calls[0].url, new URL(`${baseUrl.replace(/\/$/, "")}/start`, "https://host.example").href);
    });
  }

  for (const [answer, what] of [[429, "answers 429 without a word of its own"], ["offline", "is asked by a page that is offline"]]) {
    test(`that ${what} has done nothing`, async () => {
      navigator.onLine = answer !== "offline";
      server.next("start", answer);

      await assert.rejects(make().start(), { code: "unreachable", retryable: true });
    });
  }

  for (const status of [404, 405]) {
    test(`that answers ${status} in place of the blueprint is named: baseUrl may be wrong`, async () => {
      server.next("start", status);
      const message = `POST https://host.example/api/heygn/start answered ${status}, and not from the blueprint: check baseUrl.`;

      await assert.rejects(make({ baseUrl: "/api/heygn" }).start(), { code: "unreachable", status, message });
    });
  }

  test("that cannot be reached may be sent again what is idempotent", async () => {
    const { avatar, events } = await live();
    server.next("interrupt", 502);
    avatar.speak("Hello.");
    await settle();

    await assert.rejects(avatar.interrupt(), { code: "unreachable", retryable: true });
    assert.equal(events.at(-1)[1].error.code, "unreachable");
  });
});
