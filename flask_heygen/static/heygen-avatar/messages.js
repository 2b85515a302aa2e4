/** The messages of a session's room: those of both vendor APIs in one form. */

/**
 * @typedef {object} Message
 * @property {"started" | "words" | "ended" | "stopped"} type the avatar begins a text, says its next
 *   words, has said it; the vendor has ended the session
 * @property {string} [taskId] of the text
 * @property {boolean} [named] false: without an id it counts for the only text that was sent
 * @property {string} [text]
 * @property {string} [endReason]
 */

/** HeyGen's, whose ids may be missing. @type {Record<string, Message["type"]>} */
const STREAMING = {
  avatar_start_talking: "started",
  avatar_talking_message: "words",
  avatar_stop_talking: "ended",
};
/** LiveAvatar's. `avatar.transcription` is left out: it comes whole, before the first word.
 *  @type {Record<string, Message["type"]>} */
const LIVEAVATAR = {
  "avatar.speak_started": "started",
  "avatar.transcription.chunk": "words",
  "avatar.speak_ended": "ended",
  "session.stopped": "stopped",
};

/** Read a data message. @param {Uint8Array} payload @returns {Message | null} null: another kind */
export function parseMessage(payload) {
  let message;
  try {
    message = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return null;
  }
  const { type: streaming, event_type: liveavatar } = message ?? {};
  if (STREAMING[streaming]) {
    return { type: STREAMING[streaming], taskId: message.task_id, named: false, text: message.message };
  }
  if (LIVEAVATAR[liveavatar]) {
    const type = LIVEAVATAR[liveavatar];
    // Of its messages about speech, the words alone may come without the id.
    const endReason = message.end_reason ?? message.stop_reason;
    return { type, taskId: message.source_event_id, named: type !== "words", text: message.text, endReason };
  }
  return null;
}
