/**
 * A HeyGen avatar on a page, which speaks through the Flask blueprint that serves this file.
 *
 *     import * as livekit from "livekit-client";
 *     import { HeyGenAvatar } from "/api/heygen/heygen-avatar.js";
 *
 *     const avatar = new HeyGenAvatar({ livekit, video: document.querySelector("video") });
 *     button.onclick = () => avatar.start();
 *     await avatar.speak("Tell me about yourself.");
 *     await avatar.stop();
 *
 * The page holds no key and no token of the account: both stay on the server. Each event is a
 * CustomEvent with this `detail`:
 *
 *     starting {reconnecting}           a session is being started, or its room joined again
 *     live     {session, room}          the avatar can speak; `room` is false without livekit-client:
 *                                       it is neither seen nor heard
 *     speaking {text, by, duration_ms}  by "avatar" or "browser"; duration_ms null where not known;
 *                                       `respond` is true, and `text` what was answered, where a model
 *                                       answers; `text` is empty where it answers the user's voice
 *     words    {text, message}          the next words of `text`, as the avatar says them
 *     silent   {text, by, cutShort}     a text has ended
 *     sound    {blocked}                the browser holds picture or voice back until `enableSound` is
 *                                       called in a click
 *     listening {on, muted, by}         `listen` is in force, or no longer; by "avatar" or "browser"
 *     heard    {text, final, by}        what the user says: a part of a sentence, then the whole
 *     userSpeaking {speaking}           the user begins or ceases to speak
 *     quality  {quality}                of the connection: "excellent", "good", "poor" or "lost"
 *     closed   {reason, restarting, endReason}  reason "stopped", "left" (the page was), "lost", "idle"
 *                                       (nobody was there) or "renewed" (its own limit was near);
 *                                       `endReason` is the vendor's, where it gave one
 *     error    {error}                  an AvatarError, also where the browser's voice helps out
 *
 * Nothing is sent twice that may have been spoken: what is sent twice is spoken twice.
 *
 * For Chrome and Edge 94, Firefox 93, Safari 15 and newer.
 */
import { AvatarError } from "./heygen-avatar/avatar-error.js";
export { AvatarError };
export type PageHeaders = () => Record<string, string> | Promise<Record<string, string>>;
export type Options = {
    /**
     * livekit-client, 2.11 or newer; without it
     * HeyGen's v1 avatar is neither seen nor heard, and LiveAvatar's does not speak
     */
    livekit?: typeof import("livekit-client");
    /**
     * where the blueprint is; by default, where this file comes from
     */
    baseUrl?: string;
    /**
     * called before each request, for
     * a login that is no cookie; may return a promise
     */
    headers?: PageHeaders;
    /**
     * fields of the session, of those that the server allows
     */
    session?: Record<string, unknown>;
    /**
     * shows the picture
     */
    video?: HTMLVideoElement;
    /**
     * plays the voice; by default an element that is not shown
     */
    audio?: HTMLAudioElement;
    /**
     * ends the session after so many minutes without a text, an answer
     * heard, a call, a key or a pointer on the page: 10 by default; 0: never
     */
    idleMinutes?: number;
    /**
     * false: the browser's own voice says nothing in the avatar's place, as
     * where the server chooses the words and the page sends an id
     */
    browserVoice?: boolean;
};
export type ListenOptions = {
    /**
     * of the microphone; by default the browser's choice
     */
    deviceId?: string;
    /**
     * listen while the avatar speaks, too: the first words heard interrupt it,
     * where LiveAvatar has not done so by itself
     */
    bargeIn?: boolean;
};
export type Voice = "avatar" | "browser";
export type Events = {
    starting: {
        reconnecting: boolean;
    };
    live: {
        session: {
            session_id: string;
            url: string;
            session_seconds: number | null;
        };
        room: boolean;
    };
    speaking: {
        text: string;
        by: Voice;
        duration_ms: number | null;
        respond?: true;
    };
    words: {
        text: string;
        message: string;
    };
    silent: {
        text: string;
        by: Voice;
        cutShort: boolean;
    };
    sound: {
        blocked: boolean;
    };
    listening: {
        on: boolean;
        muted: boolean;
        by?: Voice;
    };
    heard: {
        text: string;
        final: boolean;
        by: Voice;
    };
    userSpeaking: {
        speaking: boolean;
    };
    quality: {
        quality: "excellent" | "good" | "poor" | "lost" | "unknown";
    };
    closed: {
        reason: "stopped" | "left" | "lost" | "idle" | "renewed";
        restarting: boolean;
        endReason?: string;
    };
    error: {
        error: AvatarError;
    };
};
/**
 * @typedef {() => Record<string, string> | Promise<Record<string, string>>} PageHeaders
 *
 * @typedef {object} Options
 * @property {typeof import("livekit-client")} [livekit] livekit-client, 2.11 or newer; without it
 *   HeyGen's v1 avatar is neither seen nor heard, and LiveAvatar's does not speak
 * @property {string} [baseUrl] where the blueprint is; by default, where this file comes from
 * @property {PageHeaders} [headers] called before each request, for
 *   a login that is no cookie; may return a promise
 * @property {Record<string, unknown>} [session] fields of the session, of those that the server allows
 * @property {HTMLVideoElement} [video] shows the picture
 * @property {HTMLAudioElement} [audio] plays the voice; by default an element that is not shown
 * @property {number} [idleMinutes] ends the session after so many minutes without a text, an answer
 *   heard, a call, a key or a pointer on the page: 10 by default; 0: never
 * @property {boolean} [browserVoice] false: the browser's own voice says nothing in the avatar's place, as
 *   where the server chooses the words and the page sends an id
 *
 * @typedef {object} ListenOptions
 * @property {string} [deviceId] of the microphone; by default the browser's choice
 * @property {boolean} [bargeIn] listen while the avatar speaks, too: the first words heard interrupt it,
 *   where LiveAvatar has not done so by itself
 *
 * @typedef {"avatar" | "browser"} Voice
 *
 * @typedef {object} Events the `detail` of each event, by its type
 * @property {{reconnecting: boolean}} starting
 * @property {{session: {session_id: string, url: string, session_seconds: number | null}, room: boolean}} live
 * @property {{text: string, by: Voice, duration_ms: number | null, respond?: true}} speaking
 * @property {{text: string, message: string}} words
 * @property {{text: string, by: Voice, cutShort: boolean}} silent
 * @property {{blocked: boolean}} sound
 * @property {{on: boolean, muted: boolean, by?: Voice}} listening
 * @property {{text: string, final: boolean, by: Voice}} heard
 * @property {{speaking: boolean}} userSpeaking
 * @property {{quality: "excellent" | "good" | "poor" | "lost" | "unknown"}} quality
 * @property {{reason: "stopped" | "left" | "lost" | "idle" | "renewed", restarting: boolean, endReason?: string}} closed
 * @property {{error: AvatarError}} error
 */
export declare class HeyGenAvatar extends EventTarget {
    #private;
    /** Raises a TypeError for an option that does not exist, and for an element that is none.
     *  @param {Options} options */
    constructor({ baseUrl, headers, browserVoice, ...options }?: Options);
    /** Whether there is a session to speak in. */
    get live(): boolean;
    /** livekit-client's Room, for what this module does not do; null without a session in one. */
    get room(): import("livekit-client").Room | null;
    /** Start a session, best within a click: sound needs one. Calls made meanwhile share it.
     *  @returns {Promise<void>} once live, or once stopped meanwhile */
    start(): Promise<void>;
    /** Say `text` word for word, after what was given before it and once there is a session.
     *  @param {string | AsyncIterable<string>} text one text, or pieces of one, as a language model gives
     *    them: each sentence is spoken as soon as it is complete
     *  @param {{respond?: boolean}} [how] `respond`: let the model answer the text, in a session with a
     *    context or a voice agent; the answer arrives as `words`
     *  @returns {Promise<Voice | null>} once spoken, by whom; null: cut short. It rejects
     *    with an AvatarError where nobody can speak, where the avatar was not started (`not_started`),
     *    and where the avatar may have spoken (`outcome_unknown`); with a TypeError where there is
     *    nothing to say */
    speak(text: string | AsyncIterable<string>, { respond }?: {
        respond?: boolean;
    }): Promise<Voice | null>;
    /** Cut short what is being said, and drop what waits.
     *  @returns {Promise<void>} once the avatar was interrupted */
    interrupt(): Promise<void>;
    /** Hear the user: what they say arrives as `heard`. The avatar hears them in its room; where it has no
     *  ears, or no room was joined, the browser's own recognition does.
     *  @param {ListenOptions} [options] the microphone's `deviceId`;
     *    `bargeIn` listens while the avatar speaks, too: the first words heard interrupt it,
     *    where LiveAvatar has not done so by itself
     *  @returns {Promise<Voice>} once the microphone is on, by whom the user is heard; it
     *    rejects with an AvatarError: `microphone_denied`, `microphone_missing`, `microphone_failed`, or
     *    `not_supported` where nothing can hear */
    listen(options?: ListenOptions): Promise<Voice>;
    /** Hear the user no more; the words of what they said before may still come. */
    stopListening(): void;
    /** Turn the microphone off for a while. @returns {Promise<void>} */
    mute(): Promise<void>;
    /** Turn the microphone on again. @returns {Promise<void>} */
    unmute(): Promise<void>;
    /** End the session, and its cost; also one that is still being started.
     *  @returns {Promise<void>} once ended; it rejects with an AvatarError where the server could not end
     *    it: it may go on, and cost, until its idle limit */
    stop(): Promise<void>;
    /** Play the picture and the voice that the browser held back; call it in a click. */
    enableSound(): Promise<void>;
    /** Play the voice through another loudspeaker, in this session and the next ones; also before the first one.
     *  @param {string} deviceId of an "audiooutput" of `navigator.mediaDevices.enumerateDevices()`
     *  @returns {Promise<void>} rejects with an AvatarError where the browser cannot (`not_supported`), and
     *    where this loudspeaker cannot be used (`speaker_failed`): the one before it stays */
    setSpeaker(deviceId: string): Promise<void>;
}
