// A page that shows blocks as Slack would: messages, modals and the home page, drawn by slack-blocks-to-jsx.

import React from "react";
import { createRoot } from "react-dom/client";
import { flushSync } from "react-dom";
import { Message } from "slack-blocks-to-jsx";
import "slack-blocks-to-jsx/dist/style.css";
import "./page.css";

const LOGO = "data:image/svg+xml," + encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 36 36"><rect width="36" height="36" rx="8" fill="#1d5c4d"/><path d="M11 26V10h14v4H15v3h8v4h-8v5z" fill="#fff"/></svg>');
const TIME = new Date(2026, 10, 20, 14, 5);

function Blocks({ blocks, name, bare }) {
  return <Message blocks={blocks} logo={LOGO} name={name} time={TIME} theme="light" withoutWrapper={bare} data={{ users: [], channels: [], user_groups: [] }} />;
}

function View({ view }) {
  const modal = view.type === "modal";
  return (
    <section className={modal ? "modal" : "home"}>
      {modal && <header><h1>{view.title.text}</h1></header>}
      <div className="view-blocks"><Blocks blocks={view.blocks} name="Foyer" bare /></div>
      {modal && <footer>
        <span className="close">{view.close.text}</span>
        {view.submit && <span className="submit">{view.submit.text}</span>}
      </footer>}
    </section>
  );
}

/** `shown`: the JSON of a list of {name, blocks} or {view}. `verbatim` only keeps Slack from guessing links; here it would keep them all from being read. */
window.show = (json) => {
  const shown = JSON.parse(json, (key, value) => (key === "verbatim" ? undefined : value));
  const page = shown.map((one, n) => (one.view ? <View key={n} view={one.view} /> : <Blocks key={n} blocks={one.blocks} name={one.name} />));
  flushSync(() => createRoot(document.getElementById("page")).render(<>{page}</>));
};
