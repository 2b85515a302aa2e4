/** A text on its way to the avatar in one session. */

import { Utterance } from "./utterance.js";

/**
 * @typedef {import("./open-session.js").OpenSession} OpenSession
 * @typedef {import("./open-session.js").Task} Task
 * @typedef {{text: string, taskType: string}} Speech
 */

export class SentText {
  speech;
  session;
  utterance;
  /** Whether it was sent before its turn. */
  isAhead = false;
  /** The server's answer. @type {Promise<Task>} */
  task;
  /** Whether the server has accepted it. */
  isAccepted = false;
  /** Whether the page publishes it itself, as with LiveAvatar: one sent ahead is not queued there. */
  isDelivered = false;
  /** Whether the avatar left before the first word. */
  isUnspoken = false;
  #abort = new AbortController();

  /**
   * @param {Speech} speech
   * @param {OpenSession} session
   * @param {(type: string, detail: object) => void} emit
   * @param {(signal: AbortSignal) => Promise<Task>} send
   */
  constructor(speech, session, emit, send) {
    this.speech = speech;
    this.session = session;
    this.utterance = new Utterance(speech, emit);
    this.task = send(this.#abort.signal);
    this.task.then((task) => this.#accept(task), () => {}); // awaited in its turn
  }

  /** Aborted as it is cut. */
  get signal() {
    return this.#abort.signal;
  }

  /** Cut it short, or keep it from being spoken. */
  cut() {
    this.#abort.abort();
    this.utterance.cut();
  }

  /** Its session is over. @param {boolean} left whether the avatar has left, so that nobody says it */
  lose(left) {
    this.isUnspoken = left && this.isAccepted && !this.utterance.begun;
    this.cut();
  }

  /** @param {Task} task */
  #accept(task) {
    this.isAccepted = true;
    this.isDelivered = task.deliver !== undefined;
  }
}
