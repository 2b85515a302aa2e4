/** The page's options, checked before a session is paid for. */

const NAMES = ["livekit", "baseUrl", "headers", "session", "video", "audio", "idleMinutes", "browserVoice"];

/** Raise a TypeError for a name that is no option, such as "vidoe", and for what is not an element.
 *  @param {Record<string, any>} options */
export function checkOptions(options) {
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown) throw new TypeError(`HeyGenAvatar has no option "${unknown}", but these: ${NAMES.join(", ")}.`);

  checkElement("video", options.video, ["video"]);
  checkElement("audio", options.audio, ["audio", "video"]); // a <video> plays the voice as well
}

/** @param {string} option @param {any} given undefined: left out @param {string[]} tags */
function checkElement(option, given, tags) {
  if (given === null) throw new TypeError(`${option} is null: no element matches, or it is not on the page yet.`);
  // By its name: an element of another window's is none of this window's classes.
  if (given !== undefined && !tags.includes(given.localName)) {
    throw new TypeError(`${option} must be ${tags[0] === "audio" ? "an" : "a"} <${tags[0]}> element.`);
  }
}
