/** The session's LiveKit room: the avatar's picture, voice and messages, and nobody else's. */

import { AvatarError } from "./avatar-error.js";
import { FAILURES } from "./errors.js";
import { Media } from "./media.js";
import { parseMessages } from "./messages.js";
import { pause } from "./timing.js";

/**
 * @typedef {typeof import("livekit-client")} LiveKit
 *
 * @typedef {object} Listener
 * @property {(message: import("./messages.js").Message) => void} message
 * @property {(blocked: boolean) => void} sound the browser holds picture or voice back, or no longer
 * @property {(quality: string) => void} quality of the page's connection: LiveKit's "excellent", "good",
 *   "poor" or "lost"
 * @property {() => void} reconnecting
 * @property {() => void} reconnected
 * @property {(how?: {left?: boolean}) => void} closed by the vendor, or for good by the network;
 *   `left`: the avatar has left the room
 *
 * @typedef {object} Delivery what the page publishes for the server, because only the room takes it
 * @property {string} topic
 * @property {{event_type: string, text?: string}} payload
 * @property {string[]} participants who must be in the room to receive it
 */

const AVATAR = "heygen";
/** LiveAvatar's second participant, which takes the commands. */
const AGENT = /^liveavatar-agent-/;
/** Time that a delivery waits for its participants. */
const PARTICIPANTS_TIMEOUT_MS = 30_000;
/** Time that joining may take: livekit-client tries twice, for 15 seconds each. */
const JOIN_TIMEOUT_MS = 30_000;
/** Time that the avatar may then take to be seen and heard. */
const MEDIA_TIMEOUT_MS = 15_000;

export class AvatarRoom {
  /** livekit-client's. @type {import("livekit-client").Room} */
  room;
  #livekit;
  #media;
  #listener;
  #joined = false;
  #left = new AbortController();
  /** Set while the room is joined again. @type {{ended: Promise<void>, end: () => void} | null} */
  #reconnection = null;
  #avatarMissing = false;

  /**
   * @param {LiveKit} livekit
   * @param {{video: HTMLVideoElement | null, audio: HTMLAudioElement | null, speaker: string}} page its
   *   elements, and the id of the loudspeaker, if one was chosen
   * @param {Listener} listener
   */
  constructor(livekit, { speaker, ...elements }, listener) {
    this.#livekit = livekit;
    this.#media = new Media(elements);
    this.#listener = listener;
    this.room = new livekit.Room({
      // A page that asks before it is left may stay; one that is left calls `leave`.
      disconnectOnPageLeave: false,
      // As livekit-client 2.11 does; asking for one connection costs an error where there are two.
      singlePeerConnection: false,
      ...(speaker && { audioOutput: { deviceId: speaker } }),
    });
    this.#listen();
  }

  /** Join, and wait some time for picture and voice. Raises an AvatarError where that fails.
   *  @param {string} url @param {string} token
   *  @param {boolean} publishes whether the page will publish: texts, or the microphone */
  async join(url, token, publishes) {
    const { signal } = this.#left;
    const connected = this.room.connect(url, token).then(() => (this.#joined = true));
    try {
      await Promise.race([connected, pause(JOIN_TIMEOUT_MS, signal)]);
      if (!this.#joined && !signal.aborted) throw new Error(`No connection within ${JOIN_TIMEOUT_MS / 1000} s.`);
    } catch (error) {
      this.leave();
      throw new AvatarError(FAILURES.roomNotJoined, 0, error);
    }
    if (publishes) this.#openPublisher();
    await Promise.race([this.#media.complete, pause(MEDIA_TIMEOUT_MS, signal)]);
  }

  /** Wait while the room is being joined again: what is said meanwhile is not heard. */
  async connected() {
    while (this.#reconnection) await this.#reconnection.ended;
  }

  /** Publish a delivery once its participants are there.
   *  @param {Delivery} delivery
   *  @param {AbortSignal} [signal] ends the waiting for them; without it, nobody is waited for
   *  @returns {Promise<boolean>} whether it was published */
  async publish({ topic, payload, participants }, signal) {
    const all = () => participants.every((identity) => this.room.getParticipantByIdentity(identity));
    const over = () => signal?.aborted || this.#left.signal.aborted;
    if (signal && !all() && !over()) await this.#participants(all, signal);
    if (!all() || over()) return false;

    const data = new TextEncoder().encode(JSON.stringify(payload));
    await this.room.localParticipant.publishData(data, { reliable: true, topic });
    return true;
  }

  /** Play what the browser held back; within a click. */
  async enableSound() {
    await Promise.all([this.room.startAudio(), this.room.startVideo()]);
  }

  /** Play the voice through another loudspeaker. Raises an AvatarError where that fails.
   *  @param {string} deviceId */
  async setSpeaker(deviceId) {
    try {
      await this.room.switchActiveDevice("audiooutput", deviceId);
    } catch (error) {
      throw new AvatarError(FAILURES.speakerFailed, 0, error);
    }
  }

  /** Leave, and call the listener no more. */
  leave() {
    this.#left.abort();
    this.#reconnection?.end();
    this.room.removeAllListeners();
    this.#media.detach();
    this.room.disconnect().catch(() => {});
  }

  /** Wait until all are there, for some time, or until `signal` is aborted or the room is left.
   *  @param {() => boolean} all @param {AbortSignal} signal
   *  @returns {Promise<void>} */
  async #participants(all, signal) {
    const done = new AbortController();
    const end = () => done.abort();
    const look = () => all() && end();
    const { ParticipantConnected } = this.#livekit.RoomEvent;
    this.room.on(ParticipantConnected, look);
    for (const ending of [signal, this.#left.signal]) ending.addEventListener("abort", end, { once: true });
    await pause(PARTICIPANTS_TIMEOUT_MS, done.signal);
    this.room.off(ParticipantConnected, look);
  }

  /** Have livekit-client open the connection on which it publishes, which takes some round trips, while
   *  the avatar is on its way: by a message to nobody but this page. */
  #openPublisher() {
    const { localParticipant } = this.room;
    const options = { reliable: true, destinationIdentities: [localParticipant.identity] };
    localParticipant.publishData(new Uint8Array(), options).catch(() => {}); // the first text tries again
  }

  #listen() {
    const { RoomEvent } = this.#livekit;
    this.room
      .on(RoomEvent.TrackSubscribed, (track, _, { identity }) => identity === AVATAR && this.#media.attach(track))
      .on(RoomEvent.DataReceived, (payload, sender) => this.#receive(payload, sender?.identity))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.#reportPlayback())
      .on(RoomEvent.VideoPlaybackStatusChanged, () => this.#reportPlayback())
      .on(RoomEvent.ConnectionQualityChanged, (quality, { isLocal }) => isLocal && this.#listener.quality(quality))
      .on(RoomEvent.SignalReconnecting, () => this.#openGap())
      .on(RoomEvent.Reconnecting, () => (this.#openGap(), this.#listener.reconnecting()))
      .on(RoomEvent.Reconnected, () => this.#closeGap())
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => isAvatar(identity) && this.#missAvatar())
      .on(RoomEvent.Disconnected, () => this.#joined && this.#listener.closed());
  }

  /** @param {Uint8Array} payload @param {string} [sender] none: the vendor's server */
  #receive(payload, sender = AVATAR) {
    if (isAvatar(sender)) for (const message of parseMessages(payload)) this.#listener.message(message);
  }

  #reportPlayback() {
    const { canPlaybackAudio, canPlaybackVideo } = this.room;
    this.#listener.sound(canPlaybackAudio === false || canPlaybackVideo === false);
  }

  #openGap() {
    if (this.#reconnection) return;
    let end = () => {};
    const ended = /** @type {Promise<void>} */ (new Promise((resolve) => (end = resolve)));
    this.#reconnection = { ended, end: () => ((this.#reconnection = null), end()) };
  }

  #closeGap() {
    this.#reconnection?.end();
    this.#listener.reconnected();
    if (this.#avatarMissing && !this.room.getParticipantByIdentity(AVATAR)) this.#listener.closed({ left: true });
    this.#avatarMissing = false;
  }

  /** The avatar has left, unless livekit-client is about to join again: then it first says of
   *  everybody that they have left. */
  async #missAvatar() {
    await null;
    this.#avatarMissing = this.#reconnection !== null;
    if (this.#joined && !this.#reconnection && !this.#left.signal.aborted) this.#listener.closed({ left: true });
  }
}

/** @param {string} identity */
function isAvatar(identity) {
  return identity === AVATAR || AGENT.test(identity);
}
