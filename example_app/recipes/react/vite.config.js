// `npm ci && npm run dev` serves the page and passes what is the app's on to Flask, so that to the browser both
// are one origin: no CORS, and the session cookie is sent.

import { defineConfig } from "vite";

const flask = process.env.FLASK_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  server: { proxy: { "/api": flask, "/login": flask } },
});
