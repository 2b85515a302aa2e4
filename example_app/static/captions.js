/** Words that appear as they are spoken; a screen reader hears the whole text, once. */

/** About 150 words a minute, where nobody knows how long the text takes. */
const MS_PER_CHARACTER = 65;
/** Two lines in the panel of a phone. */
const LINE_CHARACTERS = 64;
/** Between words that arrive together. */
const MS_PER_WORD = 110;
/** So many words at once are no measure of what was said by now. */
const MANY_WORDS = 12;

export class Captions {
  #seen;
  #heard;
  /** @type {string[][]} words by line */
  #lines = [];
  #said = 0;
  #pacing = new AbortController();

  /**
   * @param {HTMLElement} seen where words appear one by one, hidden from screen readers
   * @param {HTMLElement} heard a live region
   */
  constructor(seen, heard) {
    this.#seen = seen;
    this.#heard = heard;
  }

  /**
   * Begin to show `text`, by the clock until the words themselves arrive.
   * @param {string} text
   * @param {number | null} duration in milliseconds, null where it is not known
   */
  begin(text, duration) {
    this.clear();
    this.#heard.textContent = text;
    this.#lines = split(text);
    this.#pace((duration ?? text.length * MS_PER_CHARACTER) / text.length);
  }

  /** Show the next words, which are being said now. @param {string} message */
  follow(message) {
    const count = message.trim().split(/\s+/).length;
    if (count > MANY_WORDS) return;
    if (!this.#pacing.signal.aborted) {
      this.#pacing.abort();
      this.#said = 0;
    }
    this.#show((this.#said += count), count);
  }

  /** Show the rest: the last word has been said. */
  finish() {
    const words = this.#lines.flat().length;
    if (this.#said < words) this.#pacing.abort();
    this.#show((this.#said = words));
  }

  /** Show nothing, and have a screen reader read what nobody says. @param {string} unsaid */
  clear(unsaid = "") {
    this.#pacing.abort();
    this.#said = 0;
    this.#seen.replaceChildren();
    this.#heard.textContent = unsaid;
  }

  /** @param {number} pace milliseconds for each character */
  async #pace(pace) {
    this.#pacing = new AbortController();
    const { signal } = this.#pacing;
    let due = performance.now();
    for (const word of this.#lines.flat()) {
      this.#show((this.#said += 1));
      due += (word.length + 1) * pace;
      // By the clock, not by the count of ticks: a hidden tab's timers are slow.
      await pause(due - performance.now(), signal);
      if (signal.aborted) return;
    }
  }

  /** Show the line of the word with this number, up to it; the last `fresh` words one after the other. */
  #show(number, fresh = 1) {
    let before = 0;
    const line = this.#lines.find((words) => (before += words.length) >= number) ?? this.#lines.at(-1) ?? [];
    if (before < number) number = before;
    const first = before - line.length;
    if (this.#seen.dataset.line !== String(first) || !this.#seen.firstChild) {
      this.#seen.dataset.line = String(first);
      this.#seen.replaceChildren(...line.map(span));
    }
    [...this.#seen.children].slice(0, number - first).forEach((word, index) => {
      const late = Math.max(0, index - (number - first - fresh));
      if (!word.className) word.style.transitionDelay = `${late * MS_PER_WORD}ms`;
      word.className = "said";
    });
  }
}

/** @param {string} word */
function span(word) {
  return Object.assign(document.createElement("span"), { textContent: `${word} ` });
}

/** Lines of a few words, parted between sentences or else between words. @param {string} text */
function split(text) {
  const lines = [];
  for (const sentence of text.match(/[^.!?]+[.!?]*/g) ?? []) {
    const words = sentence.trim().split(/\s+/);
    const parts = Math.ceil(sentence.length / LINE_CHARACTERS);
    const size = Math.ceil(words.length / parts);
    for (let at = 0; at < words.length; at += size) lines.push(words.slice(at, at + size));
  }
  return lines;
}

function pause(ms, signal) {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
