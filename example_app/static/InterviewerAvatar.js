/**
 * An interviewer's avatar, spoken to through the Flask blueprint. This is the file to copy.
 *
 *     const avatar = new InterviewerAvatar(urls);
 *     await avatar.start();
 *     const { duration_ms } = await avatar.sendTextToAvatar("Tell me about yourself.");
 *     await avatar.stop();
 *
 * The page holds no key and no token: both stay on the server. A method that fails rejects with an
 * AvatarError. Nothing is sent twice by itself: what is sent twice is spoken twice.
 */

/** Longer than the server takes over any call. */
const PATIENCE_MS = 40_000;
const UNREACHABLE = { code: "unreachable", message: "The server could not be reached.", retryable: true };

/** What went wrong, as the server put it: the message is a sentence for a person. */
export class AvatarError extends Error {
  constructor({ code, message, retryable = false, restart_session = false, retry_after = 0 }) {
    super(message);
    this.name = "AvatarError";
    this.code = code;
    this.retryable = retryable; // the same call may succeed when it is made again
    this.restartSession = restart_session; // the session is over: start a new one
    this.retryAfter = retry_after; // seconds to wait before either
  }
}

export class InterviewerAvatar {
  #urls;
  #session = null;
  #starting = null;
  #watch = new AbortController();

  /** @param {{start: string, task: string, interrupt: string, keepAlive: string, stop: string}} urls
   *    the blueprint's routes, as `url_for` gives them */
  constructor(urls) {
    this.#urls = urls;
  }

  /** Whether there is a session to speak in. */
  get live() {
    return this.#session !== null;
  }

  /** Start a session; calls made meanwhile share it.
   *  @returns {Promise<{session_id: string, url: string, access_token: string, idle_seconds: number}>} */
  start() {
    this.#starting ??= this.#begin().finally(() => (this.#starting = null));
    return this.#starting;
  }

  /** Have the avatar say `text`, word for word.
   *  @param {string} text
   *  @returns {Promise<{task_id: string, duration_ms: number | null}>} null: the vendor did not say */
  sendTextToAvatar(text) {
    return this.#post("task", { session_id: this.#session, text, task_type: "repeat" });
  }

  /** Cut short what the avatar is saying. */
  interrupt() {
    return this.#post("interrupt", { session_id: this.#session });
  }

  /** Put off the end that comes to a session in which nothing is said. */
  keepAlive() {
    return this.#post("keepAlive", { session_id: this.#session });
  }

  /** End the session, and its cost; one that is still being started, too. */
  async stop() {
    await this.#starting?.catch(() => {});
    if (this.live) await this.#post("stop", this.#forget(), { keepalive: true });
  }

  async #begin() {
    if (this.live) this.#leave(); // one at a time
    const session = await this.#post("start", {});
    this.#session = session.session_id;
    const keepAlive = () => document.hidden || this.keepAlive().catch(() => {}); // the next task tells
    const timer = setInterval(keepAlive, (session.idle_seconds / 2) * 1000);
    this.#watch = new AbortController();
    this.#watch.signal.addEventListener("abort", () => clearInterval(timer));
    addEventListener("pagehide", () => this.#leave(), { signal: this.#watch.signal });
    return session;
  }

  #forget() {
    const session_id = this.#session;
    this.#session = null;
    this.#watch.abort();
    return { session_id };
  }

  /** Stop as the page goes away, which only a fetch with keepalive, or else a beacon, outlives. */
  #leave() {
    const stop = this.#forget();
    if ("keepalive" in Request.prototype) this.#post("stop", stop, { keepalive: true }).catch(() => {});
    else navigator.sendBeacon(this.#urls.stop, JSON.stringify(stop));
  }

  async #post(route, body, options = {}) {
    const answer = await fetch(this.#urls[route], {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...options,
    })
      .then((response) => response.json())
      .catch(() => ({ error: UNREACHABLE })); // no network, or a proxy's page in place of JSON
    if (answer.status === "success") return answer.data;

    const error = new AvatarError(answer.error ?? UNREACHABLE);
    if (error.restartSession && body.session_id === this.#session) this.#forget();
    throw error;
  }
}
