/** One text, from its acceptance by the server to its last word. */

import { longestDuration, usualDuration } from "./duration.js";

/** @typedef {import("./messages.js").Message} Message */

/** Time that the answer of a model may take, which is not the text that it was given. */
const LONGEST_ANSWER_MS = 120_000;
/** Time by which the first word, or the end, may be late before it counts without its message. */
const MARGIN_MS = 5000;

export class Utterance {
  cutShort = false;
  /** Whether a word of it was spoken. */
  begun = false;
  /** Resolves with the silence after the last word. @type {Promise<void>} */
  done;
  #text;
  /** The words that are spoken: the server may have chosen others. */
  #spoken;
  #emit;
  #heard = false;
  #ended = false;
  /** @type {string | null} */
  #taskId = null;
  /** @type {number | null} */
  #duration = null;
  /** Messages that came before its turn. @type {Message[]} */
  #early = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {() => void} */
  #finish = () => {};

  #isAnswer;

  /** @param {{text: string, taskType: string}} speech @param {(type: string, detail: object) => void} emit */
  constructor({ text, taskType }, emit) {
    this.#text = this.#spoken = text;
    this.#isAnswer = taskType !== "repeat";
    this.#emit = emit;
    this.done = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Take its turn, unless it was cut short meanwhile: the server has accepted the text.
   *  @param {import("./open-session.js").Task} task
   *  @param {{heard: boolean}} how whether messages can come; else its duration alone marks the end */
  accept({ task_id, duration_ms, deliver }, { heard }) {
    if (this.cutShort) return;

    this.#taskId = task_id;
    this.#duration = duration_ms;
    this.#spoken = deliver?.payload.text ?? this.#text;
    this.#heard = heard;
    if (!heard) this.#begin();
    else this.#wait();
    for (const message of this.#early.splice(0)) this.#take(message);
  }

  /** @param {Message} message about this text or another
   *  @param {boolean} alone whether this is the only text that was sent */
  handle(message, alone) {
    // LiveAvatar may not name the text that its model answers (guess): its end is that of what has begun.
    const isAnswer = this.#isAnswer && (message.type === "started" || this.begun);
    if (!message.taskId && !(alone && (!message.named || isAnswer))) return;
    if (this.#taskId === null) this.#early.push(message);
    else this.#take(message);
  }

  /** Whether it is the text of a message that something has ended.
   *  @param {Message} message */
  isEndedBy({ taskId }) {
    return taskId ? taskId === this.#taskId : this.#isAnswer && this.begun;
  }

  /** End it here. */
  cut() {
    this.cutShort = true;
    this.#end();
  }

  /** @param {Message} message */
  #take({ type, taskId = this.#taskId ?? undefined, text = "" }) {
    if (taskId !== this.#taskId || this.#ended) return;
    if (type === "started") this.#begin();
    if (type === "words") this.#emit("words", { text: this.#text, message: text });
    if (type === "ended") this.#end();
  }

  #begin() {
    if (this.begun) return;
    this.begun = true;
    const respond = this.#isAnswer && { respond: true };
    this.#emit("speaking", { text: this.#text, by: "avatar", duration_ms: this.#duration, ...respond });
    this.#wait();
  }

  /** Go on without the message of its end, which may be lost. Where one is to come, wait for the
   *  slowest voice. */
  #wait() {
    clearTimeout(this.#timer);
    const guess = this.#heard ? longestDuration : usualDuration;
    const duration = this.#duration ?? (this.#isAnswer ? LONGEST_ANSWER_MS : guess(this.#spoken));
    this.#timer = setTimeout(() => this.#end(), duration + (this.#heard ? MARGIN_MS : 0));
  }

  #end() {
    clearTimeout(this.#timer);
    if (this.begun && !this.#ended) this.#emit("silent", { text: this.#text, by: "avatar", cutShort: this.cutShort });
    this.#ended = true;
    this.#finish();
  }
}
