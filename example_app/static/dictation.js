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
  listening = false;
  #box;
  #changed;
  /** Whose results are written: one that was stopped has still some to give. */
  #recognition = null;

  /**
   * @param {HTMLTextAreaElement} box
   * @param {(listening: boolean, trouble?: string) => void} changed
   */
  constructor(box, changed) {
    this.#box = box;
    this.#changed = changed;
  }

  start() {
    this.abort();
    const recognition = new Recognition();
    recognition.lang = document.documentElement.lang;
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.onresult = writer(this.#box);
    recognition.onerror = ({ error }) => this.#end(recognition, REASONS[error]);
    recognition.onend = () => this.#end(recognition);
    this.#recognition = recognition;
    this.#show(true);
    recognition.start();
  }

  /** Listen no longer; what was said before is still written. */
  stop() {
    this.#recognition.stop();
    this.#show(false);
  }

  /** Listen no longer, and write no more: the answer is given. */
  abort() {
    const recognition = this.#recognition;
    if (!recognition) return;

    recognition.onresult = null; // one may be on its way
    recognition.abort();
    this.#end(recognition);
  }

  #end(recognition, trouble) {
    if (recognition !== this.#recognition) return;

    this.#recognition = null;
    this.#show(false, trouble);
  }

  #show(listening, trouble) {
    this.listening = listening;
    this.#changed(listening, trouble);
  }
}

/** Make what writes results into `box`, and leaves alone what is typed there meanwhile. */
function writer(box) {
  /** So many results are final; the words of the others give way to what they turn out to be. */
  let final = 0;
  let unsure = "";
  /** How much stands before those words and behind them: who types changes one of the two. */
  let before = 0;
  let behind = 0;

  return ({ results }) => {
    const rest = () => Array.from(results, ([best]) => best.transcript.trim()).slice(final).join(" ");
    const { value, selectionEnd: caret } = box;
    const places = [before, Math.max(0, value.length - behind - unsure.length)];
    const start = places.find((place) => unsure && value.startsWith(unsure, place)) ?? value.length;
    const end = Math.min(start + unsure.length, value.length);
    const words = (/\S$/.test(value.slice(0, start)) ? " " : "") + rest();
    box.setRangeText(words, start, end, caret < start || caret > end ? "preserve" : "end");
    while (results[final]?.isFinal) final += 1;
    unsure = rest();
    before = start + words.length - unsure.length;
    behind = value.length - end;
    box.dispatchEvent(new Event("input"));
  };
}
