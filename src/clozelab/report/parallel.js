// Parallel coordinates: a line a cell, an axis a hyperparameter, and the metric as the last axis and as the colour.

const MAX_AXES = 8;
const NUM_ORDINAL = 12; // values of a key up to which each has a place of its own
const NUM_SHADES = 12;

// Places values between 0 and 1: each in its own place if they are few or words, else in proportion.
function placed(name, values) {
  const known = levels({ values });
  const numbers = known.filter((v) => v !== null);
  if (known.length <= NUM_ORDINAL || numbers.some((v) => typeof v !== "number")) {
    const step = known.length > 1 ? 1 / (known.length - 1) : 0;
    const shown = Math.ceil(known.length / 20);
    const ticks = known.map((v, i) => [i * step, setting(v)]).filter((_, i) => i % shown === 0);
    const jitter = Math.min(0.2 * step, 0.02);
    return { name, ticks, at: (v, i) => (known.indexOf(v) * step || 0) + jitter * (((i * 7) % 11) / 5 - 1) };
  }
  const [low, high] = [numbers[0], numbers[numbers.length - 1]];
  const logarithmic = low > 0 && high / low >= 100;
  const along = (v) => (logarithmic ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low));
  const value = (t) => (logarithmic ? low * (high / low) ** t : low + (high - low) * t);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((t) => [t, number(value(t))]);
  return { name, ticks, at: (v) => (v === null ? 0 : along(v)) };
}

function metricAxis(metric, cells) {
  const values = cells.map((i) => metric.means[i]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const width = high - low || 1;
  const ticks = (high > low ? [0, 0.25, 0.5, 0.75, 1] : [0]).map((t) => [t, number(low + width * t)]);
  return { name: metric.name, ticks, at: (v) => (v - low) / width };
}

function setUpParallel(visible) {
  if (!DATA.keys.length || !DATA.metrics.length) {
    byId("parallel-controls").hidden = true;
    byId("parallel-plot").hidden = true;
    setNote("parallel-note", ["Parallel coordinates need a key in which the cells differ; none does."]);
    return () => {};
  }
  const draw = () => drawParallel(DATA.metrics[metric.get()], visible());
  const metric = addSelect("parallel-controls", "Metric", DATA.metrics.map((m) => m.name), 0, draw);
  drawn(draw);
  return draw;
}

function drawParallel(metric, visible) {
  const cells = metric.means.map((_, i) => i).filter((i) => metric.means[i] !== null);
  const differing = keysInOrder().filter((key) => new Set(cells.map((i) => key.values[i])).size > 1);
  const keys = differing.slice(0, MAX_AXES);
  const shownOf = new Set(visible);
  const axes = [...keys.map((key) => placed(key.name, cells.map((i) => key.values[i]))), metricAxis(metric, cells)];
  const last = axes.length - 1;
  const end = (i) => axes[last].at(metric.means[i]);
  const places = (i) => axes.map((one, k) => one.at(k < last ? keys[k].values[i] : metric.means[i], i));
  const shades = new Map(); // lines of about the same metric are one trace
  for (const i of cells) {
    const shade = shownOf.has(i) ? Math.min(NUM_SHADES - 1, Math.floor((metric.higher ? end(i) : 1 - end(i)) * NUM_SHADES)) : -1;
    if (!shades.has(shade)) shades.set(shade, []);
    shades.get(shade).push(i);
  }
  const traces = [...shades.keys()].sort((a, b) => a - b).map((shade) => lines(shade, shades.get(shade), places, metric));
  const width = Math.max(byId("parallel-plot").parentElement.clientWidth, 108 * axes.length);
  byId("parallel-plot").style.width = `${width}px`;
  plot("parallel-plot", traces, {
    width, height: 400, showlegend: false, margin: { l: 64, r: 64, t: 44, b: 16 }, shapes: axes.map((_, k) => ({
      type: "line", x0: k, x1: k, y0: 0, y1: 1, line: { color: color("muted"), width: 1 }, layer: "below",
    })),
    xaxis: { visible: false, range: [-0.05, last + 0.05], fixedrange: true },
    yaxis: { visible: false, range: [-0.05, 1.05], fixedrange: true },
    annotations: axes.flatMap((one, k) => labels(one, k, k === last)),
  });
  const left = differing.length - keys.length;
  setNote("parallel-note", [
    `A line is a cell; the more it stands out, the better its ${metric.name}. The filter of the table greys out the others.`,
    groupNote(cells),
    left ? `${left} more keys differ; they are in the table.` : "",
  ]);
}

function lines(shade, cells, places, metric) {
  const shown = shade >= 0;
  const x = cells.flatMap((i) => [...places(i).keys(), null]);
  const y = cells.flatMap((i) => [...places(i), null]);
  const text = cells.flatMap((i) => {
    const label = `${plain(DATA.cells[i].label)}<br>${plain(metric.name)} ${number(metric.means[i])}`;
    return [...places(i).map(() => label), null];
  });
  return {
    type: "scatter", mode: "lines+markers", x, y, text, hovertemplate: "%{text}<extra></extra>", marker: { size: 4 },
    hoverinfo: shown ? undefined : "skip", opacity: shown ? 0.85 : 0.35, connectgaps: false,
    line: { width: shown ? 1.8 : 1, color: shown ? mixed(0.25 + 0.75 * shade / (NUM_SHADES - 1)) : color("line") },
  };
}

function labels(one, k, isLast) {
  const base = { x: k, showarrow: false, xref: "x", yref: "y" };
  const title = { ...base, y: 1.05, yanchor: "bottom", text: `<b>${plain(shortened(one.name, isNarrow() ? 15 : 22))}</b>` };
  const ticks = one.ticks.map(([y, text]) => ({
    ...base, y, xanchor: isLast ? "left" : "right", xshift: isLast ? 5 : -5, text: plain(shortened(text, 14)),
    font: { size: 11 }, bgcolor: transparent(color("panel"), 0.85), borderpad: 1,
  }));
  return [title, ...ticks];
}
