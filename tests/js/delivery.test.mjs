/** LiveAvatar's texts, which only the page can deliver: published in the session's room. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";
import { LiveKit, Page, Server, pass, record, settle } from "./page.mjs";

const AGENT = "liveavatar-agent-1";
const DELIVERY = {
  transport: "livekit",
  topic: "agent-control",
  payload: { event_id: "task-1", event_type: "avatar.speak_text", text: "Hello." },
  participants: ["heygen", AGENT],
};
const INTERRUPT = { ...DELIVERY, payload: { event_id: "event-2", event_type: "avatar.interrupt" } };

let page, server, livekit;

beforeEach(() => {
  page = new Page();
  server = new Server();
  server.delivers = DELIVERY;
  livekit = new LiveKit();
});
afterEach(() => page.close());

async function live(guests) {
  const avatar = new HeyGenAvatar({ livekit, baseUrl: "/api/heygen" });
  const events = record(avatar);
  avatar.start();
  await settle();
  livekit.room.send("video");
  livekit.room.send("audio");
  for (const guest of guests) livekit.room.enter(guest);
  await settle();
  return { avatar, events };
}

/** Say something as LiveAvatar does. */
function respond(event_type, more = {}) {
  const event = { event_type, source_event_id: "task-1", ...more };
  livekit.room.receive(event);
}

describe("the connection for publishing", () => {
  test("is opened while the avatar is on its way, by a message to nobody else", async () => {
    server.listening = "conversational";
    new HeyGenAvatar({ livekit, baseUrl: "/api/heygen" }).start();
    await settle();

    assert.deepEqual(livekit.room.empty, [["client"]]);
  });

  test("is not opened where nothing will be published", async () => {
    await live(["heygen"]);

    assert.deepEqual(livekit.room.empty, []);
  });
});

describe("a delivery", () => {
  test("is published, reliably and on its topic", async () => {
    const { avatar } = await live(["heygen", AGENT]);
    avatar.speak("Hello.");
    await settle();

    assert.deepEqual(livekit.room.published, [{ topic: "agent-control", reliable: true, ...DELIVERY.payload }]);
  });

  test("waits for those who must hear it", async () => {
    const { avatar } = await live(["heygen"]);
    avatar.speak("Hello.");
    await settle();
    assert.deepEqual(livekit.room.published, []);

    livekit.room.enter(AGENT);
    await settle();
    assert.equal(livekit.room.published.length, 1);
  });

  test("that nobody can hear is an error, and the browser's voice helps out", async () => {
    page.voices.push({ lang: "en" });
    const { avatar, events } = await live(["heygen"]);
    avatar.speak("Hello.");
    await settle();
    await pass(30_000);

    assert.deepEqual(livekit.room.published, []);
    assert.equal(events.find(([type]) => type === "error")[1].error.code, "not_delivered");
    assert.equal(page.utterances.at(-1).text, "Hello.");
  });

  test("on a page without livekit-client ends the session, which costs and never speaks", async () => {
    const avatar = new HeyGenAvatar({ baseUrl: "/api/heygen" });
    const events = record(avatar);
    await avatar.start();

    const refused = assert.rejects(avatar.speak("Hello."), { code: "livekit_missing", message: /pass \{ livekit \} to HeyGenAvatar/ });
    await settle();
    await pass(5_000); // the browser's voice is waited for

    await refused;
    assert.deepEqual(server.routes, ["start", "task", "stop"]);
    assert.deepEqual(events.slice(2).map(([type]) => type), ["closed", "error"]);
    assert.equal(avatar.live, false);
  });

  test("that is cut short while it waits is never published", async () => {
    const { avatar } = await live(["heygen"]);
    const spoken = avatar.speak("Hello.");
    await settle();
    server.delivers = INTERRUPT;
    await avatar.interrupt();
    assert.equal(await spoken, null);
    livekit.room.enter(AGENT);
    await settle();

    assert.deepEqual(livekit.room.published, []);
  });

  test("that is cut short as the last of them comes is not published", async () => {
    const { avatar } = await live(["heygen"]);
    avatar.speak("Hello.");
    await settle();
    server.delivers = INTERRUPT;
    livekit.room.enter(AGENT);
    avatar.interrupt();
    await settle();

    assert.deepEqual(livekit.room.published.map((each) => each.event_type), ["avatar.interrupt"]);
  });

  test("that waits is given up with the session", async () => {
    const { avatar } = await live(["heygen"]);
    const spoken = avatar.speak("Hello.");
    await settle();
    await avatar.stop();

    assert.equal(await spoken, null);
  });

  test("that waits for a session that is lost is made in the next one", async () => {
    const { avatar } = await live(["heygen"]);
    avatar.speak("Hello.");
    await settle();
    livekit.room.emit("Disconnected", 5);
    await settle();
    livekit.room.send("video");
    livekit.room.send("audio");
    await settle();

    assert.deepEqual(server.to("task").map((task) => task.session_id), ["session-1", "session-2"]);
  });

  test("of a session that was lost meanwhile waits for nobody in the next one's room", async () => {
    const { avatar } = await live(["heygen"]);
    let answer;
    server.next("task", new Promise((resolve) => (answer = resolve)));
    avatar.speak("Hello.");
    await settle();
    livekit.room.emit("Disconnected", 5);
    await settle();
    livekit.room.send("video");
    livekit.room.send("audio");
    answer();
    await settle();

    assert.deepEqual(server.to("task").map((task) => task.session_id), ["session-1", "session-2"]);
  });

  test("of an interrupt is published", async () => {
    const { avatar } = await live(["heygen", AGENT]);
    avatar.speak("Hello.");
    await settle();
    server.delivers = INTERRUPT;
    await avatar.interrupt();

    assert.equal(livekit.room.published.at(-1).event_type, "avatar.interrupt");
  });
});

describe("LiveAvatar's answers", () => {
  test("are the same events as HeyGen's", async () => {
    const { avatar, events } = await live(["heygen", AGENT]);
    const spoken = avatar.speak("Hello.");
    await settle();
    respond("avatar.transcription", { text: "Hello." });
    respond("avatar.speak_started");
    respond("avatar.speak_ended");

    assert.equal(await spoken, "avatar");
    assert.deepEqual(
      events.slice(2).map(([type, { text }]) => [type, text]),
      [["speaking", "Hello."], ["silent", "Hello."]],
    );
  });

  const texts = ["Please take your time. ".repeat(4), "请介绍一下你自己。".repeat(10)];
  for (const [sent, text] of [...texts.map((text) => [text, text]), ["question-1", texts[0]]]) {
    test(`are waited for however slowly it says ${text.slice(0, 5)}… for ${sent.slice(0, 5)}…`, async () => {
      server.words = () => text;
      const { avatar } = await live(["heygen", AGENT]);
      let said = false;
      avatar.speak(sent).then(() => (said = true));
      await settle();
      respond("avatar.speak_started");
      const seconds = text.startsWith("P") ? 15 : 48; // at half of the usual rate
      await pass(seconds * 1000);
      assert.equal(said, false);

      respond("avatar.speak_ended");
      await settle();
      assert.equal(said, true);
    });
  }

  test("that never come do not stall the interview", async () => {
    const { avatar } = await live(["heygen", AGENT]);
    const spoken = avatar.speak("Hello.");
    await settle();
    await pass(7_000);

    assert.equal(await spoken, "avatar");
  });
});
