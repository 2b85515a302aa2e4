import React, { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

import { Interviewer } from "./Interviewer.jsx";

const QUESTIONS = ["Tell me about yourself.", "Why Flask?"];

function App() {
  const [number, setNumber] = useState(-1);
  const next = () => setNumber((before) => before + 1);

  if (number === QUESTIONS.length) return <p>Thank you.</p>;
  return (
    <>
      {number >= 0 && <Interviewer question={QUESTIONS[number]} />}
      <button onClick={next}>{number < 0 ? "Start" : "Next"}</button>
    </>
  );
}

createRoot(document.querySelector("#root")).render(<StrictMode><App /></StrictMode>);
