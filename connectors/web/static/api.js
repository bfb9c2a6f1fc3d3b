// The calls of /api/v1 that this page makes. A refusal is an Error whose message is the server's sentence.

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/api/v1${path}`, options);
  } catch {
    throw new Error("Foyer does not answer right now. Your text is kept; try again in a moment.");
  }
  const content = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(content.error ?? `The server answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return content;
}

const name = encodeURIComponent;

export const api = {
  people: (q) => call("GET", `/people?q=${name(q)}`),
  signIn: (email) => call("POST", "/session", { email }),
  signOut: () => call("DELETE", "/session"),
  me: () => call("GET", "/me"),
  conversations: () => call("GET", "/conversations"),
  messages: (conversation) => call("GET", `/messages?conversation=${name(conversation)}`),
  waiting: () => call("GET", "/waiting"),
  idle: (conversation) => call("GET", `/idle?conversation=${name(conversation)}`),
  seen: (conversation, seq) => call("POST", "/seen", { conversation, seq }),
  say: (conversation, id, text) => call("POST", `/conversations/${name(conversation)}/messages`, { id, text }),
  press: (action, conversation, text) => call("POST", `/actions/${name(action)}`, { id: crypto.randomUUID(), conversation, text }),
  inbox: () => call("GET", "/sandbox/inbox"),
  lessons: () => call("GET", "/lessons"),
  addLesson: (text, label) => call("POST", "/lessons", { text, label }),
  acceptLesson: (id) => call("POST", `/lessons/${name(id)}/accept`, {}),
  rejectLesson: (id) => call("POST", `/lessons/${name(id)}/reject`, {}),
  recognition: () => call("GET", "/recognition"),
  retrain: () => call("POST", "/recognition/retrain", {}),
  activateVersion: (number) => call("POST", `/recognition/${number}/activate`, {}),
  articles: () => call("GET", "/articles"),
  uploads: () => call("GET", "/uploads"),
  beginUpload: (files, audience, publish) => call("POST", "/uploads", { files, audience, publish }),
  upload: (id) => call("GET", `/uploads/${name(id)}`),
  sendFile: (id, number, file) => call("PUT", `/uploads/${name(id)}/files/${number}`, file),
  cancelUpload: (id) => call("POST", `/uploads/${name(id)}/cancel`, {}),
  publishUpload: (id) => call("POST", `/uploads/${name(id)}/publish`, {}),
  tryArticle: (id, question) => call("POST", `/articles/${name(id)}/try`, { question }),
  publishArticle: (id) => call("POST", `/articles/${name(id)}/publish`, {}),
  gaps: () => call("GET", "/gaps"),
  draftOf: (gap) => `/api/v1/gaps/${name(gap)}/draft`,
  closeGap: (gap, as) => call("POST", `/gaps/${name(gap)}/close`, { as }),
  reviews: () => call("GET", "/reviews"),
  confirmReview: (id, version) => call("POST", `/reviews/${name(id)}/confirm`, { version }),
  retireArticle: (id) => call("POST", `/articles/${name(id)}/retire`, {}),
};

const AGAIN = 5000; // milliseconds until a line that the server refused is tried again

/** Follows everything that is shown to this person, from a number on; `line(up, why)` tells whether the line is up. */
export function follow(after, message, line) {
  let source, timer, ended = false;
  function open() {
    source = new EventSource(`/api/v1/stream?after=${after}`);
    source.addEventListener("message", (event) => { after = event.lastEventId || after; message(JSON.parse(event.data)); });
    source.addEventListener("open", () => line(true));
    source.addEventListener("error", refused);
  }
  async function refused() {
    // A browser tries again by itself after a broken line, but not after a refusal, whose words it does not tell either.
    const closed = source.readyState === EventSource.CLOSED;
    const why = closed ? await api.me().then(() => "", (error) => error.message) : "";
    if (ended) return;
    line(false, why);
    if (closed) timer = setTimeout(open, AGAIN);
  }
  open();
  return () => { ended = true; clearTimeout(timer); source.close(); };
}
