const root = document.documentElement;
const byId = (id) => document.getElementById(id);

/* ---- What the reader has chosen: kept in the address, so that a reload or a link keeps it. */

const state = { panel: "", axis: "", statistic: "mean", band: "", x: "log", y: "", hidden: [], sort: [], at: "" };
const words = ["panel", "axis", "statistic", "band", "x", "y", "at"];
const lists = ["hidden", "sort"];

function readState() {
  const text = location.hash.slice(1);
  if (!text.includes("=")) {
    state.at = text;
    return;
  }
  const given = new URLSearchParams(text);
  for (const word of words) if (given.has(word)) state[word] = given.get(word);
  for (const list of lists) if (given.has(list)) state[list] = given.get(list).split(",").filter(Boolean);
}

function keepState() {
  const kept = new URLSearchParams();
  for (const word of words) if (state[word]) kept.set(word, state[word]);
  for (const list of lists) if (state[list].length) kept.set(list, state[list].join(","));
  history.replaceState(null, "", "#" + kept);
}

/* Links within the page move to their section and leave the reader's choices alone. */
function followLink(event) {
  const link = event.target.closest('a[href^="#"]');
  const target = link && byId(link.getAttribute("href").slice(1));
  if (!target) return;
  event.preventDefault();
  goTo(target);
  state.at = target.id;
  keepState();
}

function goTo(target) {
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  target.scrollIntoView();
  target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}
