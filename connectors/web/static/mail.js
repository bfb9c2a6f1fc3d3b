// The person's mailbox at the sandbox company: links that never go through the chat arrive here.

import { api } from "./api.js";
import { clock, h, icon } from "./dom.js";

export function mailDrawer() {
  const list = h("ol", { class: "mails" });
  const badge = h("span", { class: "badge", hidden: true });
  const element = h("aside", { class: "drawer", "aria-label": "Your mail (sandbox)", hidden: true },
    h("header", {}, h("h2", { tabindex: "-1" }, "Your mail"), h("button", { class: "icon-button", type: "button", "aria-label": "Close your mail", onclick: close }, icon("close"))),
    h("p", { class: "small" }, "Your mailbox at Acme, outside of Foyer. One-time links are sent here and never into the chat."),
    list);
  let count = 0, read = null, opener = null, soon = 0;

  async function load() {
    const { mails } = await api.inbox();
    count = mails.length;
    read ??= count;
    if (!element.hidden) read = count;
    badge.hidden = count <= read;
    badge.textContent = String(count - read);
    list.replaceChildren(...mails.map(letter));
    if (!mails.length) list.append(h("li", { class: "empty" }, "No mail yet."));
  }

  function letter(mail) {
    return h("li", { class: "mail" },
      h("h3", {}, mail.subject), h("time", { datetime: mail.at }, clock(mail.at)), h("p", {}, mail.text),
      mail.link && h("a", { class: "action primary", href: mail.link, target: "_blank", rel: "noopener noreferrer" }, "Open the link"));
  }

  function refreshSoon() {
    clearTimeout(soon);
    soon = setTimeout(() => load().catch(() => {}), 300);
  }

  function close() {
    if (element.hidden) return;
    element.hidden = true;
    opener?.focus();
  }

  async function toggle() {
    if (!element.hidden) { close(); return; }
    opener = document.activeElement;
    element.hidden = false;
    element.querySelector("h2").focus();
    try {
      await load();
    } catch (error) {
      list.replaceChildren(h("li", { class: "empty", role: "alert" }, error.message));
    }
  }

  refreshSoon();
  return { element, badge, toggle, close, refreshSoon };
}
