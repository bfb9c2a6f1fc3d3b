// Run in the page: returns what a reader with poor eyes, a screen reader or a small screen would stumble over.
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const brush = canvas.getContext("2d", { willReadFrequently: true });

function rgba(colour) {
  brush.clearRect(0, 0, 1, 1);
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 1, 1);
  return [...brush.getImageData(0, 0, 1, 1).data];
}

function over(top, under) {
  const alpha = top[3] / 255;
  return [0, 1, 2].map((n) => top[n] * alpha + under[n] * (1 - alpha)).concat(255);
}

function luminance(colour) {
  const [r, g, b] = colour.map((value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ground(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const colour = rgba(getComputedStyle(e).backgroundColor);
    if (colour[3]) layers.push(colour);
    if (colour[3] === 255) break;
  }
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 255]);
}

function visible(element) {
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  if (style.visibility === "hidden" || box.width < 2 || box.height < 2 || style.clipPath !== "none") return false;
  if (element.closest("[disabled], noscript, script")) return false;
  for (let e = element; e; e = e.parentElement) if (Number(getComputedStyle(e).opacity) < 0.99) return false;
  return true;
}

const faults = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const words = walker.currentNode.data.trim().slice(0, 40);
  if (!words || !visible(element)) continue;
  const style = getComputedStyle(element);
  const back = ground(element);
  const [low, high] = [luminance(over(rgba(style.color), back)), luminance(back)].sort((a, b) => a - b);
  const ratio = (high + 0.05) / (low + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)} of ${element.className || element.tagName}: ${words}`);
}

for (const element of document.querySelectorAll("button, a, input, textarea, select")) {
  const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(" ");
  const name = element.getAttribute("aria-label") || labels || element.textContent || element.title;
  if (!name.trim()) faults.push(`no name: ${element.outerHTML.slice(0, 120)}`);
}

const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wider > 0) faults.push(`${wider} pixels too wide`);
return faults;
