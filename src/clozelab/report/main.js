// Puts the page together.

function showHeadline() {
  byId("title").textContent = DATA.title;
  const parts = DATA.headline.slice(0, 4).flatMap((own) => {
    const [value, interval] = own.value.split(" [");
    const line = make("p", null, "number");
    line.append(make("span", own.metric, "metric"), value);
    const about = [own.cell, `n = ${own.n}`];
    if (interval) about.push(`95 % interval [${interval}`);
    if (own.selection) about.push(`selected by ${own.selection}`);
    about.push(...own.notes);
    return [line, make("p", about.join(" · "), "note")];
  });
  const more = DATA.headline.length - 4;
  if (more > 0) parts.push(make("p", `${more} more cells are selected; * in the table.`, "note"));
  if (!parts.length) parts.push(make("p", "No cell is selected: no two were chosen between on the same validation examples."));
  byId("headline").replaceChildren(...parts);
}

function showContents() {
  const sections = [...document.querySelectorAll("main > section")].filter((section) => !section.hidden);
  byId("contents").replaceChildren(...sections.map((section) => {
    const link = make("a", section.querySelector("h2").textContent);
    link.href = `#${section.id}`;
    return link;
  }));
}

function setUpTable(changed, ticked) {
  const first = [...DATA.curves.keys()].filter((i) => Object.keys(DATA.curves[i]).length).slice(0, NUM_CURVES);
  const boxes = DATA.cells.map((cell, i) => {
    const box = make("input");
    box.type = "checkbox";
    box.checked = first.includes(i);
    box.setAttribute("aria-label", `curve of ${cell.label}`);
    box.addEventListener("change", ticked);
    return box;
  });
  const table = new Table("table", DATA.table, { first: (i) => boxes[i], firstName: "curve", onChange: changed });
  table.chosen = () => [...boxes.keys()].filter((i) => boxes[i].checked);
  table.tick = (count) => {
    const first = new Set(table.order().slice(0, count));
    boxes.forEach((box, i) => { box.checked = first.has(i); });
    ticked();
  };
  byId("filter").placeholder = [DATA.keys[0] && `${DATA.keys[0].name}=${setting(DATA.keys[0].values[0])}`,
    DATA.metrics[0] && `${DATA.metrics[0].name.split("/").pop()}${DATA.metrics[0].higher ? ">" : "<"}0.9`].filter(Boolean).join("  ");
  byId("filter").addEventListener("input", (event) => table.filter(event.target.value));
  setNote("about", DATA.table.about);
  return table;
}

function showTests() {
  byId("tests").hidden = DATA.tests.length === 0;
  byId("contrasts").replaceChildren(...DATA.tests.flatMap(({ header, rows, about }) => {
    const [box, table, head, body] = [make("div", null, "scroll"), make("table"), make("tr"), make("tbody")];
    head.append(...header.map((name, k) => make("th", name, k ? "" : "word")));
    body.append(...rows.map((texts) => {
      const row = make("tr");
      row.append(...texts.map((text, k) => make("td", text, k ? "" : "word")));
      return row;
    }));
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    box.append(table);
    const note = make("div", null, "note");
    note.append(...about.map((line) => make("p", line)));
    return [box, note];
  }));
}

function setUpDifferences() {
  const names = DATA.cells.map((cell) => cell.label);
  if (names.length < 2) {
    byId("differences").hidden = true;
    return;
  }
  const show = () => {
    const pair = [one.get(), other.get()];
    const { keys, values } = DATA.differences;
    const rows = keys.map((key, k) => [key, ...pair.map((i) => values[k][i])]).filter(([, a, b]) => a !== b);
    const [table, top, body, head] = ["table", "thead", "tbody", "tr"].map((tag) => make(tag));
    head.append(...["key", ...pair.map((i) => DATA.cells[i].hash)].map((name) => make("th", name, "word")));
    body.append(...rows.map((texts) => {
      const row = make("tr");
      row.append(...texts.map((text, k) => make("td", text, k ? "value" : "word")));
      return row;
    }));
    top.append(head);
    table.append(top, body);
    byId("difference-table").replaceChildren(...(rows.length ? [table] : []));
    setNote("difference-note", [rows.length ? "Every other key is the same; code, packages and hardware are looked at, too."
      : pair[0] === pair[1] ? "The same cell twice." : "They differ in nothing that was recorded."]);
  };
  const one = addSelect("difference-controls", "Cell", names, 0, show);
  const other = addSelect("difference-controls", "and", names, 1, show);
  show();
}

let linked = []; // plots that the filter of the table has a say in
let pending = 0;

function tableChanged(table) {
  const count = table.order().length;
  byId("count").textContent = count === DATA.cells.length ? `${count} cells` : `${count} of ${DATA.cells.length} cells`;
  clearTimeout(pending); // drawn once, when one stops typing
  pending = setTimeout(() => linked.forEach((draw) => draw()), 150);
}

let drawChosen = () => {};
showHeadline();
showTests();
const cellTable = setUpTable(tableChanged, () => drawChosen());
const visible = () => cellTable.order();
drawChosen = setUpCurves(cellTable);
linked = [setUpHeat(visible), setUpParallel(visible)];
setUpMistakes();
setUpDifferences();
setUpCost();
byId("limits").replaceChildren(...DATA.limits.map((line) => make("p", line)));
showContents();
DARK.addEventListener("change", () => drawings.forEach((draw) => draw()));
