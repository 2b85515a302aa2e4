/** Writes what is heard into the answer box, and leaves alone what is typed there meanwhile. */

export class AnswerBox {
  #box;
  /** The words that are not final: they give way to what they turn out to be. */
  #unsure = "";
  /** How much stands before those words and behind them: who types changes one of the two. */
  #before = 0;
  #behind = 0;
  /** The text of the box after the last words. */
  #written = "";

  /** @param {HTMLTextAreaElement} box */
  constructor(box) {
    this.#box = box;
  }

  /** @param {string} text a part of a sentence so far, or the whole
   *  @param {boolean} final whether it is the whole */
  write(text, final) {
    const { value, selectionEnd: caret } = this.#box;
    const places = [this.#before, Math.max(0, value.length - this.#behind - this.#unsure.length)];
    const next = value === this.#written ? this.#before : value.length;
    const start = places.find((place) => this.#unsure && value.startsWith(this.#unsure, place)) ?? next;
    const end = Math.min(start + this.#unsure.length, value.length);
    const words = (/\S$/.test(value.slice(0, start)) ? " " : "") + text;
    this.#box.setRangeText(words, start, end, caret < start || caret > end ? "preserve" : "end");
    this.#unsure = final ? "" : text;
    this.#before = start + words.length - this.#unsure.length;
    this.#behind = value.length - end;
    this.#written = this.#box.value;
    this.#box.dispatchEvent(new Event("input"));
  }

  /** Leave the words as they are: the answer is given. */
  finish() {
    this.#unsure = "";
  }
}
