/** What the user says: heard by the avatar, or by the browser where the avatar has no ears. */

import { AvatarError } from "./avatar-error.js";
import { FAILURES } from "./errors.js";
import { Microphone } from "./microphone.js";
import { Recognition } from "./recognition.js";

/**
 * @typedef {import("../heygen-avatar.js").ListenOptions} ListenOptions
 *
 * @typedef {object} Listener
 * @property {(type: string, detail: object) => void} emit an event to the page
 * @property {() => void} interrupt the user interrupts the avatar
 */

export class Listening {
  #connection;
  #livekit;
  #listener;
  /** @type {Microphone | Recognition | null} */
  #ear = null;
  /** One that was stopped, whose last words are still to come. @type {Microphone | Recognition | null} */
  #former = null;
  /** Aborted as the page listens no more. @type {AbortController | null} */
  #wish = null;
  /** @type {ListenOptions} */
  #options = {};
  #muted = false;
  /** Whether the avatar or the browser speaks. */
  #resting = false;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./room.js").LiveKit | undefined} livekit
   * @param {Listener} listener
   */
  constructor(connection, livekit, listener) {
    this.#connection = connection;
    this.#livekit = livekit;
    this.#listener = listener;
  }

  /** @param {ListenOptions} options @returns {Promise<"avatar" | "browser">} by whom the user is heard */
  async listen(options) {
    this.#close();
    this.#wish = new AbortController();
    this.#options = options;
    this.#muted = false;
    return this.#open(this.#wish.signal);
  }

  /** @param {boolean} muted */
  async mute(muted) {
    if (!this.#ear) return;
    this.#muted = muted;
    await this.#switch();
    this.#report();
  }

  /** Hear no more; the words of what was said before may still come. */
  stop() {
    const ear = this.#ear;
    this.#wish?.abort();
    this.#wish = this.#ear = null;
    if (!ear) return;
    this.#former = ear;
    ear.stop();
    this.#connection.setBusy("user", false);
    this.#report();
  }

  /** Rest while the avatar or the browser speaks: its words are not the user's.
   *  @param {boolean} resting */
  rest(resting) {
    this.#resting = resting;
    this.#switch().catch((error) => this.#fail(error));
  }

  /** @param {import("./messages.js").Message} message */
  handle(message) {
    (this.#ear ?? this.#former)?.handle(message);
  }

  /** A session has ended, or none could be started. One that is not followed by another takes its ears
   *  with it; where nobody is, nothing is to be heard.
   *  @param {{restarting?: boolean, reason?: string}} how */
  handleEnd({ restarting = false, reason } = {}) {
    if (!restarting && (this.#ear?.session || reason === "idle")) this.stop();
  }

  /** Another session has begun: let it hear, too. */
  resume() {
    const { session } = this.#connection;
    if (!this.#ear || !this.#wish || this.#ear.session === (session?.hears ? session : null)) return;
    this.#ear.close();
    this.#open(this.#wish.signal).catch((error) => this.#fail(error));
  }

  /** @param {AbortSignal} signal */
  async #open(signal) {
    await this.#connection.settled(signal);
    const { session } = this.#connection;
    /** @type {Microphone | Recognition} */
    const ear =
      this.#livekit && session?.hears
        ? new Microphone(this.#livekit, session, this.#listenerOf(() => ear))
        : new Recognition(this.#listenerOf(() => ear));
    try {
      await ear.open(this.#options.deviceId);
      if (signal.aborted) throw new AvatarError(FAILURES.listeningStopped);
      this.#ear = ear;
      await this.#switch();
    } catch (error) {
      ear.close();
      if (!signal.aborted) this.#close();
      throw error;
    }
    this.#report();
    return ear.by;
  }

  /** @param {() => Microphone | Recognition} ear @returns {import("./microphone.js").EarListener} */
  #listenerOf(ear) {
    const isMine = () => ear() === this.#ear || ear() === this.#former;
    return {
      heard: (text, final) => {
        if (!isMine()) return;
        this.#connection.touch();
        if (this.#options.bargeIn && this.#resting) this.#listener.interrupt();
        this.#listener.emit("heard", { text, final, by: ear().by });
      },
      speaking: (speaking) => {
        if (!isMine()) return;
        this.#connection.setBusy("user", speaking);
        this.#listener.emit("userSpeaking", { speaking });
      },
      failed: (error) => ear() === this.#ear && this.#fail(error),
    };
  }

  async #switch() {
    await this.#ear?.switch(!this.#muted && (!this.#resting || this.#options.bargeIn === true));
  }

  /** Hear no more, and drop what is still to come. */
  #close() {
    this.#wish?.abort();
    this.#ear?.close();
    this.#former?.close();
    this.#wish = this.#ear = this.#former = null;
    this.#connection.setBusy("user", false);
  }

  /** @param {unknown} error */
  #fail(error) {
    this.stop();
    this.#listener.emit("error", { error: AvatarError.of(error) });
  }

  #report() {
    const by = this.#ear?.by;
    this.#listener.emit("listening", { on: this.#ear !== null, muted: this.#muted, ...(by && { by }) });
  }
}
