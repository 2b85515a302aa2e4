/** The user's microphone, published in the session's room. */

import { AvatarError } from "./avatar-error.js";
import { MICROPHONE_FAILURES } from "./errors.js";
import { pause } from "./timing.js";

/**
 * @typedef {import("./open-session.js").OpenSession} OpenSession
 *
 * @typedef {object} InputListener
 * @property {(text: string, final: boolean) => void} heard
 * @property {(speaking: boolean) => void} speaking the user begins or ceases to speak
 * @property {(error: AvatarError) => void} failed it hears no more
 */

/** Time that the vendor may take to open push-to-talk. */
const PUSH_TO_TALK_TIMEOUT_MS = 5_000;
/** Characters of a sentence; more is no sentence of anybody's, and would freeze the page. */
const LONGEST_SENTENCE = 20_000;

export class Microphone {
  by = /** @type {const} */ ("avatar");
  /** The session that hears it. */
  session;
  #livekit;
  #listener;
  /** @type {import("livekit-client").LocalAudioTrack | null} */
  #track = null;
  /** The words of the sentence that were heard so far. */
  #text = "";
  /** Ends the wait for push-to-talk. @type {((opened: boolean) => void) | null} */
  #answer = null;
  /** Switching on and off, one after the other. @type {Promise<unknown>} */
  #switching = Promise.resolve();

  /**
   * @param {import("./room.js").LiveKit} livekit
   * @param {OpenSession} session
   * @param {InputListener} listener
   */
  constructor(livekit, session, listener) {
    this.#livekit = livekit;
    this.session = session;
    this.#listener = listener;
  }

  /** Publish the microphone, muted. Raises an AvatarError if there is none, or it is not allowed.
   *  @param {string} [deviceId] */
  async open(deviceId) {
    const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      this.#track = await this.#livekit.createLocalAudioTrack({ ...processing, ...(deviceId && { deviceId }) });
      this.#track.on(this.#livekit.TrackEvent.Ended, () => this.#lose());
      await this.#track.mute();
      await this.session.room?.localParticipant.publishTrack(this.#track);
    } catch (error) {
      this.close();
      throw microphoneError(error);
    }
  }

  /** @param {boolean} on @returns {Promise<void>} */
  switch(on) {
    const switched = this.#switching.then(() => this.#switch(on));
    this.#switching = switched.catch(() => {});
    return switched;
  }

  /** Hear no more; the words of what was said before may still come. */
  stop() {
    this.close();
  }

  close() {
    const track = this.#track;
    this.#track = null;
    if (!track) return;
    track.stop();
    // livekit-client replaces a microphone that is unplugged by another, at this very moment maybe.
    track.on(this.#livekit.TrackEvent.Restarted, () => track.stop());
    this.session.room?.localParticipant.unpublishTrack(track).catch(() => {}); // the room may be gone
  }

  /** @param {import("./messages.js").Message} message */
  handle({ type, text = "", final = false, speaking = false }) {
    if (type === "push-to-talk") this.#answer?.(speaking);
    if (type === "user-speaking") this.#listener.speaking(speaking);
    if (type !== "heard") return;
    // A part may be the next words or all the words so far; the last message has the whole, or nothing.
    const whole = final || text.startsWith(this.#text) ? text || this.#text : `${this.#text} ${text.trim()}`;
    const heard = whole.trim().slice(-LONGEST_SENTENCE);
    this.#text = final ? "" : heard;
    if (heard) this.#listener.heard(heard, final);
  }

  /** @param {boolean} on */
  async #switch(on) {
    if (!this.#track || this.#track.isMuted === !on) return;
    if (!on) await this.#track.mute();
    if (this.session.pushToTalk) await this.#pushToTalk(on);
    if (on) await this.#track?.unmute();
  }

  /** @param {boolean} on */
  async #pushToTalk(on) {
    const answered = new Promise((resolve) => (this.#answer = resolve));
    await this.session.control({ event_type: on ? "user.start_push_to_talk" : "user.stop_push_to_talk" });
    const opened = await Promise.race([answered, pause(PUSH_TO_TALK_TIMEOUT_MS)]);
    if (on && !opened) throw new AvatarError(MICROPHONE_FAILURES.pushToTalk);
  }

  #lose() {
    if (this.#track) this.#listener.failed(new AvatarError(MICROPHONE_FAILURES.NotFoundError));
  }
}

/** @param {unknown} error */
function microphoneError(error) {
  const name = error instanceof Error ? error.name : "";
  const failure = MICROPHONE_FAILURES[name] ?? MICROPHONE_FAILURES.NotReadableError;
  return new AvatarError(failure, 0, error);
}
