/** The end of a session that nobody attends: each minute of it is paid for. */

/** Events that show that somebody is at the page. */
const ACTIVITY = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class IdleTimer {
  #ms;
  #onIdle;
  /** Set while it runs. @type {AbortController | null} */
  #running = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {number} minutes without activity; 0: never
   *  @param {() => void} onIdle */
  constructor(minutes, onIdle) {
    this.#ms = minutes * 60_000;
    this.#onIdle = onIdle;
  }

  /** Begin the countdown; one that runs goes on. */
  start() {
    if (!this.#ms || this.#running) return;
    this.#running = new AbortController();
    const options = { signal: this.#running.signal, passive: true, capture: true };
    for (const type of ACTIVITY) addEventListener(type, () => this.touch(), options);
    this.touch();
  }

  /** Begin the countdown again: something happens. */
  touch() {
    clearTimeout(this.#timer);
    if (this.#running) this.#timer = setTimeout(this.#onIdle, this.#ms);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }
}
