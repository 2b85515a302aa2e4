"use strict";
/** The moments after the click, in ms: `live`, `picture` and `word`. */
const moments = {};
const TEXT = "Hello, I am the interviewer of this page.";
const face = document.querySelector("video");
let clicked;

function note(name) {
  moments[name] ??= performance.now() - clicked;
}

/** Call `start` at the click, and note the first picture, and the first sound of an element. */
function onClick(start, sounding) {
  document.querySelector("button").addEventListener("click", () => {
    clicked = performance.now();
    const context = new AudioContext();
    face.requestVideoFrameCallback(() => note("picture"));
    listen(context, sounding);
    start().catch((error) => (moments.error = String(error)));
  });
}

async function listen(context, sounding) {
  const next = () => new Promise((resolve) => setTimeout(resolve, 5));
  while (!sounding()?.srcObject?.getAudioTracks().length) await next();
  const meter = context.createAnalyser();
  meter.fftSize = 256;
  context.createMediaStreamSource(new MediaStream(sounding().srcObject.getAudioTracks())).connect(meter);
  const wave = new Float32Array(meter.fftSize);
  do {
    await next();
    meter.getFloatTimeDomainData(wave);
  } while (!wave.some((sample) => Math.abs(sample) > 0.02));
  note("word");
}
