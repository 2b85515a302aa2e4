/** The order of what is sent to the avatar: no call overtakes another, and one text is sent ahead. */

import { SentText } from "./sent-text.js";

/**
 * @typedef {import("./open-session.js").OpenSession} OpenSession
 * @typedef {import("./sent-text.js").Speech} Speech
 */

/** Time that a text that was dropped may take to fall silent, before it is interrupted again. */
const SILENCE_MS = 200;

export class Dispatch {
  /** The next text, sent while another is spoken so that it follows without a gap.
   *  @type {SentText | null} */
  ahead = null;
  #emit;
  /** The last call. @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** Texts that were sent ahead and then cut. @type {Map<string, OpenSession>} by task */
  #dropped = new Map();

  /** @param {(type: string, detail: object) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** @param {Speech} speech @param {OpenSession} session @returns {SentText} */
  send(speech, session) {
    const send = (/** @type {AbortSignal} */ signal) =>
      this.#inOrder(() => session.task(speech.text, speech.taskType, signal));
    return new SentText(speech, session, this.#emit, send);
  }

  /** @param {Speech} speech @param {OpenSession} session */
  sendAhead(speech, session) {
    this.ahead = this.send(speech, session);
    this.ahead.isAhead = true;
  }

  /** The text that was sent ahead, if it is this one. @param {Speech} speech */
  takeAhead(speech) {
    const sent = this.ahead;
    this.ahead = null;
    return sent?.speech === speech ? sent : null;
  }

  /** Publish what only the page can. @param {SentText} sent */
  async deliver(sent) {
    const task = await sent.task;
    await this.#inOrder(() => sent.session.deliver(task, sent.signal));
    return task;
  }

  /** @param {OpenSession} session */
  interrupt(session) {
    return this.#inOrder(() => session.interrupt());
  }

  /** Let nobody say what was sent ahead. */
  drop() {
    const sent = this.ahead;
    this.ahead = null;
    if (!sent) return;
    sent.cut();
    const remember = (/** @type {{task_id: string}} */ { task_id }) => this.#dropped.set(task_id, sent.session);
    sent.task.then((task) => task.deliver || sent.session.ended || remember(task), () => {});
  }

  /** Interrupt a text that was dropped, where the vendor begins it all the same.
   *  @param {import("./messages.js").Message} message */
  handle({ type, taskId = "" }) {
    const session = this.#dropped.get(taskId);
    if (session && type === "ended") this.#dropped.delete(taskId);
    if (session && type === "started") setTimeout(() => this.#silence(taskId, session), SILENCE_MS);
  }

  /** @param {string} taskId @param {OpenSession} session */
  #silence(taskId, session) {
    if (this.#dropped.delete(taskId) && !session.ended) this.interrupt(session).catch(() => {});
  }

  /** @template T @param {() => Promise<T>} call @returns {Promise<T>} */
  #inOrder(call) {
    const made = this.#last.then(call);
    this.#last = made.catch(() => {}); // the next call is made all the same
    return made;
  }
}
