/** Speech of the avatar without a text of the page: in a conversation it answers the user's voice. */

/** Time that it may speak before its end is taken for lost. */
const LONGEST_MS = 120_000;

export class UnpromptedSpeech {
  #emit;
  #speaking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Whether the avatar is speaking so. */
  begun = false;

  /** @param {(type: string, detail: object) => void} emit
   *  @param {(speaking: boolean) => void} speaking */
  constructor(emit, speaking) {
    this.#emit = emit;
    this.#speaking = speaking;
  }

  /** @param {import("./messages.js").Message} message */
  handle({ type, taskId, named, text = "", cutShort = false }) {
    if (type === "words" && this.begun) this.#emit("words", { text: "", message: text });
    if (taskId || !named) return; // of a text that the page gave, or of HeyGen's
    if (type === "started" && !this.begun) this.#begin();
    if (type === "ended") this.end(cutShort);
  }

  /** @param {boolean} cutShort */
  end(cutShort) {
    if (!this.begun) return;
    clearTimeout(this.#timer);
    this.begun = false;
    this.#emit("silent", { text: "", by: "avatar", cutShort });
    this.#speaking(false);
  }

  #begin() {
    this.begun = true;
    this.#timer = setTimeout(() => this.end(false), LONGEST_MS);
    this.#speaking(true);
    this.#emit("speaking", { text: "", by: "avatar", duration_ms: null });
  }
}
