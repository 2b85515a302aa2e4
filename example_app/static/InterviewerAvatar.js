/**
 * The interviewer: an avatar that is spoken to through the Flask blueprint.
 *
 *     const avatar = new InterviewerAvatar(document.querySelector("video"));
 *     await avatar.start();
 *     await avatar.sendTextToAvatar("Tell me about yourself.");
 *     await avatar.stop();
 *
 * All the rest (sessions, order, clean-up, the browser's voice in need) is in the blueprint's module.
 */

// The page's import map says where, by `url_for`; the module knows its routes from there.
import { HeyGenAvatar } from "heygen-avatar";

/** The script of livekit-client is the page's; a CDN may be out of reach, or blocked. */
const NO_PICTURE =
  "livekit-client could not be loaded: HeyGen's v1 avatar has no picture and no voice, and LiveAvatar's does not speak. " +
  "After `npm ci --prefix example_app` and a restart the app serves it itself.";

export class InterviewerAvatar extends HeyGenAvatar {
  /** @param {HTMLVideoElement} video shows the picture */
  constructor(video) {
    if (!globalThis.LivekitClient) console.warn(NO_PICTURE);
    super({ livekit: globalThis.LivekitClient, video });
  }

  /**
   * Have the interviewer say `text` word for word: the one function that speaks. It posts
   * {session_id, text, task_type: "repeat"} to the task route.
   * @param {string} text
   * @returns {Promise<"avatar" | "browser" | null>} once spoken, by whom; null: cut short
   */
  sendTextToAvatar(text) {
    return this.speak(text);
  }
}
