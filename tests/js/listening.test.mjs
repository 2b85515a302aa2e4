/** HeyGenAvatar's ears: the microphone in the avatar's room, or the browser's own recognition. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";
import { LiveKit, Page, Server, pass, record, settle } from "./page.mjs";

let page, server, livekit;

beforeEach(() => {
  page = new Page();
  server = new Server();
  server.listening = "conversational";
  livekit = new LiveKit();
});
afterEach(async () => {
  delete globalThis.webkitSpeechRecognition;
  await page.close();
});

async function appear() {
  await settle();
  livekit.room.enter("heygen");
  livekit.room.send("video");
  livekit.room.send("audio");
  await settle();
}

async function live(options = {}) {
  const avatar = new HeyGenAvatar({ livekit, baseUrl: "/api/heygen", ...options });
  const events = record(avatar);
  avatar.start();
  await appear();
  events.length = 0;
  return { avatar, events };
}

const say = (event_type, text) => livekit.room.receive({ event_type, text }, "liveavatar-agent-1");
const about = (event_type) => livekit.room.receive({ event_type, source_event_id: "task-1" }, "liveavatar-agent-1");
const heard = (events) => events.filter(([type]) => type === "heard").map(([, detail]) => detail);

/** The browser's recognition, which hears what a test says. */
class Recognition {
  constructor() {
    Recognition.current = this;
  }
  start() {
    this.running = true;
  }
  stop() {
    this.running = false;
  }
  abort() {
    this.running = false;
  }
  hear(...parts) {
    this.onresult?.({ resultIndex: 0, results: parts.map(([transcript, isFinal]) => Object.assign([{ transcript }], { isFinal })) });
  }
}

describe("listen", () => {
  test("publishes the microphone in the room, and resolves when it is on", async () => {
    const { avatar, events } = await live();

    assert.equal(await avatar.listen({ deviceId: "headset" }), "avatar");
    const [microphone] = livekit.room.tracks;
    const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    assert.deepEqual(microphone.options, { ...processing, deviceId: "headset" });
    assert.equal(microphone.isMuted, false);
    assert.deepEqual(events, [["listening", { on: true, muted: false, by: "avatar" }]]);
    assert.equal(avatar.room, livekit.room);
  });

  test("gives the words as they are heard", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    say("user.speak_started");
    say("user.transcription.chunk", "I would");
    say("user.transcription.chunk", "look at");
    say("user.transcription", "I would look at the logs.");
    say("user.speak_ended");

    assert.deepEqual(events.slice(1), [
      ["userSpeaking", { speaking: true }],
      ["heard", { text: "I would", final: false, by: "avatar" }],
      ["heard", { text: "I would look at", final: false, by: "avatar" }],
      ["heard", { text: "I would look at the logs.", final: true, by: "avatar" }],
      ["userSpeaking", { speaking: false }],
    ]);
  });

  test("gives HeyGen's words in the same events", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    for (const message of ["I would", "look."]) livekit.room.report("user_talking_message", "user-1", { message });
    livekit.room.report("user_end_message", "user-1");

    assert.deepEqual(heard(events).at(-1), { text: "I would look.", final: true, by: "avatar" });
    assert.deepEqual(events.at(-1), ["userSpeaking", { speaking: false }]);
  });

  test("rests while the avatar speaks", async () => {
    const { avatar } = await live();
    await avatar.listen();
    const spoken = avatar.speak("Hello.");
    await settle();
    assert.equal(livekit.room.tracks[0].isMuted, true); // a user who begins now would interrupt it
    livekit.room.report("avatar_start_talking", "task-1");
    livekit.room.report("avatar_stop_talking", "task-1");
    await spoken;
    await settle();

    assert.equal(livekit.room.tracks[0].isMuted, false);
  });

  test("interrupts with the first words where the page wants barge-in", async () => {
    const { avatar } = await live();
    await avatar.listen({ bargeIn: true });
    const spoken = avatar.speak("Let me tell you about the role.");
    await settle();
    livekit.room.report("avatar_start_talking", "task-1");
    await settle();
    assert.equal(livekit.room.tracks[0].isMuted, false);
    say("user.transcription.chunk", "Wait");
    await settle();

    assert.equal(await spoken, null);
    assert.equal(server.to("interrupt").length, 1);
  });

  test("takes a text that LiveAvatar ends under the user's voice for interrupted", async () => {
    const { avatar, events } = await live();
    await avatar.listen({ bargeIn: true });
    const spoken = Promise.all([avatar.speak("Let me tell you about the role."), avatar.speak("It is a good one.")]);
    await settle();
    about("avatar.speak_started");
    say("user.speak_started");
    about("avatar.speak_ended");
    await settle();
    say("user.transcription", "Wait.");
    say("user.speak_ended");

    assert.deepEqual(await spoken, [null, null]);
    assert.equal(events.find(([type]) => type === "silent")[1].cutShort, true);
    assert.equal(heard(events).at(-1).text, "Wait.");
    assert.equal(livekit.room.tracks[0].isMuted, false);
    assert.deepEqual(server.to("interrupt"), []); // it would cut short the answer to these words
  });

  test("speaks a text that the page gives when the user's voice has ended another", async () => {
    const { avatar } = await live();
    await avatar.listen({ bargeIn: true });
    let next = null;
    avatar.addEventListener("silent", () => (next ??= avatar.speak("Go ahead.")));
    avatar.speak("Let me tell you about the role.");
    await settle();
    about("avatar.speak_started");
    say("user.speak_started");
    about("avatar.speak_ended");
    say("user.speak_ended");
    await settle();

    assert.equal(server.to("task").at(-1).text, "Go ahead.");
    avatar.stop();
    assert.equal(await next, null);
  });

  test("takes a text for spoken under a voice that does not interrupt", async () => {
    const { avatar } = await live();
    await avatar.listen({ bargeIn: true });
    say("user.speak_started");
    const spoken = avatar.speak("Hello.");
    await settle();
    about("avatar.speak_started");
    about("avatar.speak_ended");

    assert.equal(await spoken, "avatar");
  });

  test("is muted and unmuted", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    await avatar.mute();
    assert.equal(livekit.room.tracks[0].isMuted, true);
    await avatar.unmute();
    assert.equal(livekit.room.tracks[0].isMuted, false);

    assert.deepEqual(events.slice(1), [
      ["listening", { on: true, muted: true, by: "avatar" }],
      ["listening", { on: true, muted: false, by: "avatar" }],
    ]);
  });

  test("is muted before it is on", async () => {
    const { avatar, events } = await live();
    const listening = avatar.listen();
    await Promise.all([avatar.mute(), listening]);

    assert.equal(livekit.room.tracks[0].isMuted, true);
    assert.deepEqual(events, [["listening", { on: true, muted: true, by: "avatar" }]]);
  });

  test("ends with stopListening, and with the session", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    const [first] = livekit.microphones;
    avatar.stopListening();
    await settle();
    assert.equal(first.stopped, true);
    assert.deepEqual(livekit.room.tracks, []);
    await avatar.listen();
    await avatar.stop();

    assert.equal(livekit.microphones[1].stopped, true);
    assert.deepEqual(events.filter(([type]) => type === "listening").at(-1), ["listening", { on: false, muted: false }]);
  });

  test("goes on in the session that replaces a lost one", async () => {
    const { avatar } = await live();
    await avatar.listen();
    livekit.room.emit("Disconnected", 5);
    await appear();

    assert.equal(livekit.rooms.length, 2);
    assert.equal(livekit.room.tracks.length, 1);
    assert.equal(livekit.room.tracks[0].isMuted, false);
  });

  test("opens and closes push-to-talk by itself", async () => {
    server.listening = "push_to_talk";
    const { avatar } = await live();
    const listening = avatar.listen();
    await settle();
    assert.deepEqual(livekit.room.published.map(({ event_type }) => event_type), ["user.start_push_to_talk"]);
    assert.equal(livekit.room.tracks[0].isMuted, true);
    say("user.push_to_talk_started");
    await listening;
    assert.equal(livekit.room.tracks[0].isMuted, false);
    const muted = avatar.mute();
    await settle();
    say("user.push_to_talk_stopped");
    await muted;

    assert.equal(livekit.room.published.at(-1).event_type, "user.stop_push_to_talk");
    assert.equal(livekit.room.tracks[0].isMuted, true);
  });

  test("is an error where push-to-talk is refused", async () => {
    server.listening = "push_to_talk";
    const { avatar } = await live();
    const listening = assert.rejects(avatar.listen(), { code: "microphone_failed" });
    await settle();
    say("user.push_to_talk_start_failed");
    await listening;

    assert.equal(livekit.microphones[0].stopped, true);
  });

  for (const [name, code] of [["NotAllowedError", "microphone_denied"], ["NotFoundError", "microphone_missing"], ["NotReadableError", "microphone_failed"]]) {
    test(`is an error in words: ${name}`, async () => {
      const { avatar } = await live();
      livekit.microphone = Object.assign(new Error("refused"), { name });
      const error = await avatar.listen().catch((error) => error);

      assert.equal(error.code, code);
      assert.match(error.message, /Type your answer/);
      assert.equal(error.cause.name, name);
    });
  }

  test("is ended with an error by a microphone that is unplugged", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    const [microphone] = livekit.microphones;
    microphone.handlers.ended();
    microphone.stopped = false; // as livekit-client restarts it with another device
    microphone.handlers.restarted();

    assert.deepEqual(events.map(([type]) => type), ["listening", "listening", "error"]);
    assert.equal(events[2][1].error.code, "microphone_missing");
    assert.equal(microphone.stopped, true);
  });
});

describe("the browser's recognition", () => {
  beforeEach(() => {
    globalThis.webkitSpeechRecognition = Recognition;
    server.listening = null;
  });

  test("stands in where the avatar has no ears", async () => {
    const { avatar, events } = await live();

    assert.equal(await avatar.listen(), "browser");
    Recognition.current.hear(["I would", true], ["look at", false]);
    assert.deepEqual(heard(events), [
      { text: "I would", final: true, by: "browser" },
      { text: "look at", final: false, by: "browser" },
    ]);
  });

  test("stands in where there is no session", async () => {
    const avatar = new HeyGenAvatar({ baseUrl: "/api/heygen" });

    assert.equal(await avatar.listen(), "browser");
  });

  test("is begun again where the browser ends it", async () => {
    const { avatar } = await live();
    await avatar.listen();
    const first = Recognition.current;
    await pass(5_000);
    first.onend();
    await pass(1);

    assert.notEqual(Recognition.current, first);
    assert.equal(Recognition.current.running, true);
  });

  test("is not begun again and again where it ends at once, as for another tab", async () => {
    const { avatar } = await live();
    await avatar.listen();
    const first = Recognition.current;
    first.onend();
    await pass(900);
    assert.equal(Recognition.current, first);

    await pass(100);
    assert.notEqual(Recognition.current, first);
  });

  test("rests while the browser's voice speaks", async () => {
    page.voices.push({ lang: "en" });
    const { avatar } = await live();
    await avatar.listen();
    server.next("task", { status: 502, code: "heygen_error", retryable: true });
    const spoken = avatar.speak("Hello.");
    await settle();
    page.utterances[0].onstart();
    await settle();
    assert.equal(Recognition.current.running, false);
    Recognition.current.onend();
    page.utterances[0].onend();
    await spoken;
    await settle();

    assert.equal(Recognition.current.running, true);
  });

  test("still gives what was said before listening was stopped, until it begins again", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    const first = Recognition.current;
    avatar.stopListening();
    first.hear(["I would", true]);
    await avatar.listen();
    first.hear(["I would", true], ["look", true]);

    assert.deepEqual(heard(events).map(({ text }) => text), ["I would"]);
  });

  test("that is not allowed is an error in words", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    Recognition.current.onerror({ error: "not-allowed" });

    assert.equal(events.at(-1)[1].error.code, "microphone_denied");
    assert.equal(events.at(-2)[1].on, false);
  });

  test("that a browser lacks leaves the page to typing", async () => {
    delete globalThis.webkitSpeechRecognition;
    const { avatar } = await live();

    await assert.rejects(avatar.listen(), { code: "not_supported" });
  });
});

describe("the quality of the connection", () => {
  test("is the page's own", async () => {
    const { events } = await live();
    livekit.room.emit("ConnectionQualityChanged", "poor", { isLocal: true });
    livekit.room.emit("ConnectionQualityChanged", "lost", { isLocal: false });

    assert.deepEqual(events, [["quality", { quality: "poor" }]]);
  });
});

describe("a conversation", () => {
  test("has the model answer a text, whose words are the avatar's", async () => {
    server.duration = null;
    const { avatar, events } = await live();
    const spoken = avatar.speak("What do you build?", { respond: true });
    await settle();
    assert.equal(server.to("task")[0].task_type, "chat");
    livekit.room.receive({ event_type: "avatar.speak_started", source_event_id: "task-1" });
    livekit.room.receive({ event_type: "avatar.transcription.chunk", text: "Payments." });
    await pass(60_000);
    livekit.room.receive({ event_type: "avatar.speak_ended", source_event_id: "task-1" });

    assert.equal(await spoken, "avatar");
    assert.deepEqual(events.map(([type]) => type), ["speaking", "words", "silent"]);
    assert.equal(events[0][1].respond, true);
    assert.equal(events[1][1].message, "Payments.");
  });

  test("ends with the answer, though the vendor does not name the text", async () => {
    server.duration = null;
    const { avatar, events } = await live();
    const spoken = avatar.speak("What do you build?", { respond: true });
    await settle();
    say("avatar.speak_started");
    say("avatar.transcription.chunk", "Payments.");
    say("avatar.speak_ended");

    assert.equal(await spoken, "avatar");
    assert.deepEqual(events.map(([type, { text }]) => [type, text]), [
      ["speaking", "What do you build?"],
      ["words", "What do you build?"],
      ["silent", "What do you build?"],
    ]);
  });

  test("is not read out by the browser's voice, which cannot answer", async () => {
    page.voices = ["a voice"];
    const { avatar } = await live();
    server.next("task", { code: "heygen_error" });

    await assert.rejects(avatar.speak("What do you build?", { respond: true }), { code: "heygen_error" });
    assert.deepEqual(page.utterances, []);
  });

  test("has the avatar answer the user's voice, during which listening rests", async () => {
    const { avatar, events } = await live();
    await avatar.listen();
    say("avatar.speak_started");
    say("avatar.transcription.chunk", "I see.");
    await settle();
    assert.equal(livekit.room.tracks[0].isMuted, true);
    say("avatar.speak_ended");
    await settle();

    assert.equal(livekit.room.tracks[0].isMuted, false);
    assert.deepEqual(events.slice(1), [
      ["speaking", { text: "", by: "avatar", duration_ms: null }],
      ["words", { text: "", message: "I see." }],
      ["silent", { text: "", by: "avatar", cutShort: false }],
    ]);
  });

  test("can be interrupted by the user's voice", async () => {
    const { avatar, events } = await live();
    await avatar.listen({ bargeIn: true });
    say("avatar.speak_started");
    say("user.speak_started");
    say("avatar.speak_ended");

    assert.deepEqual(server.to("interrupt"), []);
    assert.deepEqual(events.at(-1), ["silent", { text: "", by: "avatar", cutShort: true }]);
  });

  test("can be interrupted", async () => {
    const { avatar, events } = await live();
    say("avatar.speak_started");
    await avatar.interrupt();

    assert.equal(server.to("interrupt").length, 1);
    assert.equal(events.at(-1)[1].cutShort, true);
  });
});
