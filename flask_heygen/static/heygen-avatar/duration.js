/** How long it takes to say a text, where nobody tells. */

/** About 150 words a minute. */
const MS_PER_CHARACTER = 65;
/** Far slower than anybody speaks, at half of the usual rate too. */
const MOST_MS_PER_BYTE = 200;

/** Milliseconds that it usually takes. @param {string} text */
export function usualDuration(text) {
  return text.length * MS_PER_CHARACTER;
}

/** Milliseconds after which it surely was said. Counted in bytes of UTF-8: a Chinese character has
 *  three, and takes as long as three letters. @param {string} text */
export function longestDuration(text) {
  return new TextEncoder().encode(text).length * MOST_MS_PER_BYTE;
}
