// Articles, for knowledge admins: drop a file, try questions on the draft, publish it.

import { api } from "./api.js";
import { ago, h, icon, safe, toast } from "./dom.js";

const STATES = { draft: "Draft", review: "In review", published: "Published", superseded: "Older version", retired: "Retired" };
const WARNINGS = {
  encoding_guessed: "The file does not say in which encoding it is; check the special characters.",
  control_characters_removed: "Control characters were left out.",
  hidden_text_removed: "Text that readers cannot see was left out. Please check where this file comes from.",
};

export async function articlesPanel() {
  const body = h("div", { class: "articles" });
  const audience = h("fieldset", { class: "audience" }, h("legend", {}, "Who is it for?"));
  const chosen = new Map();
  const input = h("input", { type: "file", id: "files", multiple: true, accept: ".md,.markdown,.html,.htm,.txt", class: "unseen" });
  const status = h("p", { class: "upload-status", role: "status" });
  const zone = h("label", { class: "drop", for: "files" }, icon("upload"), h("strong", {}, "Drop articles here"), h("span", {}, "or choose files: Markdown, HTML or text, up to 5 MB each"), input);
  const table = h("ul", { class: "article-list" });
  const filter = h("input", { type: "search", id: "sift", placeholder: "Title or file name", oninput: () => sift() });

  function sift() {
    const wanted = filter.value.trim().toLowerCase();
    for (const item of table.children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
  }

  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); upload([...event.dataTransfer.files]); });
  input.addEventListener("change", () => { upload([...input.files]); input.value = ""; });

  async function upload(files) {
    const problems = [];
    for (const [n, file] of files.entries()) {
      status.textContent = `Reading ${file.name} (${n + 1} of ${files.length})…`;
      const form = new FormData();
      for (const [key, values] of chosen) if (values.size) form.append("audience", `${key}=${[...values].join(",")}`);
      form.append("file", file);
      try {
        await api.addArticles(form);
      } catch (error) {
        problems.push(`${file.name}: ${error.message}`);
      }
    }
    status.textContent = problems.length ? problems.join("\n") : `${files.length === 1 ? "One article is" : `${files.length} articles are`} a draft now. Try a question on it, then publish.`;
    status.classList.toggle("problem", problems.length > 0);
    await load();
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
      await load();
    } }, label);
    const open = article.state === "draft" || article.state === "review";
    return h("li", { class: `article state-${article.state}`, "data-source": article.source },
      h("div", { class: "article-head" }, h("h3", {}, article.title), h("span", { class: `tag tag-${article.state}` }, STATES[article.state] ?? article.state), article.state === "published" && does("Retire", "quiet", api.retireArticle, `“${article.title}” is retired.`)),
      h("p", { class: "small" }, [article.source, `version ${article.version}`, article.audience || "all employees", `updated ${ago(article.updated)}`].join(" · ")),
      article.warnings.length > 0 && h("ul", { class: "warnings" }, article.warnings.map((code) => h("li", {}, WARNINGS[code] ?? code.replaceAll("_", " ")))),
      open && trial, open && result,
      open && h("div", { class: "actions" }, does("Publish", "primary", api.publishArticle, `“${article.title}” is published and answers from now on.`)));
  }

  async function load() {
    try {
      const { articles, audience: groups } = await api.articles();
      if (audience.children.length < 2) vocabulary(groups);
      const rank = (article) => ["draft", "review", "published"].indexOf(article.state) >>> 0;
      table.replaceChildren(...articles.toSorted((one, other) => rank(one) - rank(other)).map(row));
      sift();
      if (!articles.length) table.append(h("li", { class: "empty" }, "No articles yet."));
    } catch (error) {
      table.replaceChildren(h("li", { class: "problem", role: "alert" }, error.message));
    }
  }

  body.append(h("div", { class: "page wide" }, h("section", { class: "upload", "aria-label": "Add articles" }, audience, zone, status), h("section", { "aria-label": "All articles" }, h("div", { class: "find" }, h("label", { for: "sift" }, "Find an article"), filter), table)));
  await load();
  return body;
}
