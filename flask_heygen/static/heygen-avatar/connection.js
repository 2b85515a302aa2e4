/** The way to the avatar: a session as long as the page wants one, and another where one is lost. */

import { OpenSession } from "./open-session.js";
import { AvatarError, pause } from "./routes.js";

/**
 * @typedef {object} Listener
 * @property {(type: string, detail: object) => void} emit an event to the page
 * @property {(message: import("./utterance.js").Message) => void} message the avatar tells of its speech
 * @property {() => void} ended the session is gone, and with it what was being said
 */

/** In the server's own words. */
const ENDED = { code: "session_closed", message: "The session has ended.", restart_session: true };
/** How long a session waits for the answer to the stop of the one before it. */
const STOP_MS = 5000;

export class Connection {
  #routes;
  #options;
  #listener;

  /** Whether the page wants a session: what a start that is under way finds out at its end. */
  #wanted = false;
  /** @type {Promise<void> | null} */
  #starting = null;
  /** Whether the session stands for a lost one, and nothing has been spoken in it yet. */
  #replaced = false;
  /** Lost while nobody looked: to be started again when somebody does. */
  #asleep = false;
  /** @type {OpenSession | null} */
  #session = null;
  #live = false;
  /** Resolves when the last session has ended: an account may have room for one. @type {Promise<void>} */
  #ended = Promise.resolve();
  /** @type {AvatarError | null} */
  #trouble = null;
  /** Aborted by `stop`: ends the listeners on the page. @type {AbortController | null} */
  #watch = null;

  /**
   * @param {import("./routes.js").Routes} routes
   * @param {Omit<import("../heygen-avatar.js").Options, "baseUrl">} options
   * @param {Listener} listener
   */
  constructor(routes, options, listener) {
    this.#routes = routes;
    this.#options = options;
    this.#listener = listener;
  }

  /** The session to speak in, if there is one. */
  get session() {
    return this.#live ? this.#session : null;
  }

  /** Why there is no session, and none to come. */
  get trouble() {
    return this.#trouble;
  }

  /** Start a session, if there is none. */
  start() {
    this.renew();
    return this.#launch();
  }

  /** End the session, or the start of one. */
  async stop() {
    this.#wanted = this.#asleep = false;
    this.#trouble = null;
    this.#watch?.abort();
    this.#watch = null;
    if (this.#session) await this.#end("stopped");
    else await this.#starting?.catch(() => {}); // it finds itself unwanted
  }

  /** Something was spoken: the next loss is mended again. */
  renew() {
    this.#replaced = false;
  }

  #launch() {
    this.#wanted = true;
    this.#asleep = false;
    this.#trouble = null;
    this.#watchPage();
    this.#starting ??= this.#begin();
    this.#starting.catch(() => {}); // a page that does not wait for it hears the event `error`
    return this.#starting;
  }

  async #begin() {
    await null; // a stop in the same breath (React's double effects) costs nothing
    while (this.#wanted && !this.#asleep && !this.#live) await this.#open().catch((error) => this.fail(error));
    this.#starting = null;
    if (this.#trouble) throw this.#trouble;
  }

  async #open() {
    await this.#ended;
    if (!this.#wanted) return;

    this.#listener.emit("starting", { reconnecting: false });
    const started = await this.#routes.postWithRetry("start", this.#options.session ?? {});
    const session = new OpenSession(this.#routes, started, this.#listenerOf(started));
    this.#session = session;
    if (!this.#wanted) return this.#end("stopped");

    await session.join(this.#options);
    if (session.over) return;

    this.#live = true;
    this.#listener.emit("live", { session: started, room: session.joined });
  }

  /** @param {import("./routes.js").Session} session @returns {import("./room.js").Listener} */
  #listenerOf(session) {
    return {
      message: (message) => this.#listener.message(message),
      sound: (blocked) => this.#listener.emit("sound", { blocked }),
      reconnecting: () => this.#listener.emit("starting", { reconnecting: true }),
      reconnected: () => this.#listener.emit("live", { session, room: true }),
      closed: () => this.#handleLoss(),
    };
  }

  /** The other side has ended the session: have another, once. */
  #handleLoss() {
    if (this.#replaced) return this.fail(new AvatarError(ENDED));

    this.#replaced = true;
    this.#asleep = document.hidden;
    this.#end("lost", { restarting: true }); // who hears of it may stop, or start again
    if (this.#wanted && !this.#asleep) this.#launch();
  }

  /** Let go of the session, and end it where it has not ended yet.
   *  @param {"stopped" | "lost"} reason */
  #end(reason, { restarting = false } = {}) {
    const stopped = this.#forget(reason, restarting).stop();
    this.#ended = Promise.race([stopped, pause(STOP_MS)]);
    return stopped;
  }

  /** @param {"stopped" | "left" | "lost"} reason */
  #forget(reason, restarting = false) {
    const session = /** @type {OpenSession} */ (this.#session);
    this.#session = null;
    this.#live = false;
    session.leave();
    this.#listener.ended();
    this.#listener.emit("closed", { reason, restarting });
    return session;
  }

  /** Want no session any more, since none can be had, or none that speaks: it would cost all the same.
   *  @param {unknown} error */
  fail(error) {
    const trouble = AvatarError.of(error);
    this.#wanted = false;
    this.#trouble = trouble;
    if (this.#session) this.#end("lost");
    this.#listener.emit("error", { error: trouble }); // last: who hears of it may start again
  }

  /** Play the sound that the browser held back. */
  async enableSound() {
    await this.#session?.enableSound();
  }

  #watchPage() {
    if (this.#watch) return;
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    addEventListener("pagehide", () => this.#leave(signal), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.wake(), { signal });
  }

  /** Stop as the page goes away, and begin again where it comes back out of the browser's cache.
   *  @param {AbortSignal} signal aborted by `stop` */
  #leave(signal) {
    if (!this.#wanted) return;
    this.#wanted = this.#asleep = false;
    if (this.#session) this.#forget("left").stopOnUnload();
    addEventListener("pageshow", () => void this.#launch(), { signal, once: true });
  }

  /** Replace a session that was lost while nobody looked. */
  wake() {
    if (this.#asleep) this.#launch();
  }
}
