/**
 * A free talk: the user speaks or types, the model behind the session answers.
 *
 * Where the avatar hears the microphone it answers by itself; what the browser's own recognition hears,
 * and what is typed, is sent to it.
 */

import { InterviewerAvatar } from "./InterviewerAvatar.js";

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((each) => [each.id, each]));
const main = document.querySelector("main");
const avatar = new InterviewerAvatar(page.video);
const STATUS = { starting: "Connecting…", listening: "Your turn", speaking: `${page.said.dataset.avatar} is speaking`, ended: "Ended" };
const AWAY = `${page.said.dataset.avatar} has left, since nobody was here. Type something, or turn the microphone on, to bring her back.`;

/** The turn that grows while its words arrive. @type {{text: HTMLElement, who: string} | null} */
let turn = null;

function show(state) {
  main.dataset.state = state;
  main.classList.toggle("waiting", state === "starting");
  page.status.textContent = STATUS[state];
}

/** Add a turn, or go on with the one of the same speaker. @param {"avatar" | "user"} who */
function write(who, text) {
  if (turn?.who !== who) {
    const name = Object.assign(document.createElement("p"), { textContent: who === "user" ? "You" : page.said.dataset.avatar });
    const words = Object.assign(document.createElement("p"), { className: "turn__answer" });
    const item = Object.assign(document.createElement("li"), { className: "turn" });
    item.append(name, words);
    page.said.append(item);
    page.empty.hidden = true;
    turn = { text: words, who };
  }
  turn.text.textContent = text;
  page.caption.textContent = who === "avatar" ? text : "";
}

async function start() {
  show("starting");
  page.intro.hidden = true;
  page.room.hidden = page.end.hidden = page.form.hidden = false;
  try {
    await avatar.start();
    show("listening");
  } catch (error) {
    tell(error);
  }
}

async function send(text) {
  turn = null;
  write("user", text);
  turn = null;
  try {
    await avatar.speak(text, { respond: true });
  } catch (error) {
    tell(error);
  }
}

async function toggleMicrophone() {
  if (page.microphone.classList.contains("listening")) return avatar.stopListening();
  try {
    await avatar.listen({ bargeIn: true });
  } catch (error) {
    page["microphone-note"].textContent = error.message;
  }
}

function end() {
  show("ended");
  page.form.hidden = page.end.hidden = true;
  page["said-title"].focus();
  avatar.stop().catch(() => {}); // a session left alone ends by itself
}

/** Say what is the matter, and let the user start again. @param {Error} error */
function tell(error) {
  page.note.textContent = error.message;
  if (avatar.live) return;
  show("ended");
  page.intro.hidden = false;
  page.start.textContent = "Start again";
}

page.start.addEventListener("click", start);
page.end.addEventListener("click", end);
page.sound.addEventListener("click", () => avatar.enableSound());
page.microphone.addEventListener("click", toggleMicrophone);
page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = page.text.value.trim();
  if (!text) return;
  page.text.value = "";
  send(text);
});
page.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  page.form.requestSubmit();
});

avatar.addEventListener("live", () => {
  main.dataset.link = "live";
  page.note.textContent = "";
  page.intro.hidden = true; // which the stop of a session that was replaced has shown if it failed
  if (main.dataset.state === "ended") show("listening");
});
avatar.addEventListener("closed", ({ detail }) => {
  main.dataset.link = "lost";
  if (detail.reason === "idle") page.note.textContent = AWAY;
});
avatar.addEventListener("error", ({ detail }) => main.dataset.state !== "ended" && tell(detail.error));
avatar.addEventListener("sound", ({ detail }) => (page.sound.hidden = !detail.blocked));
avatar.addEventListener("speaking", () => ((turn = null), show("speaking")));
avatar.addEventListener("words", ({ detail }) => write("avatar", `${turn?.text.textContent ?? ""} ${detail.message}`.trim()));
avatar.addEventListener("silent", () => ((turn = null), show("listening")));
avatar.addEventListener("listening", ({ detail }) => {
  page.microphone.classList.toggle("listening", detail.on);
  page.microphone.textContent = detail.on ? "Turn the microphone off" : "Use the microphone";
  page["microphone-note"].textContent = detail.on ? "Listening." : "";
});
avatar.addEventListener("heard", ({ detail }) => {
  if (detail.by === "browser" && detail.final) return send(detail.text);
  write("user", detail.text);
  if (detail.final) turn = null;
});
page.video.addEventListener("playing", () => (main.dataset.picture = "live"));

page.start.disabled = false; // a click before now would be lost
