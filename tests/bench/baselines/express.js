// Express and Node's own fetch, which keeps its connections: two calls in a row.

import express from "express";

const { HEYGEN_BASE_URL, HEYGEN_API_KEY, FD } = process.env;

async function post(path, headers, body) {
  const response = await fetch(`${HEYGEN_BASE_URL}/v1/streaming.${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

const app = express();
app.use(express.json());

app.post("/api/heygen/task", async (request, response) => {
  const { session_id, text } = request.body;
  const { data } = await post("create_token", { "X-Api-Key": HEYGEN_API_KEY }, {});
  const task = { session_id, text, task_type: "repeat", task_mode: "async" };
  response.json(await post("task", { Authorization: `Bearer ${data.token}` }, task));
});

const server = app.listen({ fd: Number(FD), backlog: 2048 });
server.keepAliveTimeout = 75_000;
