/** The failures that arise in the browser, in the server's form. */

/** @typedef {import("./avatar-error.js").Failure} Failure */

/** @satisfies {Record<string, Failure>} */
export const FAILURES = {
  unreachable: { code: "unreachable", message: "The server could not be reached.", retryable: true },
  // The next two in the server's own words.
  outcomeUnknown: { code: "outcome_unknown", message: "The answer was lost: it may or may not have been done." },
  sessionClosed: { code: "session_closed", message: "The session has ended.", restart_session: true },
  notSignedIn: { code: "not_signed_in", message: "Your sign-in has ended, or was refused. Sign in again." },
  notStarted: { code: "not_started", message: "The avatar is not started. Start it first.", restart_session: true },
  notDelivered: { code: "not_delivered", message: "The avatar cannot be reached: it is not in its room." },
  livekitMissing: {
    code: "livekit_missing",
    message: "The avatar takes texts in its room only. No livekit-client was given: pass { livekit } to HeyGenAvatar.",
  },
  roomNotJoined: {
    code: "room_not_joined",
    message: "The avatar's room could not be joined: a firewall, or this page's security policy, may not allow it.",
    restart_session: true,
  },
  speakerFailed: {
    code: "speaker_failed",
    message: "This loudspeaker cannot be used: it may be unplugged, or not allowed for this page.",
  },
  cannotHear: { code: "not_supported", message: "Neither the avatar nor this browser can hear. Type your answer instead." },
  listeningStopped: { code: "not_listening", message: "Listening was stopped before the microphone was on." },
  headersFailed: { code: "page_error", message: "The page could not provide the headers of the request." },
};

/** Why the vendor ended a session, where a new one would end in the same way.
 *  @type {Map<string, Failure>} */
export const FINAL_END_REASONS = new Map([
  ["NO_CREDITS", { code: "no_credits", message: "The avatar has left: the account has no credits left." }],
  ["AVATAR_DELETED", { code: "avatar_deleted", message: "The avatar has left: it has been deleted from the account." }],
]);

const DENIED = { code: "microphone_denied", message: "The microphone is not allowed for this page. Type your answer instead." };
const MISSING = { code: "microphone_missing", message: "No microphone was found. Type your answer instead." };
const BROKEN = {
  code: "microphone_failed",
  message: "The microphone cannot be used; another program may use it. Type your answer instead.",
};

/** Why a microphone is not heard, by the name of the browser's error.
 *  @type {Record<string, Failure>} */
export const MICROPHONE_FAILURES = {
  NotAllowedError: DENIED,
  NotFoundError: MISSING,
  OverconstrainedError: MISSING,
  NotReadableError: BROKEN,
  pushToTalk: { code: "microphone_failed", message: "The avatar does not listen now. Type your answer instead." },
};

/** Why the browser recognises nothing, by the Web Speech API's code.
 *  @type {Record<string, Failure>} */
export const RECOGNITION_FAILURES = {
  "not-allowed": DENIED,
  "audio-capture": MISSING,
  "service-not-allowed": {
    code: "not_supported",
    message: "The browser's speech recognition is switched off. Type your answer instead.",
  },
  "language-not-supported": { code: "not_supported", message: "The browser does not recognise this language. Type your answer instead." },
  network: {
    code: "microphone_failed",
    message: "The browser's speech recognition could not be reached. Type your answer instead.",
  },
};
