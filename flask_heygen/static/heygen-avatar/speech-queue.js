/** Texts that are said in their order, one at a time. It knows neither avatar nor network. */

/** @typedef {"avatar" | "browser" | null} Spoken by whom a text was; null: cut short */

export class SpeechQueue {
  #say;
  /** @type {{text: string, resolve: (by: Spoken) => void, reject: (error: unknown) => void}[]} */
  #waiting = [];
  /** @type {AbortController | null} */
  #turn = null;

  /** @param {(text: string, signal: AbortSignal) => Promise<Spoken>} say resolves when `text` was said,
   *    or soon after `signal` is aborted */
  constructor(say) {
    this.#say = say;
  }

  /** Say `text` after all that was added before it.
   *  @param {string} text
   *  @returns {Promise<Spoken>} */
  add(text) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      if (!this.#turn) this.#run();
    });
  }

  /** Cut short what is being said, and drop the rest. */
  clear() {
    for (const { resolve } of this.#waiting.splice(0)) resolve(null);
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
