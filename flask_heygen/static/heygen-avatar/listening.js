/** The user's words: heard by the avatar, or by the browser where the avatar has no ears. */

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
  #input = null;
  /** One that was stopped, whose last words are still to come. @type {Microphone | Recognition | null} */
  #previousInput = null;
  /** Aborted as the page listens no more. @type {AbortController | null} */
  #wanted = null;
  /** @type {ListenOptions} */
  #options = {};
  #muted = false;
  /** Whether the avatar or the browser speaks, or is about to. */
  #resting = false;
  /** Whether the user has begun to speak over the avatar: except with push-to-talk, LiveAvatar then cuts
   *  it short by itself (doc). */
  #bargedIn = false;

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
    this.#wanted = new AbortController();
    this.#options = options;
    this.#muted = false;
    return this.#open(this.#wanted.signal);
  }

  /** @param {boolean} muted */
  async mute(muted) {
    if (!this.#wanted) return;
    this.#muted = muted; // it counts for a microphone that is not on yet, too
    await this.#switch();
    if (this.#input) this.#report();
  }

  /** Hear no more; the words of what was said before may still come. */
  stop() {
    const input = this.#input;
    this.#wanted?.abort();
    this.#wanted = this.#input = null;
    if (!input) return;
    this.#previousInput = input;
    input.stop();
    this.#connection.setBusy("user", false);
    this.#report();
  }

  /** Rest while the avatar or the browser speaks: its words are not the user's.
   *  @param {boolean} resting */
  rest(resting) {
    this.#resting = resting;
    if (!resting) this.#bargedIn = false;
    this.#switch().catch((error) => this.#fail(error));
  }

  /** @param {import("./messages.js").Message} message */
  handle(message) {
    (this.#input ?? this.#previousInput)?.handle(message);
  }

  /** A session has ended, or none could be started. One that is not followed by another takes its ears
   *  with it; where nobody is, nothing is to be heard.
   *  @param {{restarting?: boolean, reason?: string}} how */
  handleEnd({ restarting = false, reason } = {}) {
    if (!restarting && (this.#input?.session || reason === "idle")) this.stop();
  }

  /** Another session has begun: let it hear, too. */
  resume() {
    const { session } = this.#connection;
    if (!this.#input || !this.#wanted || this.#input.session === (session?.hears ? session : null)) return;
    this.#input.close();
    this.#open(this.#wanted.signal).catch((error) => this.#fail(error));
  }

  /** @param {AbortSignal} signal */
  async #open(signal) {
    await this.#connection.settled(signal);
    const { session } = this.#connection;
    /** @type {Microphone | Recognition} */
    const input =
      this.#livekit && session?.hears
        ? new Microphone(this.#livekit, session, this.#listenerOf(() => input))
        : new Recognition(this.#listenerOf(() => input));
    try {
      await input.open(this.#options.deviceId);
      if (signal.aborted) throw new AvatarError(FAILURES.listeningStopped);
      this.#input = input;
      await this.#switch();
    } catch (error) {
      input.close();
      if (!signal.aborted) this.#close();
      throw error;
    }
    this.#report();
    return input.by;
  }

  /** @param {() => Microphone | Recognition} input @returns {import("./microphone.js").InputListener} */
  #listenerOf(input) {
    const isMine = () => input() === this.#input || input() === this.#previousInput;
    return {
      heard: (text, final) => {
        if (!isMine()) return;
        this.#connection.touch();
        if (this.#bargesIn) this.#listener.interrupt();
        this.#listener.emit("heard", { text, final, by: input().by });
      },
      speaking: (speaking) => {
        if (!isMine()) return;
        this.#bargedIn = speaking && this.#bargesIn && input().session?.pushToTalk === false;
        this.#connection.setBusy("user", speaking);
        this.#listener.emit("userSpeaking", { speaking });
      },
      failed: (error) => input() === this.#input && this.#fail(error),
    };
  }

  /** Whether the user has begun to speak over the avatar. */
  get bargedIn() {
    return this.#bargedIn;
  }

  get #bargesIn() {
    return this.#resting && this.#options.bargeIn === true;
  }

  async #switch() {
    await this.#input?.switch(!this.#muted && (!this.#resting || this.#options.bargeIn === true));
  }

  /** Hear no more, and drop what is still to come. */
  #close() {
    this.#wanted?.abort();
    this.#input?.close();
    this.#previousInput?.close();
    this.#wanted = this.#input = this.#previousInput = null;
    this.#connection.setBusy("user", false);
  }

  /** @param {unknown} error */
  #fail(error) {
    this.stop();
    this.#listener.emit("error", { error: AvatarError.of(error) });
  }

  #report() {
    const by = this.#input?.by;
    this.#listener.emit("listening", { on: this.#input !== null, muted: this.#muted, ...(by && { by }) });
  }
}
