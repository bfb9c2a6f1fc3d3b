// A page that shows messages as Teams would: text as Markdown, cards drawn by Microsoft's own adaptivecards.

import * as AdaptiveCards from "adaptivecards";
import MarkdownIt from "markdown-it";
import "adaptivecards/dist/adaptivecards.css";
import "./page.css";

// What Teams shows in the text of a message; html is read, to see that there is none.
const text = new MarkdownIt({ html: true, linkify: true });
// What Teams reads in a TextBlock.
const block = new MarkdownIt({ html: false, linkify: true });
AdaptiveCards.AdaptiveCard.onProcessMarkdown = (said, result) => {
  result.outputHtml = block.render(said);
  result.didProcess = true;
};

const font = (fontFamily) => ({
  fontFamily,
  fontSizes: { small: 12, default: 14, medium: 16, large: 18, extraLarge: 24 },
  fontWeights: { lighter: 200, default: 400, bolder: 600 },
});
const colours = (plain, subtle) => ({ default: { default: plain, subtle } });
const container = (backgroundColor) => ({ backgroundColor, foregroundColors: colours("#242424", "#616161") });
const host = new AdaptiveCards.HostConfig({
  fontTypes: {
    default: font("'Segoe UI', 'DejaVu Sans', sans-serif"),
    monospace: font("'Consolas', 'DejaVu Sans Mono', monospace"),
  },
  spacing: { small: 6, default: 10, medium: 16, large: 24, extraLarge: 32, padding: 16 },
  containerStyles: { default: container("#ffffff"), emphasis: container("#f0f0f0") },
  inputs: {
    label: {
      requiredInputs: { weight: "Default", color: "Default", suffix: " *", suffixColor: "Default" },
      optionalInputs: { weight: "Default", color: "Default" },
    },
    errorMessage: { color: "Default", spacing: "Small" },
  },
  actions: { maxActions: 6, spacing: "default", buttonSpacing: 8, showCard: { actionMode: "inline", inlineTopMargin: 10, style: "emphasis" }, actionsOrientation: "horizontal", actionAlignment: "left" },
});

function element(name, className, parent, words = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = words;
  parent.append(made);
  return made;
}

function cited(bubble, entity) {
  if (entity.additionalType.includes("AIGeneratedContent")) element("span", "label", bubble.querySelector("header"), "AI generated");
  if (!entity.citation.length) return;
  const list = element("ul", "citations", bubble);
  for (const { position, appearance } of entity.citation) {
    const item = element("li", "", list, `${position}  `);
    element("b", "", item, appearance.name);
    item.append(` ${appearance.abstract}`);
  }
}

function drawn(card) {
  const made = new AdaptiveCards.AdaptiveCard();
  made.hostConfig = host;
  made.parse(card, new AdaptiveCards.SerializationContext(AdaptiveCards.Versions.v1_5));
  return made.render();
}

/** `shown`: the JSON of a list of {name, text, card, entities, channelData} or {dialog, card}. */
window.show = (json) => {
  const page = document.getElementById("page");
  for (const one of JSON.parse(json)) {
    const bubble = element("section", one.dialog ? "dialog" : "bubble", page);
    const header = element("header", "", bubble);
    element("b", "", header, one.dialog ?? one.name);
    if (one.text) element("div", "text", bubble).innerHTML = text.render(one.text);
    if (one.card) {
      const card = element("div", "card", bubble);
      card.append(drawn(one.card));
    }
    for (const entity of one.entities ?? []) cited(bubble, entity);
    if (one.channelData?.feedbackLoop) element("footer", "", bubble, "Like · Dislike");
  }
};

/** Opens what asks for words or second thoughts, as a person does. */
window.press = (title) => [...document.querySelectorAll("button")].find((one) => one.textContent === title).click();
