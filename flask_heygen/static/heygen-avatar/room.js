/** The session's LiveKit room: the avatar's picture and voice, nobody else's, and the messages of its speech. */

/**
 * @typedef {typeof import("livekit-client")} LiveKit
 * @typedef {import("livekit-client").RemoteTrack} RemoteTrack
 * @typedef {import("./utterance.js").Message} Message
 *
 * @typedef {object} Listener
 * @property {(message: Message) => void} message
 * @property {(blocked: boolean) => void} sound the browser has begun or ceased to hold it back
 * @property {() => void} reconnecting
 * @property {() => void} reconnected
 * @property {() => void} closed by the other side, or for good by the network
 *
 * @typedef {object} Delivery what the server has a page publish, because only the room takes it
 * @property {string} topic
 * @property {object} payload
 * @property {string[]} participants who must be in the room to hear it
 */

const AVATAR = "heygen";
/** What LiveAvatar calls the messages that HeyGen calls so. Its transcription is no measure of what
 *  was said by now: it comes whole, before the first word. @type {Record<string, string>} */
const TYPES = {
  "avatar.speak_started": "avatar_start_talking",
  "avatar.speak_ended": "avatar_stop_talking",
};
/** What it may take until all who must hear a delivery are there. */
const ATTENDANCE_MS = 30_000;
/** What it may take to join and to be sent picture and voice. */
const PATIENCE_MS = 15_000;

export class AvatarRoom {
  #livekit;
  #room;
  #elements;
  #listener;
  #joined = false;
  #left = new AbortController();
  /** @type {Map<string, RemoteTrack>} by kind */
  #tracks = new Map();
  /** @type {() => void} */
  #complete = () => {};

  /**
   * @param {LiveKit} livekit
   * @param {{video: HTMLVideoElement | null, audio: HTMLAudioElement | null}} elements
   * @param {Listener} listener
   */
  constructor(livekit, elements, listener) {
    this.#livekit = livekit;
    this.#elements = elements;
    this.#listener = listener;
    this.#room = new livekit.Room({
      // A page that asks before it is left may stay, and who leaves it hears `leave`.
      disconnectOnPageLeave: false,
      // As livekit-client 2.11 does; to ask for one connection costs an error where there are two.
      singlePeerConnection: false,
    });
    this.#listen();
  }

  /** Join, and wait for picture and voice.
   *  @param {string} url @param {string} token
   *  @returns {Promise<boolean>} whether it was joined */
  async join(url, token) {
    const complete = new Promise((resolve) => (this.#complete = () => resolve(undefined)));
    const left = new Promise((resolve) => this.#left.signal.addEventListener("abort", resolve, { once: true }));
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    const connected = this.#room.connect(url, token).then(() => (this.#joined = true));
    await Promise.race([connected.then(() => complete).catch(() => {}), left, late]);
    if (!this.#joined) this.leave();
    return this.#joined;
  }

  /** Publish what the server says, where everybody is there who must hear it.
   *  @param {Delivery} delivery
   *  @param {AbortSignal} [signal] ends the waiting for them; without it, nobody is waited for
   *  @returns {Promise<boolean>} whether it was */
  async publish({ topic, payload, participants }, signal) {
    const all = () => participants.every((identity) => this.#room.getParticipantByIdentity(identity));
    const over = () => signal?.aborted || this.#left.signal.aborted;
    if (signal && !all() && !over()) await this.#attendance(all, signal);
    if (!all() || over()) return false;

    const data = new TextEncoder().encode(JSON.stringify(payload));
    await this.#room.localParticipant.publishData(data, { reliable: true, topic });
    return true;
  }

  /** Wait until all are there, for a time, or until there is nothing to wait for.
   *  @param {() => boolean} all @param {AbortSignal} signal
   *  @returns {Promise<void>} */
  #attendance(all, signal) {
    const { ParticipantConnected } = this.#livekit.RoomEvent;
    return new Promise((resolve) => {
      const look = () => all() && done();
      const done = () => {
        clearTimeout(timer);
        this.#room.off(ParticipantConnected, look);
        resolve();
      };
      const timer = setTimeout(done, ATTENDANCE_MS);
      this.#room.on(ParticipantConnected, look);
      for (const end of [signal, this.#left.signal]) end.addEventListener("abort", done, { once: true });
    });
  }

  /** Play the voice that the browser held back; within a click. */
  async enableSound() {
    await this.#room.startAudio();
  }

  /** Leave without a word to the listener. */
  leave() {
    this.#left.abort();
    this.#room.removeAllListeners();
    for (const track of this.#tracks.values()) track.detach();
    this.#room.disconnect().catch(() => {});
  }

  #listen() {
    const { RoomEvent } = this.#livekit;
    this.#room
      .on(RoomEvent.TrackSubscribed, (track, _, participant) => this.#show(track, participant.identity))
      .on(RoomEvent.DataReceived, (payload) => this.#hear(payload))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.#listener.sound(!this.#room.canPlaybackAudio))
      .on(RoomEvent.Reconnecting, () => this.#listener.reconnecting())
      .on(RoomEvent.Reconnected, () => this.#listener.reconnected())
      .on(RoomEvent.Disconnected, () => this.#joined && this.#listener.closed());
  }

  /** @param {RemoteTrack} track @param {string} identity */
  #show(track, identity) {
    if (identity !== AVATAR) return;
    const { video, audio } = this.#elements;
    const element = track.kind === "video" ? video : audio;
    if (element) track.attach(element);
    else if (track.kind === "audio") track.attach();
    this.#tracks.set(track.kind, track);
    if (this.#tracks.size === 2) this.#complete();
  }

  /** @param {Uint8Array} payload */
  #hear(payload) {
    try {
      const told = JSON.parse(new TextDecoder().decode(payload));
      const type = TYPES[told.event_type];
      this.#listener.message(type ? { type, task_id: told.source_event_id } : told);
    } catch {
      // Not one of the avatar's. Those are not told by their sender: it is not known for all rooms.
    }
  }
}
