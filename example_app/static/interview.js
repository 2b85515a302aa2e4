/**
 * The interview: intro → starting → speaking ⇄ listening → ended, and error, from which all lead on.
 *
 * The avatar is a help and never a condition: a question is on the page before it is spoken, and it
 * can be answered whatever becomes of the voice.
 */

import { InterviewerAvatar } from "./InterviewerAvatar.js";
import { Captions } from "./captions.js";
import { Dictation } from "./dictation.js";
import { Transcript } from "./transcript.js";
import { focusTurn, interview, make, open, page, show, showLink, showMicrophone, showNext, showQuestion, showSummary, showTrouble, showVoice, state } from "./view.js";

const avatar = new InterviewerAvatar(page.video);
const captions = new Captions(page.caption, page.spoken);
const dictation = new Dictation(page.answer, showMicrophone);
const transcript = new Transcript(interview, page.candidate?.dataset.id);

/** What the avatar has still to say before it listens. @type {string[]} */
let lines = [];
/** Breaks off what is going on when something else begins. */
let turn = new AbortController();
/** The candidate carries on without a voice, until they ask for one. */
let inText = false;

/** Ask the first question, or the one at which a reload broke off. */
function begin() {
  const anew = transcript.turns.length === 0;
  if (anew) transcript.ask(interview.questions[0]);
  showQuestion(transcript);
  speak([...(anew ? [interview.greeting] : []), transcript.question], { connect: true });
}

function next() {
  if (!open(page.next)) return;

  dictation.abort();
  transcript.answer(page.answer.value);
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
  dictation.abort();
  transcript.answer(page.answer.value);
  transcript.end();
  showSummary(transcript);
  close();
}

function close() {
  captions.clear();
  show("ended");
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
}

function fail(error, { said }) {
  if (transcript.ended) return close();

  captions.clear();
  show("error");
  showTrouble(error, { said });
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
  if (dictation.listening) dictation.stop();
  else dictation.start();
});
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
avatar.addEventListener("closed", ({ detail }) => showLink(detail.reason));
avatar.addEventListener("error", () => avatar.live || showLink("lost"));
avatar.addEventListener("sound", ({ detail }) => (page.sound.hidden = !detail.blocked));
avatar.addEventListener("speaking", ({ detail }) => {
  showVoice(detail.by);
  show("speaking");
  captions.begin(detail.text, detail.duration_ms);
});
avatar.addEventListener("silent", ({ detail }) => detail.cutShort || captions.finish());
avatar.addEventListener("words", ({ detail }) => captions.follow(detail.message));

page.microphone.hidden = page["microphone-privacy"].hidden = !Dictation.offered;

if (transcript.ended) {
  showSummary(transcript);
  show("ended");
} else if (transcript.turns.length) {
  page.start.textContent = `Continue with question ${transcript.turns.length}`;
}
