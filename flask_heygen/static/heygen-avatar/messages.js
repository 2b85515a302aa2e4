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

/** About the user. @type {Record<string, Pick<Message, "type" | "final" | "speaking">[]>} */
const USER = {
  user_talking_message: [{ type: "user-speaking", speaking: true }, { type: "heard" }],
  user_end_message: [{ type: "heard", final: true }, { type: "user-speaking", speaking: false }],
  "user.speak_started": [{ type: "user-speaking", speaking: true }],
  "user.transcription.chunk": [{ type: "heard" }],
  "user.transcription": [{ type: "heard", final: true }],
  "user.speak_ended": [{ type: "user-speaking", speaking: false }],
  "user.push_to_talk_started": [{ type: "push-to-talk", speaking: true }],
  "user.push_to_talk_start_failed": [{ type: "push-to-talk", speaking: false }],
  "user.push_to_talk_stopped": [{ type: "push-to-talk", speaking: false }],
  "user.push_to_talk_stop_failed": [{ type: "push-to-talk", speaking: false }],
};

/** Read a data message. @param {Uint8Array} payload @returns {Message[]} empty: of another kind */
export function parseMessages(payload) {
  let message;
  try {
    message = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return [];
  }
  const { type: streaming, event_type: liveavatar } = message ?? {};
  if (STREAMING[streaming]) {
    return [{ type: STREAMING[streaming], taskId: message.task_id, named: false, text: message.message }];
  }
  if (LIVEAVATAR[liveavatar]) {
    const type = LIVEAVATAR[liveavatar];
    // Of its messages about speech, the words alone may come without the id.
    const endReason = message.end_reason ?? message.stop_reason;
    return [{ type, taskId: message.source_event_id, named: type !== "words", text: message.text, endReason }];
  }
  return (USER[streaming ?? liveavatar] ?? []).map((each) => ({ ...each, text: message.message ?? message.text }));
}
