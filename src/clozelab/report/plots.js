// Learning curves with bands over seeds, the heat map of two hyperparameters, and what runs cost.

const NUM_CURVES = 6;
const MAX_CURVES = 32; // as many as there are colours and dashes

function setUpCurves(table) {
  const names = [...new Set(DATA.curves.flatMap((own) => Object.keys(own)))];
  if (!names.length) {
    byId("curves").hidden = true;
    return () => {};
  }
  const wanted = [DATA.metrics[0] && DATA.metrics[0].name, "val/loss", "train/loss"];
  const first = wanted.map((name) => names.indexOf(name)).find((i) => i >= 0) ?? 0;
  const axes = ["steps", "examples", "tokens"];
  const draw = () => drawCurves(names[metric.get()], axes[axisOf.get()], table.chosen());
  const metric = addSelect("curve-controls", "Metric", names, first, draw);
  const axisOf = addSelect("curve-controls", "over", axes, 0, draw);
  const button = make("button", `First ${NUM_CURVES} of the table`);
  button.type = "button";
  button.addEventListener("click", () => table.tick(NUM_CURVES));
  byId("curve-controls").append(button);
  drawn(draw);
  return draw;
}

function drawCurves(metric, over, cells) {
  const shown = cells.filter((i) => DATA.curves[i] && DATA.curves[i][metric]);
  const traces = shown.slice(0, MAX_CURVES).flatMap((i, place) => {
    const curve = DATA.curves[i][metric];
    const style = lineStyle(place);
    const [x, mean, std] = [curve[over], curve.mean, curve.std];
    const name = plain(shortened(DATA.cells[i].label, isNarrow() ? 38 : 60));
    const line = {
      type: "scatter", mode: mean.length > 30 ? "lines" : "lines+markers", x, y: mean, name, legendgroup: String(i),
      line: { ...style, width: 2 }, marker: { color: style.color, size: 5 }, text: mean.map((v, j) =>
        plain(`${DATA.cells[i].label}\n${number(v)}${std ? ` ± ${number(std[j])}` : ""}`).replace(/\n/g, "<br>")),
      hovertemplate: `%{text}<br>${over} %{x}<extra></extra>`,
    };
    if (!std) return [line];
    const band = {
      type: "scatter", mode: "lines", legendgroup: String(i), showlegend: false, hoverinfo: "skip", fill: "toself",
      x: [...x, ...[...x].reverse()], line: { width: 0 }, fillcolor: transparent(style.color, 0.15),
      y: [...mean.map((v, j) => v + std[j]), ...mean.map((v, j) => v - std[j]).reverse()],
    };
    return [band, line];
  });
  plot("curve-plot", traces, {
    xaxis: axis(over === "steps" ? "optimizer steps" : over), yaxis: axis(metric, { range: roomy(traces.flatMap((trace) => trace.y)) }), showlegend: true,
    legend: { orientation: "h", y: -0.22, yanchor: "top", x: 0 }, height: 380 + (isNarrow() ? 30 : 12) * Math.min(shown.length, 12),
  });
  setNote("curve-note", [
    shown.length ? "A line is the mean over the seeds, its band one standard deviation to each side."
      : "None of the chosen cells has this curve.",
    shown.length > MAX_CURVES ? `${MAX_CURVES} of ${shown.length} chosen curves are drawn.` : "",
    "The first column of the table chooses the cells.",
  ]);
}

// Hyperparameters in the order in which one looks at them: lr and epochs, other numbers, then words.
function keysInOrder() {
  const rank = (key) => {
    const place = ["lr", "max_epochs"].indexOf(key.name);
    return place >= 0 ? place : key.values.every((v) => v === null || typeof v === "number") ? 2 : 3;
  };
  return [...DATA.keys].sort((a, b) => rank(a) - rank(b));
}

function setUpHeat(visible) {
  const keys = keysInOrder();
  if (keys.length < 2) {
    byId("heat-controls").hidden = true;
    byId("heat-plot").hidden = true;
    const only = keys.length ? `only ${keys[0].name} does` : "none does";
    setNote("heat-note", [`A heat map needs two keys in which the cells differ; ${only}.`]);
    return () => {};
  }
  const names = keys.map((key) => key.name);
  const draw = () => drawHeat(keys[across.get()], keys[down.get()], DATA.metrics[metric.get()], visible());
  const across = addSelect("heat-controls", "Across", names, 1, draw);
  const down = addSelect("heat-controls", "down", names, 0, draw);
  const metric = addSelect("heat-controls", "Metric", DATA.metrics.map((m) => m.name), 0, draw);
  drawn(draw);
  return draw;
}

function levels(key) {
  return [...new Set(key.values)].sort((a, b) => (a === null) - (b === null) || compareValues(a, b));
}

function drawHeat(across, down, metric, cells) {
  const [xs, ys] = [levels(across), levels(down)];
  const better = (a, b) => (metric.higher ? a > b : a < b);
  const best = ys.map(() => xs.map(() => null));
  const count = ys.map(() => xs.map(() => 0));
  const mixed = new Set(); // squares in which cells meet of which none is better
  const known = cells.filter((i) => metric.means[i] !== null);
  for (const i of known) {
    const [x, y] = [xs.indexOf(across.values[i]), ys.indexOf(down.values[i])];
    count[y][x] += 1;
    if (best[y][x] !== null && DATA.cells[best[y][x]].group !== DATA.cells[i].group) mixed.add(`${x} ${y}`);
    if (best[y][x] === null || better(metric.means[i], metric.means[best[y][x]])) best[y][x] = i;
  }
  best.forEach((row, y) => row.forEach((_, x) => { if (mixed.has(`${x} ${y}`)) row[x] = null; }));
  const z = best.map((row) => row.map((i) => (i === null ? null : metric.means[i])));
  const values = z.flat().filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const share = (value) => (high > low ? (value - low) / (high - low) : 0);
  const shares = z.map((row) => row.map((value) => (metric.higher ? share(value) : 1 - share(value))));
  const small = xs.length <= 10 && ys.length <= 16;
  const text = best.map((row) => row.map((i) =>
    (i === null ? "" : (small ? `${number(metric.means[i])} ` : "") + (DATA.table.selected[i] ? "*" : "")).trim()));
  const hover = best.map((row, y) => row.map((i, x) => (i === null ? "" :
    plain(`${DATA.cells[i].label}\n${metric.name} ${number(metric.means[i])}`).replace(/\n/g, "<br>")
    + (count[y][x] > 1 ? `<br>best of ${count[y][x]} cells` : ""))));
  const names = (values) => values.map((value) => plain(shortened(setting(value), 24)));
  const ticks = (values) => ({
    type: "linear", range: [-0.5, values.length - 0.5], tickvals: [...values.keys()], ticktext: names(values), showgrid: false, zeroline: false,
  });
  plot("heat-plot", [{
    type: "heatmap", z, customdata: hover, hovertemplate: "%{customdata}<extra></extra>", hoverongaps: false,
    colorscale: scale(), reversescale: !metric.higher, xgap: 2, ygap: 2, zmin: low, zmax: high > low ? high : low + 1,
    showscale: high > low, colorbar: { thickness: 10, outlinewidth: 0, title: { text: "" } },
  }, onSquares(text, shares)], {
    xaxis: axis(across.name, ticks(xs)), yaxis: axis(down.name, ticks(ys)),
    height: Math.min(620, 110 + 44 * ys.length),
  });
  const several = count.flat().some((n) => n > 1);
  setNote("heat-note", [
    `${metric.name}, mean over the seeds; ${metric.higher ? "more" : "less"} is better, and stands out.`,
    several ? "Where cells differ in other keys, too, a square is the best of them." : "",
    mixed.size ? "A square in which cells of several groups meet is empty: the filter of the table chooses among them." : "",
    groupNote(known),
  ]);
}

function setUpCost() {
  const metric = DATA.metrics[0];
  const known = DATA.cost.map((own, i) => i).filter((i) => DATA.cost[i].seconds !== null);
  if (!known.length) {
    byId("cost").hidden = true;
    return;
  }
  const header = ["cell", "seconds", "optimizer steps", "tokens per second"];
  const fields = ["seconds", "steps", "speed"];
  const values = known.map((i) => [DATA.cells[i].label, ...fields.map((name) => DATA.cost[i][name])]);
  const rounded = (value) => (value === null ? "-" : value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
  const rows = values.map(([cell, ...rest]) => [cell, ...rest.map(rounded)]);
  new Table("cost-table", { header, rows, values, words: [0], selected: known.map((i) => DATA.table.selected[i]) });
  drawn(() => {
    const points = metric ? known.filter((i) => metric.means[i] !== null) : [];
    plot("cost-plot", points.length < 2 ? [] : [{
      type: "scatter", mode: "markers", x: points.map((i) => DATA.cost[i].seconds), y: points.map((i) => metric.means[i]),
      marker: { size: 10, color: color("accent"), opacity: 0.8, symbol: points.map((i) => (DATA.table.selected[i] ? "star" : "circle")),
        line: { width: 1, color: color("panel") } },
      text: points.map((i) => `${plain(DATA.cells[i].label)}<br>${number(metric.means[i])} in ${rounded(DATA.cost[i].seconds)} s`),
      hovertemplate: "%{text}<extra></extra>",
    }], { xaxis: axis("seconds of a run"), yaxis: axis(metric ? metric.name : "", { range: roomy(points.map((i) => metric.means[i])) }), height: 320 });
  });
  const machines = [...new Set(known.map((i) => DATA.cost[i].machine))].filter(Boolean);
  setNote("cost-note", [
    "Means over the seeds: time of training with its validations; tokens per second of training, the median of a run.",
    metric ? groupNote(known.filter((i) => metric.means[i] !== null)) : "",
    machines.length > 1 ? "Times of different machines do not compare:" : "", ...machines.slice(0, 8),
  ]);
}
