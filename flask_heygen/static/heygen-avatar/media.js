/** The avatar's picture and voice in the page's elements. */

/** @typedef {import("livekit-client").RemoteTrack} RemoteTrack */

export class Media {
  /** Resolves once there are picture and voice. @type {Promise<void>} */
  complete;
  #elements;
  /** @type {Map<string, RemoteTrack>} by kind */
  #tracks = new Map();
  /** @type {() => void} */
  #resolve = () => {};

  /** @param {{video: HTMLVideoElement | null, audio: HTMLAudioElement | null}} elements */
  constructor(elements) {
    this.#elements = elements;
    this.complete = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** @param {RemoteTrack} track */
  attach(track) {
    const { video, audio } = this.#elements;
    const element = track.kind === "video" ? video : audio;
    if (element) track.attach(element);
    else if (track.kind === "audio") track.attach();
    this.#tracks.set(track.kind, track);
    if (this.#tracks.size === 2) this.#resolve();
  }

  detach() {
    for (const track of this.#tracks.values()) track.detach();
  }
}
