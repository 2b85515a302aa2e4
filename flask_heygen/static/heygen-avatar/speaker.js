/** The voices of the page's texts: the avatar, or the browser where the avatar cannot. */

import { Dispatch } from "./dispatch.js";
import { usualDuration } from "./duration.js";
import { AvatarError } from "./avatar-error.js";
import { FAILURES } from "./errors.js";
import { sentencesOf } from "./sentences.js";
import { SpeechQueue } from "./speech-queue.js";
import { UnpromptedSpeech } from "./unprompted-speech.js";

/**
 * @typedef {import("./open-session.js").OpenSession} OpenSession
 * @typedef {import("./sent-text.js").SentText} SentText
 * @typedef {import("./sent-text.js").Speech} Speech
 * @typedef {import("./speech-queue.js").Spoken} Spoken
 */

/** The codes of a session that costs and speaks nothing: it is stopped. */
const MUTE = ["session_not_ready", "livekit_missing"];

export class Speaker {
  #connection;
  #voice;
  #listener;
  #queue = new SpeechQueue((/** @type {Speech} */ speech, signal) => this.#say(speech, signal));
  #dispatch = new Dispatch((type, detail) => this.#emit(type, detail));
  /** The text whose turn it is. @type {SentText | null} */
  #current = null;
  #unprompted;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./browser-voice.js").BrowserVoice} voice the browser's
   * @param {{emit: (type: string, detail: object) => void, speaking: (speaking: boolean) => void}} listener
   *   `speaking`: a voice begins or is about to, or there is nothing more to say
   */
  constructor(connection, voice, listener) {
    this.#connection = connection;
    this.#voice = voice;
    this.#listener = listener;
    this.#unprompted = new UnpromptedSpeech(listener.emit, (speaking) => {
      connection.setBusy("avatar", speaking);
      listener.speaking(speaking);
    });
  }

  /** @param {string} text @param {string} taskType @returns {Promise<Spoken>} */
  say(text, taskType) {
    const spoken = this.#queue.add({ text, taskType });
    this.#sendAhead();
    return spoken;
  }

  /** Say a text that comes in pieces, sentence by sentence, in its place in the order.
   *  @param {AsyncIterable<string>} pieces @param {string} taskType
   *  @returns {Promise<Spoken>} of the last sentence; null where any was cut short */
  async sayPieces(pieces, taskType) {
    const place = this.#queue.open();
    /** @type {Promise<Spoken>[]} */
    const sentences = [];
    let failed = false;
    try {
      for await (const text of sentencesOf(pieces)) {
        if (!place.open) return null; // cut short: the rest is not asked for
        if (failed) break;
        const spoken = this.#queue.add({ text, taskType }, place);
        spoken.catch(() => (failed = true)); // awaited below
        sentences.push(spoken);
        this.#sendAhead();
      }
    } catch (error) {
      this.#report(AvatarError.of(error)); // the page's own, in its pieces
      throw error;
    } finally {
      this.#queue.close(place);
    }
    const spoken = await Promise.all(sentences);
    return spoken.includes(null) ? null : (spoken[spoken.length - 1] ?? null);
  }

  /** Cut short what is being said, and drop what waits. */
  clear() {
    this.#queue.clear();
    this.#dispatch.drop();
    this.#unprompted.end(true);
  }

  /** Cut short what is being said, by the avatar, too, and drop what waits. */
  async interrupt() {
    const session = this.#current || this.#unprompted.begun ? this.#connection.session : null;
    this.clear();
    if (!session) return;
    await this.#dispatch.interrupt(session).catch((error) => {
      throw session.ended ? error : this.#report(AvatarError.of(error));
    });
  }

  /** @param {import("./messages.js").Message} message */
  handle(message) {
    // What waits would be said while the user speaks; before "silent", as a page may speak then.
    if (message.cutShort && this.#current?.utterance.isEndedBy(message)) return this.clear();
    const { ahead } = this.#dispatch;
    const alone = ahead === null || this.#current?.isDelivered === true;
    this.#current?.utterance.handle(message, alone);
    ahead?.utterance.handle(message, false);
    this.#dispatch.handle(message);
    if (!this.#current) this.#unprompted.handle(message);
  }

  /** The session is over. @param {{left: boolean}} how `left`: the avatar has left its room */
  handleSessionEnd({ left }) {
    this.#dispatch.drop();
    this.#current?.lose(left);
    this.#unprompted.end(true);
  }

  /** @param {Speech} speech @param {AbortSignal} signal @returns {Promise<Spoken>} */
  async #say(speech, signal) {
    await null; // a start in the same task counts
    try {
      return await this.#sayWithFallback(speech, signal);
    } finally {
      if (!this.#queue.next) this.#listener.speaking(false);
    }
  }

  /** @param {Speech} speech @param {AbortSignal} signal @returns {Promise<Spoken>} */
  async #sayWithFallback(speech, signal) {
    for (;;) {
      await this.#connection.settled(signal);
      if (signal.aborted) return null;
      const { session, error } = this.#connection;
      if (error) return this.#sayByBrowser(speech, signal, error);
      if (!session) throw this.#report(new AvatarError(FAILURES.notStarted));
      if (this.#connection.renewIfExpiring(usualDuration(speech.text))) continue;

      try {
        this.#connection.setBusy("avatar", true);
        const sent = await this.#sayByAvatar(speech, signal, session);
        if (sent.isUnspoken) continue; // the avatar had left before the first word
        return sent.utterance.cutShort ? null : "avatar";
      } catch (error) {
        if (signal.aborted) return null;
        const failure = AvatarError.of(error);
        const unknown = failure.code === "outcome_unknown";
        if (!unknown && session.ended) continue; // replaced, and not a word was spoken
        if (MUTE.includes(failure.code)) this.#connection.fail(failure);
        else this.#report(failure);
        // What the server refuses to have spoken is not for the browser to speak.
        if (unknown || failure.code === "text_refused") throw failure;
        return this.#sayByBrowser(speech, signal, failure);
      } finally {
        this.#connection.setBusy("avatar", false);
      }
    }
  }

  /** @param {Speech} speech @param {AbortSignal} signal @param {OpenSession} session
   *  @returns {Promise<SentText>} */
  async #sayByAvatar(speech, signal, session) {
    this.#listener.speaking(true); // by now: LiveAvatar cuts a text short over which the user begins to speak
    const sent = this.#dispatch.takeAhead(speech) ?? this.#dispatch.send(speech, session);
    this.#current = sent;
    const cut = () => sent.cut();
    signal.addEventListener("abort", cut);
    try {
      const task = await this.#dispatch.deliver(sent);
      sent.utterance.accept(task, { heard: session.joined });
      this.#sendAhead();
      await sent.utterance.done;
    } catch (error) {
      const again = sent.isAhead && !signal.aborted && AvatarError.of(error).code !== "outcome_unknown";
      if (!again) throw error;
      return await this.#sayByAvatar(speech, signal, session); // in its turn it may succeed
    } finally {
      signal.removeEventListener("abort", cut);
      this.#current = null;
    }
    if (!sent.utterance.cutShort) this.#connection.confirm();
    return sent;
  }

  /** Send the next text while this one is spoken, where messages will separate the two. */
  #sendAhead() {
    const { session } = this.#connection;
    const { next } = this.#queue;
    const current = this.#current;
    if (this.#dispatch.ahead || !next || !session?.joined || !current?.isAccepted || current.signal.aborted) return;
    if (!session.expires(usualDuration(current.speech.text + next.text))) this.#dispatch.sendAhead(next, session);
  }

  /** @param {Speech} speech @param {AbortSignal} signal @param {AvatarError} error why it stands in
   *  @returns {Promise<"browser" | null>} */
  async #sayByBrowser({ text, taskType }, signal, error) {
    // The text of another type is the user's: only a model can answer it.
    const ready = taskType === "repeat" && (await this.#voice.ready());
    if (signal.aborted) return null;
    if (!ready) throw error;

    let begun = false;
    const said = await this.#voice.say(text, signal, () => {
      begun = true;
      this.#emit("speaking", { text, by: "browser", duration_ms: null });
    });
    if (begun) this.#emit("silent", { text, by: "browser", cutShort: !said });
    if (signal.aborted) return null;
    if (!said) throw error;
    return "browser";
  }

  /** @param {string} type @param {object} detail */
  #emit(type, detail) {
    if (type === "speaking") this.#listener.speaking(true);
    this.#listener.emit(type, detail);
  }

  /** @param {AvatarError} error */
  #report(error) {
    this.#emit("error", { error });
    return error;
  }
}
