/** What is on the page, and how it shows a state. */

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
const firstName = interview.interviewer.split(" ")[0];

export function state() {
  return main.dataset.state;
}

/**
 * Show a state, and tell it to screen readers.
 * @param {{waiting?: boolean, live?: boolean}} details whether the server has yet to answer, and
 *   whether there is a session
 */
export function show(name, { waiting = name === "starting", live = true } = {}) {
  main.dataset.state = name;
  main.classList.toggle("waiting", waiting);
  tell(page.status, statusOf(name, live));
  page.trouble.hidden = name !== "error";
  block(page.repeat, waiting || name === "speaking");
  showNext();
}

/**
 * Show what becomes of the connection, which may be lost and mended while somebody answers.
 * @param {"joining" | "live" | "stopped" | "left" | "lost"} link
 * @param {{room?: boolean, session?: {session_id: string, session_seconds: number | null}}} details
 */
export function showLink(link, { room = true, session } = {}) {
  main.dataset.link = link;
  tell(page.note, room ? "" : "The live picture could not be joined: a drawing with captions stands in.");
  if (link !== "live") page.sound.hidden = true;
  if (link !== "joining") countSession(session);
  if (state() === "listening") show("listening", { live: link === "live" });
}

/** Tell whose voice is heard, if it is not the interviewer's. @param {"avatar" | "browser"} by */
export function showVoice(by) {
  const standIn = `${firstName} cannot be reached, so your browser reads her words aloud. Repeat question tries to reach her.`;
  if (by === "browser") tell(page.note, standIn);
  else if (page.note.textContent === standIn) tell(page.note, "");
}

/** @param {boolean} listening @param {string} [trouble] */
export function showMicrophone(listening, trouble = "") {
  page.microphone.classList.toggle("listening", listening);
  page["microphone-name"].textContent = listening ? "Stop listening" : "Answer by voice";
  tell(page["microphone-note"], listening ? "Listening: your words appear in the box." : trouble);
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
  const again = error.retryable || (error.code === "outcome_unknown" && !said);
  const way = error.restartSession ? "Reconnect" : again ? "Try again" : "";
  page["trouble-what"].textContent = error.message;
  page["trouble-help"].textContent =
    `${way || "Repeat the question"} to hear ${firstName}, or carry on in text. Your answers are safe.`;
  page.retry.hidden = !way;
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
  if (name === "speaking") return `${firstName} ${STATUS[name]}`;
  if (name !== "listening" || live) return STATUS[name];
  if (main.dataset.link === "joining") return "Your turn · reconnecting…";
  return `${STATUS[name]}, in text`;
}

let ending;
let counted;

/** Count down to the end that comes to every session; a room that is joined again does not put it off. */
function countSession(session) {
  if (session && session.session_id === counted) return;
  counted = session?.session_id;
  clearInterval(ending);
  page.time.textContent = "";
  if (!session?.session_seconds) return;

  const ends = Date.now() + session.session_seconds * 1000;
  const tick = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    page.time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} left`;
  };
  tick();
  ending = setInterval(tick, 1000);
}

/** Unlike `disabled`, this leaves the focus where it is. */
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

/** Change a live region only where there is something new to be read out. */
function tell(region, text) {
  if (region.textContent !== text) region.textContent = text;
}

// The drawing gives way to the picture with its first frame, not with the promise of one; and for as
// long as the link lasts, since of a picture that goes on after a break no event tells.
for (const type of ["playing", "emptied"]) {
  page.video.addEventListener(type, () => {
    if (type === "playing") main.dataset.picture = "live";
    else delete main.dataset.picture;
  });
}
