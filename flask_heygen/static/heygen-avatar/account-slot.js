/** The account's slot for a session: many accounts have one, and get it back seconds after a stop. */

import { AvatarError } from "./avatar-error.js";
import { pause } from "./timing.js";

/** Time that a start waits for the response to a stop. */
const STOP_TIMEOUT_MS = 5_000;
/** Time after its stop for which a session may still hold the slot. */
const RELEASE_MS = 20_000;
const RETRY_MS = 2_000;
/** Where a page that is reloaded finds when it ended its last session. */
const KEY = "heygen-avatar.ended";

/** The stops that this page waits for, of all its avatars. @type {Set<Promise<void>>} */
const stops = new Set();
let endedAt = -Infinity;

/** Note that this page has ended a session. */
export function noteEnd() {
  endedAt = Date.now();
  try {
    sessionStorage.setItem(KEY, String(endedAt));
  } catch {
    // A page without storage does not know it after a reload.
  }
}

/** Let the next start wait for a stop. @param {Promise<unknown>} stopped */
export function addStop(stopped) {
  noteEnd();
  const waited = Promise.race([stopped, pause(STOP_TIMEOUT_MS)]).then(() => {
    stops.delete(waited);
    noteEnd();
  });
  stops.add(waited);
}

/** Wait for the stops of all avatars on this page. */
export async function stopsDone() {
  await Promise.all(stops);
}

/** Start a session, again while the slot of one that this page has just ended is not free yet.
 *  @template T @param {() => Promise<T>} start @param {AbortSignal} signal ends the retries
 *  @returns {Promise<T | null>} null: aborted */
export async function startWhenFree(start, signal) {
  const retries = endedRecently() ? RELEASE_MS / RETRY_MS : 0;
  for (let left = retries; !signal.aborted; left--) {
    try {
      return await start();
    } catch (error) {
      if (AvatarError.of(error).code !== "concurrent_limit" || left === 0) throw error;
      await pause(RETRY_MS, signal);
    }
  }
  return null;
}

function endedRecently() {
  let kept = 0;
  try {
    kept = Number(sessionStorage.getItem(KEY));
  } catch {
    // As above.
  }
  return Date.now() - Math.max(endedAt, kept) < RELEASE_MS;
}
