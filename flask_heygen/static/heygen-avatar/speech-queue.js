/** Texts that are spoken in order, one at a time. It knows neither avatar nor network. */

/**
 * @typedef {"avatar" | "browser" | null} Spoken by whom a text was spoken; null: cut short
 *
 * @typedef {object} Place of texts that come one by one
 * @property {boolean} open whether more may come
 */

/** @template T a text, with what belongs to it */
export class SpeechQueue {
  #say;
  /** @type {(Place | {text: T, place?: Place, resolve: (by: Spoken) => void, reject: (error: unknown) => void})[]} */
  #waiting = [];
  #running = false;
  /** @type {AbortController | null} */
  #turn = null;
  /** Wakes a queue that waits at an open place. */
  #wake = () => {};

  /** @param {(text: T, signal: AbortSignal) => Promise<Spoken>} say resolves when `text` was spoken,
   *    or soon after `signal` is aborted */
  constructor(say) {
    this.#say = say;
  }

  /** The text that comes next, if it is there already. @returns {T | null} */
  get next() {
    const [first] = this.#waiting;
    return first && "text" in first ? first.text : null;
  }

  /** Say `text` after all that was added before it, or before the end of an open place.
   *  @param {T} text @param {Place} [place]
   *  @returns {Promise<Spoken>} */
  add(text, place) {
    return new Promise((resolve, reject) => {
      const at = place ? this.#waiting.indexOf(place) : this.#waiting.length;
      if (at === -1) return resolve(null); // the place was cleared
      this.#waiting.splice(at, 0, { text, resolve, reject });
      this.#wake();
      if (!this.#running) this.#run();
    });
  }

  /** Keep a place for texts that are still to come. @returns {Place} */
  open() {
    const place = { open: true };
    this.#waiting.push(place);
    if (!this.#running) this.#run();
    return place;
  }

  /** @param {Place} place */
  close(place) {
    place.open = false;
    this.#wake();
  }

  /** Cut short what is being spoken, and drop the rest. */
  clear() {
    for (const each of this.#waiting.splice(0)) {
      if ("text" in each) each.resolve(null);
      else each.open = false;
    }
    this.#wake();
    this.#turn?.abort();
  }

  async #run() {
    this.#running = true;
    for (let next; (next = this.#waiting[0]); ) {
      if ("text" in next) {
        this.#waiting.shift();
        this.#turn = new AbortController();
        await this.#say(next.text, this.#turn.signal).then(next.resolve, next.reject);
      } else if (next.open) {
        await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
      } else {
        this.#waiting.shift();
      }
    }
    this.#running = false;
  }
}
