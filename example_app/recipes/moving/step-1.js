// Step 1: the texts go through the server, which sends each with a fresh token. The page still makes
// its session, and lets the server start it.

let session_token = null;
let session_id = null;

async function call(name, body) {
  const response = await fetch(`https://api.heygen.com/v1/streaming.${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${session_token}` },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return (await response.json()).data;
}

async function post(route, body) {
  const response = await fetch(`/api/heygen/${route}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const { data, error } = await response.json();
  if (error) throw Object.assign(new Error(error.message), error);
  return data;
}

export async function startSession() {
  session_token = await (await fetch("/session-token", { method: "POST" })).text();
  const room = await call("new", { version: "v2", quality: "medium" });
  session_id = room.session_id;
  await post("start", { session_id, session_token });
  return room; // url and access_token, for livekit-client
}

export async function sendTextToAvatar(text) {
  await post("task", { session_id, text, task_type: "repeat" });
}

export async function stopSession() {
  await post("stop", { session_id });
}
