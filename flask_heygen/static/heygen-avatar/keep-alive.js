/** Keeps a session from ending while nothing is said, as long as somebody looks at the page. */

/** Keep-alives in each idle time: one may fail. */
const PER_IDLE_TIME = 3;

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
  const timer = setInterval(tick, (idleSeconds / PER_IDLE_TIME) * 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  document.addEventListener("visibilitychange", () => due && tick(), { signal });
}
