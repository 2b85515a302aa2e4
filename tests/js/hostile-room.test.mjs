/** A room in which somebody sends what breaks, deceives or freezes a page. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";
import { LiveKit, Page, Server, record, settle } from "./page.mjs";

/** Whether the avatar itself sends it, or somebody whom livekit-client does not know. */
const SENDERS = ["heygen", ""];
const DEEP = "[".repeat(200_000);
const HOSTILE = {
  "no JSON": "{",
  "deep JSON": `{"type": ${DEEP}`,
  "a deep type": `{"type": ${DEEP}${"]".repeat(200_000)}}`,
  null: null,
  "a number": 5,
  "a list": [{ type: "avatar_stop_talking" }],
  "a type that is an object": { type: { toString: 1, valueOf: 1 }, event_type: { toString: 1 } },
  "a type of every object": { type: "constructor" },
  "an event type of every object": { event_type: "__proto__" },
  "words that are none": { type: "avatar_talking_message", task_id: "task-1", message: { length: 1e9 } },
  "an id that is an object": { type: "avatar_stop_talking", task_id: { toString: 1 } },
  "heard words that are a number": { type: "user_talking_message", message: 5 },
  "words of no text": { event_type: "user.transcription", text: ["a"] },
  "more than a message can have": { type: "avatar_stop_talking", task_id: "task-1", message: "x".repeat(1_000_000) },
};

let page, server, livekit, avatar, events, spoken;

beforeEach(async () => {
  page = new Page();
  server = new Server();
  server.listening = "conversational";
  livekit = new LiveKit();
  avatar = new HeyGenAvatar({ livekit, baseUrl: "/api/heygen" });
  events = record(avatar);
  avatar.start();
  await settle();
  livekit.room.send("video");
  livekit.room.send("audio");
  await avatar.listen({ bargeIn: true });
  spoken = avatar.speak("Hello.");
  await settle();
  livekit.room.report("avatar_start_talking", "task-1");
});
afterEach(() => page.close());

/** The text that is being spoken is spoken to its end, by the avatar. */
async function speaksOn() {
  assert.equal(events.some(([type]) => type === "silent" || type === "error" || type === "closed"), false);
  livekit.room.report("avatar_stop_talking", "task-1");

  assert.equal(await spoken, "avatar");
}

describe("a text is spoken on", () => {
  for (const sender of SENDERS) {
    for (const [name, message] of Object.entries(HOSTILE)) {
      test(`whatever ${sender || "somebody unknown"} sends: ${name}`, async () => {
        livekit.room.receive(message, sender);
        await settle();

        await speaksOn();
        for (const [, { text = "", message: words = "" }] of events) assert.deepEqual([typeof text, typeof words], ["string", "string"]);
      });
    }
  }

  test("in a flood of another participant's messages, none of which is read", async () => {
    const parse = mock.method(JSON, "parse");
    const before = events.length;
    for (let count = 0; count < 10_000; count++) {
      livekit.room.receive({ type: "avatar_stop_talking", task_id: "task-1" }, `guest-${count % 10}`);
    }
    await settle();

    assert.equal(parse.mock.callCount(), 0);
    assert.equal(events.length, before);
    await speaksOn();
  });
});

describe("a session", () => {
  for (const end_reason of ["constructor", { toString: 1 }]) {
    test(`that ends for ${JSON.stringify(end_reason)} is replaced`, async () => {
      livekit.room.receive({ event_type: "session.stopped", end_reason });
      await settle();

      assert.equal(server.sessions, 2);
    });
  }
});

describe("a sentence", () => {
  test("without end does not grow without end", async () => {
    for (let count = 0; count < 100; count++) {
      livekit.room.receive({ event_type: "user.transcription.chunk", text: `${count} `.repeat(10_000) }, "");
      await settle();
    }

    assert.equal(server.to("interrupt").length, 1);
    const longest = Math.max(...events.map(([type, detail]) => (type === "heard" ? detail.text.length : 0)));
    assert.ok(longest > 0 && longest <= 20_000, String(longest));
  });
});
