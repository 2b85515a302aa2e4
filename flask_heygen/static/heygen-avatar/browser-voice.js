/** The browser's own voice, for when the avatar has none. */

import { longestDuration } from "./duration.js";
import { sentences } from "./sentences.js";

/** Time that a browser may take to load its voices. */
const VOICES_TIMEOUT_MS = 500;
/** Time that a voice may take to begin. */
const BEGIN_TIMEOUT_MS = 3_000;
/** Time for which one that reports its words may be silent. */
const SILENCE_TIMEOUT_MS = 5_000;

export class BrowserVoice {
  #allowed;

  /** @param {boolean} [allowed] whether the page lets it speak */
  constructor(allowed = true) {
    this.#allowed = allowed;
  }

  /** Let the browser speak later without a click; within one. */
  prime() {
    if (!this.#allowed || !globalThis.speechSynthesis || navigator.userActivation?.isActive === false) return;
    speechSynthesis.speak(Object.assign(new SpeechSynthesisUtterance(" "), { volume: 0 }));
  }

  /** Whether there is a voice at all. @returns {Promise<boolean>} */
  async ready() {
    const synthesis = globalThis.speechSynthesis;
    if (!this.#allowed || !synthesis) return false;
    if (synthesis.getVoices().length) return true;

    await new Promise((resolve) => {
      synthesis.addEventListener("voiceschanged", resolve, { once: true });
      setTimeout(resolve, VOICES_TIMEOUT_MS);
    });
    return synthesis.getVoices().length > 0;
  }

  /** Say `text` until `signal` is aborted, in sentences: some voices end after 14 seconds.
   *  @param {string} text @param {AbortSignal} signal
   *  @param {() => void} begun called with the first word
   *  @returns {Promise<boolean>} whether all was said: a browser may refuse, and a voice may die */
  async say(text, signal, begun) {
    let silent = true;
    const heard = () => {
      if (silent) begun();
      silent = false;
    };
    for (const sentence of sentences(text)) {
      if (signal.aborted || !(await this.#saySentence(sentence, signal, heard))) return false;
    }
    return true;
  }

  /** @param {string} sentence @param {AbortSignal} signal @param {() => void} heard
   *  @returns {Promise<boolean>} */
  #saySentence(sentence, signal, heard) {
    return new Promise((resolve) => {
      const speech = new SpeechSynthesisUtterance(sentence);
      speech.lang = document.documentElement.lang;
      const end = (/** @type {boolean} */ said) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", cancel);
        speech.onstart = speech.onboundary = speech.onend = speech.onerror = null;
        resolve(said);
      };
      const cancel = () => (end(false), speechSynthesis.cancel());
      let timer = setTimeout(cancel, BEGIN_TIMEOUT_MS);
      const wait = (/** @type {number} */ ms) => {
        heard();
        clearTimeout(timer);
        timer = setTimeout(cancel, ms);
      };
      signal.addEventListener("abort", cancel);
      speech.onstart = () => wait(longestDuration(sentence));
      speech.onboundary = () => wait(SILENCE_TIMEOUT_MS);
      speech.onend = () => (heard(), end(true));
      speech.onerror = () => end(false);
      speechSynthesis.speak(speech);
    });
  }
}
