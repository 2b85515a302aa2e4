/** What a page has, and a server and a room that do as they are told. */

import { mock } from "node:test";

/** Let everything run that waits for nothing but its turn. */
export async function settle() {
  for (let turn = 0; turn < 60; turn++) await null;
}

/** Move the mocked clock, and let run what it set off. */
export async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

class Target extends EventTarget {
  fire(type) {
    this.dispatchEvent(new Event(type));
  }
}

/** A page with its globals, in which nothing happens by itself. */
export class Page {
  window = new Target();
  document = Object.assign(new Target(), {
    hidden: false,
    csrf: null,
    documentElement: { lang: "en" },
    querySelector: () => this.document.csrf && { getAttribute: () => this.document.csrf },
  });
  beacons = [];
  voices = [];
  utterances = [];

  constructor() {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    const { window, document } = this;
    const page = this;
    this.synthesis = Object.assign(new Target(), {
      getVoices: () => page.voices,
      speak: (utterance) => page.utterances.push(utterance),
      cancel: () => page.utterances.push("cancelled"),
    });
    const globals = {
      document,
      location: new URL("https://host.example/interview/"),
      addEventListener: window.addEventListener.bind(window),
      navigator: { sendBeacon: (url, body) => page.beacons.push({ url, body: String(body) }) },
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

  close() {
    mock.timers.reset();
    mock.restoreAll();
  }
}

/** The blueprint: what it was asked, and the answers that it was told to give. */
export class Server {
  calls = [];
  sessions = 0;
  /** How long a task takes, in milliseconds; null where the server does not know. */
  duration = 1000;
  /** What a task and an interrupt have the page deliver itself, as with LiveAvatar. */
  delivers = null;
  #answers = {};

  constructor() {
    globalThis.fetch = (url, options) => this.#answer(new URL(url), options);
  }

  /** Give `answer` (an error, the status of a proxy's page or its JSON, or a promise to wait for) to the next call of a route. */
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
    if (typeof answer === "number") return { status: answer, json: async () => JSON.parse("<html>") };
    if (answer?.json) return { status: answer.status, json: async () => answer.json };
    if (answer?.code) return { status: answer.status ?? 502, json: async () => ({ status: "error", error: { message: answer.code, ...answer } }) };
    return { status: 200, json: async () => ({ status: "success", data: this.#data(route) }) };
  }

  #data(route) {
    if (this.delivers && route === "interrupt") return { deliver: this.delivers };
    if (this.delivers && route === "task") return { task_id: `task-${this.to("task").length}`, duration_ms: null, deliver: this.delivers };
    if (route === "task") return { task_id: `task-${this.to("task").length}`, duration_ms: this.duration };
    if (route !== "start") return {};
    this.sessions += 1;
    return { session_id: `session-${this.sessions}`, url: "wss://room.example", access_token: "room-token", session_seconds: 600, idle_seconds: 120 };
  }
}

/** livekit-client, with rooms that a test plays the other side of. */
export class LiveKit {
  rooms = [];
  RoomEvent = Object.fromEntries(
    ["TrackSubscribed", "DataReceived", "AudioPlaybackStatusChanged", "Reconnecting", "Reconnected", "Disconnected", "ParticipantConnected"].map((name) => [name, name]),
  );

  constructor({ refuses = false } = {}) {
    const livekit = this;
    this.Room = class {
      canPlaybackAudio = true;
      /** The identities of who is in the room beside the page. */
      guests = new Set();
      /** What the page published: topic, message, and whether reliably. */
      published = [];
      localParticipant = {
        publishData: async (data, { topic, reliable }) => {
          this.published.push({ topic, reliable, ...JSON.parse(new TextDecoder().decode(data)) });
        },
      };
      #listeners = {};

      constructor() {
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

      removeAllListeners() {
        this.#listeners = {};
      }

      emit(type, ...details) {
        for (const listener of [...(this.#listeners[type] ?? [])]) listener(...details);
      }

      async connect(url, token) {
        if (refuses) throw new Error("There is no room.");
        Object.assign(this, { url, token });
      }

      async disconnect() {
        this.left = true;
      }

      async startAudio() {
        this.canPlaybackAudio = true;
        this.emit("AudioPlaybackStatusChanged");
      }

      /** Send a track of a participant, and tell to what it was attached. */
      send(kind, identity = "heygen") {
        const attached = [];
        const track = { kind, attach: (element) => attached.push(element), detach: () => attached.splice(0) };
        this.emit("TrackSubscribed", track, {}, { identity });
        return attached;
      }

      /** Say something as the avatar does. */
      tell(type, task_id, more = {}) {
        this.emit("DataReceived", new TextEncoder().encode(JSON.stringify({ type, task_id, ...more })));
      }

      /** Say a whole task. */
      speak(task_id) {
        for (const type of ["start_talking", "end_message", "stop_talking"]) this.tell(`avatar_${type}`, task_id);
      }
    };
  }

  get room() {
    return this.rooms.at(-1);
  }
}

/** Every event of an avatar, as [type, detail]. */
export function record(avatar) {
  const events = [];
  for (const type of ["starting", "live", "speaking", "words", "silent", "sound", "closed", "error"]) {
    avatar.addEventListener(type, (event) => events.push([type, event.detail]));
  }
  return events;
}
