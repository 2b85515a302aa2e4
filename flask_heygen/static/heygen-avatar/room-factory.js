/** The rooms of the sessions, one after the other, with the page's elements and loudspeaker. */

import { AvatarRoom } from "./room.js";

export class RoomFactory {
  #options;
  #listener;
  #speaker = "";
  /** The newest room. @type {AvatarRoom | null} */
  #room = null;
  /** Whether the newest room waits for its session. */
  #spare = false;

  /**
   * @param {Omit<import("../heygen-avatar.js").Options, "baseUrl">} options
   * @param {import("./room.js").Listener} listener
   */
  constructor(options, listener) {
    this.#options = options;
    this.#listener = listener;
    try {
      // The first room takes livekit-client a while to make: before the click that starts.
      this.#room = this.#make();
      this.#spare = true;
    } catch {
      // What is wrong with the page's livekit-client is the error of a start.
    }
  }

  /** Return the next session's room; null without livekit-client. */
  take() {
    if (!this.#spare) this.#room = this.#make();
    this.#spare = false;
    return this.#room;
  }

  /** Play the voice through another loudspeaker, in this room and the next ones; one that cannot be used
   *  is not remembered. @param {string} deviceId */
  async setSpeaker(deviceId) {
    const previous = this.#speaker;
    this.#speaker = deviceId; // at once: a room may be made meanwhile
    try {
      await this.#room?.setSpeaker(deviceId);
    } catch (error) {
      if (this.#speaker === deviceId) this.#speaker = previous;
      throw error;
    }
  }

  #make() {
    const { livekit, video = null, audio = null } = this.#options;
    return livekit ? new AvatarRoom(livekit, { video, audio, speaker: this.#speaker }, this.#listener) : null;
  }
}
