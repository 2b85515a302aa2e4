/** The blueprint's routes, as a page calls them. */

import { AvatarError } from "./avatar-error.js";
import { FAILURES } from "./errors.js";
import { pause, timeout } from "./timing.js";

/**
 * @typedef {object} Session
 * @property {string} session_id
 * @property {string} url of the LiveKit room
 * @property {string} access_token to it
 * @property {number | null} session_seconds after which it ends in any case; null where not known
 * @property {number} idle_seconds after which it ends without a text or a keep-alive
 * @property {"conversational" | "push_to_talk" | null} [listening] how it hears the user; null: not
 *
 * @typedef {import("../heygen-avatar.js").PageHeaders} PageHeaders
 */

/** Longer than the server takes over any call. */
const TIMEOUT_MS = 40_000;
const MAX_RETRIES = 5;
/** A browser sends a POST again by itself when a kept connection breaks before the first byte of the
 *  response. In this form the first line is sent before the server calls the vendor. */
const NDJSON = "application/x-ndjson";
/** Routes that must not be called twice: a second session is paid for, a text is spoken again. */
const NOT_IDEMPOTENT = ["start", "task"];

export class Routes {
  #baseUrl;
  #headers;

  /** @param {string} baseUrl where the blueprint is
   *  @param {PageHeaders} [headers] the page's own, for every call but `stopOnUnload` */
  constructor(baseUrl, headers = () => ({})) {
    this.#baseUrl = `${baseUrl.replace(/\/$/, "")}/`;
    this.#headers = headers;
  }

  /** @param {string} route @param {object} body @param {RequestInit} options
   *  @returns {Promise<any>} the response's data */
  async post(route, body, options = {}) {
    const headers = await this.#requestHeaders(route);
    const offline = navigator.onLine === false;
    const response = await fetch(this.#url(route), {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      credentials: this.#credentials,
      redirect: "manual", // to a page for signing in
      signal: timeout(TIMEOUT_MS),
      ...options,
    }).catch(() => null);
    const result = response && (await read(response));
    if (result?.status === "success") return result.data;

    const status = result?.error?.http_status ?? response?.status ?? 0;
    if (result?.status === "error" && result.error?.code) throw new AvatarError(result.error, status);
    if (response && isSignIn(response)) throw new AvatarError(FAILURES.notSignedIn, status);
    // A proxy's response, or none. One that answers 4xx has passed nothing on; 5xx may come after it
    // has, and so may an error of the network.
    const undone = offline || (status >= 400 && status < 500);
    const unknown = NOT_IDEMPOTENT.includes(route) && !undone;
    throw new AvatarError(unknown ? FAILURES.outcomeUnknown : this.#unreachable(route, status), status);
  }

  /** Post, and again where the server did nothing and will be ready soon.
   *  @param {string} route @param {object} body
   *  @param {{signal?: AbortSignal, keepalive?: boolean}} how an aborted `signal` ends the retries; a
   *    request under way is finished
   *  @returns {Promise<any>} */
  async postWithRetry(route, body, { signal, ...options } = {}) {
    for (let left = MAX_RETRIES; ; left--) {
      if (signal?.aborted) throw new AvatarError(FAILURES.unreachable);
      try {
        return await this.post(route, body, options);
      } catch (error) {
        if (!(error instanceof AvatarError && error.retriesSoon) || left === 0) throw error;
        await pause(error.retryAfter * 1000, signal);
      }
    }
  }

  /** Stop a session while the page goes away: as a form, which needs no preflight and suits a beacon.
   *  @param {string} session_id */
  stopOnUnload(session_id) {
    const token = this.#csrfToken();
    const body = new URLSearchParams({ session_id, ...(token && { csrf_token: token }) });
    const beacon = () => navigator.sendBeacon(this.#url("stop"), body);
    if (!("keepalive" in Request.prototype)) return void beacon();
    const options = { method: "POST", body, keepalive: true, credentials: this.#credentials };
    fetch(this.#url("stop"), options).catch(beacon);
  }

  /** @param {string} route @returns {Promise<HeadersInit>} */
  async #requestHeaders(route) {
    const token = this.#csrfToken();
    try {
      return {
        ...(await Promise.race([this.#headers(), late()])),
        "Content-Type": "application/json",
        ...(NOT_IDEMPOTENT.includes(route) && { Accept: `${NDJSON}, application/json` }),
        ...(token && { "X-CSRFToken": token }),
      };
    } catch (error) {
      throw new AvatarError(FAILURES.headersFailed, 0, error);
    }
  }

  /** The failure of a request that the blueprint did not answer. @param {string} route @param {number} status
   *  @returns {import("./avatar-error.js").Failure} */
  #unreachable(route, status) {
    if (status !== 404 && status !== 405) return FAILURES.unreachable;
    const message = `POST ${this.#url(route)} answered ${status}, and not from the blueprint: check baseUrl.`;
    return { ...FAILURES.unreachable, message }; // retryable: a proxy answers so while the app restarts
  }

  /** The token that a host with CSRF protection puts on its pages, for its own origin alone. */
  #csrfToken() {
    if (this.#foreign) return "";
    return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  }

  get #base() {
    return new URL(this.#baseUrl, location.href);
  }

  get #foreign() {
    return this.#base.origin !== location.origin;
  }

  get #credentials() {
    return /** @type {RequestCredentials} */ (this.#foreign ? "include" : "same-origin");
  }

  /** @param {string} route */
  #url(route) {
    return new URL(route, this.#base).href;
  }
}

/** Raise an error when the page takes too long. @returns {Promise<never>} */
async function late() {
  await pause(TIMEOUT_MS);
  throw new Error(`The page's headers() took longer than ${TIMEOUT_MS / 1000} s.`);
}

/** The JSON of a response, or of its last line; null without, as of a response that was cut off.
 *  @param {Response} response */
async function read(response) {
  try {
    const text = await response.text();
    return JSON.parse(contentType(response) === NDJSON ? (text.trim().split("\n").pop() ?? "") : text);
  } catch {
    return null;
  }
}

/** Whether a login, of the host or in front of it, answered in place of the blueprint.
 *  @param {Response} response */
function isSignIn(response) {
  const page = response.ok && contentType(response) === "text/html";
  return response.type === "opaqueredirect" || response.status === 401 || response.status === 403 || page;
}

/** @param {Response} response */
function contentType(response) {
  return (response.headers.get("Content-Type") ?? "").split(";")[0].trim();
}
