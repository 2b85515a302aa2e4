/** One session, from its start to its end: its room, and what is done in it. */

import { AvatarError } from "./avatar-error.js";
import { FAILURES } from "./errors.js";
import { keepAlive } from "./keep-alive.js";
import { pause } from "./timing.js";

/**
 * @typedef {object} Task
 * @property {string} task_id
 * @property {number | null} duration_ms
 * @property {import("./room.js").Delivery} [deliver]
 *
 * @typedef {import("./room.js").Listener & {expiring: () => void}} Listener `expiring`: the session's
 *   own limit is near
 */

/** Time before its limit at which a session is replaced, and the largest part of it. */
const RENEWAL_MS = 30_000;
const RENEWAL_PART = 1 / 4;
const STOP_RETRIES = 5;
const STOP_RETRY_MS = 2_000;

export class OpenSession {
  /** The server's data of it. */
  started;
  #routes;
  #listener;
  /** Aborted as it is left. */
  #life = new AbortController();
  /** @type {import("./room.js").AvatarRoom | null} */
  #room = null;
  #beganAt = Date.now();
  /** Its limit is near. */
  #expiring = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {import("./routes.js").Routes} routes
   * @param {import("./routes.js").Session} started
   * @param {Listener} listener
   */
  constructor(routes, started, listener) {
    this.#routes = routes;
    this.started = started;
    this.#listener = listener;
    if (started.session_seconds) this.#timer = setTimeout(() => this.#expire(), this.#limit - this.#margin);
  }

  /** Whether it was left: stopped, lost or replaced. */
  get ended() {
    return this.#life.signal.aborted;
  }

  /** Whether its room was joined, so that its messages arrive. */
  get joined() {
    return this.#room !== null;
  }

  /** Whether it hears the user's microphone. */
  get hears() {
    return this.joined && Boolean(this.started.listening);
  }

  /** Whether it does so on demand alone. */
  get pushToTalk() {
    return this.started.listening === "push_to_talk";
  }

  /** livekit-client's room, if it was joined. */
  get room() {
    return this.#room?.room ?? null;
  }

  /** Join its room, if the page can, and keep the session alive. Raises an AvatarError where the room
   *  cannot be joined: nobody would see, hear or answer the avatar.
   *  @param {import("./room.js").AvatarRoom | null} room null without livekit-client */
  async join(room) {
    const { idle_seconds, url, access_token } = this.started;
    // A failure is found by the next task.
    keepAlive(idle_seconds, () => this.#command("keep-alive").catch(() => {}), this.#life.signal);
    this.#room = room;
    await room?.join(url, access_token, this.hears);
  }

  /** Whether its limit is near, or would come before a text of this length has been spoken.
   *  @param {number} ms */
  expires(ms = 0) {
    const age = Date.now() - this.#beganAt;
    // A new session is no help for a text that is too long for any.
    const worthwhile = age > this.#limit * RENEWAL_PART;
    return this.#expiring || (worthwhile && age + ms > this.#limit);
  }

  /** Send a text. HeyGen's avatar says it after those sent before; LiveAvatar's once it is delivered.
   *  @param {string} text
   *  @param {string} taskType
   *  @param {AbortSignal} signal keeps it from being sent, as far as it is not yet
   *  @returns {Promise<Task>} */
  async task(text, taskType, signal) {
    await this.#room?.connected();
    if (this.ended || signal.aborted) throw new AvatarError(FAILURES.notDelivered);
    return this.#command("task", { text, task_type: taskType }, signal);
  }

  /** Publish what only the page can: with LiveAvatar, the text.
   *  @param {Task} task @param {AbortSignal} signal keeps it from being published */
  async deliver({ deliver }, signal) {
    if (!deliver) return;
    if (!this.#room) throw new AvatarError(FAILURES.livekitMissing);
    await this.#room.connected();
    if (!(await this.#room.publish(deliver, signal))) throw new AvatarError(FAILURES.notDelivered);
  }

  /** Publish a command of LiveAvatar's. @param {{event_type: string}} payload */
  async control(payload) {
    await this.#room?.connected();
    const delivery = { topic: "agent-control", payload, participants: ["heygen"] };
    if (!(await this.#room?.publish(delivery, this.#life.signal))) throw new AvatarError(FAILURES.notDelivered);
  }

  /** Cut short what the avatar says. */
  async interrupt() {
    const { deliver } = await this.#command("interrupt");
    if (deliver) await this.#room?.publish(deliver); // an avatar that is not there yet says nothing
  }

  /** Play what the browser held back. */
  async enableSound() {
    await this.#room?.enableSound();
  }

  /** Leave its room, and let it be. */
  leave() {
    clearTimeout(this.#timer);
    this.#life.abort();
    this.#room?.leave();
  }

  /** End it, where it has not ended yet; again where the server could not be reached.
   *  @returns {Promise<void>} */
  async stop() {
    const { session_id } = this.started;
    for (let left = STOP_RETRIES; ; left--) {
      try {
        return await this.#routes.postWithRetry("stop", { session_id }, { keepalive: true });
      } catch (error) {
        if (!AvatarError.of(error).retryable || left === 0) throw error;
        await pause(STOP_RETRY_MS);
      }
    }
  }

  /** End it as the page goes away. */
  stopOnUnload() {
    this.#routes.stopOnUnload(this.started.session_id);
  }

  #expire() {
    this.#expiring = true;
    this.#listener.expiring();
  }

  /** Milliseconds that the session may last. */
  get #limit() {
    return (this.started.session_seconds ?? Infinity) * 1000;
  }

  get #margin() {
    return Math.min(RENEWAL_MS, this.#limit * RENEWAL_PART);
  }

  /** Post for the session, and see from the response whether it is still there.
   *  @param {"task" | "interrupt" | "keep-alive"} route
   *  @param {object} fields
   *  @param {AbortSignal} [signal] */
  async #command(route, fields = {}, signal) {
    const { session_id } = this.started;
    try {
      return await this.#routes.postWithRetry(route, { session_id, ...fields }, { signal });
    } catch (error) {
      if (AvatarError.of(error).restartSession && !this.ended) this.#listener.closed();
      throw error;
    }
  }
}
