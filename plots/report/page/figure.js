/* ---- The interactive figure. */

let data, numbers, onPaper = false;

const part = (begin, points) => numbers.subarray(begin, begin + points);
const view = () => data.views[state.panel + "|" + state.axis];
const seriesKey = () => state.statistic + "/" + state.band;
const log = (which) => (which === "x" ? state.x === "log" : yScale() === "log");
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const darkness = matchMedia("(prefers-color-scheme: dark)");
const colorOf = (method) => data.methods[method][darkness.matches && !onPaper ? "dark" : "color"];
const ink = (name) => (onPaper ? PAPER[name] : getComputedStyle(root).getPropertyValue("--" + name).trim());
const titleOf = (name) => data.panels.find((panel) => panel.name === name).title;
const MARKERS = 8, GOLDEN = (Math.sqrt(5) - 1) / 2, MOST_BANDS = 8;

const canBeLog = (now) => !now.rank && (now.positive || lowest(now) > 0);
const yScale = () => (canBeLog(view()) ? state.y || (view().log ? "log" : "linear") : "linear");

function lowest(now) {
  let least = Infinity;
  for (const [centre] of Object.values(series(now).lines))
    for (const value of part(centre, now.points)) if (value < least) least = value;
  return least;
}

const series = (now) => now.series[seriesKey()];

/* Choices that do not exist here fall back to the first that does; the names of those that do. */
function settle() {
  const names = data.panels.map((panel) => panel.name);
  if (!names.includes(state.panel)) state.panel = names[0];
  const axes = data.axes.map((axis) => axis.name).filter((axis) => data.views[state.panel + "|" + axis]);
  if (!axes.includes(state.axis)) state.axis = axes[0];
  const keys = Object.keys(view().series);
  const statistics = [...new Set(keys.map((key) => key.split("/")[0]))];
  if (!statistics.includes(state.statistic)) state.statistic = statistics[0];
  const bands = keys.filter((key) => key.startsWith(state.statistic + "/")).map((key) => key.split("/")[1]);
  if (!bands.includes(state.band)) state.band = bands[0];
  return { axes, statistics, bands };
}

function showChoices({ axes, statistics, bands }) {
  offer("choose-panel", data.panels.map((panel) => [panel.name, panel.title]), state.panel);
  offer("choose-axis", data.axes.filter((axis) => axes.includes(axis.name)).map((axis) => [axis.name, axis.title]), state.axis);
  byId("axis-note").textContent = axes.length < data.axes.length ? data.note : "";
  offer("choose-statistic", statistics.map((name) => [name, data.statistics[name]]), state.statistic);
  offer("choose-band", bands.map((name) => [name, data.bands[state.statistic][name]]), state.band);
  byId("log-x").checked = state.x === "log";
  byId("log-y").checked = yScale() === "log";
  byId("log-y").disabled = !canBeLog(view());
}

function offer(id, options, chosen) {
  const select = byId(id);
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === chosen)));
  select.disabled = options.length < 2;
}

/* Band below and above, the line, then a few markers; what lies below a log axis is drawn at its edge. */
function traces() {
  const now = view();
  const { lines, floor } = series(now);
  const time = part(now.time, now.points);
  const cut = (value) => (log("y") && floor !== null && value < floor ? floor : value);
  const names = Object.keys(lines);
  const alpha = Math.round(43 * Math.min(1, (MOST_BANDS / names.length) ** 2)).toString(16).padStart(2, "0");
  return names.flatMap((method, number) => {
    const [centre, low, high] = lines[method].map((begin) => part(begin, now.points));
    const { label, dash, symbol, open } = data.methods[method];
    const color = colorOf(method);
    const shown = [...time.keys()].filter((place) => Number.isFinite(centre[place]) && (!log("x") || time[place] > 0));
    const banded = shown.filter((place) => Number.isFinite(low[place]));
    const common = {
      mode: "lines", legendgroup: method, showlegend: false, hoverinfo: "skip",
      visible: state.hidden.includes(method) ? "legendonly" : true,
    };
    const edge = { ...common, line: { shape: "hv", width: 0, color } };
    const at = (places, values) => ({ x: places.map((p) => time[p]), y: places.map((p) => cut(values[p])) });
    return [
      { ...edge, ...at(banded, low), meta: "low" },
      { ...edge, ...at(banded, high), meta: "high", fill: "tonexty", fillcolor: color + alpha },
      { ...common, ...at(shown, centre), name: escaped(label), meta: "line", line: { shape: "hv", width: 2, color, dash } },
      { ...common, ...at(marked(shown, time, number * GOLDEN % 1), centre), mode: "markers", meta: "markers",
        marker: { symbol: symbol + open, size: 8, color, line: { width: open ? 1.5 : 0, color } } },
    ];
  });
}

/* About so many over the whole axis; `turn` moves those of one line against those of the others. */
function marked(shown, time, turn) {
  if (!shown.length) return [];
  const scaled = (place) => (log("x") ? Math.log(time[place]) : time[place]);
  const first = scaled(shown[0]), last = scaled(shown[shown.length - 1]);
  const places = [];
  for (let number = 0; number < MARKERS; number++) {
    const target = first + ((number + turn) / MARKERS) * (last - first);
    const place = shown.findLast((each) => scaled(each) <= target);
    if (place !== undefined && places[places.length - 1] !== place) places.push(place);
  }
  return places;
}

const short = (value) => Number(value.toPrecision(4)).toString();

function layout() {
  const now = view();
  const narrow = byId("chart").clientWidth < 560;
  const axis = {
    showline: true, linecolor: ink("soft"), tickcolor: ink("soft"), gridcolor: ink("grid"), zeroline: false, ticks: "outside",
    automargin: true,
  };
  const named = log("x") && now.ticks.length ? {
    tickmode: "array", tickvals: now.ticks.map(([place]) => place), ticktext: now.ticks.map(([, name]) => name),
  } : {};
  const label = named.tickmode ? now.axis.replace(/ \([^()]*\)$/, "") : now.axis;
  return {
    font: { family: "system-ui, sans-serif", size: narrow ? 12 : 13, color: ink("ink") },
    margin: { l: narrow ? 44 : 64, r: 12, t: 8, b: 44 },
    height: narrow ? 320 : 460,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: ink("soft"), activecolor: ink("ink") },
    hovermode: false, dragmode: narrow ? false : "zoom",
    xaxis: { ...axis, ...scale("x", rangeX(now)), ...named, title: { text: escaped(label) }, nticks: narrow ? 5 : 9 },
    yaxis: { ...axis, ...scale("y", rangeY(now)), title: { text: escaped(now.label) }, nticks: 9 },
  };
}

/* On log axes ticks at 1, 2 and 5, or at decades only where there are many. */
function scale(which, range) {
  const common = { range, autorange: false, tickformat: "~g" };
  if (!log(which)) return { ...common, type: "linear" };
  const dtick = range[1] - range[0] < 2.2 ? "D2" : 1;
  return { ...common, type: "log", tickmode: "linear", tick0: 0, dtick };
}

function rangeX(now) {
  const time = part(now.time, now.points);
  const last = time[now.points - 1];
  if (!log("x")) return [0, last];
  const starts = Object.values(series(now).lines).map(([centre]) => part(centre, now.points).findIndex(
    (value, place) => Number.isFinite(value) && time[place] > 0));
  const first = time[Math.min(...starts.filter((place) => place >= 0))] || last / 1000;
  return [Math.log10(first < last ? first : last / 10), Math.log10(last)];
}

/* Zoomed in, there may be no such tick: then the library chooses. */
function followZoom(change) {
  if (Object.keys(change).some((key) => key.includes("range[")))
    Plotly.relayout("chart", { "xaxis.tickmode": "auto", "yaxis.tickmode": "auto" });
}

/* From the lines and bands that are shown, so that singling out a method zooms in on it. */
function rangeY(now) {
  const { lines, floor } = series(now);
  let least = Infinity, most = -Infinity;
  for (const [method, [centre, low, high]] of Object.entries(lines)) {
    if (state.hidden.includes(method)) continue;
    for (const value of [...part(centre, now.points), ...part(low, now.points), ...part(high, now.points)]) {
      if (!Number.isFinite(value)) continue;
      const shown = log("y") && value < floor ? floor : value;
      least = Math.min(least, shown);
      most = Math.max(most, shown);
    }
  }
  if (least > most) [least, most] = [0.1, 1];
  if (log("y")) [least, most] = [Math.log10(least), Math.log10(most)];
  const room = 0.03 * (most - least || 1);
  return [least - room, most + room];
}

const config = {
  displaylogo: false, responsive: true,
  // The page sends nothing anywhere.
  plotlyServerURL: "", showSendToCloud: false,
  modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  toImageButtonOptions: { format: "svg", filename: "curves" },
};

async function draw() {
  showChoices(settle());
  keepState();
  const now = view();
  hideReadout();
  showLegend(Object.keys(series(now).lines));
  byId("chart-title").textContent = titleOf(state.panel);
  byId("chart-caption").textContent = captionOf(now);
  byId("chart").setAttribute("aria-label", describe(now));
  const narrow = byId("chart").clientWidth < 560;
  await Plotly.react("chart", traces(), layout(), { ...config, displayModeBar: narrow ? false : "hover" });
}

const captionOf = (now) => `${series(now).caption.replace("{scale}", state.x)} Value axis: ${yScale()} scale.`;

/* What the figure shows at the end, best first: the figure in words. */
function describe(now) {
  const ends = Object.entries(series(now).lines).map(([method, [centre]]) => {
    const values = [...part(centre, now.points)].filter(Number.isFinite);
    return [data.methods[method].label, values[values.length - 1]];
  });
  ends.sort((one, other) => one[1] - other[1]);
  const listed = ends.map(([label, value]) => `${label} ${short(value)}`).join(", ");
  return `${titleOf(state.panel)}: ${now.label} over ${now.axis}. Arrow keys read values. Last values, best first: ${listed}.`;
}
