/** Sentences: of a whole text, and of one that comes in pieces. */

/** Where Firefox before 125 has no Intl.Segmenter. */
const SENTENCE = /[^.!?。！？]*[.!?。！？]+["'”’)\]]*\s*|[^.!?。！？]+$/g;
/** Neither blank nor only characters that have no sound and no width. */
const AUDIBLE = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}]/u;

/** Whether a text has anything to say. @param {unknown} text @returns {text is string} */
export function isAudible(text) {
  return typeof text === "string" && AUDIBLE.test(text);
}

/** The sentences of a text, with the spaces between them. @param {string} text @returns {string[]} */
export function sentences(text) {
  if (!globalThis.Intl?.Segmenter) return text.match(SENTENCE) ?? [text];
  const segmenter = new Intl.Segmenter(document.documentElement.lang || undefined, { granularity: "sentence" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Give each sentence as soon as the next one begins.
 *  @param {AsyncIterable<string>} pieces
 *  @returns {AsyncGenerator<string>} */
export async function* sentencesOf(pieces) {
  let rest = "";
  for await (const piece of pieces) {
    if (typeof piece !== "string") throw new TypeError("speak() takes pieces of text.");
    const [last = "", ...before] = sentences(rest + piece).reverse();
    yield* before.reverse().filter(isAudible);
    rest = last;
  }
  if (isAudible(rest)) yield rest;
}
