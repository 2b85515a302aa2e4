/**
 * A HeyGen avatar on a page, spoken to through the Flask blueprint that serves this file.
 *
 *     import * as livekit from "livekit-client";
 *     import { HeyGenAvatar } from "/api/heygen/heygen-avatar.js";
 *
 *     const avatar = new HeyGenAvatar({ livekit, video: document.querySelector("video") });
 *     button.onclick = () => avatar.start();
 *     await avatar.speak("Tell me about yourself.");
 *     await avatar.stop();
 *
 * The page holds no key and no token of the account: both stay on the server. Events, each a
 * CustomEvent whose `detail` is named here:
 *
 *     starting {reconnecting}           a session is being made, or its room joined again
 *     live     {session, room}          it can speak; `room` is false where it cannot be seen and heard
 *     speaking {text, by, duration_ms}  by "avatar" or "browser"; duration_ms null where not known
 *     words    {text, message}          the next words of `text`, as the avatar says them
 *     silent   {text, by, cutShort}
 *     sound    {blocked}                the browser plays no sound until `enableSound` in a click
 *     closed   {reason, restarting}     reason "stopped", "left" (the page was) or "lost"
 *     error    {error}                  an AvatarError, told whether or not the browser's voice helps out
 *
 * Nothing is sent twice that may have been spoken: what is sent twice is spoken twice.
 */

import { BrowserVoice } from "./heygen-avatar/browser-voice.js";
import { Connection } from "./heygen-avatar/connection.js";
import { AvatarError, Routes } from "./heygen-avatar/routes.js";
import { SoundDevice } from "./heygen-avatar/sound-device.js";
import { SpeechQueue } from "./heygen-avatar/speech-queue.js";
import { Utterance } from "./heygen-avatar/utterance.js";

export { AvatarError };

/**
 * @typedef {import("./heygen-avatar/open-session.js").OpenSession} OpenSession
 *
 * @typedef {object} Options
 * @property {typeof import("livekit-client")} [livekit] livekit-client, 2.11 or newer; without it the
 *   avatar is neither seen nor heard
 * @property {string} [baseUrl] where the blueprint is; by default, where this file comes from
 * @property {() => Record<string, string>} [headers] asked before each call: where a login is no cookie
 * @property {Record<string, unknown>} [session] what to start with, of what the server allows
 * @property {HTMLVideoElement | null} [video] shows the picture
 * @property {HTMLAudioElement | null} [audio] plays the voice; by default an element that nobody sees
 */

export class HeyGenAvatar extends EventTarget {
  #connection;
  #voice = new BrowserVoice();
  #device = new SoundDevice();
  #queue = new SpeechQueue((text, signal) => this.#say(text, signal));
  /** @type {Utterance | null} */
  #utterance = null;
  /** The last of the calls that must not overtake each other. @type {Promise<unknown>} */
  #calls = Promise.resolve();

  /** @param {Options} options */
  constructor({ baseUrl = new URL(".", import.meta.url).href, headers, ...options } = {}) {
    super();
    this.#connection = new Connection(new Routes(baseUrl, headers), options, {
      emit: (type, detail) => this.#emit(type, detail),
      message: (message) => this.#utterance?.hear(message),
      ended: () => this.#utterance?.cut(),
    });
  }

  /** Whether there is a session to speak in. */
  get live() {
    return this.#connection.session !== null;
  }

  /** Start a session, best within a click: sound needs one. Calls made meanwhile share it.
   *  @returns {Promise<void>} once live, or once stopped meanwhile */
  start() {
    this.#device.resume();
    return this.#connection.start();
  }

  /** Say `text` word for word, after what was given before it and once there is a session.
   *  @param {string} text
   *  @returns {Promise<"avatar" | "browser" | null>} once spoken, by whom; null: cut short. It rejects
   *    with an AvatarError where nobody can speak, or where nobody knows whether the avatar did. */
  speak(text) {
    this.#connection.wake();
    const spoken = this.#queue.add(text);
    spoken.catch(() => {}); // a page that does not wait for it hears the event `error`
    return spoken;
  }

  /** Cut short what is being said, and drop what waits behind it.
   *  @returns {Promise<void>} once the avatar has been told */
  interrupt() {
    const session = this.#utterance ? this.#connection.session : null;
    this.#queue.clear();
    if (!session) return Promise.resolve();
    return this.#inOrder(() => session.interrupt());
  }

  /** End the session, and its cost; one that is still being started, too.
   *  @returns {Promise<void>} */
  stop() {
    this.#queue.clear();
    this.#device.close();
    return this.#connection.stop();
  }

  /** Play the sound that the browser held back; call it in a click. */
  async enableSound() {
    this.#device.resume();
    await this.#connection.enableSound();
  }

  /** @param {string} text @param {AbortSignal} signal */
  async #say(text, signal) {
    for (;;) {
      const { session, trouble } = this.#connection;
      if (signal.aborted) return null;
      if (trouble) return this.#sayByBrowser(text, signal, trouble);
      if (!session) {
        await first(this, ["live", "error"], signal);
        continue;
      }

      try {
        return await this.#sayByAvatar(text, signal, session);
      } catch (error) {
        if (signal.aborted) return null;
        const failure = AvatarError.of(error);
        const unknown = failure.code === "outcome_unknown";
        if (!unknown && session.over) continue; // replaced, and not a word was said
        if (failure.code === "session_not_ready") this.#connection.fail(failure);
        else this.#emit("error", { error: failure });
        if (unknown) throw failure;
        return this.#sayByBrowser(text, signal, failure);
      }
    }
  }

  /** @param {string} text @param {AbortSignal} signal @param {OpenSession} session
   *  @returns {Promise<"avatar" | null>} */
  async #sayByAvatar(text, signal, session) {
    const utterance = new Utterance(text, (type, detail) => this.#emit(type, detail));
    this.#utterance = utterance;
    const cut = () => utterance.cut();
    signal.addEventListener("abort", cut);
    try {
      const task = await this.#inOrder(() => session.task(text, signal));
      utterance.accept(task, { heard: session.joined });
      await utterance.done;
    } finally {
      signal.removeEventListener("abort", cut);
      this.#utterance = null;
    }
    if (utterance.cutShort) return null;
    this.#connection.renew();
    return "avatar";
  }

  /** @param {string} text @param {AbortSignal} signal @param {AvatarError} trouble
   *  @returns {Promise<"browser" | null>} */
  async #sayByBrowser(text, signal, trouble) {
    const ready = await this.#voice.ready();
    if (signal.aborted) return null;
    if (!ready) throw trouble;

    this.#emit("speaking", { text, by: "browser", duration_ms: null });
    const heard = await this.#voice.say(text, signal);
    this.#emit("silent", { text, by: "browser", cutShort: signal.aborted });
    if (signal.aborted) return null;
    if (!heard) throw trouble;
    return "browser";
  }

  /** @template T @param {() => Promise<T>} call @returns {Promise<T>} */
  #inOrder(call) {
    const made = this.#calls.then(call);
    this.#calls = made.catch(() => {}); // the next call goes out all the same
    return made;
  }

  /** @param {string} type @param {object} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Wait for the first of some events.
 *  @param {EventTarget} target @param {string[]} types @param {AbortSignal} signal
 *  @returns {Promise<void>} */
function first(target, types, signal) {
  return new Promise((resolve) => {
    const heard = new AbortController();
    const done = () => (heard.abort(), resolve());
    for (const type of types) target.addEventListener(type, done, { signal: heard.signal });
    signal.addEventListener("abort", done, { signal: heard.signal });
  });
}
