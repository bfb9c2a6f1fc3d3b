// Articles, for knowledge admins: drop a file, try questions on the draft, publish it.

import { api } from "./api.js";
import { ago, h, icon, safe, toast } from "./dom.js";
import { chosen as files, dropped, outcome, upload, uploadList } from "./uploads.js";

const STATES = { draft: "Draft", published: "Published", superseded: "Older version", retired: "Retired" };

export async function articlesPanel() {
  const body = h("div", { class: "articles" });
  const audience = h("fieldset", { class: "audience" }, h("legend", {}, "Who is it for?"));
  const chosen = new Map();
  const sent = new Map(); // files by upload: what has to be sent again after a restart
  const input = h("input", { type: "file", id: "files", multiple: true, class: "unseen" });
  const folder = h("input", { type: "file", id: "folder", webkitdirectory: true, class: "unseen" });
  const atOnce = h("input", { type: "checkbox", id: "at-once" });
  const formats = h("span", { class: "small" });
  const status = h("p", { class: "upload-status", role: "status" });
  const zone = h("label", { class: "drop", for: "files" }, icon("upload"), h("strong", {}, "Drop articles here, files or folders"), h("span", {}, "or choose files"), formats, input);
  const more = h("div", { class: "upload-more" },
    h("label", { class: "action", for: "folder" }, "Choose a folder", folder),
    h("label", { class: "at-once", for: "at-once" }, atOnce, "Publish at once"));
  const table = h("ul", { class: "article-list" });
  const filter = h("input", { type: "search", id: "sift", placeholder: "Title or file name", oninput: () => sift() });

  function sift() {
    const wanted = filter.value.trim().toLowerCase();
    for (const item of table.children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
  }

  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => { event.preventDefault(); await take(await dropped(event.dataTransfer)); });
  for (const one of [input, folder]) one.addEventListener("change", () => { const given = files(one); one.value = ""; take(given); });

  const uploads = uploadList(async (one) => {
    if (one.mine) say(one.total === 1 && one.counts.refused ? one.refused[0].reason : outcome(one), one.counts.refused === one.total);
    await load();
  }, (id, sentence) => broken(sentence, sent.get(id)));

  function say(text, problem = false) {
    status.textContent = text;
    status.classList.toggle("problem", problem);
  }

  /** `given`: the files of an upload that was begun and can be sent again. */
  function broken(sentence, given) {
    say(sentence, true);
    if (!status.isConnected) toast(sentence);
    if (given) status.append(" ", h("button", { type: "button", class: "action", onclick: () => take(given) }, "Add the same files again"));
    return load();
  }

  async function take(given) {
    if (!given.length) { say("There is no file in that.", true); return; }
    const audience = [...chosen].filter(([, values]) => values.size).map(([key, values]) => `${key}=${[...values].join(",")}`);
    say(given.length === 1 ? `Adding ${given[0].path}…` : `Adding ${given.length} files…`);
    let begun = false;
    try {
      await upload(given, audience, atOnce.checked, (one) => { begun = true; sent.set(one.id, given); return uploads.watch(one); });
    } catch (error) {
      await uploads.look();
      await broken(error.message, begun && given);
    }
  }

  function vocabulary(groups) {
    audience.replaceChildren(h("legend", {}, "Who is it for?"), h("p", { class: "small" }, "Nothing chosen: all employees. Guests never."),
      ...Object.entries(groups).map(([key, values]) => h("div", { class: "chips", role: "group", "aria-label": key }, h("span", { class: "chips-name" }, key), values.map((value) => {
        const set = chosen.get(key) ?? chosen.set(key, new Set()).get(key);
        const chip = h("button", { type: "button", class: "chip", "aria-pressed": String(set.has(value)) }, value);
        chip.addEventListener("click", () => {
          if (!set.delete(value)) set.add(value);
          chip.setAttribute("aria-pressed", String(set.has(value)));
        });
        return chip;
      }))));
  }

  function row(article) {
    const result = h("div", { class: "trial", "aria-live": "polite" });
    const question = h("input", { type: "text", "aria-label": `A question for ${article.title}`, placeholder: "Try a question on it", required: true });
    const trial = h("form", { class: "try" }, question, h("button", { class: "action", type: "submit" }, "Try"));
    trial.addEventListener("submit", async (event) => {
      event.preventDefault();
      result.replaceChildren(h("p", { class: "small" }, "Looking…"));
      try {
        const { answered, html, citations } = await api.tryArticle(article.id, question.value);
        result.replaceChildren(answered ? safe(html, "text") : h("p", {}, "This article does not answer that."), ...citations.map((citation) => h("p", { class: "small" }, `[${citation.n}] ${citation.title}${citation.section ? ` › ${citation.section}` : ""}`)));
      } catch (error) {
        result.replaceChildren(h("p", { class: "problem" }, error.message));
      }
    });
    const does = (label, style, work, done) => h("button", { type: "button", class: `action ${style}`, onclick: async (event) => {
      event.currentTarget.disabled = true;
      try { await work(article.id); toast(done); } catch (error) { toast(error.message); }
      await Promise.all([load(), uploads.look()]);
    } }, label);
    const open = article.state === "draft";
    return h("li", { class: `article state-${article.state}`, "data-source": article.source },
      h("div", { class: "article-head" }, h("h3", {}, article.title), h("span", { class: `tag tag-${article.state}` }, STATES[article.state] ?? article.state), article.state === "published" && does("Retire", "quiet", api.retireArticle, `“${article.title}” is retired.`)),
      h("p", { class: "small" }, [article.source, `version ${article.version}`, article.audience || "all employees", `updated ${ago(article.updated)}`].join(" · ")),
      article.warnings.length > 0 && h("ul", { class: "warnings" }, article.warnings.map((warning) => h("li", {}, warning))),
      open && trial, open && result,
      open && h("div", { class: "actions" }, does("Publish", "primary", api.publishArticle, `“${article.title}” is published and answers from now on.`)));
  }

  async function load() {
    try {
      const { articles, audience: groups, formats: accepted, largest_mb: largest } = await api.articles();
      formats.textContent = `${accepted}; up to ${largest} MB each`;
      input.accept = accepted.replaceAll(" ", "");
      if (audience.children.length < 2) vocabulary(groups);
      const rank = (article) => ["draft", "published"].indexOf(article.state) >>> 0;
      table.replaceChildren(...articles.toSorted((one, other) => rank(one) - rank(other)).map(row));
      sift();
      if (!articles.length) table.append(h("li", { class: "empty" }, "No articles yet."));
    } catch (error) {
      table.replaceChildren(h("li", { class: "problem", role: "alert" }, error.message));
    }
  }

  body.append(h("div", { class: "page wide" }, h("section", { class: "upload", "aria-label": "Add articles" }, audience, zone, more, status, uploads.element), h("section", { "aria-label": "All articles" }, h("div", { class: "find" }, h("label", { for: "sift" }, "Find an article"), filter), table)));
  await Promise.all([load(), uploads.look()]);
  return body;
}
