// Gaps and reviews, for knowledge admins: what people asked in vain, and the articles that may not hold any more.

import { api } from "./api.js";
import { ago, h, toast } from "./dom.js";

const counted = (n, one, many) => `${n} ${n === 1 ? one : many}`;

export async function gapsPanel() {
  const gaps = h("ul", { class: "article-list" });
  const more = h("p", { class: "small" });
  const reviews = h("ul", { class: "article-list" });

  const button = (label, style, work, done) => h("button", { type: "button", class: `action ${style}`, onclick: async (event) => {
    event.currentTarget.disabled = true;
    try { toast(done(await work())); } catch (error) { toast(error.message); }
    await load();
  } }, label);

  function gap(group) {
    const asked = [`asked ${counted(group.count, "time", "times")}`, `by ${counted(group.people, "person", "people")}`];
    const when = [`first ${ago(group.first_seen)}`, group.count > 1 && `last ${ago(group.last_seen)}`].filter(Boolean).join(", ");
    const closed = ({ closed }) => `${counted(closed, "question is", "questions are")} closed.`;
    return h("li", { class: "article gap", "data-gap": group.id },
      h("div", { class: "article-head" }, h("h3", {}, group.question), h("span", { class: "tag" }, `${group.count}×`)),
      h("p", { class: "small" }, [...asked, when].join(" · ")),
      group.samples.length > 1 && h("ul", { class: "samples" }, group.samples.slice(1).map((sample) => h("li", {}, sample))),
      group.unhelpful > 0 && h("p", { class: "small" }, group.unhelpful === group.count ? "It was answered, but that did not help." : `${counted(group.unhelpful, "answer was given that did", "answers were given that did")} not help.`),
      group.nearest && h("p", { class: "small" }, "Covered by ", h("strong", {}, group.nearest.title), ` (${group.nearest.source})? Then it may lack these words.`),
      h("div", { class: "actions" },
        h("a", { class: "action primary", href: api.draftOf(group.id), download: "article.md" }, "Start an article"),
        button("It is written", "", () => api.closeGap(group.id, "written"), closed),
        button("Not for us", "quiet", () => api.closeGap(group.id, "not_ours"), closed)));
  }

  function review(one) {
    return h("li", { class: "article", "data-source": one.source },
      h("div", { class: "article-head" }, h("h3", {}, one.title), h("span", { class: "tag" }, one.days ? `${counted(one.days, "day", "days")} over` : "due today")),
      h("p", { class: "small" }, [one.source, one.owner ? `owner ${one.owner}` : "nobody owns it"].join(" · ")),
      h("div", { class: "actions" }, button("Still right", "primary", () => api.confirmReview(one.id, one.version), ({ review_due }) => `“${one.title}” still holds; its next review is on ${review_due}.`)));
  }

  async function load() {
    try {
      const [asked, due] = await Promise.all([api.gaps(), api.reviews()]);
      gaps.replaceChildren(...asked.groups.map(gap));
      if (!asked.groups.length) gaps.append(h("li", { class: "empty" }, "Nothing was asked that no article answers."));
      more.textContent = asked.count > asked.groups.length ? `And ${counted(asked.count - asked.groups.length, "more that was", "more that were")} asked less often.` : "";
      reviews.replaceChildren(...due.reviews.map(review));
      if (!due.reviews.length) reviews.append(h("li", { class: "empty" }, "No review is due."));
    } catch (error) {
      gaps.replaceChildren(h("li", { class: "problem", role: "alert" }, error.message));
    }
  }

  const part = (title, about, ...content) => h("section", { "aria-label": title }, h("h2", { class: "part" }, title), h("p", { class: "small" }, about), ...content);
  await load();
  return h("div", { class: "articles" }, h("div", { class: "page wide" },
    part("Asked in vain", "Questions that no article answered, or whose answer did not help. Nobody is named. One closes by itself when a published article answers it.", gaps, more),
    part("Due for review", "Answers from these say that their review is overdue. A new version is a review, too.", reviews)));
}
