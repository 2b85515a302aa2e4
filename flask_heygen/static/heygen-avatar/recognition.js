/** The browser's own speech recognition, for when the avatar does not hear. */

import { AvatarError } from "./avatar-error.js";
import { FAILURES, RECOGNITION_FAILURES } from "./errors.js";

/** Time to wait before it is begun again, where it ended sooner than that. */
const RESTART_MS = 1_000;

/** The Web Speech API's constructor; TypeScript has no types of it. @returns {any} */
function recognition() {
  return Reflect.get(globalThis, "SpeechRecognition") ?? Reflect.get(globalThis, "webkitSpeechRecognition");
}

export class Recognition {
  by = /** @type {const} */ ("browser");
  /** No session hears it. */
  session = null;
  #listener;
  #on = false;
  /** @type {any} */
  #current = null;
  #beganAt = 0;
  /** The number of its results that are final. */
  #final = 0;

  /** @param {import("./microphone.js").InputListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  async open() {
    if (!recognition()) throw new AvatarError(FAILURES.cannotHear);
  }

  /** @param {boolean} on */
  async switch(on) {
    this.#on = on;
    if (on && !this.#current) this.#begin();
    if (!on) this.#current?.stop(); // what was said before is still recognised
  }

  /** Hear no more; what was said before is still recognised. */
  stop() {
    this.switch(false);
  }

  /** Hear no more, and drop what is not recognised yet. */
  close() {
    const current = this.#current;
    this.#on = false;
    this.#current = null;
    if (!current) return;
    current.onresult = current.onend = current.onerror = null;
    current.abort();
  }

  handle() {}

  #begin() {
    const current = new (recognition())();
    current.lang = document.documentElement.lang;
    current.continuous = true;
    current.interimResults = true;
    current.onspeechstart = () => this.#listener.speaking(true);
    current.onspeechend = () => this.#listener.speaking(false);
    current.onresult = (/** @type {any} */ event) => this.#read(event);
    current.onerror = (/** @type {any} */ { error }) => this.#fail(error);
    current.onend = () => this.#end();
    this.#current = current;
    this.#final = 0;
    this.#beganAt = Date.now();
    current.start();
  }

  /** @param {{results: any}} event with all results since it began */
  #read({ results }) {
    for (; results[this.#final]?.isFinal; this.#final++) this.#listener.heard(results[this.#final][0].transcript.trim(), true);
    const rest = Array.from(results, ([best]) => best.transcript.trim()).slice(this.#final);
    if (rest.length) this.#listener.heard(rest.join(" "), false);
  }

  /** A browser ends it after some silence; and at once, where another tab recognises speech. */
  #end() {
    this.#current = null;
    const pause = Date.now() - this.#beganAt < RESTART_MS ? RESTART_MS : 0;
    if (this.#on) setTimeout(() => this.#on && !this.#current && this.#begin(), pause);
  }

  /** @param {string} reason "no-speech" and "aborted" are none */
  #fail(reason) {
    const failure = RECOGNITION_FAILURES[reason];
    if (!failure) return;
    this.close();
    this.#listener.failed(new AvatarError(failure));
  }
}
