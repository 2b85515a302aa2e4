/** The blueprint's routes, as a page calls them. */

/**
 * @typedef {object} Session
 * @property {string} session_id
 * @property {string} url of the LiveKit room
 * @property {string} access_token to it
 * @property {number | null} session_seconds after which it ends in any case; null where not known
 * @property {number} idle_seconds after which it ends where nothing is said
 *
 * @typedef {object} Failure an error as the server puts it
 * @property {string} code
 * @property {string} message a sentence for a person
 * @property {boolean} [retryable]
 * @property {boolean} [restart_session]
 * @property {number} [retry_after] seconds
 */

/** Longer than the server takes over any call. */
const PATIENCE_MS = 40_000;
/** How often, and after how many seconds at most, a call is repeated that the server put off. */
const REPEATS = 5;
const LONGEST_WAIT = 2;

/** What does harm twice: a second session is paid for, a text is spoken again. */
const ONCE = ["start", "task"];
/** @type {Failure} */
const UNREACHABLE = { code: "unreachable", message: "The server could not be reached.", retryable: true };
/** In the server's own words. @type {Failure} */
const OUTCOME_UNKNOWN = { code: "outcome_unknown", message: "The answer was lost: it may or may not have been done." };

/** What went wrong; the message is a sentence for a person. */
export class AvatarError extends Error {
  /** @param {Failure} failure @param {number} status */
  constructor({ code, message, retryable = false, restart_session = false, retry_after = 0 }, status = 0) {
    super(message);
    this.name = "AvatarError";
    this.code = code;
    /** HTTP's; 0 where there was no answer. */
    this.status = status;
    /** The same call may succeed when it is made again, and does nothing twice. */
    this.retryable = retryable;
    /** The session is over: start a new one. */
    this.restartSession = restart_session;
    /** Seconds to wait before either. */
    this.retryAfter = retry_after;
  }

  /** What a page is told of an error. @param {unknown} error */
  static of(error) {
    return error instanceof AvatarError ? error : new AvatarError({ code: "page_error", message: String(error) });
  }

  /** Whether the server did nothing, and will be ready so soon that nobody need be told. */
  get retriesSoon() {
    const putOff = this.retryable && (this.status === 409 || this.status === 429);
    return putOff && this.retryAfter > 0 && this.retryAfter <= LONGEST_WAIT;
  }
}

export class Routes {
  #base;
  #headers;

  /** @param {string} baseUrl where the blueprint is
   *  @param {() => Record<string, string>} [headers] what every call but a stopOnUnload says beside its own */
  constructor(baseUrl, headers = () => ({})) {
    this.#base = `${baseUrl.replace(/\/$/, "")}/`;
    this.#headers = headers;
  }

  /** @param {string} route @param {object} body @param {RequestInit} options
   *  @returns {Promise<any>} the answer's data */
  async post(route, body, options = {}) {
    const token = csrfToken();
    /** @type {HeadersInit} */
    const headers = { ...this.#headers(), "Content-Type": "application/json", ...(token && { "X-CSRFToken": token }) };
    const offline = navigator.onLine === false;
    let status = 0;
    const answer = await fetch(this.#url(route), {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      credentials: this.#credentials,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...options,
    })
      .then((response) => ((status = response.status), response.json()))
      .catch(() => null); // no answer, or a proxy's page in place of JSON
    if (answer?.status === "success") return answer.data;
    if (answer?.status === "error" && answer.error?.code) throw new AvatarError(answer.error, status);

    // Not the server's word, but a proxy's. One that answers 4xx has passed nothing on; 5xx may come
    // after it has, and so may an error of the network.
    const undone = offline || (status >= 400 && status < 500);
    throw new AvatarError(ONCE.includes(route) && !undone ? OUTCOME_UNKNOWN : UNREACHABLE, status);
  }

  /** Post, again where the server surely did nothing and says that it soon will.
   *  @param {string} route @param {object} body
   *  @param {{signal?: AbortSignal, keepalive?: boolean}} how `signal` has it posted no more; a request under way runs on
   *  @returns {Promise<any>} */
  async postWithRetry(route, body, { signal, ...options } = {}) {
    for (let left = REPEATS; ; left--) {
      signal?.throwIfAborted();
      try {
        return await this.post(route, body, options);
      } catch (error) {
        if (!(error instanceof AvatarError && error.retriesSoon) || left === 0) throw error;
        await pause(error.retryAfter * 1000, signal);
      }
    }
  }

  /** Stop a session as the page goes away: as a form, which needs no preflight and suits a beacon.
   *  @param {string} session_id */
  stopOnUnload(session_id) {
    const token = csrfToken();
    const body = new URLSearchParams({ session_id, ...(token && { csrf_token: token }) });
    const beacon = () => navigator.sendBeacon(this.#url("stop"), body);
    if (!("keepalive" in Request.prototype)) return void beacon();
    const options = { method: "POST", body, keepalive: true, credentials: this.#credentials };
    fetch(this.#url("stop"), options).catch(beacon);
  }

  get #credentials() {
    const foreign = new URL(this.#base, location.href).origin !== location.origin;
    return /** @type {RequestCredentials} */ (foreign ? "include" : "same-origin");
  }

  /** @param {string} route */
  #url(route) {
    return new URL(route, new URL(this.#base, location.href)).href;
  }
}

/** The token that a host with CSRF protection puts on its pages. */
function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/** Wait, or until `signal` is aborted. @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    if (signal?.aborted) clearTimeout(timer), resolve();
  });
}
