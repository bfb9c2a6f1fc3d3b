// The page: who is here, what waits for them, their conversations, and whichever view is open.

import { api, follow } from "./api.js";
import { articlesPanel } from "./articles.js";
import { Chat } from "./chat.js";
import { ago, avatar, h, hush, icon, mark, toast } from "./dom.js";
import { gapsPanel } from "./gaps.js";
import { mailDrawer } from "./mail.js";
import { signInPage } from "./signin.js";
import { understandingPanel } from "./understanding.js";

const root = document.getElementById("app");
const state = { me: null, conversations: [], waiting: [], drafts: new Map(), seen: new Map() };
let chat, view, stop = () => {}, mail;

async function begin() {
  stop();
  try {
    state.me = await api.me();
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) { root.replaceChildren(h("p", { class: "loading", role: "alert" }, error.message)); return; }
    await signInPage(root, begin);
    return;
  }
  state.drafts.clear();
  frame();
  await refresh();
  stop = follow(state.me.seq, receive, line);
  await route();
}

// ---- the frame

function frame() {
  chat = new Chat(state, () => refreshSoon());
  mail = mailDrawer();
  const knows = state.me.roles.includes("knowledge_admin");
  const leave = async () => { stop(); await api.signOut().catch(() => {}); location.hash = ""; await begin(); };
  view = {
    waiting: h("section", { class: "waiting", "aria-label": "Waiting for you" }),
    mine: h("nav", { "aria-label": "Your conversations" }),
    desk: h("nav", { "aria-label": "Desk" }),
    main: h("main", { id: "main" }),
    title: h("h2", { id: "title" }),
    line: h("p", { class: "line", role: "status", hidden: true }, "Connection lost. Trying again…"),
    badge: h("span", { class: "badge", hidden: true }),
    mailBadge: mail.badge,
  };
  const side = h("aside", { class: "side", id: "side" },
    h("header", {}, h("a", { class: "brand", href: "#/new" }, mark(), "Foyer"), h("button", { class: "icon-button only-narrow", type: "button", "aria-label": "Close the menu", onclick: () => menu(false) }, icon("close"))),
    h("a", { class: "new-button", href: "#/new" }, icon("plus"), "New conversation"),
    h("div", { class: "lists" }, view.waiting, view.mine, view.desk),
    h("footer", {},
      knows && h("a", { class: "row", href: "#/articles" }, icon("book"), "Articles"),
      knows && h("a", { class: "row", href: "#/gaps" }, icon("ball"), "Gaps and reviews"),
      reviews() && h("a", { class: "row", href: "#/understanding" }, icon("people"), "Understanding"),
      h("button", { class: "row", type: "button", onclick: () => mail.toggle() }, icon("mail"), "Your mail (sandbox)", mail.badge),
      h("div", { class: "me" }, avatar(state.me.name), h("span", { class: "who" }, h("strong", {}, state.me.name), h("span", {}, role())), h("button", { class: "icon-button", type: "button", "aria-label": "Be somebody else", title: "Be somebody else", onclick: leave }, icon("leave")))));
  root.className = "frame";
  root.replaceChildren(
    side,
    h("div", { class: "veil", onclick: () => menu(false) }),
    h("div", { class: "stage" },
      h("header", { class: "top" },
        h("button", { class: "icon-button only-narrow", type: "button", "aria-label": "Open the menu", "aria-controls": "side", onclick: () => menu(true) }, icon("menu"), view.badge),
        view.title,
        h("p", { class: "disclosure" }, h("strong", {}, "Foyer is an AI"), h("span", {}, ", ask for a person any time"))),
      view.line,
      view.main),
    mail.element);
}

function reviews() {
  return ["knowledge_admin", "service_owner"].some((name) => state.me.roles.includes(name));
}

function role() {
  const names = { staff: "Staff", knowledge_admin: "Knowledge admin", service_owner: "Service owner" };
  return state.me.roles.map((name) => names[name]).filter(Boolean).join(", ") || "Employee";
}

function menu(open) {
  root.classList.toggle("menu-open", open);
  if (open) root.querySelector(".side .new-button").focus();
}

function line(up, why) {
  const text = `${why || "Connection lost."} Trying again…`;
  if (view.line.textContent !== text) view.line.textContent = text; // said once, not at every try
  view.line.hidden = up;
}

// ---- the lists

async function refresh() {
  const [{ conversations }, { messages }] = await Promise.all([api.conversations(), api.waiting()]);
  state.conversations = conversations;
  state.waiting = messages;
  lists();
}

let soon = 0;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(() => refresh().catch(() => {}), 120);
}

function lists() {
  const here = current();
  const mustDo = new Map();
  for (const message of state.waiting) {
    const kind = message.reply?.kind;
    if ((kind === "approval" || kind === "handoff") && message.reply.actions.length) mustDo.set(message.conversation, message);
  }
  view.waiting.hidden = mustDo.size === 0;
  view.waiting.replaceChildren(h("h3", {}, "Waiting for you", h("span", { class: "count" }, String(mustDo.size))),
    h("ul", {}, [...mustDo.values()].reverse().map((message) => h("li", {}, waitingItem(message, here)))));
  const own = state.conversations.filter((conversation) => conversation.group === null && !mustDo.has(conversation.id));
  view.mine.replaceChildren(h("h3", {}, "Conversations"), list(own, here, "Nothing yet. Say what you need."));
  const desk = state.conversations.filter((conversation) => conversation.group !== null && !mustDo.has(conversation.id));
  view.desk.hidden = state.me.groups.length === 0 || !state.me.roles.includes("staff");
  view.desk.replaceChildren(h("h3", {}, "Desk"), list(desk, here, "Nothing else."));
  const unseen = mustDo.size || state.conversations.filter((conversation) => conversation.unseen && conversation.id !== here).length;
  view.badge.hidden = !unseen;
  view.badge.textContent = String(unseen);
  const open = state.conversations.find((conversation) => conversation.id === here);
  if (open) view.title.textContent = open.title || "(empty message)";
  document.title = unseen ? `(${unseen}) Foyer` : "Foyer";
}

function waitingItem(message, here) {
  const words = message.reply.kind === "approval" ? "Approve or deny" : `Handoff · ${message.group}`;
  const text = message.reply.text.replace(/[*_#`>~[\]]/g, "").split("\n").find((line) => line.trim()) ?? "";
  // A handoff's first field says who it is about, which tells more than its state.
  const who = message.reply.kind === "handoff" && message.reply.fields[0]?.value;
  const first = who ? `${/^\S+-\d+/.exec(text)?.[0] ?? ""} ${who}` : text;
  return h("a", { href: `#/c/${encodeURIComponent(message.conversation)}`, class: `item must kind-${message.reply.kind}`, "aria-current": message.conversation === here ? "page" : false },
    h("span", { class: "item-title" }, first), h("span", { class: "item-meta" }, `${words} · ${ago(message.at)}`));
}

function list(conversations, here, empty) {
  if (!conversations.length) return h("p", { class: "empty" }, empty);
  return h("ul", {}, conversations.map((conversation) => {
    const unseen = conversation.unseen && conversation.id !== here;
    return h("li", {}, h("a", { href: `#/c/${encodeURIComponent(conversation.id)}`, class: unseen ? "item unread" : "item", "aria-current": conversation.id === here ? "page" : false },
      h("span", { class: "item-title" }, conversation.title || "(empty message)"),
      h("span", { class: "item-meta" }, [conversation.group, ago(conversation.at)].filter(Boolean).join(" · "), unseen && h("span", { class: "unseen" }, ", new"))));
  }));
}

// ---- what comes, and where we are

function receive(message) {
  if (message.conversation === chat.id && view.main.contains(chat.element)) chat.receive(message);
  else if (!message.mine && !message.deleted && message.reply?.actions.length && (message.reply.kind === "approval" || message.reply.kind === "handoff")) {
    toast(message.reply.kind === "approval" ? "Something waits for your approval." : "Somebody needs a person.");
  }
  refreshSoon();
  mail.refreshSoon();
}

function current() {
  const found = /^#\/c\/(.+)$/.exec(location.hash);
  return found ? decodeURIComponent(found[1]) : null;
}

async function route() {
  if (!state.me) return;
  menu(false);
  hush();
  if (location.hash === "#/articles" && state.me.roles.includes("knowledge_admin")) {
    view.title.textContent = "Articles";
    view.main.replaceChildren(await articlesPanel());
    lists();
    return;
  }
  if (location.hash === "#/gaps" && state.me.roles.includes("knowledge_admin")) {
    view.title.textContent = "Gaps and reviews";
    view.main.replaceChildren(await gapsPanel());
    lists();
    return;
  }
  if (location.hash === "#/understanding" && reviews()) {
    view.title.textContent = "Understanding";
    view.main.replaceChildren(await understandingPanel());
    lists();
    return;
  }
  const id = current();
  if (id === null) {
    fresh = crypto.randomUUID();
    history.replaceState(null, "", `#/c/${fresh}`);
    return route();
  }
  const known = state.conversations.find((conversation) => conversation.id === id);
  view.title.textContent = known?.title || "New conversation";
  view.main.replaceChildren(chat.element);
  lists();
  await chat.open(id, known?.group ?? null, !known && id === fresh);
  if (matchMedia("(min-width: 60rem)").matches) chat.box.focus();
}

let fresh = null;
addEventListener("hashchange", () => route());
document.addEventListener("visibilitychange", () => { if (!document.hidden && chat?.id) refreshSoon(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu(false); mail?.close(); } });
begin();
