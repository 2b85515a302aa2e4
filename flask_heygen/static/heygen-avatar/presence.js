/** Whether somebody is at the page: it may be hidden, left, or forgotten. */

import { IdleTimer } from "./idle-timer.js";

/**
 * @typedef {object} Listener
 * @property {() => void} idle nobody has been there for some time
 * @property {() => void} visible the page is seen again
 * @property {() => boolean} left the page is left; returns whether its return matters
 * @property {() => void} back it comes back out of the browser's cache
 */

const IDLE_MINUTES = 10;

export class Presence {
  #listener;
  #idle;
  /** The listeners on the page. @type {AbortController | null} */
  #watch = null;

  /** @param {number | undefined} idleMinutes @param {Listener} listener */
  constructor(idleMinutes = IDLE_MINUTES, listener) {
    this.#listener = listener;
    this.#idle = new IdleTimer(idleMinutes, () => listener.idle());
  }

  /** There is a session, or there will be: watch. */
  watch() {
    this.#idle.start();
    if (this.#watch) return;
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    addEventListener("pagehide", () => this.#leave(signal), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#listener.visible(), { signal });
  }

  /** Something happens. */
  touch() {
    this.#idle.touch();
  }

  /** There is no session: nothing to pay for. */
  rest() {
    this.#idle.stop();
  }

  end() {
    this.#idle.stop();
    this.#watch?.abort();
    this.#watch = null;
  }

  /** @param {AbortSignal} signal */
  #leave(signal) {
    if (this.#listener.left()) addEventListener("pageshow", () => this.#listener.back(), { signal, once: true });
  }
}
