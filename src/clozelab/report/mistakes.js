// What a cell gets wrong: confusions, F1 of the types of entities or numbers, and the hardest examples.

const SPLITS = { val: "validation", test: "test" };

function setUpMistakes() {
  const cells = Object.keys(DATA.mistakes).map(Number);
  const splits = Object.keys(SPLITS);
  const draw = () => drawMistakes(cells[cell.get()], splits[split.get()]);
  const chosen = cells.findIndex((i) => DATA.table.selected[i]);
  const cell = addSelect("mistake-controls", "Cell", cells.map((i) => DATA.cells[i].label), chosen, draw);
  const split = addSelect("mistake-controls", "Split", Object.values(SPLITS), 0, draw);
  drawn(draw);
}

function drawMistakes(i, split) {
  const own = DATA.mistakes[String(i)][split];
  const seeds = own.n > 1 ? `${own.n} seeds together` : "one seed";
  byId("mistake-plot").style.width = "";
  if (own.entities) drawEntities(own.entities, split);
  else if (own.confusion) drawConfusion(own.confusion, seeds);
  else if (own.numbers) drawNumbers(own.numbers, own.n);
  else {
    byId("mistake-plot").hidden = true;
    setNote("mistake-note", [own.none]);
  }
  showHardest(own.hardest || [], own.n, own.numbers);
}

function drawEntities(entities, split) {
  const names = entities.map((e) => plain(e.type));
  plot("mistake-plot", [{
    type: "bar", orientation: "h", y: [...names.keys()], x: entities.map((e) => e.mean), marker: { color: color("accent") },
    error_x: { type: "data", array: entities.map((e) => e.std ?? 0), color: color("muted"), thickness: 1.5 },
    text: entities.map((e) => number(e.mean)), textposition: "inside", insidetextanchor: "start",
    textfont: { color: color("panel") },
    hovertemplate: "%{x:.4f}<extra></extra>",
  }], {
    xaxis: axis(`${split}/${entities[0].metric}`, { range: [0, 1] }), height: 90 + 34 * names.length,
    yaxis: axis("", { tickvals: [...names.keys()], ticktext: names, autorange: "reversed", showgrid: false }),
  });
  const several = entities[0].n > 1;
  setNote("mistake-note", [`Entity F1 of each type${several ? `, mean and standard deviation over ${entities[0].n} seeds` : ", one seed"}.`]);
}

function drawConfusion({ labels: names, table }, seeds) {
  const share = table.map((row) => {
    const all = row.reduce((a, b) => a + b, 0);
    return row.map((n) => (all ? n / all : null));
  });
  const shown = names.map((name) => plain(shortened(name, 20)));
  const ticks = { range: [-0.5, names.length - 0.5], tickvals: [...names.keys()], ticktext: shown, showgrid: false, zeroline: false };
  const size = Math.min(48, Math.max(22, 620 / names.length));
  const room = byId("mistake-plot").parentElement.clientWidth;
  const width = Math.min(Math.max(320, 190 + size * names.length * 1.6), Math.max(room, 130 + 30 * names.length));
  byId("mistake-plot").style.width = `${width}px`;
  plot("mistake-plot", [{
    type: "heatmap", z: share, zmin: 0, zmax: 1, xgap: 2, ygap: 2, colorscale: scale(), showscale: false,
    customdata: table.map((row, y) => row.map((n, x) => `${n}: gold ${shown[y]}, predicted ${shown[x]}`)),
    hovertemplate: "%{customdata}<br>%{z:.1%} of its gold label<extra></extra>", hoverongaps: false,
  }, onSquares(names.length <= 16 ? table.map((row) => row.map(String)) : [], share)], {
    xaxis: axis("predicted", { ...ticks, tickangle: names.length > 6 ? -45 : 0 }), width,
    yaxis: axis("gold", { ...ticks, range: [names.length - 0.5, -0.5] }), height: 110 + size * Math.max(names.length, 2),
  });
  setNote("mistake-note", [`Number of examples, ${seeds}. The colour is the share of a row.`]);
}

function drawNumbers({ gold, predicted, all }, n) {
  const ends = [Math.min(...gold), Math.max(...gold)];
  plot("mistake-plot", [
    { type: "scatter", mode: "lines", x: ends, y: ends, hoverinfo: "skip", line: { color: color("muted"), dash: "dot", width: 1 } },
    { type: "scatter", mode: "markers", x: gold, y: predicted, marker: { color: color("accent"), size: 6, opacity: 0.5 },
      hovertemplate: "gold %{x}<br>predicted %{y}<extra></extra>" },
  ], { xaxis: axis("gold"), yaxis: axis("predicted"), showlegend: false });
  setNote("mistake-note", [
    `${n > 1 ? `Mean prediction of ${n} seeds` : "Predictions of one seed"}; on the dotted line they are right.`,
    gold.length < all ? `${gold.length} of ${all} examples.` : "",
  ]);
}

function showHardest(items, n, areNumbers) {
  const head = make("tr");
  for (const [name, kind] of [["loss", ""], ["gold", "word"], ["predicted", "word"], ["example", "word"]]) head.append(make("th", name, kind));
  const body = make("tbody");
  for (const item of items) {
    const row = make("tr");
    const text = make("td", null, "long");
    const [before, word, after] = item.text;
    text.append(before && word ? `${before} ` : before);
    if (word) text.append(make("mark", word), " ", after);
    row.append(make("td", item.loss === null ? "-" : item.loss.toFixed(2)), make("td", item.gold, "value"));
    row.append(make("td", item.predicted, "value"), text);
    ["loss", "gold", "predicted"].forEach((name, k) => { row.children[k].dataset.name = name; });
    body.append(row);
  }
  const [table, top] = [make("table"), make("thead")];
  top.append(head);
  table.append(top, body);
  byId("hardest").replaceChildren(...(items.length ? [table] : []));
  setNote("hardest-note", [items.length
    ? `The ${items.length} of the highest loss${n > 1 ? `, mean of ${n} seeds${areNumbers ? "" : "; in brackets how many predict it"}` : ""}.`
    : "There are none to show."]);
}
