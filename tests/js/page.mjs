/** A page, a server and a room, which a test controls. */

import { mock } from "node:test";

export const { Segmenter } = Intl;

// The globals of the oldest browsers: see browsers.test.mjs.
for (const name of ["timeout", "any"]) delete AbortSignal[name];
delete AbortSignal.prototype.throwIfAborted;
delete Intl.Segmenter;
for (const name of ["structuredClone", "CompressionStream", "navigation"]) delete globalThis[name];
delete Promise.withResolvers;
delete crypto.randomUUID;

/** Let every promise run that waits for no timer. */
export async function settle() {
  for (let turn = 0; turn < 200; turn++) await null;
}

/** Move the mocked clock, and let its callbacks run. */
export async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

class Target extends EventTarget {
  fire(type) {
    this.dispatchEvent(new Event(type));
  }
}

/** A page with the globals of the oldest browser; nothing happens in it by itself. */
export class Page {
  /** Each page is an hour later. */
  static #now = Date.UTC(2026, 0);
  window = new Target();
  document = Object.assign(new Target(), {
    hidden: false,
    csrf: null,
    documentElement: { lang: "en" },
    querySelector: () => this.document.csrf && { getAttribute: () => this.document.csrf },
  });
  beacons = [];
  voices = [];
  /** What the browser's voice was given, and "cancelled". */
  utterances = [];
  storage = new Map();

  constructor() {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Page.#now });
    Page.#now += 3_600_000;
    const { window, document } = this;
    const page = this;
    this.synthesis = Object.assign(new Target(), {
      getVoices: () => page.voices,
      speak: (utterance) => utterance.volume === 0 || page.utterances.push(utterance),
      cancel: () => page.utterances.push("cancelled"),
    });
    const globals = {
      document,
      location: new URL("https://host.example/interview/"),
      addEventListener: window.addEventListener.bind(window),
      navigator: { sendBeacon: (url, body) => page.beacons.push({ url, body: String(body) }) },
      sessionStorage: { getItem: (key) => this.storage.get(key) ?? null, setItem: (key, value) => this.storage.set(key, value) },
      HTMLMediaElement: class {
        setSinkId() {}
      },
      speechSynthesis: this.synthesis,
      SpeechSynthesisUtterance: class {
        constructor(text) {
          this.text = text;
        }
      },
    };
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
  }

  /** Let what is under way end, so that the next test's page is not that of this one. */
  async close() {
    mock.timers.tick(60_000);
    await settle();
    mock.timers.reset();
    mock.restoreAll();
  }
}

/** The blueprint: the calls that it got, and the answers that a test sets. */
export class Server {
  calls = [];
  sessions = 0;
  /** Milliseconds that a task takes; null where the server does not know. */
  duration = 1000;
  /** What the page delivers itself, for a task and an interrupt, as with LiveAvatar. */
  delivers = null;
  /** Choose the words to deliver for a text. */
  words = (text) => text;
  sessionSeconds = 600;
  /** How a session hears the user. */
  listening = null;
  #answers = {};

  constructor() {
    globalThis.fetch = (url, options) => this.#answer(new URL(url), options);
  }

  /** Give `answer` to the next call of a route: an error, the status of a proxy's page, a Response, or a
   *  promise of one of these. */
  next(route, ...answers) {
    (this.#answers[route] ??= []).push(...answers);
  }

  /** The bodies that a route was sent. */
  to(route) {
    return this.calls.filter((call) => call.route === route).map((call) => call.body);
  }

  /** The texts that were accepted or refused, in their order. */
  get texts() {
    return this.to("task").map((body) => body.text);
  }

  get routes() {
    return this.calls.map((call) => call.route);
  }

  async #answer(url, options) {
    const route = url.pathname.split("/").at(-1);
    const body = options.body instanceof URLSearchParams ? Object.fromEntries(options.body) : JSON.parse(options.body);
    this.calls.push({ route, url: url.href, body, options });
    const answer = await this.#answers[route]?.shift();
    if (answer === "offline") throw new TypeError("Failed to fetch");
    if (typeof answer === "number") return page(answer);
    if (answer instanceof Response) return answer;
    if (answer?.code) return json({ status: "error", error: { message: answer.code, ...answer } }, answer.status ?? 502);
    return json({ status: "success", data: this.#data(route, body.text) });
  }

  #data(route, text) {
    if (this.delivers && route === "interrupt") return { deliver: this.delivers };
    if (this.delivers && route === "task") {
      const deliver = { ...this.delivers, payload: { ...this.delivers.payload, text: this.words(text) } };
      return { task_id: `task-${this.to("task").length}`, duration_ms: null, deliver };
    }
    if (route === "task") return { task_id: `task-${this.to("task").length}`, duration_ms: this.duration };
    if (route !== "start") return {};
    this.sessions += 1;
    return { session_id: `session-${this.sessions}`, url: "wss://room.example", access_token: "room-token", session_seconds: this.sessionSeconds, idle_seconds: 120, listening: this.listening };
  }
}

/** A response in JSON. */
export function json(body, status = 200) {
  return Response.json(body, { status });
}

/** A page of a proxy's or of a login. */
export function page(status) {
  return new Response("<html>", { status, headers: { "Content-Type": "text/html; charset=utf-8" } });
}

/** A response in lines, which ends where a test ends it. */
export function lines(...objects) {
  const text = objects.map((each) => `${JSON.stringify(each)}\n`).join("");
  return new Response(text, { headers: { "Content-Type": "application/x-ndjson" } });
}

/** livekit-client, with rooms whose other side a test plays. */
export class LiveKit {
  rooms = [];
  RoomEvent = Object.fromEntries(
    [
      ...["TrackSubscribed", "DataReceived", "AudioPlaybackStatusChanged", "VideoPlaybackStatusChanged"],
      ...["ConnectionQualityChanged", "SignalReconnecting", "Reconnecting", "Reconnected", "Disconnected"],
      ...["ParticipantConnected", "ParticipantDisconnected"],
    ].map((name) => [name, name]),
  );

  /** @param how whether its rooms refuse the page, or are silent */
  constructor({ refuses = false, silent = false } = {}) {
    const livekit = this;
    this.Room = class {
      canPlaybackAudio = true;
      canPlaybackVideo = true;
      /** The identities of the others in the room. */
      guests = new Set();
      /** The page's messages: topic, content, and whether reliably. */
      published = [];
      /** To whom it sent an empty one. */
      empty = [];
      /** The page's tracks. */
      tracks = [];
      localParticipant = {
        publishTrack: async (track) => void this.tracks.push(track),
        unpublishTrack: async (track) => void this.tracks.splice(this.tracks.indexOf(track), 1),
        identity: "client",
        publishData: async (data, { topic, reliable, destinationIdentities }) => {
          if (!data.length) return void this.empty.push(destinationIdentities);
          this.published.push({ topic, reliable, ...JSON.parse(new TextDecoder().decode(data)) });
        },
      };
      #listeners = {};

      constructor(options) {
        this.options = options;
        livekit.rooms.push(this);
      }

      on(type, listener) {
        (this.#listeners[type] ??= []).push(listener);
        return this;
      }

      off(type, listener) {
        this.#listeners[type] = this.#listeners[type]?.filter((each) => each !== listener);
        return this;
      }

      getParticipantByIdentity(identity) {
        return this.guests.has(identity) ? { identity } : undefined;
      }

      /** Let somebody join. */
      enter(identity) {
        this.guests.add(identity);
        this.emit("ParticipantConnected", { identity });
      }

      /** Let somebody leave. */
      exit(identity) {
        this.guests.delete(identity);
        this.emit("ParticipantDisconnected", { identity });
      }

      removeAllListeners() {
        this.#listeners = {};
      }

      emit(type, ...details) {
        for (const listener of [...(this.#listeners[type] ?? [])]) listener(...details);
      }

      async connect(url, token) {
        if (refuses) throw new Error("There is no room.");
        if (silent) await new Promise(() => {});
        Object.assign(this, { url, token });
      }

      async disconnect() {
        this.left = true;
      }

      async startAudio() {
        this.canPlaybackAudio = true;
        this.emit("AudioPlaybackStatusChanged");
      }

      async startVideo() {
        if (this.canPlaybackVideo) return;
        this.canPlaybackVideo = true;
        this.emit("VideoPlaybackStatusChanged");
      }

      async switchActiveDevice(kind, deviceId) {
        this.device = [kind, deviceId];
      }

      /** Send a track of a participant; return the elements that it is attached to. */
      send(kind, identity = "heygen") {
        const attached = [];
        const track = { kind, attach: (element) => attached.push(element), detach: () => attached.splice(0) };
        this.emit("TrackSubscribed", track, {}, { identity });
        return attached;
      }

      /** Report on the avatar's speech, as HeyGen does. */
      report(type, task_id, more = {}) {
        this.receive({ type, task_id, ...more });
      }

      /** Send a data message, also one that is no JSON, or from nobody known. */
      receive(message, identity = "heygen") {
        const text = typeof message === "string" ? message : JSON.stringify(message);
        this.emit("DataReceived", new TextEncoder().encode(text), identity ? { identity } : undefined);
      }

      /** Say a whole task. */
      speak(task_id) {
        for (const type of ["start_talking", "end_message", "stop_talking"]) this.report(`avatar_${type}`, task_id);
      }
    };
  }

  get room() {
    return this.rooms.at(-1);
  }

  /** The microphone's tracks, the newest last; `microphone` is what the browser makes of the wish for one. */
  microphones = [];
  microphone = null;
  TrackEvent = { Ended: "ended", Restarted: "restarted" };

  async createLocalAudioTrack(options) {
    if (this.microphone) throw this.microphone;
    const track = {
      options,
      isMuted: false,
      handlers: {},
      on: (type, handler) => void (track.handlers[type] = handler),
      mute: async () => void (track.isMuted = true),
      unmute: async () => void (track.isMuted = false),
      stop: () => (track.stopped = true),
    };
    this.microphones.push(track);
    return track;
  }
}

/** Every event of an avatar, as [type, detail]. */
export function record(avatar) {
  const events = [];
  for (const type of ["starting", "live", "speaking", "words", "silent", "sound", "listening", "heard", "userSpeaking", "quality", "closed", "error"]) {
    avatar.addEventListener(type, (event) => events.push([type, event.detail]));
  }
  return events;
}
