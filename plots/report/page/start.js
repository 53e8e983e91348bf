/* ---- What happens when the page is opened. Without scripts, or where the figure cannot be drawn, the
   static figures and the tables stay as they are. A report on a study that is running loads itself anew. */

function startRefresh() {
  const every = Number(root.dataset.refresh);
  if (every) setTimeout(() => location.reload(), 1000 * every);
}

async function startChart() {
  if (!byId("chart-data")) return;
  const [library, document_, floats] = await Promise.all(["plotly", "chart-data", "chart-numbers"].map(unpack));
  run(asText(library));
  data = JSON.parse(asText(document_));
  numbers = asFloats(floats);
  root.classList.add("interactive");
  listen();
  listenForReadout();
  listenForPaper();
  await draw();
  byId("chart").on("plotly_relayout", followZoom);
}

readState();
startRefresh();
startTables();
document.addEventListener("click", followLink);
if (state.at && byId(state.at) && !root.dataset.refresh) goTo(byId(state.at));
startChart()
  .catch((error) => {
    root.classList.remove("interactive");
    console.error("the interactive figure cannot be drawn:", error);
  })
  .finally(() => {
    root.dataset.ready = "yes";
    performance.mark("report-ready");
  });
