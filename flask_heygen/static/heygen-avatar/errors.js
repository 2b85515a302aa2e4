/** The error that a page gets, and those that arise in the browser. */

/**
 * @typedef {object} Failure an error in the server's form
 * @property {string} code
 * @property {string} message a sentence for a person
 * @property {boolean} [retryable]
 * @property {boolean} [restart_session]
 * @property {number} [retry_after] seconds
 * @property {number} [http_status] of an error that follows the line "accepted"
 */

/** Retry by itself what the server postpones by so many seconds at most. */
const MAX_RETRY_AFTER = 2;

/** A failure; the message is a sentence for a person. */
export class AvatarError extends Error {
  /** @param {Failure} failure @param {number} [status] @param {unknown} [cause] */
  constructor({ code, message, retryable = false, restart_session = false, retry_after = 0 }, status = 0, cause) {
    super(message);
    this.name = "AvatarError";
    this.code = code;
    /** The HTTP status; 0 without a response. */
    this.status = status;
    /** The same call may succeed later, and nothing is done twice. */
    this.retryable = retryable;
    /** The session is over: start a new one. */
    this.restartSession = restart_session;
    /** Seconds to wait before either. */
    this.retryAfter = retry_after;
    /** The error behind it, of the browser, livekit-client or the page. */
    this.cause = cause;
  }

  /** The error as a page gets it. @param {unknown} error */
  static of(error) {
    return error instanceof AvatarError ? error : new AvatarError({ code: "page_error", message: String(error) }, 0, error);
  }

  /** Whether the server did nothing and will be ready within seconds. */
  get retriesSoon() {
    const postponed = this.retryable && (this.status === 409 || this.status === 429);
    return postponed && this.retryAfter > 0 && this.retryAfter <= MAX_RETRY_AFTER;
  }
}

/** @satisfies {Record<string, Failure>} */
export const FAILURES = {
  unreachable: { code: "unreachable", message: "The server could not be reached.", retryable: true },
  // The next two in the server's own words.
  outcomeUnknown: { code: "outcome_unknown", message: "The answer was lost: it may or may not have been done." },
  sessionClosed: { code: "session_closed", message: "The session has ended.", restart_session: true },
  notSignedIn: { code: "not_signed_in", message: "Your sign-in has ended, or was refused. Sign in again." },
  notStarted: { code: "not_started", message: "The avatar is not started. Start it first.", restart_session: true },
  notDelivered: { code: "not_delivered", message: "The avatar cannot be reached: it is not in its room." },
  roomNotJoined: {
    code: "room_not_joined",
    message: "The avatar's room could not be joined: a firewall, or this page's security policy, may not allow it.",
    restart_session: true,
  },
  deaf: { code: "not_supported", message: "Neither the avatar nor this browser can hear. Type your answer instead." },
  listeningStopped: { code: "not_listening", message: "Listening was stopped before the microphone was on." },
  headersFailed: { code: "page_error", message: "The page could not provide the headers of the request." },
};

/** Why the vendor ended a session, where a new one would end in the same way.
 *  @type {Record<string, Failure>} */
export const FINAL_END_REASONS = {
  NO_CREDITS: { code: "no_credits", message: "The avatar has left: the account has no credits left." },
  AVATAR_DELETED: { code: "avatar_deleted", message: "The avatar has left: it has been deleted from the account." },
};

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
