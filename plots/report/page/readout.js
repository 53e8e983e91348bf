/* ---- The readout: the values of all methods at a time, best first, with their units. The pointer, a
   finger or the arrow keys say when; on a narrow page it stands below the figure. */

let readAt = -1;

const UNITS = [["days", 86400, 2], ["h", 3600, 2], ["min", 60, 2], ["s", 1, 0]];

function timeText(now, time) {
  if (now.relative) return `${Number((100 * time).toPrecision(3))} % of the horizon`;
  if (!now.seconds) return `${short(time)}, ${now.axis}`;
  const seconds = time * now.seconds;
  const [unit, size] = UNITS.find(([, each, least]) => seconds >= least * each);
  return `${Number((seconds / size).toPrecision(3))} ${unit}`;
}

/* Steps hold until the next one: the values at a time are those of the last point before it. */
function readAtTime(time) {
  const now = view();
  const times = part(now.time, now.points);
  let place = times.findLastIndex((each) => each <= time * (1 + 1e-9));
  if (place < 0) place = 0;
  if (place === readAt) return;
  showReadout(place);
}

function values(now, place) {
  const found = [];
  for (const [method, [centre, low, high]] of Object.entries(series(now).lines)) {
    const value = part(centre, now.points)[place];
    if (state.hidden.includes(method) || !Number.isFinite(value)) continue;
    found.push({ method, value, low: part(low, now.points)[place], high: part(high, now.points)[place] });
  }
  return found.sort((one, other) => one.value - other.value);
}

function valueText({ value, low, high }, unit) {
  const band = Number.isFinite(low) ? ` [${short(low)}, ${short(high)}]` : "";
  return `${short(value)}${unit ? " " + unit : ""}${band}`;
}

function showReadout(place) {
  const now = view();
  const time = part(now.time, now.points)[place];
  const found = values(now, place);
  const chart = byId("chart"), box = byId("readout"), cursor = byId("cursor");
  const { xaxis, yaxis } = chart._fullLayout;
  readAt = place;
  const left = xaxis._offset + Math.min(Math.max(xaxis.d2p(time), 0), xaxis._length);
  cursor.hidden = box.hidden = false;
  cursor.style.cssText = `left: ${left}px; top: ${yaxis._offset}px; height: ${yaxis._length}px`;
  const heading = document.createElement("p");
  heading.textContent = `At ${timeText(now, time)}`;
  const list = document.createElement("ol");
  list.append(...found.map((each) => {
    const row = document.createElement("li");
    const label = document.createElement("span");
    label.textContent = data.methods[each.method].label;
    const value = document.createElement("span");
    value.className = "value";
    value.textContent = valueText(each, now.unit);
    row.dataset.method = each.method;
    row.append(swatch(each.method), label, value);
    return row;
  }));
  box.replaceChildren(heading, list);
  box.classList.toggle("left", left > chart.clientWidth / 2);
  box.style.setProperty("--at", `${left}px`);
}

function hideReadout() {
  readAt = -1;
  byId("cursor").hidden = byId("readout").hidden = true;
  single("");
}

/* The line of one method, and its row, stand out from the others. "": all are alike. */
function single(method) {
  for (const trace of document.querySelectorAll("#chart .scatterlayer .trace, #chart .scatterlayer .fills > g")) {
    const whose = trace.__data__?.[0]?.trace?.legendgroup ?? trace.__data__?.trace?.legendgroup;
    trace.style.opacity = !method || !whose || whose === method ? 1 : 0.15;
  }
  for (const row of document.querySelectorAll("#legend tr[data-method], #readout li"))
    row.classList.toggle("singled", row.dataset.method === method);
}

function nearest(place, y) {
  const now = view();
  const { yaxis } = byId("chart")._fullLayout;
  let best = "", least = 24;
  for (const { method, value } of values(now, place)) {
    const apart = Math.abs(yaxis.d2p(log("y") ? Math.max(value, series(now).floor) : value) - y);
    if (apart < least) [best, least] = [method, apart];
  }
  return best;
}

function followPointer(event) {
  const chart = byId("chart");
  const box = chart.getBoundingClientRect();
  const { xaxis, yaxis } = chart._fullLayout;
  const x = event.clientX - box.left - xaxis._offset, y = event.clientY - box.top - yaxis._offset;
  if (x < 0 || x > xaxis._length || y < 0 || y > yaxis._length) return hideReadout();
  readAtTime(xaxis.p2d(x));
  single(nearest(readAt, y));
}

function followKeys(event) {
  const now = view();
  const last = now.points - 1;
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -last, End: last };
  if (event.key === "Escape") return hideReadout();
  if (!(event.key in steps)) return;
  event.preventDefault();
  const start = readAt < 0 ? (event.key === "ArrowRight" || event.key === "PageDown" ? -1 : last) : readAt;
  showReadout(Math.min(Math.max(start + steps[event.key], 0), last));
  const words = values(now, readAt).map((each) => `${data.methods[each.method].label} ${valueText(each, now.unit)}`);
  byId("spoken").textContent = `At ${timeText(now, part(now.time, now.points)[readAt])}: ${words.join("; ")}`;
}

function listenForReadout() {
  const chart = byId("chart");
  chart.addEventListener("pointermove", followPointer);
  chart.addEventListener("pointerdown", followPointer);
  chart.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideReadout(); });
  chart.addEventListener("keydown", followKeys);
  chart.addEventListener("blur", hideReadout);
}
