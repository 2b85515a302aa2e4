// Step 2: the server makes the session, too. The page holds no token of the account any more.

let session_id = null;

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
  const room = await post("start", {});
  session_id = room.session_id;
  return room; // url and access_token, for livekit-client
}

export async function sendTextToAvatar(text) {
  await post("task", { session_id, text, task_type: "repeat" });
}

export async function stopSession() {
  await post("stop", { session_id });
}
