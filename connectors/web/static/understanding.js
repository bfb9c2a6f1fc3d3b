// Understanding, for reviewers: what people proposed to learn, what is understood now, and the versions that came of it.

import { api } from "./api.js";
import { ago, h, toast } from "./dom.js";

const SOURCES = { staff: "by staff at the desk", employee: "picked by whoever said it", admin: "added here" };
const STATES = { proposed: "Proposed", accepted: "Accepted", rejected: "Rejected", active: "Serves", refused: "Refused", superseded: "Older version" };
const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
const sure = ({ confidence }) => `${Math.round(100 * confidence)}\u00a0% sure`;

export async function understandingPanel() {
  const waiting = h("ul", { class: "article-list" });
  const decided = h("ul", { class: "article-list" });
  const versions = h("ul", { class: "article-list" });
  const outcome = h("div", { class: "outcome", role: "status" });
  const label = h("select", { id: "lesson-label", required: true });
  const text = h("input", { type: "text", id: "lesson-text", required: true, maxlength: 300, placeholder: "What somebody may say" });

  const does = (name, style, work, done) => h("button", { type: "button", class: `action ${style}`, onclick: async (event) => {
    event.currentTarget.disabled = true;
    try { toast(done(await work())); } catch (error) { toast(error.message); }
    await load();
  } }, name);

  function lesson(one) {
    const open = one.state === "proposed";
    const understood = one.now === null ? "." : one.now.label === one.label ? `. Is understood so already, ${sure(one.now)}.` : `. Is understood as: ${one.now.title}, ${sure(one.now)}.`;
    return h("li", { class: `article lesson state-${one.state}`, "data-lesson": one.id },
      h("div", { class: "article-head" }, h("h3", {}, `“${one.text}”`), h("span", { class: `tag tag-${one.state}` }, STATES[one.state])),
      h("p", {}, "Should be: ", h("strong", {}, one.title), understood),
      one.against && h("p", { class: "problem" }, one.against.text),
      h("p", { class: "small" }, [SOURCES[one.source], one.by, ago(one.at), one.kept && "kept aside to compare versions on"].filter(Boolean).join(" · ")),
      open && h("div", { class: "actions" },
        one.mine ? h("p", { class: "small" }, "You proposed it: somebody else accepts it.") : does("Accept", "primary", () => api.acceptLesson(one.id), () => "Accepted. The next retraining learns from it."),
        does("Reject", "quiet", () => api.rejectLesson(one.id), () => "Rejected.")),
      one.state === "accepted" && h("div", { class: "actions" }, does("Take back", "quiet", () => api.rejectLesson(one.id), () => "Taken back. The next retraining forgets it.")));
  }

  function version(one, serving) {
    const serves = one.number === serving;
    return h("li", { class: `article version state-${one.state}`, "data-version": one.number },
      h("div", { class: "article-head" }, h("h3", {}, `Version ${one.number}`), h("span", { class: `tag tag-${one.state}` }, STATES[one.state]),
        !serves && one.state === "superseded" && does("Activate", "quiet", () => api.activateVersion(one.number), () => `Version ${one.number} serves from now on.`)),
      h("p", {}, `Understands ${percent(one.accuracy)} of ${one.kept} kept questions; the one before it ${percent(one.accuracy_before)}. Its confidence is off by ${percent(one.calibration_error)} on average.`),
      h("p", { class: "small" }, [one.lessons === 1 ? "1 lesson" : `${one.lessons} lessons`, one.by, ago(one.at)].filter(Boolean).join(" · ")));
  }

  const retrain = h("button", { type: "button", class: "action primary retrain", onclick: async () => {
    retrain.disabled = true;
    outcome.replaceChildren(h("p", { class: "small" }, "Training and comparing…"));
    try {
      const done = await api.retrain();
      const told = done.why === null ? h("p", {}, `Version ${done.number} serves now.`) : h("p", { class: "problem" }, `Version ${done.number} is refused. ${done.why}`);
      const lost = done.lost.length > 0 && [h("p", { class: "small" }, "No longer understood:"), h("ul", { class: "samples" }, done.lost.map((said) => h("li", {}, said)))];
      outcome.replaceChildren(h("div", {}, told, lost));
    } catch (error) {
      outcome.replaceChildren(h("p", { class: "problem" }, error.message));
    }
    retrain.disabled = false;
    await load();
  } }, "Retrain");

  const form = h("form", { class: "try teach" }, h("label", { class: "unseen", for: "lesson-text" }, "What somebody may say"), text, h("label", { class: "unseen", for: "lesson-label" }, "What it means"), label, h("button", { class: "action", type: "submit" }, "Propose"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { against } = await api.addLesson(text.value, label.value);
      text.value = label.value = "";
      toast(["Proposed. Somebody else accepts it.", against && against.text].filter(Boolean).join(" "));
    } catch (error) { toast(error.message); }
    await load();
  });

  async function load() {
    try {
      const [{ lessons, labels }, trained] = await Promise.all([api.lessons(), api.recognition()]);
      if (!label.children.length) label.append(h("option", { value: "" }, "What it means"), ...labels.map((one) => h("option", { value: one.name }, one.title)));
      const open = lessons.filter((one) => one.state === "proposed"), done = lessons.filter((one) => one.state !== "proposed");
      waiting.replaceChildren(...open.map(lesson));
      if (!open.length) waiting.append(h("li", { class: "empty" }, "Nothing waits for a decision."));
      decided.replaceChildren(...done.map(lesson));
      if (!done.length) decided.append(h("li", { class: "empty" }, "Nothing was decided yet."));
      versions.replaceChildren(...trained.versions.map((one) => version(one, trained.serving)),
        h("li", { class: "article version", "data-version": 0 }, h("div", { class: "article-head" }, h("h3", {}, "As shipped"), trained.serving === 0 && h("span", { class: "tag tag-active" }, STATES.active),
          trained.serving !== 0 && does("Activate", "quiet", () => api.activateVersion(0), () => "The recognition serves as it ships.")), h("p", { class: "small" }, "Without lessons.")));
    } catch (error) {
      waiting.replaceChildren(h("li", { class: "problem", role: "alert" }, error.message));
    }
  }

  const part = (title, about, ...content) => h("section", { "aria-label": title }, h("h2", { class: "part" }, title), h("p", { class: "small" }, about), ...content);
  await load();
  return h("div", { class: "articles" }, h("div", { class: "page wide" },
    part("Proposed", "What people said should have been understood. Addresses, numbers of four digits and more, and the names of people in the directory are left out (dates and years stay). Whoever proposed it does not decide on it.", waiting, form),
    part("Versions", "A version that understands fewer of the kept questions than the one that serves is not activated.", h("div", { class: "actions" }, retrain), outcome, versions),
    part("Decided", "What was accepted is learned by the next retraining; every fifth is kept aside to compare versions on.", decided)));
}
