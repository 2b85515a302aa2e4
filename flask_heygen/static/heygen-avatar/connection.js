/** The connection to the avatar: one session after the other, as long as the page wants one. */

import { addStop, noteEnd, startWhenFree, stopsDone } from "./account-slot.js";
import { AvatarError } from "./avatar-error.js";
import { FAILURES, FINAL_END_REASONS } from "./errors.js";
import { OpenSession } from "./open-session.js";
import { Presence } from "./presence.js";
import { RoomFactory } from "./room-factory.js";

/**
 * @typedef {object} Listener
 * @property {(type: string, detail: object) => void} emit an event to the page
 * @property {(message: import("./messages.js").Message) => void} message of the avatar's speech
 * @property {(how: {left: boolean}) => void} ended the session is over, and what was being said; `left`:
 *   the avatar has left its room
 *
 * @typedef {"stopped" | "left" | "lost" | "idle" | "renewed"} Reason
 */

export class Connection {
  #routes;
  #options;
  #listener;
  #presence;
  #rooms;
  /** While the page wants a session. @type {AbortController | null} */
  #wanted = null;
  /** Why the page wants none until somebody returns: to a hidden page, from a break, by "Back".
   *  @type {"hidden" | "idle" | "left" | null} */
  #dormant = null;
  /** @type {Promise<void> | null} */
  #starting = null;
  /** Whether the server was asked for a session, and has not answered. */
  #requested = false;
  /** The stop of a session that came when it was not wanted any more. @type {Promise<void> | null} */
  #unwanted = null;
  /** Whether the session replaces a lost one, and nothing has been spoken in it yet. */
  #replaced = false;
  /** @type {OpenSession | null} */
  #session = null;
  #live = false;
  /** @type {AvatarError | null} */
  #error = null;
  /** Activities that must not be broken off: a text that is being spoken, an answer. @type {Set<string>} */
  #busy = new Set();
  /** Those who wait for a session. @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {import("./routes.js").Routes} routes
   * @param {Omit<import("../heygen-avatar.js").Options, "baseUrl">} options
   * @param {Listener} listener
   */
  constructor(routes, options, listener) {
    this.#routes = routes;
    this.#options = options;
    this.#listener = listener;
    this.#presence = new Presence(options.idleMinutes, {
      idle: () => this.#endIdle(),
      visible: () => (this.#dormant === "hidden" ? void this.#launch() : this.renewIfExpiring()),
      left: () => this.#leave(),
      back: () => void this.#launch(),
    });
    this.#rooms = new RoomFactory(options, this.#sessionListener);
  }

  /** The session to speak in, if there is one. */
  get session() {
    return this.#live ? this.#session : null;
  }

  /** The session, or the one that is being joined. */
  get current() {
    return this.#session;
  }

  /** Why there is no session, and none to come. */
  get error() {
    return this.#error;
  }

  /** Start a session, unless there is one. */
  start() {
    this.touch();
    this.#replaced = false;
    return this.#launch();
  }

  /** End the session, or the start of one.
   *  @returns {Promise<void>} rejects where the session may go on, and cost */
  async stop() {
    this.#withdraw(null);
    this.#error = null;
    this.#presence.end();
    this.#wakeWaiters();
    if (this.#session) return this.#end("stopped");
    const starting = this.#starting?.catch(() => {}); // it ends the session that is not wanted any more
    if (starting && this.#requested) addStop(starting);
    await starting;
    await this.#unwanted;
  }

  /** Wait until there is a session, or none to come. @param {AbortSignal} signal */
  async settled(signal) {
    while (!signal.aborted && !this.session && !this.#error && (this.#wanted || this.#dormant)) {
      await new Promise((resolve) => {
        this.#waiting.add(() => resolve(undefined));
        signal.addEventListener("abort", () => resolve(undefined), { once: true });
      });
    }
  }

  /** The avatar or the user speaks, or no longer: the session lasts so long.
   *  @param {"avatar" | "user"} who @param {boolean} busy */
  setBusy(who, busy) {
    if (busy) this.#busy.add(who);
    else this.#busy.delete(who);
    this.touch();
    if (!busy) this.renewIfExpiring();
  }

  /** Something was spoken: the next loss is mended again. */
  confirm() {
    this.#replaced = false;
  }

  /** Somebody is there. */
  touch() {
    this.#presence.touch();
  }

  /** The page calls: a session that was lost while it was hidden, or ended while nobody was there, begins again. */
  wake() {
    this.touch();
    if (this.#dormant === "hidden" || this.#dormant === "idle") this.#launch();
  }

  /** Replace a session that would end before a text of this length has been spoken.
   *  @param {number} ms @returns {boolean} whether it is being replaced */
  renewIfExpiring(ms = 0) {
    if (this.#busy.size || document.hidden || !this.session?.expires(ms)) return false;
    this.#end("renewed", { restarting: true });
    if (this.#wanted) this.#launch();
    return true;
  }

  /** Give up: without a session, or with one that does not speak and costs all the same.
   *  @param {unknown} reason @param {string} [endReason] the vendor's */
  fail(reason, endReason) {
    const error = AvatarError.of(reason);
    this.#withdraw(null);
    this.#error = error;
    if (this.#session) this.#end("lost", { endReason });
    this.#presence.rest();
    this.#wakeWaiters();
    this.#listener.emit("error", { error }); // last: a listener may start again
  }

  /** Play the voice through another loudspeaker. @param {string} deviceId */
  setSpeaker(deviceId) {
    return this.#rooms.setSpeaker(deviceId);
  }

  #launch() {
    this.#wanted ??= new AbortController();
    this.#dormant = this.#error = null;
    this.#presence.watch();
    this.#starting ??= this.#begin();
    this.#starting.catch(() => {}); // a page that does not wait for it gets the event `error`
    return this.#starting;
  }

  async #begin() {
    await null; // a stop in the same task (React's double effects) costs nothing
    while (this.#wanted && !this.#dormant && !this.#live) {
      await this.#open(this.#wanted.signal).catch((error) => this.#wanted && this.fail(error));
    }
    this.#starting = null;
    if (this.#error) throw this.#error;
  }

  /** @param {AbortSignal} signal */
  async #open(signal) {
    this.#unwanted = null;
    await stopsDone();
    if (!this.#wanted) return;

    this.#listener.emit("starting", { reconnecting: false });
    const start = () => this.#routes.postWithRetry("start", this.#options.session ?? {});
    this.#requested = true;
    const started = await startWhenFree(start, signal).finally(() => (this.#requested = false));
    if (!started) return;
    const session = new OpenSession(this.#routes, started, this.#sessionListener);
    this.#session = session;
    if (!this.#wanted) {
      this.#unwanted = this.#end("stopped");
      return this.#unwanted.catch(() => {}); // `stop` rejects, and the start has done its part
    }

    await session.join(this.#rooms.take());
    if (session.ended) return;

    this.#live = true;
    this.#wakeWaiters();
    this.#listener.emit("live", { session: started, room: session.joined });
  }

  /** @returns {import("./open-session.js").Listener} */
  get #sessionListener() {
    return {
      message: (message) => (message.type === "stopped" ? this.#handleLoss(message) : this.#listener.message(message)),
      quality: (quality) => this.#listener.emit("quality", { quality }),
      sound: (blocked) => this.#listener.emit("sound", { blocked }),
      reconnecting: () => this.#listener.emit("starting", { reconnecting: true }),
      reconnected: () => this.#listener.emit("live", { session: this.#session?.started, room: true }),
      closed: (how) => this.#handleLoss(how),
      expiring: () => this.renewIfExpiring(),
    };
  }

  /** The vendor or the network has ended the session: replace it, once.
   *  @param {{endReason?: string, left?: boolean}} how */
  #handleLoss({ endReason, left } = {}) {
    const final = FINAL_END_REASONS.get(endReason ?? "");
    if (final) return this.fail(new AvatarError(final), endReason);
    if (this.#replaced) return this.fail(new AvatarError(FAILURES.sessionClosed), endReason);

    this.#replaced = true;
    this.#dormant = document.hidden ? "hidden" : null;
    this.#end("lost", { restarting: true, endReason, left }); // a listener may stop, or start again
    if (this.#wanted && !this.#dormant) this.#launch();
  }

  /** End the session, or the start of one, that nobody attends. */
  #endIdle() {
    if (this.#busy.has("avatar")) return this.touch();
    if (!this.#wanted || this.#dormant) return;
    this.#withdraw("idle");
    this.#presence.rest();
    if (this.#session) this.#end("idle");
    else this.#listener.emit("closed", { reason: "idle", restarting: false });
  }

  /** Leave the session, and end it where it has not ended yet. A stop that fails is an error: the
   *  session may still cost.
   *  @param {Reason} reason @param {{restarting?: boolean, endReason?: string, left?: boolean}} [how] */
  #end(reason, how) {
    const stopped = this.#forget(reason, how).stop();
    addStop(stopped.catch((error) => this.#listener.emit("error", { error })));
    return stopped;
  }

  /** @param {Reason} reason @param {{restarting?: boolean, endReason?: string, left?: boolean}} [how] */
  #forget(reason, { restarting = false, endReason, left = false } = {}) {
    const session = /** @type {OpenSession} */ (this.#session);
    this.#session = null;
    this.#live = false;
    if (!restarting) this.#presence.rest();
    session.leave();
    this.#listener.ended({ left });
    this.#listener.emit("closed", { reason, restarting, ...(endReason && { endReason }) });
    return session;
  }

  /** Want no session any more, or none until somebody returns. @param {"idle" | "left" | null} dormant */
  #withdraw(dormant) {
    this.#wanted?.abort();
    this.#wanted = null;
    this.#dormant = dormant;
  }

  #wakeWaiters() {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Stop as the page goes away. @returns {boolean} whether a session is wanted when it comes back */
  #leave() {
    if (!this.#wanted) return false;
    this.#withdraw("left");
    noteEnd();
    if (this.#session) this.#forget("left").stopOnUnload();
    return true;
  }
}
