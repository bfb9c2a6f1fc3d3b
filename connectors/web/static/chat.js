// One conversation: its dialogue, and the box in which one says something.

import { api } from "./api.js";
import { h, icon, mark, toast } from "./dom.js";
import { messageElement } from "./message.js";

const IDEAS = [
  "I am locked out of my account",
  "How many days of PTO do I carry over?",
  "I need access to Figma for three months",
  "Please order me a new monitor",
  "What is happening with my request?",
  "I want to talk to a person",
];

/** The view of a conversation. `state` is the application's: me, messages by conversation, and so on. */
export class Chat {
  constructor(state, onSent) {
    this.state = state;
    this.onSent = onSent;
    this.elements = new Map();
    this.waitingFor = 0;
    this.list = h("ol", { class: "dialogue", id: "dialogue", role: "log", "aria-live": "polite", "aria-label": "Conversation" });
    this.thinking = h("p", { class: "thinking", role: "status", hidden: true }, mark(), h("span", { class: "unseen" }, "Foyer is working on it"), h("i"), h("i"), h("i"));
    this.start = h("section", { class: "start" });
    this.box = h("textarea", { id: "say", rows: "1", "aria-describedby": "say-hint", placeholder: "What do you need?" });
    this.hint = h("p", { id: "say-hint", class: "hint" });
    this.form = h("form", { class: "composer" }, h("label", { for: "say", class: "unseen" }, "Your message"), this.box, h("button", { class: "send", type: "submit", "aria-label": "Send" }, icon("send")));
    this.scroller = h("div", { class: "scroller", tabindex: "-1" }, h("div", { class: "page" }, this.start, this.list, this.thinking));
    this.element = h("div", { class: "chat" }, this.scroller, h("div", { class: "dock" }, this.form, this.hint));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.say(this.box.value); });
    this.box.addEventListener("input", () => this.grow());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.form.requestSubmit(); }
    });
  }

  /** Shows another conversation; `group` when it is a handoff in a group's room. */
  async open(id, group, fresh) {
    this.id = id;
    this.group = group;
    this.elements.clear();
    this.list.replaceChildren();
    this.think(false);
    this.box.value = this.state.drafts.get(id) ?? "";
    this.grow();
    this.box.placeholder = group ? "Write a note for your colleagues" : "What do you need?";
    this.hint.textContent = group
      ? "Internal: what you write here stays with your group. To answer the person, press Reply on the card."
      : "Foyer can be wrong: its sources are below each answer. Enter sends, Shift+Enter starts a line.";
    this.start.replaceChildren(...(fresh ? this.welcome() : []));
    if (fresh) return;
    try {
      const { messages } = await api.messages(id);
      if (this.id !== id) return;
      messages.forEach((message) => this.put(message));
      this.bottom();
      this.seen(Math.max(0, ...messages.map((message) => message.seq)));
    } catch (error) {
      this.start.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message));
    }
  }

  welcome() {
    const hour = new Date().getHours();
    const greeting = hour < 5 ? "Hello" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening";
    return [
      h("h1", {}, `${greeting}, ${this.state.me.name.split(" ")[0]}.`),
      h("p", { class: "lede" }, "Say what you need in one sentence. Foyer answers from Acme’s own articles, gets things done, or finds you the right person."),
      h("ul", { class: "ideas", "aria-label": "Examples" }, IDEAS.map((idea) => h("li", {}, h("button", { type: "button", onclick: () => this.say(idea) }, idea)))),
    ];
  }

  /** A message came or changed. */
  receive(message) {
    const near = this.nearBottom();
    const known = this.elements.has(message.id);
    this.put(message);
    if (!message.mine) this.think(false, known);
    if (near) this.bottom();
    this.seen(message.seq);
  }

  put(message) {
    this.start.replaceChildren();
    const element = messageElement(message, (action, text) => this.press(action, text));
    const old = this.elements.get(message.id);
    if (old) {
      // What somebody is typing on a card survives its change.
      if (old.contains(document.activeElement) && old.querySelector(".reason")) { this.later(message, old); return; }
      old.replaceWith(element);
    } else {
      const after = [...this.list.children].findLast((item) => item.dataset.id < message.id);
      if (after) after.after(element);
      else this.list.prepend(element);
      element.classList.add("arrived");
    }
    this.elements.set(message.id, element);
  }

  later(message, old) {
    old.addEventListener("focusout", () => setTimeout(() => { if (old.isConnected && !old.contains(document.activeElement)) this.put(message); }, 0), { once: true });
  }

  async say(text) {
    const id = this.id;
    const message = crypto.randomUUID();
    this.box.value = "";
    this.state.drafts.delete(id);
    this.grow();
    this.think(true);
    try {
      await api.say(id, message, text);
      this.onSent(id);
      this.bottom();
      this.watch(id);
    } catch (error) {
      this.think(false);
      if (this.id === id && !this.box.value) { this.box.value = text; this.grow(); }
      toast(error.message);
    }
    this.box.focus();
  }

  async press(action, text) {
    const id = this.id;
    await api.press(action.id, id, text);
    this.think(true);
    this.watch(id);
  }

  /** Keeps the sign that something is happening until nothing is. */
  async watch(id) {
    const mine = ++this.waitingFor;
    for (let wait = 400; mine === this.waitingFor && this.id === id; wait = Math.min(wait * 1.4, 3000)) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const { idle } = await api.idle(id).catch(() => ({ idle: true }));
      if (idle && mine === this.waitingFor) { this.think(false); return; }
    }
  }

  think(on) {
    this.thinking.hidden = !on || Boolean(this.group);
    if (on) this.bottom();
  }

  seen(seq) {
    if (seq && !document.hidden) {
      this.state.seen.set(this.id, seq);
      api.seen(this.id, seq).catch(() => {});
    }
  }

  grow() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, 200)}px`;
    if (this.box.value) this.state.drafts.set(this.id, this.box.value);
  }

  nearBottom() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < 160;
  }

  bottom() {
    requestAnimationFrame(() => { this.scroller.scrollTop = this.scroller.scrollHeight; });
  }
}
