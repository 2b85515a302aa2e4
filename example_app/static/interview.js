/**
 * The interview: intro → starting → speaking ⇄ listening → ended, and error, from which all lead on.
 *
 * No avatar is needed: a question is on the page before it is spoken, and it can always be answered by
 * typing.
 */

import { InterviewerAvatar } from "./InterviewerAvatar.js";
import { Captions } from "./captions.js";
import { AnswerBox } from "./answer-box.js";
import { Transcript } from "./transcript.js";
import { focusTurn, interview, make, open, page, show, showLink, showMicrophone, showMicrophoneTrouble, showNetwork, showNext, showQuality, showQuestion, showSummary, showTrouble, showVoice, state } from "./view.js";
import { VoiceAnswers } from "./voice-answers.js";

const avatar = new InterviewerAvatar(page.video);
const captions = new Captions(page.caption, page.spoken);
const box = new AnswerBox(page.answer);
const voice = new VoiceAnswers(avatar, { meter: page.level, choice: page.choice, failed: showMicrophoneTrouble });
const transcript = new Transcript(interview, page.candidate?.dataset.id);

/** What the avatar says before it listens. @type {string[]} */
let lines = [];
/** Aborted when something else begins. */
let turn = new AbortController();
/** The candidate carries on without a voice, until they ask for one. */
let inText = false;
/** Whether what is heard belongs to the answer in the box. */
let accepting = false;
/** The microphone is turned off for a while. */
let muted = false;
/** The session belongs to a sign-in that has ended. */
let disowned = false;

/** Ask the first question, or the one at which a reload broke off. */
function begin() {
  const first = transcript.turns.length === 0;
  if (first) transcript.ask(interview.questions[0]);
  showQuestion(transcript);
  speak([...(first ? [interview.greeting] : []), transcript.question], { connect: true });
}

function next() {
  if (!open(page.next)) return;

  finishAnswer();
  const question = interview.questions[transcript.turns.length];
  if (!question) return finish();

  transcript.ask(question);
  showQuestion(transcript);
  speak([question]);
}

function repeat() {
  if (open(page.repeat)) speak([transcript.question], { connect: true });
}

/** All is asked: the transcript is there at once, while the avatar says its thanks. */
function finish() {
  transcript.end();
  showSummary(transcript);
  speak([interview.closing]);
}

/** The candidate has had enough: what stands in the answer box counts as the answer. */
function endEarly() {
  turn.abort();
  finishAnswer();
  transcript.end();
  showSummary(transcript);
  close();
}

function finishAnswer() {
  voice.finishAnswer();
  accepting = false;
  box.finish();
  transcript.answer(page.answer.value);
}

function close() {
  captions.clear();
  show("ended");
  voice.stop();
  avatar.stop().catch(() => {}); // a session left alone ends by itself
}

/**
 * Have the avatar say `wanted`, then listen. Only where the candidate asks for it is a session
 * opened; where none can be had the browser's voice may stand in, or the interview goes on in text.
 */
async function speak(wanted, { connect = false } = {}) {
  const cutShort = state() === "speaking";
  turn.abort();
  turn = new AbortController();
  const { signal } = turn;
  lines = wanted;
  if (connect) inText = false;
  let notStarted = null;
  try {
    if (connect && disowned) await avatar.stop().catch(() => {}); // it may be of another user
    disowned = false;
    if (connect && !avatar.live) {
      show("starting");
      // With the first line it is known whether nobody can speak.
      await avatar.start().catch((error) => (notStarted = error));
    } else if (cutShort) {
      show("speaking", { waiting: true });
      await avatar.interrupt().catch(() => {});
    }
    while (lines.length && !inText && !signal.aborted) await say(lines[0], signal);
  } catch (error) {
    if (!signal.aborted) fail(error, { said: error !== notStarted });
    return;
  }
  if (!signal.aborted) listen();
}

async function say(line, signal) {
  captions.clear();
  show("speaking", { waiting: true });
  await avatar.sendTextToAvatar(line);
  if (!signal.aborted) lines = lines.slice(1);
}

function listen() {
  if (transcript.ended) return close();

  captions.clear(lines.join(" "));
  show("listening", { live: avatar.live || !inText });
  accepting ||= voice.on;
  voice.resume();
}

function fail(error, { said }) {
  if (transcript.ended) return close();

  captions.clear();
  show("error");
  showTrouble(error, { said });
  disowned = ["not_signed_in", "not_your_session"].includes(error.code);
}

function download() {
  const url = URL.createObjectURL(new Blob([String(transcript)], { type: "text/plain" }));
  make("a", { href: url, download: transcript.fileName }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

page.start.addEventListener("click", begin);
page.repeat.addEventListener("click", repeat);
page.sound.addEventListener("click", () => avatar.enableSound());
page.microphone.addEventListener("click", () => {
  if (voice.wanted) voice.stop();
  else voice.start();
});
page.mute.addEventListener("click", () => (muted ? avatar.unmute() : avatar.mute()));
page.end.addEventListener("click", endEarly);
page.download.addEventListener("click", download);
page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  next();
});
page.next.addEventListener("click", (event) => {
  if (event.detail > 1) event.preventDefault(); // a double click: in text nothing else holds it back
});
page.answer.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat) next();
});
page.answer.addEventListener("input", () => {
  transcript.write(page.answer.value);
  showNext();
});
page.retry.addEventListener("click", () => {
  if (!open(page.retry)) return;

  focusTurn();
  speak(lines, { connect: true });
});
page["carry-on"].addEventListener("click", () => {
  inText = !avatar.live;
  focusTurn();
  listen();
});
page.again.addEventListener("click", () => {
  transcript.clear();
  location.reload();
});

avatar.addEventListener("starting", () => showLink("joining"));
avatar.addEventListener("live", ({ detail }) => showLink("live", detail));
avatar.addEventListener("closed", ({ detail }) => showLink(detail.restarting ? "joining" : detail.reason));
avatar.addEventListener("error", () => avatar.live || showLink("lost"));
avatar.addEventListener("sound", ({ detail }) => (page.sound.hidden = !detail.blocked));
avatar.addEventListener("speaking", ({ detail }) => {
  showVoice(detail.by);
  show("speaking");
  captions.begin(detail.text, detail.duration_ms);
});
avatar.addEventListener("silent", ({ detail }) => detail.cutShort || captions.finish());
avatar.addEventListener("heard", ({ detail }) => accepting && state() === "listening" && box.write(detail.text, detail.final));
avatar.addEventListener("listening", ({ detail }) => {
  accepting ||= detail.on;
  muted = detail.muted;
  showMicrophone(detail);
});
avatar.addEventListener("quality", ({ detail }) => showQuality(detail.quality));
for (const type of ["offline", "online"]) addEventListener(type, showNetwork);
avatar.addEventListener("words", ({ detail }) => captions.follow(detail.message));

page.microphone.hidden = page["microphone-privacy"].hidden = !VoiceAnswers.offered;

if (transcript.ended) {
  showSummary(transcript);
  show("ended");
} else if (transcript.turns.length) {
  page.start.textContent = `Continue with question ${transcript.turns.length}`;
}
page.start.disabled = false; // a click before now would be lost
