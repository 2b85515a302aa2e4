/** The time that it takes to say a text, for when nothing reports it. */

/** About 150 words a minute. */
const MS_PER_CHARACTER = 65;
/** Slower than any voice, at half of the usual rate too. */
const MOST_MS_PER_BYTE = 200;

/** Milliseconds that it usually takes. @param {string} text */
export function usualDuration(text) {
  return text.length * MS_PER_CHARACTER;
}

/** Milliseconds after which it has been said for certain. Counted in bytes of UTF-8: a Chinese character has
 *  three, and takes as long as three letters. @param {string} text */
export function longestDuration(text) {
  return new TextEncoder().encode(text).length * MOST_MS_PER_BYTE;
}
