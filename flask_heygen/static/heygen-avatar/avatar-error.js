/** The error that a page gets. */

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
