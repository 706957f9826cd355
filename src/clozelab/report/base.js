// What all parts of the page share: the data, elements, colours, and one way to draw a plot.

const DATA = JSON.parse(document.getElementById("data").textContent);
const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const PALETTES = { // told apart with any colour vision, on light and on dark ground
  light: ["#0072b2", "#c44e00", "#00795a", "#b0478c", "#7a6200", "#3a8fd0", "#5b3fa6", "#666666"],
  dark: ["#56b4e9", "#ff9a4d", "#2fc79a", "#e79fc8", "#e0c63f", "#a7bdff", "#c3a8ff", "#b5b5b5"],
};
const DASHES = ["solid", "dash", "dot", "dashdot"];
const drawings = []; // functions that draw a plot: all are called anew when the colours change

const byId = (id) => document.getElementById(id);

// Texts of the data go into the page here, as text.
function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined && text !== null) element.textContent = String(text);
  if (className) element.className = className;
  return element;
}

function addSelect(box, label, names, chosen, onChange) {
  const select = make("select");
  names.forEach((name, i) => {
    const option = make("option", name);
    option.value = String(i);
    select.append(option);
  });
  select.value = String(Math.max(0, chosen));
  select.addEventListener("change", onChange);
  const whole = make("label", `${label} `);
  whole.append(select);
  whole.hidden = names.length < 2;
  byId(box).append(whole);
  return { get: () => Number(select.value), set: (i) => { select.value = String(i); } };
}

function setNote(id, lines) {
  byId(id).replaceChildren(...lines.filter(Boolean).map((line) => make("p", line)));
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function lineStyle(i) {
  const palette = PALETTES[DARK.matches ? "dark" : "light"];
  return { color: palette[i % palette.length], dash: DASHES[Math.floor(i / palette.length) % DASHES.length] };
}

function transparent(hex, opacity) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${r},${g},${b},${opacity})`;
}

function mixed(share) { // a colour between --low and --high
  const [low, high] = [color("low"), color("high")];
  const part = (i) => [low, high].map((hex) => parseInt(hex.slice(i, i + 2), 16));
  return `rgb(${[1, 3, 5].map(part).map(([a, b]) => Math.round(a + (b - a) * share)).join(",")})`;
}

const scale = () => [[0, color("low")], [1, color("high")]];

// The library reads some tags and entities, and mathematics between dollars, in its texts. Here texts stay what they are.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");
}

function shortened(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function number(value) {
  if (value === null || value === undefined) return "-";
  if (typeof value !== "number") return String(value);
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)) return String(Number(value.toPrecision(3)));
  return Math.abs(value) < 100 ? value.toFixed(4) : String(Math.round(value * 10) / 10);
}

// A setting as the table has it: 0.00002 as 2e-05.
function setting(value) {
  if (value === null) return "-";
  const small = typeof value === "number" && value !== 0 && Math.abs(value) < 1e-4;
  return small ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : String(value);
}

// What must be said of a plot of cells that were not selected by one metric on the same validation examples.
function groupNote(cells) {
  const groups = new Set(cells.map((i) => DATA.cells[i].group));
  return groups.size < 2 ? "" : `These cells are of ${groups.size} groups, selected by other metrics or on other validation examples: `
    + "metrics compare within a group.";
}

const isNarrow = () => window.innerWidth < 600;

function axis(title, more) {
  return {
    title: { text: plain(title), standoff: 8 }, gridcolor: color("line"), linecolor: color("line"),
    zerolinecolor: color("line"), automargin: true, ...more,
  };
}

// A range with room on both sides, also of values that are all the same.
function roomy(values) {
  const known = values.filter((value) => typeof value === "number");
  if (!known.length) return undefined;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low) * 0.07 || Math.abs(high) * 0.1 || 0.1;
  return [low - room, high + room];
}

// Texts on the squares of a heat map: in the colour of the ground on those that stand out.
function onSquares(texts, shares) {
  const places = texts.flatMap((row, y) => row.map((text, x) => ({ x, y, text }))).filter(({ text }) => text !== "");
  const ground = DARK.matches ? color("page") : color("panel");
  const turn = DARK.matches ? 0.43 : 0.62; // where both inks are as easy to read
  const ink = ({ x, y }) => (shares[y][x] > turn ? ground : color("text"));
  return {
    type: "scatter", mode: "text", x: places.map((p) => p.x), y: places.map((p) => p.y), text: places.map((p) => plain(p.text)),
    textfont: { color: places.map(ink) }, hoverinfo: "skip", showlegend: false,
  };
}

function plot(id, traces, layout) {
  const box = byId(id);
  box.hidden = traces.length === 0;
  if (box.hidden) return;
  const whole = {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("text") },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 10, r: 10, t: 10, b: 10 },
    hoverlabel: { bgcolor: color("page"), bordercolor: color("line"), font: { color: color("text") }, align: "left", namelength: -1 },
    hovermode: "closest", height: 380, dragmode: isNarrow() ? false : "zoom", ...layout,
  };
  const buttons = { displaylogo: false, displayModeBar: isNarrow() ? false : "hover", responsive: true, modeBarButtons: [["toImage", "resetScale2d"]] };
  Plotly.react(box, traces, whole, buttons);
}

function drawn(draw) {
  drawings.push(draw);
  draw();
}
