// Many articles at once: choose or drop files and folders, see how far it is, cancel, publish all that were added.

import { api } from "./api.js";
import { h, toast } from "./dom.js";

const EVERY = 500; // milliseconds between two looks
const LANES = 3; // files on their way at a time
const TRIES = 6; // half a minute: a server that is started again comes back
const SHOWN = 3; // uploads that are over
const COUNTS = [["published", "published"], ["added", "added"], ["unchanged", "unchanged"], ["refused", "refused"], ["left", "left out"]];
const DOING = { reading: "reading", encoding: "publishing" };
const sending = new Set(); // goes on while another view is open
const told = new Set(); // whose end was explained already

addEventListener("beforeunload", (event) => { if (sending.size) event.preventDefault(); });

const open = (upload) => upload.state === "open" || upload.state === "cancelling";
const many = (count) => (count === 1 ? "One article is a draft" : `${count} articles are drafts`);
const visible = (path) => !path.split("/").some((part) => part.startsWith("."));

const tidy = (files) => files.filter(({ path }) => visible(path)).sort((one, other) => one.path.localeCompare(other.path));

/** Files of an input, with the path from the chosen folder on; hidden ones are passed over. */
export function chosen(input) {
  return tidy([...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/** Files of a drop, those inside folders included. To be called inside the event: afterwards its items are gone. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return tidy(found);
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const inner of some) await walk(inner, found);
  }
}

/** Begins an upload and sends what it waits for; resolves once all of it is sent. `begun` gets the upload as soon as there is one. */
export async function upload(files, audience, publish, begun) {
  const begin = await api.beginUpload(files.map(({ path, file }) => ({ name: path, size: file.size })), audience, publish);
  begun(begin);
  const wanted = begin.files.flatMap((file, number) => (file.state === "waiting" ? [number] : []));
  sending.add(begin.id);
  const lane = async () => {
    for (let number = wanted.shift(); number !== undefined; number = wanted.shift()) await send(begin.id, number, files[number].file);
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } catch (error) {
    wanted.length = 0;
    const refused = error.status === 422;
    if (refused && await api.upload(begin.id).then((one) => one.state.startsWith("cancel"), () => false)) return; // which its card says
    told.add(begin.id);
    await api.cancelUpload(begin.id).catch(() => {});
    throw refused ? error : new Error("The files could not be sent to the end. What was added stays; choose the same files again to go on.");
  } finally {
    sending.delete(begin.id);
  }
}

async function send(id, number, file) {
  for (let tried = 1; ; tried += 1) {
    try {
      await api.sendFile(id, number, file);
      return;
    } catch (error) {
      if ((error.status && error.status < 500) || tried === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tried));
    }
  }
}

/** What became of it, in one sentence. */
export function outcome({ counts, state }) {
  const rest = COUNTS.filter(([name]) => name !== "added" && counts[name]).map(([name, word]) => `${counts[name]} ${word}`);
  const added = counts.added ? [`${many(counts.added)} now`] : [];
  const said = `${state === "cancelled" ? "Cancelled. " : ""}${[...added, ...rest].join(", ")}.`;
  return counts.added ? `${said} Try a question on ${counts.added === 1 ? "it" : "them"}, then publish.` : said;
}

/** What came of it after `before`, the counts at a press of its button: what was refused earlier was not refused by that. */
const since = (one, before) => ({ ...one, counts: Object.fromEntries(Object.entries(one.counts).map(([name, count]) => [name, Math.max(0, count - (before[name] ?? 0))])) });

/** The list of uploads. `over` is called with each that has come to its end, unless `upload` told why, and may show what is there now;
    `lost` with the sentence about one that was sent whole and that the server does not know any more. */
export function uploadList(over, lost) {
  const list = h("ul", { class: "uploads", "aria-label": "Uploads" });
  const cards = new Map();
  let timer = 0;

  function show(uploads) {
    const shown = uploads.filter((one, n) => open(one) || n < SHOWN);
    for (const one of shown) (cards.get(one.id) ?? cards.set(one.id, card()).get(one.id)).update(one);
    list.replaceChildren(...shown.map((one) => cards.get(one.id).element));
  }

  async function look() {
    clearTimeout(timer);
    try {
      const { uploads } = await api.uploads();
      const ended = uploads.filter((one) => !open(one) && cards.get(one.id)?.open);
      const missing = [...cards].filter(([id, { open: was }]) => was && !sending.has(id) && !uploads.some((one) => one.id === id));
      show(uploads);
      for (const [id, gone] of missing) {
        if (!told.has(id)) await api.upload(id).catch((error) => { if (!error.status) throw error; lost(id, error.message); });
        gone.open = false;
      }
      for (const one of ended) if (!told.has(one.id)) await over(since(one, cards.get(one.id).before));
      if (uploads.some(open) && (list.isConnected || sending.size)) timer = setTimeout(look, EVERY);
    } catch {
      if (list.isConnected) timer = setTimeout(look, EVERY * 4);
    }
  }

  function card() {
    let latest = null;
    const bar = h("progress", { max: "1", value: "0" });
    const title = h("strong", {});
    const line = h("p", { class: "small" });
    const asks = (label, style, work) => h("button", { type: "button", class: `action ${style}`, onclick: async () => {
      made.before = made.open ? {} : latest.counts;
      try { await work(latest.id); } catch (error) { toast(error.message); }
      made.open = true; // what comes next is news
      await look();
    } }, label);
    const cancel = asks("Cancel", "quiet", api.cancelUpload);
    const publish = asks("Publish all", "primary", api.publishUpload);
    const reasons = h("ul", {});
    const summary = h("summary", {});
    const refused = h("details", { class: "refused" }, summary, reasons);
    const made = {
      open: false,
      before: {},
      element: h("li", { class: "uploading" }, h("div", { class: "article-head" }, title, cancel), bar, line, h("div", { class: "actions" }, publish), refused),
      update(one) {
        latest = one;
        made.open = open(one);
        const files = `${one.total} ${one.total === 1 ? "file" : "files"}`;
        const adding = one.counts.waiting || one.counts.reading || !one.counts.encoding;
        const name = { open: adding ? `Adding ${files}` : `Publishing, ${files}`, cancelling: `Cancelling, ${files}`, cancelled: `Cancelled, ${files}`, done: `Done, ${files}` }[one.state];
        title.textContent = one.mine ? name : `${name} (${one.by})`;
        bar.max = one.total;
        const through = one.done - (one.counts.left ?? 0);
        bar.value = through;
        bar.setAttribute("aria-label", name);
        const counts = COUNTS.filter(([key]) => one.counts[key]).map(([key, word]) => `${one.counts[key]} ${word}`);
        line.textContent = [`${through} of ${one.total}`, ...counts, one.now && `${DOING[one.now.state]} ${one.now.name}`].filter(Boolean).join(" · ");
        cancel.hidden = one.state !== "open"; // anybody's: whoever began it may be away
        publish.hidden = !one.mine || open(one) || !one.drafts;
        publish.textContent = one.drafts === 1 ? "Publish the draft" : `Publish all ${one.drafts} drafts`;
        refused.hidden = !one.refused.length;
        summary.textContent = `${one.refused.length} refused`;
        if (reasons.children.length !== one.refused.length) {
          if (!reasons.children.length) refused.open = true;
          reasons.replaceChildren(...one.refused.map(({ name: file, reason }) => h("li", {}, !reason.includes(file) && h("span", {}, file), h("span", {}, reason))));
        }
      },
    };
    return made;
  }

  return { element: list, look, watch(one) { cards.set(one.id, card()).get(one.id).open = true; return look(); } };
}
