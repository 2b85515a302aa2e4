/** The page's elements, and how they show a state. */

const STATUS = {
  intro: "Ready",
  starting: "Connecting…",
  speaking: "is speaking",
  listening: "Your turn",
  error: "Connection trouble",
  ended: "Interview over",
};

/** Every element that has an id, by it. */
export const page = Object.fromEntries(
  [...document.querySelectorAll("[id]")].map((each) => [each.id, each]),
);
export const { interview } = JSON.parse(page.data.textContent);

const main = document.querySelector("main");
/** @type {"off" | "on" | "muted"} */
let microphone = "off";
const firstName = interview.interviewer.split(" ")[0];
const AWAY = `${firstName} has left, since nobody was here. She returns with your next answer.`;
/** The codes of errors after which nobody can bring the avatar back by asking again. */
const GONE = ["no_credits", "avatar_deleted", "livekit_missing"];
const OFFLINE = "You are offline. Your answers are safe.";
const DRAWN = "There is no live picture: a drawing with captions stands in.";
const POOR = "Your connection is poor: picture and voice may falter.";

export function state() {
  return main.dataset.state;
}

/**
 * Show a state, and announce it to screen readers.
 * @param {{waiting?: boolean, live?: boolean}} details whether the server has yet to answer, and
 *   whether there is a session
 */
export function show(name, { waiting = name === "starting", live = true } = {}) {
  main.dataset.state = name;
  main.classList.toggle("waiting", waiting);
  announce(page.status, statusOf(name, live));
  page.trouble.hidden = name !== "error";
  block(page.repeat, waiting || name === "speaking");
  showListening();
  showNext();
}

/**
 * Show the state of the connection, which may be lost and mended while somebody answers.
 * @param {"joining" | "live" | "stopped" | "left" | "lost" | "idle" | "renewed"} link
 * @param {{room?: boolean}} details
 */
export function showLink(link, { room = true } = {}) {
  main.dataset.link = link;
  announce(page.note, link === "idle" ? AWAY : room ? "" : DRAWN);
  showNetwork();
  if (link !== "live") page.sound.hidden = true;
  if (state() === "listening") show("listening", { live: link === "live" });
  if (state() === "speaking") announce(page.status, statusOf("speaking"));
}

/** Say that the connection is poor, as long as it is. @param {string} quality LiveKit's */
export function showQuality(quality) {
  note(POOR, quality === "poor" || quality === "lost");
}

/** Say that there is no network, as long as there is none: the room notices later. */
export function showNetwork() {
  note(OFFLINE, !navigator.onLine);
}

/** Say whose voice is heard, if it is not the interviewer's. @param {"avatar" | "browser"} by */
export function showVoice(by) {
  const standIn = `${firstName} cannot be reached, so your browser reads her words aloud. Repeat question tries to reach her.`;
  note(standIn, by === "browser");
}

/** @param {{on: boolean, muted: boolean}} listening */
export function showMicrophone({ on, muted }) {
  page.microphone.classList.toggle("listening", on && !muted);
  page["microphone-name"].textContent = on ? "Stop listening" : "Answer by voice";
  page.mute.hidden = !on;
  page["mute-name"].textContent = muted ? "Unmute" : "Mute";
  microphone = on ? (muted ? "muted" : "on") : "off";
  announce(page["microphone-note"], "");
  showListening();
}

function showListening() {
  const rests = state() === "speaking";
  const on = rests ? `Listening again when ${firstName} has spoken.` : "Listening: your words appear in the box.";
  if (microphone !== "off") announce(page["microphone-note"], microphone === "muted" ? "The microphone is muted." : on);
}

/** @param {Error} error in words for a person */
export function showMicrophoneTrouble(error) {
  announce(page["microphone-note"], error.message);
}

/** A second click must not skip a question, and no two tasks may overtake each other. */
export function showNext() {
  const waiting = main.classList.contains("waiting");
  block(page.next, waiting || (state() === "speaking" && !page.answer.value.trim()));
}

export function showQuestion({ turns, draft }) {
  const count = interview.questions.length;
  page.progress.textContent = `Question ${turns.length} of ${count}`;
  page.question.textContent = turns.at(-1).question;
  page.next.textContent = turns.length < count ? "Next question" : "Finish interview";
  page.steps.replaceChildren(
    ...interview.questions.map((_, index) => make("i", { className: index < turns.length ? "done" : "" })),
  );
  page.answer.value = draft;
  if (microphone === "off") announce(page["microphone-note"], "");
  showTurns(page.room, turns.slice(0, -1));
  reveal("room");
  focusTurn();
  scrollTo(0, 0); // on a phone, to the interviewer
}

export function showSummary({ turns }) {
  const count = interview.questions.length;
  const whole = turns.filter((each) => each.answeredAt).length === count;
  page["summary-title"].textContent = whole ? "Thank you" : "You ended the interview";
  page["summary-asked"].textContent = whole ? "That was everything." : `You were asked ${turns.length} of ${count} questions.`;
  showTurns(page.summary, turns);
  reveal("summary");
  page["summary-title"].focus();
  scrollTo(0, 0);
}

/** @param {import("./InterviewerAvatar.js").AvatarError} error
 *  @param {{said: boolean}} what `said`: whether a text may have been */
export function showTrouble(error, { said }) {
  // A start whose answer was lost has said nothing; the session that it may have made ends by itself.
  const signedOut = error.code === "not_signed_in" || error.code === "not_your_session";
  const again = error.retryable || signedOut || (error.code === "outcome_unknown" && !said);
  const way = error.restartSession ? "Reconnect" : again ? "Try again" : "";
  page["trouble-what"].textContent = error.message;
  const first = signedOut ? "Sign in in a new tab, then try again" : way || "Repeat the question";
  const help = GONE.includes(error.code) ? "Carry on in text." : `${first} to hear ${firstName}, or carry on in text.`;
  page["trouble-help"].textContent = `${help} Your answers are safe.`;
  page.retry.hidden = !way;
  if (page["sign-in"]) page["sign-in"].hidden = !signedOut;
  countDown(way, error.retryAfter);
}

/** With a keyboard one types at once; a touch screen would raise one over the interviewer. */
export function focusTurn() {
  (matchMedia("(pointer: fine)").matches ? page.answer : page.progress).focus();
}

/** Whether a button may be pressed. */
export function open(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

/** Make an element. */
export function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function statusOf(name, live) {
  const joining = main.dataset.link === "joining";
  if (name === "speaking") return joining ? STATUS.starting : `${firstName} ${STATUS[name]}`;
  if (name !== "listening" || live) return STATUS[name];
  if (joining) return "Your turn · reconnecting…";
  return `${STATUS[name]}, in text`;
}

/** Unlike `disabled`, keep the focus where it is. */
function block(button, yes) {
  button.setAttribute("aria-disabled", String(yes));
}

let counting;

/** Offer another try once the server is ready for it. */
function countDown(way, seconds) {
  clearTimeout(counting);
  block(page.retry, seconds > 0);
  page.retry.textContent = seconds > 0 ? `${way} in ${seconds} s` : way;
  if (seconds > 0) counting = setTimeout(countDown, 1000, way, seconds - 1);
}

function reveal(name) {
  for (const each of document.querySelectorAll(".view")) each.hidden = each.id !== name;
  page.end.hidden = name !== "room";
}

function showTurns(within, turns) {
  within.querySelector(".empty").hidden = turns.length > 0;
  within.querySelector(".turns").replaceChildren(
    ...turns.map(({ question, answer }) =>
      make(
        "li",
        { className: "turn" },
        make("p", { textContent: question }),
        make("p", { className: `turn__answer ${answer ? "" : "turn__answer--none"}`, textContent: answer || "No answer" }),
      ),
    ),
  );
}

/** Show a note, or take it away if it is this one. @param {string} text @param {boolean} holds */
function note(text, holds) {
  if (holds) announce(page.note, text);
  else if (page.note.textContent === text) announce(page.note, "");
}

/** Change a live region only where there is something new to be read out. */
function announce(region, text) {
  if (region.textContent !== text) region.textContent = text;
}

// The drawing gives way to the picture with its first frame, not with the promise of one; and for as
// long as the link lasts, since no event reports a picture that goes on after a break.
for (const type of ["playing", "emptied"]) {
  page.video.addEventListener(type, () => {
    if (type === "playing") main.dataset.picture = "live";
    else delete main.dataset.picture;
  });
}
