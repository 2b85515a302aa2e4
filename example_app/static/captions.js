/** Words that appear as they are spoken; a screen reader hears the whole text, once. */

/** About 150 words a minute, where the avatar's answer gives no duration. */
const MS_PER_CHARACTER = 65;
/** Two lines in the panel of a phone. */
const LINE_CHARACTERS = 64;

export class Captions {
  #seen;
  #heard;

  /**
   * @param {HTMLElement} seen where words appear one by one, hidden from screen readers
   * @param {HTMLElement} heard a live region
   */
  constructor(seen, heard) {
    this.#seen = seen;
    this.#heard = heard;
  }

  /**
   * Show `text` over the time it takes to say it.
   * @param {string} text
   * @param {number | null} duration in milliseconds, null where it is not known
   * @param {AbortSignal} signal ends it early
   */
  async play(text, duration, signal) {
    this.#heard.textContent = text;
    const pace = (duration ?? text.length * MS_PER_CHARACTER) / text.length;
    for (const line of split(text)) {
      if (signal.aborted) return;
      await this.#reveal(line, pace, signal);
    }
  }

  clear() {
    this.#seen.replaceChildren();
    this.#heard.textContent = "";
  }

  async #reveal(line, pace, signal) {
    const words = line.split(" ").map((word) => Object.assign(document.createElement("span"), { textContent: `${word} ` }));
    this.#seen.replaceChildren(...words);
    const began = performance.now();
    let due = began;
    for (const word of words) {
      word.className = "said";
      due += word.textContent.length * pace;
      // By the clock, not by the count of ticks: a hidden tab's timers are slow.
      await pause(due - performance.now(), signal);
      if (signal.aborted) return;
    }
  }
}

/** Lines of a few words, parted between sentences or else between words. */
function split(text) {
  const lines = [];
  for (const sentence of text.match(/[^.!?]+[.!?]*/g) ?? []) {
    const words = sentence.trim().split(/\s+/);
    const parts = Math.ceil(sentence.length / LINE_CHARACTERS);
    const size = Math.ceil(words.length / parts);
    for (let at = 0; at < words.length; at += size) lines.push(words.slice(at, at + size).join(" "));
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
