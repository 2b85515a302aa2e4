/** One text, from the server's yes to its last word. It knows the avatar's messages, but no room. */

import { longestDuration, usualDuration } from "./duration.js";

/**
 * @typedef {object} Message what the avatar tells of its speech
 * @property {string} type
 * @property {string} [task_id]
 * @property {string} [message]
 */

/** What may pass between the server's yes and the first word, or after the last, without a message. */
const MARGIN_MS = 5000;

export class Utterance {
  cutShort = false;
  /** Resolves with the silence after the last word. @type {Promise<void>} */
  done;
  #text;
  #emit;
  #heard = false;
  #speaking = false;
  /** @type {string | null} */
  #task = null;
  /** @type {number | null} */
  #duration = null;
  /** Messages that came before the server's yes. @type {Message[]} */
  #early = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {() => void} */
  #finish = () => {};

  /** @param {string} text @param {(type: "speaking" | "words" | "silent", detail: object) => void} emit */
  constructor(text, emit) {
    this.#text = text;
    this.#emit = emit;
    this.done = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Begin, where it was not cut short meanwhile: the server has taken the text.
   *  @param {{task_id: string, duration_ms: number | null}} task
   *  @param {{heard: boolean}} how whether messages can come; else the duration alone tells the end */
  accept({ task_id, duration_ms }, { heard }) {
    if (this.cutShort) return;

    this.#task = task_id;
    this.#duration = duration_ms;
    this.#heard = heard;
    if (!heard) this.#begin();
    else this.#wait();
    for (const message of this.#early.splice(0)) this.#take(message);
  }

  /** @param {Message} message of this task or of another */
  hear(message) {
    if (this.#task === null) this.#early.push(message);
    else this.#take(message);
  }

  /** End it here. */
  cut() {
    this.cutShort = true;
    this.#end();
  }

  /** @param {Message} message */
  #take({ type, task_id = this.#task ?? undefined, message = "" }) {
    if (task_id !== this.#task) return;
    if (type === "avatar_start_talking") this.#begin();
    if (type === "avatar_talking_message") this.#emit("words", { text: this.#text, message });
    if (type === "avatar_stop_talking") this.#end();
  }

  #begin() {
    if (this.#speaking) return;
    this.#speaking = true;
    this.#emit("speaking", { text: this.#text, by: "avatar", duration_ms: this.#duration });
    this.#wait();
  }

  /** The message of its end may be lost, and an interview must not stall. Where one is to come, the
   *  slowest voice is let finish. */
  #wait() {
    clearTimeout(this.#timer);
    const guess = this.#heard ? longestDuration : usualDuration;
    const duration = this.#duration ?? guess(this.#text);
    this.#timer = setTimeout(() => this.#end(), duration + (this.#heard ? MARGIN_MS : 0));
  }

  #end() {
    clearTimeout(this.#timer);
    if (this.#speaking) this.#emit("silent", { text: this.#text, by: "avatar", cutShort: this.cutShort });
    this.#speaking = false;
    this.#finish();
  }
}
