/* ---- The key, and methods x budgets: a click hides a method, a double click singles it out, and so do
   the keys; the line of the row that is pointed at, or has the focus, stands out. */

const MARKS = { best: "best", tied: "tied with the best", worse: "worse", "": "none is known yet" };

function showLegend(methods) {
  const strip = data.strips[state.panel] || { budgets: [], marks: {}, said: "" };
  const table = byId("legend");
  const key = state.panel + methods.join();
  if (table.dataset.key !== key) {
    table.dataset.key = key;
    table.tHead.replaceChildren(headings(strip));
    table.tBodies[0].replaceChildren(...methods.map((method) => legendEntry(method, strip)));
  }
  for (const mark of table.querySelectorAll(".mark")) mark.style.setProperty("--color", colorOf(mark.dataset.method));
  for (const button of table.querySelectorAll("button.method")) {
    button.setAttribute("aria-pressed", String(!state.hidden.includes(button.dataset.method)));
    button.querySelector("svg").replaceWith(swatch(button.dataset.method));
  }
  byId("strip-note").textContent = strip.said;
}

function headings(strip) {
  const row = document.createElement("tr");
  row.append(heading("Method"), ...strip.budgets.map(([part, time]) => heading(part, time)));
  const last = document.createElement("td");
  row.append(last);
  return row;
}

function heading(text, more = "") {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.append(text);
  if (more) {
    const small = document.createElement("span");
    small.textContent = more;
    cell.append(small);
  }
  return cell;
}

function legendEntry(method, strip) {
  const { label } = data.methods[method];
  const row = document.createElement("tr");
  row.dataset.method = method;
  const name = document.createElement("th");
  name.scope = "row";
  const toggle = button("method", method);
  toggle.title = "click: hide or show; double click: show it alone";
  toggle.append(swatch(method), label);
  name.append(toggle);
  const marks = strip.budgets.map((_, place) => markCell(method, (strip.marks[method] || [])[place] ?? ""));
  const end = document.createElement("td");
  const only = button("only", method);
  only.textContent = "only";
  only.setAttribute("aria-label", `only ${label}`);
  end.append(only);
  row.append(name, ...marks, end);
  return row;
}

function button(kind, method) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.dataset.method = method;
  return made;
}

function markCell(method, mark) {
  const cell = document.createElement("td");
  const shown = document.createElement("span");
  shown.className = `mark ${mark}`;
  shown.dataset.method = method;
  shown.title = MARKS[mark];
  const words = document.createElement("span");
  words.className = "unseen";
  words.textContent = MARKS[mark];
  cell.append(shown, words);
  return cell;
}

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

/* A piece of the line, with its marker as it is in the figure. */
function swatch(method) {
  const { dash, symbol, open } = data.methods[method];
  const color = colorOf(method);
  const lengths = { solid: "", dash: "6 3", dashdot: "6 3 2 3", dot: "2 3" };
  const made = svg("svg", { width: 30, height: 12, "aria-hidden": "true", viewBox: "0 0 30 12" });
  made.append(
    svg("line", { x1: 0, x2: 30, y1: 6, y2: 6, stroke: color, "stroke-width": 2.5, "stroke-dasharray": lengths[dash] }),
    svg("path", { d: SHAPES[symbol] || SHAPES.circle, transform: "translate(15 6)", stroke: color, "stroke-width": 1.5,
      fill: open ? "var(--page)" : color }),
  );
  return made;
}

const regular = (corners, turn) => "M" + [...Array(corners).keys()].map((corner) => {
  const angle = 2 * Math.PI * corner / corners + turn * Math.PI - Math.PI / 2;
  return `${(4.4 * Math.cos(angle)).toFixed(2)},${(4.4 * Math.sin(angle)).toFixed(2)}`;
}).join("L") + "Z";
const SHAPES = {
  circle: "M-4,0A4,4 0 1 1 4,0A4,4 0 1 1 -4,0Z", square: regular(4, 0.25), diamond: regular(4, 0), "diamond-tall": "M0,-5L3,0L0,5L-3,0Z",
  "triangle-up": regular(3, 0), "triangle-down": regular(3, 1), "triangle-left": regular(3, 1.5), "triangle-right": regular(3, 0.5),
  "triangle-se": regular(3, 0.75), pentagon: regular(5, 0), hexagon: regular(6, 0), hexagon2: regular(6, 0.5), octagon: regular(8, 0.125),
  cross: "M-1.5,-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",
  x: "M-2.5,-4.5L0,-2L2.5,-4.5L4.5,-2.5L2,0L4.5,2.5L2.5,4.5L0,2L-2.5,4.5L-4.5,2.5L-2,0L-4.5,-2.5Z",
  star: "M0,-5L1.2,-1.6L4.8,-1.5L1.9,.6L2.9,4L0,2L-2.9,4L-1.9,.6L-4.8,-1.5L-1.2,-1.6Z",
  "star-square": "M-4,-4L0,-1.6L4,-4L1.6,0L4,4L0,1.6L-4,4L-1.6,0Z", "star-diamond": "M0,-5L1.3,-1.3L5,0L1.3,1.3L0,5L-1.3,1.3L-5,0L-1.3,-1.3Z",
};

const methodsHere = () => Object.keys(series(view()).lines);

function toggle(method) {
  state.hidden = state.hidden.includes(method) ? state.hidden.filter((each) => each !== method) : [...state.hidden, method];
  draw();
}

/* Again on the one that stands alone: all are back. */
function singleOut(method) {
  const others = methodsHere().filter((each) => each !== method);
  const alone = !state.hidden.includes(method) && others.every((each) => state.hidden.includes(each));
  state.hidden = alone ? [] : others;
  draw();
}

function listen() {
  const legend = byId("legend");
  legend.addEventListener("click", (event) => {
    const clicked = event.target.closest("button");
    if (clicked) (clicked.className === "only" ? singleOut : toggle)(clicked.dataset.method);
  });
  legend.addEventListener("dblclick", (event) => {
    const clicked = event.target.closest("button.method");
    if (clicked) singleOut(clicked.dataset.method);
  });
  for (const kind of ["pointerover", "focusin"])
    legend.addEventListener(kind, (event) => single(event.target.closest("tr[data-method]")?.dataset.method || ""));
  for (const kind of ["pointerleave", "focusout"]) legend.addEventListener(kind, () => single(""));
  byId("show-all").addEventListener("click", () => { state.hidden = []; draw(); });
  const selects = { "choose-panel": "panel", "choose-axis": "axis", "choose-statistic": "statistic", "choose-band": "band" };
  for (const [id, word] of Object.entries(selects))
    byId(id).addEventListener("change", (event) => { state[word] = event.target.value; draw(); });
  byId("log-x").addEventListener("change", (event) => { state.x = event.target.checked ? "log" : "linear"; draw(); });
  byId("log-y").addEventListener("change", (event) => { state.y = event.target.checked ? "log" : "linear"; draw(); });
  for (const clicked of document.querySelectorAll("button[data-panel]"))
    clicked.addEventListener("click", () => {
      state.panel = clicked.dataset.panel;
      draw();
      goTo(byId("answer"));
    });
  darkness.addEventListener("change", draw);
}
