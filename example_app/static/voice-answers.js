/** Answers by voice: the avatar hears them, or the browser where the avatar has no ears. */

/** Milliseconds between two looks at the level. */
const METER_MS = 80;
/** A voice at the usual distance is far below full scale. */
const GAIN = 3;

export class VoiceAnswers {
  /** Whether this browser may be able to. */
  static offered = Boolean(globalThis.LivekitClient || globalThis.SpeechRecognition || globalThis.webkitSpeechRecognition);
  /** Whether the candidate wants to answer by voice. */
  wanted = false;
  #avatar;
  #view;
  #by = null;
  #deviceId = "";
  #stopMeter = () => {};

  /**
   * @param {import("./InterviewerAvatar.js").InterviewerAvatar} avatar
   * @param {{meter: HTMLElement, choice: HTMLSelectElement, failed: (error: Error) => void}} view
   */
  constructor(avatar, view) {
    this.#avatar = avatar;
    this.#view = view;
    avatar.addEventListener("listening", ({ detail }) => this.#follow(detail));
    avatar.addEventListener("error", ({ detail }) => this.#fail(detail.error));
    view.choice.addEventListener("change", () => this.start(view.choice.value));
  }

  /** Whether somebody listens now. */
  get on() {
    return this.#by !== null;
  }

  /** Listen. @param {string} [deviceId] of a microphone */
  async start(deviceId = this.#deviceId) {
    this.wanted = true;
    this.#deviceId = deviceId;
    try {
      await this.#avatar.listen(deviceId ? { deviceId } : {});
    } catch (error) {
      if (error.code !== "not_listening") this.#fail(error); // that one: stopped meanwhile
    }
  }

  stop() {
    this.wanted = false;
    this.#avatar.stopListening();
  }

  /** The answer is given. What the browser has not recognised yet would land in the next one. */
  finishAnswer() {
    if (this.#by === "browser") this.#avatar.stopListening();
  }

  /** Listen to the next answer, if the candidate wants to go on by voice. */
  resume() {
    if (this.wanted && !this.#by) this.start();
  }

  /** @param {Error & {code: string}} error of the microphone, or another */
  #fail(error) {
    if (!/^(microphone_|not_supported)/.test(error.code)) return;
    this.wanted = false;
    this.#view.failed(error);
  }

  #follow({ on, by }) {
    this.#by = on ? by : null;
    this.#stopMeter();
    if (on && by === "avatar") this.#measure();
    if (on) this.#fillChoice();
    this.#view.choice.hidden = !on || by === "browser" || this.#view.choice.options.length < 2;
  }

  /** Show how loud the microphone is, nothing while it is muted or rests. */
  #measure() {
    const [publication] = this.#avatar.room.localParticipant.audioTrackPublications.values();
    if (!publication?.track) return;
    const { calculateVolume, cleanup } = LivekitClient.createAudioAnalyser(publication.track, { cloneTrack: true });
    const show = (level) => this.#view.meter.style.setProperty("--level", String(level));
    const level = () => (publication.isMuted ? 0 : Math.min(1, GAIN * calculateVolume()));
    const timer = setInterval(() => show(level()), METER_MS);
    this.#view.meter.hidden = false;
    this.#stopMeter = () => {
      clearInterval(timer);
      cleanup();
      this.#view.meter.hidden = true;
      this.#stopMeter = () => {};
    };
  }

  async #fillChoice() {
    const { choice } = this.#view;
    const devices = await navigator.mediaDevices.enumerateDevices();
    const microphones = devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId);
    choice.replaceChildren(...microphones.map(({ label, deviceId }) => new Option(label, deviceId)));
    if (this.#deviceId) choice.value = this.#deviceId;
    choice.hidden = this.#by !== "avatar" || microphones.length < 2;
  }
}
