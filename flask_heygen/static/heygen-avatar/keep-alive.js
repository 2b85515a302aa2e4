/** What keeps a session from ending for want of words, as long as somebody looks at the page. */

/** Keep-alives in each idle time: one may fail. */
const OFTEN = 3;

/** Send a keep-alive whenever one is due; while nobody looks, as soon as somebody does.
 *  @param {number} idleSeconds after which the session ends without
 *  @param {() => void} send
 *  @param {AbortSignal} signal ends it */
export function keepAlive(idleSeconds, send, signal) {
  let due = false;
  const tick = () => {
    due = document.hidden;
    if (!due) send();
  };
  const timer = setInterval(tick, (idleSeconds / OFTEN) * 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  document.addEventListener("visibilitychange", () => due && tick(), { signal });
}
