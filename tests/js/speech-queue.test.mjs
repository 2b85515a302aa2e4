/** The speech queue: one at a time, in order. */

import assert from "node:assert/strict";
import { test, describe } from "node:test";

import { settle } from "./page.mjs";
import { SpeechQueue } from "../../flask_heygen/static/heygen-avatar/speech-queue.js";

/** A mouth that says a text when a test lets it. */
function mouth() {
  const said = [];
  const open = [];
  const say = (text, signal) => {
    said.push(text);
    return new Promise((resolve, reject) => {
      open.push({ resolve: () => resolve(text), reject });
      signal.addEventListener("abort", () => resolve("cut"));
    });
  };
  return { said, open, queue: new SpeechQueue(say) };
}

describe("SpeechQueue", () => {
  test("says a text when the one before it was said", async () => {
    const { queue, said, open } = mouth();
    const first = queue.add("one");
    const second = queue.add("two");

    assert.deepEqual(said, ["one"]);
    open[0].resolve();
    assert.equal(await first, "one");
    await settle();
    assert.deepEqual(said, ["one", "two"]);
    open[1].resolve();
    assert.equal(await second, "two");
  });

  test("goes on after a text that could not be said", async () => {
    const { queue, open } = mouth();
    const first = queue.add("one");
    const second = queue.add("two");

    open[0].reject(new Error("hoarse"));
    await assert.rejects(first, /hoarse/);
    open[1].resolve();
    assert.equal(await second, "two");
  });

  test("cuts short what is said, and drops what waits", async () => {
    const { queue, said } = mouth();
    const first = queue.add("one");
    const second = queue.add("two");

    queue.clear();

    assert.deepEqual(await Promise.all([first, second]), ["cut", null]);
    assert.deepEqual(said, ["one"]);
  });

  test("says what is added after it was cleared", async () => {
    const { queue, open } = mouth();
    queue.add("one");
    queue.clear();
    const third = queue.add("three");

    await settle();
    open[1].resolve();
    assert.equal(await third, "three");
  });
});
