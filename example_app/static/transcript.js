/** The questions and answers, kept in the tab's own storage so that a reload loses nothing. */

const KEY = "interview";

/** @typedef {{question: string, askedAt: number, answer: string | null, answeredAt: number | null}} Turn */

export class Transcript {
  /** @type {Turn[]} */ turns = [];
  /** The answer that is not sent yet. */
  draft = "";
  ended = false;
  #interview;
  #candidate;

  /** @param {string} [candidate] the id of the signed-in user, if there is one */
  constructor(interview, candidate) {
    this.#interview = interview;
    this.#candidate = candidate;
    try {
      const { candidate: owner, ...kept } = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
      if (owner === candidate) Object.assign(this, kept);
      else this.clear(); // another user was at this tab before
    } catch {
      // No storage, or unreadable: an interview can be held without it.
    }
  }

  /** The question that waits for an answer. */
  get question() {
    return this.turns.at(-1).question;
  }

  ask(question) {
    this.turns.push({ question, askedAt: Date.now(), answer: null, answeredAt: null });
    this.#keep();
  }

  answer(text) {
    Object.assign(this.turns.at(-1), { answer: text.trim(), answeredAt: Date.now() });
    this.write("");
  }

  write(draft) {
    this.draft = draft;
    this.#keep();
  }

  end() {
    this.ended = true;
    this.#keep();
  }

  clear() {
    this.turns = [];
    this.ended = false;
    this.write("");
  }

  get fileName() {
    const words = `interview ${this.#interview.role} ${clock(this.turns[0]?.askedAt).slice(0, 10)}`;
    return `${words.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.txt`;
  }

  toString() {
    const { role, company, interviewer, questions } = this.#interview;
    const turns = this.turns.flatMap(({ question, askedAt, answer, answeredAt }, index) => [
      `[${clock(askedAt)}] ${interviewer}, question ${index + 1} of ${questions.length}`,
      `${question}\n`,
      `[${clock(answeredAt ?? askedAt)}] Candidate`,
      `${answer || "(no answer)"}\n`,
    ]);
    return ["Interview transcript", `Role: ${role}`, `Company: ${company}`, "", ...turns].join("\n");
  }

  #keep() {
    const { turns, draft, ended } = this;
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ candidate: this.#candidate, turns, draft, ended }));
    } catch {
      // As above.
    }
  }
}

/** The local time as 2026-11-22 12:31:05, which is how Swedish writes it. */
function clock(ms = Date.now()) {
  return new Date(ms).toLocaleString("sv-SE");
}
