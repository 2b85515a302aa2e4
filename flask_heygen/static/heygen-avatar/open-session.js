/** One session, from its start to its end: its room, and what is done in it. It knows no other. */

import { keepAlive } from "./keep-alive.js";
import { AvatarRoom } from "./room.js";
import { AvatarError } from "./routes.js";

/** What can only be said from inside the room, and was not: nothing was spoken. */
const UNDELIVERED = { code: "not_delivered", message: "The avatar cannot be reached: its room was not joined." };

export class OpenSession {
  /** What the server told of it. */
  started;
  #routes;
  #listener;
  /** Aborted as it is left: ends its timer. */
  #life = new AbortController();
  /** @type {AvatarRoom | null} */
  #room = null;

  /**
   * @param {import("./routes.js").Routes} routes
   * @param {import("./routes.js").Session} started
   * @param {import("./room.js").Listener} listener
   */
  constructor(routes, started, listener) {
    this.#routes = routes;
    this.started = started;
    this.#listener = listener;
  }

  /** Whether it was left, for it was stopped or lost. */
  get over() {
    return this.#life.signal.aborted;
  }

  /** Whether its room was joined, so that its messages are heard. */
  get joined() {
    return this.#room !== null;
  }

  /** Join its room, if the page can, and keep it from ending.
   *  @param {import("../heygen-avatar.js").Options} page */
  async join({ livekit, video = null, audio = null }) {
    const { idle_seconds, url, access_token } = this.started;
    // A failure is told by the next task.
    keepAlive(idle_seconds, () => this.#command("keep-alive").catch(() => {}), this.#life.signal);
    if (!livekit) return;

    this.#room = new AvatarRoom(livekit, { video, audio }, this.#listener);
    if (!(await this.#room.join(url, access_token))) this.#room = null;
  }

  /** Have the avatar say `text` word for word.
   *  @param {string} text
   *  @param {AbortSignal} signal keeps it from being said where it is not said yet
   *  @returns {Promise<{task_id: string, duration_ms: number | null}>} */
  async task(text, signal) {
    if (this.over) throw new AvatarError(UNDELIVERED); // lost while the text waited its turn

    const task = await this.#command("task", { text, task_type: "repeat" }, signal);
    if (task.deliver && !(await this.#room?.publish(task.deliver, signal))) throw new AvatarError(UNDELIVERED);
    return task;
  }

  /** Have the avatar say no more. */
  async interrupt() {
    const { deliver } = await this.#command("interrupt");
    if (deliver) await this.#room?.publish(deliver); // who is not there yet says nothing
  }

  /** Play the sound that the browser held back. */
  async enableSound() {
    await this.#room?.enableSound();
  }

  /** Leave its room, and let it be. */
  leave() {
    this.#life.abort();
    this.#room?.leave();
  }

  /** End it, where it has not ended yet. @returns {Promise<void>} */
  stop() {
    const { session_id } = this.started;
    return this.#routes.postWithRetry("stop", { session_id }, { keepalive: true }).catch(() => {}); // it will end by itself
  }

  /** End it as the page goes away. */
  stopOnUnload() {
    this.#routes.stopOnUnload(this.started.session_id);
  }

  /** Post what concerns it, and learn from the answer whether it is still there.
   *  @param {"task" | "interrupt" | "keep-alive"} route
   *  @param {object} fields
   *  @param {AbortSignal} [signal] */
  async #command(route, fields = {}, signal) {
    const { session_id } = this.started;
    try {
      return await this.#routes.postWithRetry(route, { session_id, ...fields }, { signal });
    } catch (error) {
      if (AvatarError.of(error).restartSession && !this.over) this.#listener.closed();
      throw error;
    }
  }
}
