/* ---- Paper: panels of the interactive figure, as they are at first, where they belong on the page. Those
   in what is folded are not printed. */

const PAPER = { ink: "#000000", soft: "#333333", grid: "#d8d8d8" };
const AT_FIRST = { axis: "", statistic: "mean", band: "", x: "log", y: "", hidden: [] };
const PAPER_SIZE = { width: 640, height: 440 };

function drawForPaper() {
  const chosen = { ...state };
  onPaper = true;
  for (const figure of document.querySelectorAll(".on-paper:not(details:not([open]) *)"))
    if (data.panels.some((panel) => panel.name === figure.dataset.panel)) drawPanel(figure);
  onPaper = false;
  Object.assign(state, chosen);
}

function drawPanel(figure) {
  Object.assign(state, AT_FIRST, { panel: figure.dataset.panel });
  settle();
  const [place, caption] = figure.children;
  const key = { showlegend: true, legend: { orientation: "h", y: -0.18 } };
  const lines = traces().map((trace) => ({ ...trace, showlegend: trace.meta === "line" }));
  Plotly.newPlot(place, lines, { ...layout(), ...key, ...PAPER_SIZE }, { staticPlot: true });
  place.setAttribute("aria-label", describe(view()));
  caption.textContent = `${titleOf(state.panel)}. ${captionOf(view())}`;
}

function clearPaper() {
  for (const figure of document.querySelectorAll(".on-paper")) Plotly.purge(figure.firstElementChild);
}

function listenForPaper() {
  addEventListener("beforeprint", drawForPaper);
  addEventListener("afterprint", clearPaper);
}
