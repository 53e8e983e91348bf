/* ---- The legend: a click hides a method, a double click singles it out, and so do the keys. */

function showLegend(methods) {
  const legend = byId("legend");
  const known = [...legend.querySelectorAll("button.method")].map((button) => button.dataset.method);
  if (known.join() !== methods.join()) legend.replaceChildren(...methods.map(legendEntry));
  for (const button of legend.querySelectorAll("button.method"))
    button.setAttribute("aria-pressed", String(!state.hidden.includes(button.dataset.method)));
}

function legendEntry(method) {
  const entry = document.createElement("li");
  const { label, color, dash } = data.methods[method];
  const toggle = document.createElement("button");
  toggle.type = "button";
  toggle.className = "method";
  toggle.dataset.method = method;
  toggle.title = "click: hide or show; double click: show it alone";
  toggle.append(swatch(color, dash), label);
  const only = document.createElement("button");
  only.type = "button";
  only.className = "only";
  only.dataset.method = method;
  only.textContent = "only";
  only.setAttribute("aria-label", `only ${label}`);
  entry.append(toggle, only);
  return entry;
}

function swatch(color, dash) {
  const lengths = { solid: "", dash: "6 3", dashdot: "6 3 2 3", dot: "2 3" };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const set = (element, attributes) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  set(svg, { width: 26, height: 10, "aria-hidden": "true" });
  set(line, { x1: 0, x2: 26, y1: 5, y2: 5, stroke: color, "stroke-width": 3, "stroke-dasharray": lengths[dash] });
  svg.append(line);
  return svg;
}

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
    const button = event.target.closest("button");
    if (button) (button.className === "only" ? singleOut : toggle)(button.dataset.method);
  });
  legend.addEventListener("dblclick", (event) => {
    const button = event.target.closest("button.method");
    if (button) singleOut(button.dataset.method);
  });
  byId("show-all").addEventListener("click", () => { state.hidden = []; draw(); });
  const selects = { "choose-panel": "panel", "choose-axis": "axis", "choose-statistic": "statistic", "choose-band": "band" };
  for (const [id, word] of Object.entries(selects))
    byId(id).addEventListener("change", (event) => { state[word] = event.target.value; draw(); });
  byId("log-x").addEventListener("change", (event) => { state.x = event.target.checked ? "log" : "linear"; draw(); });
  byId("log-y").addEventListener("change", (event) => { state.y = event.target.checked ? "log" : "linear"; draw(); });
  for (const button of document.querySelectorAll("button[data-panel]"))
    button.addEventListener("click", () => {
      state.panel = button.dataset.panel;
      draw();
      goTo(byId("curves"));
    });
}
