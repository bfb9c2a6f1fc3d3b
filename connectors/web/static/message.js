// One message as a card or a bubble. Everything a card says comes from the reply; this only decides how it looks.

import { ago, avatar, clock, h, icon, mark, safe } from "./dom.js";

const KINDS = { approval: "Approval", receipt: "Receipt", handoff: "Handoff", refusal: "Not possible", notice: "Note", question: "", answer: "", progress: "" };
const BALLS = { done: "check", undone: "undo", failed: "cross", denied: "cross", declined: "cross", cancelled: "cross", expired: "cross", with_staff: "people" };
const STATUS = { pending: "not yet", running: "now", done: "done", failed: "failed", undone: "undone" };

/** The element of a message; `press(action, text)` records a pressed button and may reject with a sentence. */
export function messageElement(message, press) {
  if (message.deleted) return shell(message, "tombstone", [h("p", { class: "gone" }, "This message was removed.")]);
  if (message.said !== null) return said(message);
  const reply = message.reply;
  const speaks = reply.author ? reply.author.name : "Foyer";
  const card = h("article", { class: `card kind-${reply.kind}`, "aria-label": `${KINDS[reply.kind] || "Message"} from ${speaks}` });
  card.append(...head(reply));
  if (reply.progress) card.append(progress(reply));
  if (!reply.progress || reply.kind !== "progress") card.append(body(message));
  if (reply.fields.length) card.append(facts(reply.fields));
  if (reply.transcript.length) card.append(transcript(reply.transcript));
  if (reply.citations.length) card.append(citations(message.id, reply.citations));
  if (reply.actions.length) card.append(actions(reply, press));
  if (reply.feedback) card.append(actions({ actions: [reply.feedback.up, reply.feedback.down] }, press));
  return shell(message, reply.author ? "theirs staff" : "theirs", [card]);
}

function shell(message, className, content) {
  const reply = message.reply;
  const face = className === "mine" ? null : reply?.author ? avatar(reply.author.name) : message.author ? avatar(message.author) : mark();
  const time = h("time", { datetime: message.at, title: new Date(message.at).toLocaleString() }, clock(message.at));
  return h("li", { class: `message ${className}`, "data-id": message.id, "data-kind": reply?.kind ?? "said" }, face, h("div", { class: "column" }, ...content, time));
}

function said(message) {
  const text = message.said.trim() ? message.said : "(empty message)";
  const name = message.mine ? null : h("span", { class: "name" }, message.author);
  return shell(message, message.mine ? "mine" : "theirs", [name, h("div", { class: "bubble" }, text)].filter(Boolean));
}

function head(reply) {
  const parts = [];
  if (reply.author) parts.push(h("strong", { class: "author" }, reply.author.name));
  if (KINDS[reply.kind] && !reply.author) parts.push(h("span", { class: `tag tag-${reply.kind}` }, KINDS[reply.kind]));
  if (reply.request && reply.kind !== "answer") parts.push(h("span", { class: "case" }, reply.request.case));
  return parts.length && reply.kind !== "progress" ? [h("header", { class: "card-head" }, parts)] : [];
}

function body(message) {
  const text = safe(message.html, "text");
  const last = text.lastElementChild;
  // Channels without a list of sources get them as a last paragraph; here the list says more.
  if (message.reply.citations.length && last?.tagName === "P" && text.children.length > 1 && last.textContent.split("\n").every((line) => message.reply.citations.some((citation) => line.startsWith(`[${citation.n}] ${citation.title}`)))) last.remove();
  linkCitations(text, message);
  return text;
}

/** Turns [1] in the text into a way to the first source. */
function linkCitations(root, message) {
  const known = new Set(message.reply.citations.map((citation) => citation.n));
  if (!known.size) return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    if (node.parentElement.closest("a, code")) continue;
    const parts = node.data.split(/(\[\d{1,2}\])/);
    if (parts.length < 2) continue;
    node.replaceWith(...parts.map((part) => {
      const number = Number(part.slice(1, -1));
      if (!/^\[\d{1,2}\]$/.test(part) || !known.has(number)) return part.replace(/ $/, "\u00a0");
      const go = () => document.getElementById(`cite-${message.id}-${number}`)?.focus();
      return h("button", { class: "cite", type: "button", "aria-label": `Source ${number}`, onclick: go }, String(number));
    }));
  }
}

function citations(id, list) {
  return h("section", { class: "sources", "aria-label": "Sources" },
    h("ol", {}, list.map((citation) => {
      const where = [citation.source, citation.section].filter(Boolean).join(" › ");
      const stale = citation.updated && Date.now() - new Date(citation.updated) > 365 * 86400e3;
      const age = citation.updated && h("span", { class: stale ? "age stale" : "age" }, `updated ${ago(citation.updated)}`);
      const head = [h("span", { class: "number" }, String(citation.n)), h("span", { class: "source-title" }, citation.title), h("span", { class: "where" }, where), age];
      const content = citation.snippet
        ? h("details", {}, h("summary", { id: `cite-${id}-${citation.n}` }, head), h("blockquote", {}, citation.snippet))
        : h("p", { id: `cite-${id}-${citation.n}`, tabindex: "-1" }, head);
      return h("li", {}, content);
    })));
}

function progress(reply) {
  const { title, ball, specialist, steps, next_step: next } = reply.progress;
  const state = reply.request?.state ?? "";
  return h("div", { class: `progress state-${state}` },
    h("header", { class: "card-head" }, h("h3", {}, title), reply.request && h("span", { class: "case" }, reply.request.case)),
    h("p", { class: "ball" }, icon(BALLS[state] ?? "ball"), h("span", {}, ball)),
    steps.length > 0 && h("ol", { class: "steps" }, steps.map((step) =>
      h("li", { class: `step ${step.status}` }, h("span", { class: "tick", "aria-hidden": "true" }, tick(step.status)), step.title, h("span", { class: "unseen" }, `, ${STATUS[step.status]}`)))),
    next && h("p", { class: "next" }, h("span", {}, "Next"), next),
    specialist && h("p", { class: "specialist" }, `Handled by ${specialist}`));
}

function tick(status) {
  return { done: icon("check"), failed: icon("cross"), undone: icon("undo") }[status] ?? "";
}

function facts(fields) {
  return h("dl", { class: "facts" }, fields.map((field) => [h("dt", {}, field.label), h("dd", {}, field.value)]));
}

function transcript(lines) {
  return h("details", { class: "transcript" }, h("summary", {}, `What was said so far (${lines.length})`), h("ol", {}, lines.map((line) => h("li", {}, line))));
}

function actions(reply, press) {
  const row = h("div", { class: "actions" });
  const buttons = reply.actions.map((action) => {
    const wants = action.needs_text !== "no";
    const click = () => (wants ? ask(row, action, send) : send(action, "", row));
    return h("button", { type: "button", class: `action ${action.style}`, "data-action": action.id, "aria-haspopup": wants ? "true" : false, onclick: click }, action.label);
  });

  async function send(action, text, place) {
    const all = [...row.querySelectorAll("button, textarea")];
    all.forEach((element) => { element.disabled = true; });
    row.setAttribute("aria-busy", "true");
    try {
      await press(action, text);
      place.querySelector(".reason")?.remove();
      row.classList.remove("asking");
    } catch (error) {
      row.append(h("p", { class: "problem", role: "alert" }, error.message));
      all.forEach((element) => { element.disabled = false; });
    }
    row.removeAttribute("aria-busy");
    // The card is drawn anew once the bot has decided; should it stay as it is, it can be pressed again.
    setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 4000);
  }

  row.append(...buttons);
  return row;
}

/** The words that go with a button: a reason, a reply, a name. */
function ask(row, action, send) {
  row.querySelector(".reason")?.remove();
  const required = action.needs_text === "required";
  const id = `reason-${crypto.randomUUID()}`;
  const area = h("textarea", { id, rows: "2", required, maxlength: "4000" });
  const opener = row.querySelector(`[data-action="${CSS.escape(action.id)}"]`);
  const cancel = () => { form.remove(); row.classList.remove("asking"); opener.focus(); };
  const form = h("form", { class: "reason", onsubmit: (event) => { event.preventDefault(); send(action, area.value.trim(), row); } },
    h("label", { for: id }, action.prompt || action.label, !required && h("span", { class: "optional" }, " (optional)")),
    area,
    h("div", { class: "actions" }, h("button", { type: "submit", class: `action ${action.style}` }, action.label), h("button", { type: "button", class: "action quiet", onclick: cancel }, "Cancel")));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); cancel(); }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  row.classList.add("asking");
  row.append(form);
  area.focus();
}
