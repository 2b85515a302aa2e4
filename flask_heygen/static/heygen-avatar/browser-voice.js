/** The browser's own voice, for when the avatar has none. */

import { longestDuration } from "./duration.js";

/** How long a browser may take to name its voices. */
const VOICES_MS = 500;
/** What may pass before the first word. */
const MARGIN_MS = 2000;

export class BrowserVoice {
  /** Whether there is a voice at all. @returns {Promise<boolean>} */
  async ready() {
    const synthesis = globalThis.speechSynthesis;
    if (!synthesis) return false;
    if (synthesis.getVoices().length) return true;

    await new Promise((resolve) => {
      synthesis.addEventListener("voiceschanged", resolve, { once: true });
      setTimeout(resolve, VOICES_MS);
    });
    return synthesis.getVoices().length > 0;
  }

  /** Say `text` until `signal` is aborted.
   *  @param {string} text @param {AbortSignal} signal
   *  @returns {Promise<boolean>} whether it could be heard: a browser may refuse until a click */
  say(text, signal) {
    return new Promise((resolve) => {
      const speech = new SpeechSynthesisUtterance(text);
      speech.lang = document.documentElement.lang;
      const end = (/** @type {boolean} */ heard) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", hush);
        resolve(heard);
      };
      const hush = () => (speechSynthesis.cancel(), end(true));
      const timer = setTimeout(hush, longestDuration(text) + MARGIN_MS); // some browsers never tell the end
      signal.addEventListener("abort", hush);
      speech.onend = () => end(true);
      speech.onerror = () => end(false);
      speechSynthesis.speak(speech);
    });
  }
}
