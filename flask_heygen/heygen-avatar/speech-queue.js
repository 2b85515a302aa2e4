/** Texts that are said in their order, one at a time. It knows neither avatar nor network. */

/** @template T what becomes of a text */
export class SpeechQueue {
  #say;
  #dropped;
  /** @type {{text: string, resolve: (result: T) => void, reject: (error: unknown) => void}[]} */
  #waiting = [];
  /** @type {AbortController | null} */
  #turn = null;

  /**
   * @param {(text: string, signal: AbortSignal) => Promise<T>} say resolves when `text` was said, or
   *   soon after `signal` is aborted
   * @param {T} dropped what becomes of a text that was never begun
   */
  constructor(say, dropped) {
    this.#say = say;
    this.#dropped = dropped;
  }

  /** Say `text` after all that was added before it.
   *  @param {string} text
   *  @returns {Promise<T>} */
  add(text) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      if (!this.#turn) this.#run();
    });
  }

  /** Cut short what is being said, and drop the rest. */
  clear() {
    for (const { resolve } of this.#waiting.splice(0)) resolve(this.#dropped);
    this.#turn?.abort();
  }

  async #run() {
    for (let next; (next = this.#waiting.shift()); ) {
      this.#turn = new AbortController();
      await this.#say(next.text, this.#turn.signal).then(next.resolve, next.reject);
    }
    this.#turn = null;
  }
}
