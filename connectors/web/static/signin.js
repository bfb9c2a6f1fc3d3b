// Choosing who one is: the sandbox company has no passwords, and this page is reachable from this machine only.

import { api } from "./api.js";
import { avatar, h, mark, toast } from "./dom.js";

const countries = new Intl.DisplayNames(["en"], { type: "region" });

function country(code) {
  try {
    return code ? countries.of(code) : "";
  } catch {
    return code;
  }
}

/** Shows the people one may become; `entered` is called once signed in. */
export async function signInPage(root, entered) {
  const list = h("ul", { class: "people", "aria-label": "People" });
  const search = h("input", { type: "search", id: "find", autocomplete: "off", placeholder: "Search by name" });

  const lede = h("p", { class: "lede" });
  const label = h("label", { for: "find" });

  async function enter(person, button) {
    button.setAttribute("aria-busy", "true");
    try {
      await api.signIn(person.email);
      await entered();
    } catch (error) {
      button.removeAttribute("aria-busy");
      toast(error.message);
    }
  }

  function card(person) {
    const place = [person.title, country(person.country)].filter(Boolean).join(" · ");
    const button = h("button", { class: "person", type: "button", "data-email": person.email, onclick: () => enter(person, button) },
      avatar(person.name, "large"),
      h("span", { class: "who" }, h("strong", {}, person.name), h("span", {}, place), person.note && h("em", {}, person.note)));
    return h("li", {}, button);
  }

  let asked = 0;
  async function load(text) {
    const mine = ++asked;
    try {
      const { people, sandbox } = await api.people(text);
      if (mine !== asked) return;
      lede.textContent = sandbox
        ? "Acme is a sandbox company on this machine. Be one of its people, ask for something in one sentence, and see it done. Then be their manager and approve it."
        : "Whoever sits at this machine can be anybody of the directory here: for trying out alone. What is asked for is done in the real systems.";
      label.textContent = sandbox ? "Somebody else at Acme" : "Who of the directory";
      list.replaceChildren(...people.map(card));
      if (!people.length && text) list.append(h("li", { class: "nobody" }, `Nobody called “${text}” works here.`));
    } catch (error) {
      list.replaceChildren(h("li", { class: "nobody", role: "alert" }, error.message));
    }
  }
  let pause = 0;
  search.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => load(search.value.trim()), 150);
  });

  root.className = "sign-in";
  root.replaceChildren(
    h("main", {},
      h("header", { class: "hero" },
        h("p", { class: "brand" }, mark(), "Foyer"),
        h("h1", {}, "Come in. Who are you today?"),
        lede),
      list,
      h("div", { class: "find" }, label, search),
      h("p", { class: "small" }, "No passwords here: this page answers to this machine only.")));
  document.title = "Foyer – who are you?";
  await load("");
}
