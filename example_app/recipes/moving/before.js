// A page that makes its session itself and calls HeyGen with the session's token. The token expires,
// and from then on each text fails with 401.

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

export async function startSession() {
  session_token = await (await fetch("/session-token", { method: "POST" })).text();
  const room = await call("new", { version: "v2", quality: "medium" });
  session_id = room.session_id;
  await call("start", { session_id });
  return room; // url and access_token, for livekit-client
}

export async function sendTextToAvatar(text) {
  await call("task", { session_id, text, task_type: "repeat" });
}

export async function stopSession() {
  await call("stop", { session_id });
}
