/** The messages of a session's room: those of both vendor APIs in one form. */

/**
 * @typedef {object} Message
 * @property {"started" | "words" | "ended" | "stopped" | "heard" | "user-speaking" | "push-to-talk"} type
 *   the avatar begins a text, says its next words, has said it; the vendor has ended the session; the
 *   user has said something, begins or ceases to speak; push-to-talk was opened or refused
 * @property {string} [taskId] of the text
 * @property {boolean} [named] false: without an id it counts for the only text that was sent
 * @property {string} [text]
 * @property {string} [endReason]
 * @property {boolean} [final] whether the words that were heard are the whole
 * @property {boolean} [speaking] of the user; of push-to-talk, whether it is open
 * @property {boolean} [cutShort] whether the user's voice ended the text
 */

/** Longer than any message that LiveKit carries: what only a broken or a hostile room sends. */
const MAX_BYTES = 65_536;

/** HeyGen's, whose ids may be missing. @type {Map<unknown, Message["type"]>} */
const STREAMING = new Map([
  ["avatar_start_talking", "started"],
  ["avatar_talking_message", "words"],
  ["avatar_stop_talking", "ended"],
]);
/** LiveAvatar's. `avatar.transcription` is left out: it comes whole, before the first word.
 *  @type {Map<unknown, Message["type"]>} */
const LIVEAVATAR = new Map([
  ["avatar.speak_started", "started"],
  ["avatar.transcription.chunk", "words"],
  ["avatar.speak_ended", "ended"],
  ["session.stopped", "stopped"],
]);

/** About the user. @type {Map<unknown, Pick<Message, "type" | "final" | "speaking">[]>} */
const USER = new Map([
  ["user_talking_message", [{ type: "user-speaking", speaking: true }, { type: "heard" }]],
  ["user_end_message", [{ type: "heard", final: true }, { type: "user-speaking", speaking: false }]],
  ["user.speak_started", [{ type: "user-speaking", speaking: true }]],
  ["user.transcription.chunk", [{ type: "heard" }]],
  ["user.transcription", [{ type: "heard", final: true }]],
  ["user.speak_ended", [{ type: "user-speaking", speaking: false }]],
  ["user.push_to_talk_started", [{ type: "push-to-talk", speaking: true }]],
  ["user.push_to_talk_start_failed", [{ type: "push-to-talk", speaking: false }]],
  ["user.push_to_talk_stopped", [{ type: "push-to-talk", speaking: false }]],
  ["user.push_to_talk_stop_failed", [{ type: "push-to-talk", speaking: false }]],
]);

/** Read a data message. @param {Uint8Array} payload @returns {Message[]} empty: of another kind */
export function parseMessages(payload) {
  const message = payload.length <= MAX_BYTES ? parse(payload) : {};
  const id = message.task_id ?? message.source_event_id ?? undefined;
  if (id !== undefined && typeof id !== "string") return []; // of no text of this page's
  const text = string(message.message) ?? string(message.text);
  const streaming = STREAMING.get(message.type);
  if (streaming) return [{ type: streaming, taskId: id, named: false, text }];

  const liveavatar = LIVEAVATAR.get(message.event_type);
  if (liveavatar) {
    // Of its messages about speech, the words alone may come without the id.
    const named = liveavatar !== "words";
    const endReason = string(message.end_reason) ?? string(message.stop_reason);
    return [{ type: liveavatar, taskId: id, named, text, endReason }];
  }
  return (USER.get(message.type ?? message.event_type) ?? []).map((each) => ({ ...each, text }));
}

/** @param {Uint8Array} payload @returns {Record<string, unknown>} */
function parse(payload) {
  try {
    return JSON.parse(new TextDecoder().decode(payload)) ?? {};
  } catch {
    return {};
  }
}

/** @param {unknown} value @returns {string | undefined} */
function string(value) {
  return typeof value === "string" ? value : undefined;
}
