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

import { AvatarRoom } from "./heygen-avatar/room.js";
import { BrowserVoice } from "./heygen-avatar/browser-voice.js";
import { AvatarError, Routes } from "./heygen-avatar/routes.js";
import { SoundDevice } from "./heygen-avatar/sound-device.js";
import { SpeechQueue } from "./heygen-avatar/speech-queue.js";
import { Utterance } from "./heygen-avatar/utterance.js";

export { AvatarError };

/**
 * @typedef {import("./heygen-avatar/routes.js").Session} Session
 * @typedef {import("./heygen-avatar/utterance.js").Message} Message
 *
 * @typedef {object} Options
 * @property {typeof import("livekit-client")} [livekit] livekit-client, 2.11 or newer; without it the
 *   avatar is neither seen nor heard
 * @property {string} [baseUrl] where the blueprint is; by default, where this file comes from
 * @property {Record<string, unknown>} [session] what to start with, of what the server allows
 * @property {HTMLVideoElement | null} [video] shows the picture
 * @property {HTMLAudioElement | null} [audio] plays the voice; by default an element that nobody sees
 */

/** How often a lost session is replaced before anything has been spoken in the new one. */
const RESTARTS = 1;

export class HeyGenAvatar extends EventTarget {
  #options;
  #routes;
  #voice = new BrowserVoice();
  #device = new SoundDevice();
  /** @type {SpeechQueue<"avatar" | "browser" | null>} */
  #queue = new SpeechQueue((text, signal) => this.#say(text, signal), null);

  /** Whether the page wants a session: what a start that is under way finds out at its end. */
  #wanted = false;
  /** @type {Promise<void> | null} */
  #starting = null;
  /** @type {Session | null} */
  #session = null;
  /** Aborted with the session: ends its timers and what waits for its room. */
  #life = new AbortController();
  /** Aborted by `stop`: ends the listeners on the page. @type {AbortController | null} */
  #watch = null;
  /** @type {AvatarRoom | null} */
  #room = null;
  #live = false;
  #restarts = RESTARTS;
  /** Lost while nobody looked: to be started again when somebody does. */
  #asleep = false;
  /** Why there is no session, once that is known. @type {AvatarError | null} */
  #trouble = null;
  /** @type {Utterance | null} */
  #utterance = null;
  /** The last of the calls that must not overtake each other. @type {Promise<unknown>} */
  #calls = Promise.resolve();

  /** @param {Options} options */
  constructor({ baseUrl = new URL(".", import.meta.url).href, ...options } = {}) {
    super();
    this.#options = options;
    this.#routes = new Routes(baseUrl);
  }

  /** Whether there is a session to speak in. */
  get live() {
    return this.#live;
  }

  /** Start a session, best within a click: sound needs one. Calls made meanwhile share it.
   *  @returns {Promise<void>} once live, or once stopped meanwhile */
  start() {
    this.#device.warm();
    this.#restarts = RESTARTS;
    return this.#launch();
  }

  /** Say `text` word for word, after what was given before it and once there is a session.
   *  @param {string} text
   *  @returns {Promise<"avatar" | "browser" | null>} once spoken, by whom; null: cut short. It rejects
   *    with an AvatarError where nobody can speak, or where nobody knows whether the avatar did. */
  speak(text) {
    this.#wake();
    return told(this.#queue.add(text));
  }

  /** Cut short what is being said, and drop what waits behind it.
   *  @returns {Promise<void>} once the avatar has been told */
  async interrupt() {
    const session = this.#utterance ? this.#session : null;
    this.#queue.clear();
    if (session) await told(this.#inOrder(() => this.#command("interrupt", session)));
  }

  /** End the session, and its cost; one that is still being started, too.
   *  @returns {Promise<void>} */
  async stop() {
    this.#wanted = this.#asleep = false;
    this.#trouble = null;
    this.#watch?.abort();
    this.#watch = null;
    this.#queue.clear();
    this.#device.rest();
    if (this.#session) await this.#end("stopped");
    else await this.#starting?.catch(() => {}); // it finds itself unwanted
  }

  /** Play the sound that the browser held back; call it in a click. */
  async enableSound() {
    this.#device.warm();
    await this.#room?.enableSound();
  }

  #launch() {
    this.#wanted = true;
    this.#trouble = null;
    this.#watchPage();
    this.#starting ??= told(
      this.#begin().finally(() => {
        this.#starting = null;
      }),
    );
    return this.#starting;
  }

  async #begin() {
    await null; // a stop in the same breath (React's double effects) costs nothing
    try {
      while (this.#wanted && !this.#live) await this.#open();
    } catch (error) {
      this.#wanted = false;
      this.#fail(error);
    }
    if (this.#trouble) throw this.#trouble;
  }

  async #open() {
    this.#tell("starting", { reconnecting: false });
    const session = await this.#routes.postPatiently("start", this.#options.session ?? {});
    this.#session = session;
    this.#life = new AbortController();
    const { signal } = this.#life;
    if (!this.#wanted) return this.#end("stopped");

    const timer = setInterval(() => this.#keepAlive(session), (session.idle_seconds / 2) * 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.#room = this.#makeRoom();
    const joined = (await this.#room?.join(session.url, session.access_token, signal)) ?? false;
    if (signal.aborted) return;

    if (!joined) this.#room = null;
    this.#live = true;
    this.#tell("live", { session, room: joined });
  }

  #makeRoom() {
    const { livekit, video = null, audio = null } = this.#options;
    if (!livekit) return null;
    return new AvatarRoom(livekit, { video, audio }, {
      message: (message) => this.#utterance?.hear(message),
      sound: (blocked) => this.#tell("sound", { blocked }),
      reconnecting: () => this.#tell("starting", { reconnecting: true }),
      reconnected: () => this.#tell("live", { session: this.#session, room: true }),
      closed: () => this.#lose(),
    });
  }

  /** The other side has ended the session: have another, once. */
  #lose() {
    this.#end("lost", { restarting: this.#restarts > 0 });
    if (this.#restarts-- <= 0) {
      this.#wanted = false;
      this.#fail(new AvatarError({ code: "session_closed", message: "The session has ended.", restart_session: true }));
    } else if (document.hidden) this.#asleep = true;
    else this.#launch();
  }

  /** Let go of the session, and end it where it has not ended yet.
   *  @param {"stopped" | "lost"} reason */
  async #end(reason, { restarting = false } = {}) {
    const { session_id } = this.#forget(reason, restarting);
    await this.#routes.post("stop", { session_id }, { keepalive: true }).catch(() => {}); // it will end by itself
  }

  /** @param {"stopped" | "left" | "lost"} reason */
  #forget(reason, restarting = false) {
    const session = /** @type {Session} */ (this.#session);
    this.#session = null;
    this.#live = false;
    this.#life.abort();
    this.#room?.leave();
    this.#room = null;
    this.#utterance?.cut();
    this.#tell("closed", { reason, restarting });
    return session;
  }

  /** @param {string} text @param {AbortSignal} signal */
  async #say(text, signal) {
    for (;;) {
      const session = await this.#untilLive(signal).catch(() => null);
      if (signal.aborted) return null;
      if (!session) return this.#sayByBrowser(text, signal, /** @type {AvatarError} */ (this.#trouble));

      try {
        return await this.#sayByAvatar(text, signal, session);
      } catch (error) {
        if (signal.aborted) return null;
        if (this.#session !== session) continue; // replaced: nothing was spoken in the old one
        const trouble = this.#fail(error);
        if (trouble.code === "outcome_unknown") throw trouble;
        if (trouble.code === "session_not_ready") this.#giveUp(trouble);
        return this.#sayByBrowser(text, signal, trouble);
      }
    }
  }

  /** A session whose room nobody can join costs, and says nothing. @param {AvatarError} trouble */
  #giveUp(trouble) {
    this.#wanted = false;
    this.#trouble = trouble;
    this.#end("lost");
  }

  /** @param {string} text @param {AbortSignal} signal @param {Session} session
   *  @returns {Promise<"avatar" | null>} */
  async #sayByAvatar(text, signal, session) {
    const utterance = new Utterance(text, (type, detail) => this.#tell(type, detail));
    this.#utterance = utterance;
    const cut = () => utterance.cut();
    signal.addEventListener("abort", cut);
    try {
      const task = await this.#inOrder(() => this.#command("task", session, { text, task_type: "repeat" }, signal));
      utterance.accept(task, { heard: this.#room !== null });
      if (signal.aborted || this.#session !== session) utterance.cut();
      await utterance.done;
    } finally {
      signal.removeEventListener("abort", cut);
      this.#utterance = null;
    }
    if (utterance.cutShort) return null;
    this.#restarts = RESTARTS;
    return "avatar";
  }

  /** @param {string} text @param {AbortSignal} signal @param {AvatarError} trouble
   *  @returns {Promise<"browser" | null>} */
  async #sayByBrowser(text, signal, trouble) {
    if (!(await this.#voice.ready())) throw trouble;
    if (signal.aborted) return null;

    this.#tell("speaking", { text, by: "browser", duration_ms: null });
    const heard = await this.#voice.say(text, signal);
    this.#tell("silent", { text, by: "browser", cutShort: signal.aborted });
    if (signal.aborted) return null;
    if (!heard) throw trouble;
    return "browser";
  }

  /** @param {AbortSignal} signal @returns {Promise<Session>} */
  async #untilLive(signal) {
    while (!this.#live || !this.#session) {
      signal.throwIfAborted();
      if (this.#trouble) throw this.#trouble;
      await first(this, ["live", "error"], signal);
    }
    return this.#session;
  }

  /** Post what concerns a session, and learn from the answer whether there still is one.
   *  @param {"task" | "interrupt" | "keep-alive"} route
   *  @param {Session} session
   *  @param {object} fields
   *  @param {AbortSignal} [signal] */
  async #command(route, { session_id }, fields = {}, signal) {
    try {
      return await this.#routes.postPatiently(route, { session_id, ...fields }, signal);
    } catch (error) {
      const over = error instanceof AvatarError && error.restartSession;
      if (over && this.#session?.session_id === session_id) this.#lose();
      throw error;
    }
  }

  /** @template T @param {() => Promise<T>} call @returns {Promise<T>} */
  #inOrder(call) {
    const made = this.#calls.then(call);
    this.#calls = made.catch(() => {});
    return made;
  }

  /** @param {Session} session */
  #keepAlive(session) {
    if (!document.hidden) this.#command("keep-alive", session).catch(() => {}); // the next task tells
  }

  #watchPage() {
    if (this.#watch) return;
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    addEventListener("pagehide", () => this.#leave(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
  }

  /** Stop as the page goes away, and begin again where it comes back out of the browser's cache. */
  #leave() {
    if (!this.#wanted) return;
    this.#wanted = this.#asleep = false;
    if (this.#session) this.#routes.farewell(this.#forget("left").session_id);
    const { signal } = /** @type {AbortController} */ (this.#watch);
    addEventListener("pageshow", () => void this.#launch(), { signal, once: true });
  }

  #wake() {
    if (!this.#asleep) return;
    this.#asleep = false;
    this.#launch();
  }

  /** Tell a page what went wrong. @param {unknown} error */
  #fail(error) {
    const trouble = error instanceof AvatarError ? error : new AvatarError({ code: "page_error", message: String(error) });
    if (!this.#session) this.#trouble = trouble;
    this.#tell("error", { error: trouble });
    return trouble;
  }

  /** @param {string} type @param {object} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Mark a promise as heeded: the page that does not wait for it hears the event `error`.
 *  @template T @param {Promise<T>} promise */
function told(promise) {
  promise.catch(() => {});
  return promise;
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
