/* ---- Tables: a click on a heading sorts by it, another one turns the order around. */

function sortable(table) {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      sortBy(table, column, up);
      state.sort = state.sort.filter((each) => !each.startsWith(table.id + ":"));
      state.sort.push(`${table.id}:${column}:${up ? "up" : "down"}`);
      keepState();
    });
  });
}

function sortBy(table, column, up) {
  const headings = [...table.querySelectorAll("thead th")];
  if (!headings[column]) return;
  const keyed = [...table.tBodies[0].rows].map((row) => [row.cells[column].dataset.key, row]);
  const numeric = headings[column].classList.contains("numeric");
  const compare = numeric ? (a, b) => Number(a) - Number(b) : (a, b) => a.localeCompare(b);
  keyed.sort(([a], [b]) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return up ? compare(a, b) : compare(b, a);
  });
  table.tBodies[0].append(...keyed.map(([, row]) => row));
  headings.forEach((heading) => heading.removeAttribute("aria-sort"));
  headings[column].setAttribute("aria-sort", up ? "ascending" : "descending");
}

function startTables() {
  document.querySelectorAll("table.sortable").forEach(sortable);
  for (const each of state.sort) {
    const [id, column, order] = each.split(":");
    if (byId(id)) sortBy(byId(id), Number(column), order === "up");
  }
}
