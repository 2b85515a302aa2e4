/** Answers by voice, where the browser recognises speech: what is heard is written into the answer box. */

const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;

/** Why nothing is heard, in words for a person. */
const REASONS = {
  "not-allowed": "The microphone is not allowed for this page. Type your answer instead.",
  "service-not-allowed": "The browser’s speech recognition is switched off. Type your answer instead.",
  "audio-capture": "No microphone was found. Type your answer instead.",
  network: "The browser’s speech recognition could not be reached. Type your answer instead.",
};

export class Dictation {
  /** Whether this browser offers it. */
  static offered = Recognition !== undefined;
  #box;
  #changed;
  #recognition = null;

  /**
   * @param {HTMLTextAreaElement} box
   * @param {(listening: boolean, trouble?: string) => void} changed
   */
  constructor(box, changed) {
    this.#box = box;
    this.#changed = changed;
  }

  get listening() {
    return this.#recognition !== null;
  }

  start() {
    const recognition = new Recognition();
    const before = this.#box.value && `${this.#box.value.trimEnd()} `;
    recognition.lang = document.documentElement.lang;
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.onresult = ({ results }) => {
      const words = Array.from(results, ([best]) => best.transcript.trim()).join(" ");
      this.#box.value = before + words;
      this.#box.dispatchEvent(new Event("input"));
    };
    recognition.onerror = ({ error }) => this.#end(recognition, REASONS[error]);
    recognition.onend = () => this.#end(recognition);
    this.#recognition = recognition;
    this.#changed(true);
    recognition.start();
  }

  stop() {
    this.#recognition?.stop();
    this.#end(this.#recognition);
  }

  #end(recognition, trouble) {
    if (recognition === null || recognition !== this.#recognition) return;
    this.#recognition = null;
    this.#changed(false, trouble);
  }
}
