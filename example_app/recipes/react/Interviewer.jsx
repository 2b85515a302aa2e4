/**
 * The interviewer as a React component. It asks each question that it is given.
 *
 * - The module is served by Flask and is none of the bundle's: `import()` of a variable, marked for the
 *   bundler to leave alone. A literal path in `import()` and a top-level `await` are refused by Vite.
 * - Effects that run twice, as in strict mode, start one session and ask once.
 * - The browser plays sound only after a click: mount the component in one, or offer a button that
 *   calls `enableSound()` on the event `sound`.
 */

import * as livekit from "livekit-client";
import React, { useEffect, useRef, useState } from "react";

const MODULE = "/api/heygen/heygen-avatar.js";

export function Interviewer({ question, onTrouble = console.warn }) {
  const video = useRef(null);
  const [avatar, setAvatar] = useState(null);

  useEffect(() => {
    let unmounted = false;
    let made = null;
    import(/* @vite-ignore */ /* webpackIgnore: true */ MODULE).then(({ HeyGenAvatar }) => {
      if (unmounted) return;
      made = new HeyGenAvatar({ livekit, video: video.current });
      setAvatar(made);
      return made.start();
    }).catch(onTrouble);
    return () => {
      unmounted = true;
      made?.stop();
    };
  }, []);

  useEffect(() => {
    avatar?.speak(question).catch(onTrouble);
  }, [avatar, question]);

  return <video ref={video} playsInline />;
}
