// Tables: sorted by a click on a column's name, filtered by what is typed.

const TERM = /^([^<>=]+)(<=|>=|<|>|=)(.+)$/;

function numeric(text) {
  return text.trim() === "" ? NaN : Number(text);
}

// The column that a word names: the whole name, else what follows its split or group.
function columnOf(header, word) {
  const names = header.map((name) => name.toLowerCase());
  const whole = names.indexOf(word);
  return whole >= 0 ? whole : names.findIndex((name) => name.endsWith(`/${word}`) || name.endsWith(`.${word}`));
}

function holds(value, sign, wanted) {
  const [a, b] = [typeof value === "number" ? value : NaN, numeric(wanted)];
  if (sign === "=") return Number.isNaN(a) || Number.isNaN(b) ? String(value).toLowerCase() === wanted : a === b;
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  return { "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b }[sign];
}

// Returns whether a row has every term: `lr=1e-5`, `accuracy>0.9`, or any text.
function matches(spec, i, terms) {
  return terms.every((term) => {
    const found = TERM.exec(term);
    const column = found ? columnOf(spec.header, found[1]) : -1;
    if (column >= 0) return holds(spec.values[i][column], found[2], found[3]);
    return spec.rows[i].some((text) => text.toLowerCase().includes(term));
  });
}

function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

// spec: header, rows of texts, values to sort by, words (columns of words), selected (rows marked);
// first: makes a node for each row that stands before its texts, under `firstName`.
class Table {
  constructor(box, spec, { first = null, firstName = "", onChange = () => {} } = {}) {
    Object.assign(this, { spec, onChange, column: -1, rising: true, terms: [] });
    this.body = make("tbody");
    this.rows = spec.rows.map((texts, i) => this.makeRow(texts, i, first));
    const head = make("tr");
    if (first) head.append(make("th", firstName));
    this.heads = spec.header.map((name, column) => this.makeHead(name, column));
    head.append(...this.heads);
    const [table, top] = [make("table"), make("thead")];
    top.append(head);
    table.append(top, this.body);
    byId(box).replaceChildren(table);
    this.show();
  }

  makeHead(name, column) {
    const head = make("th", null, this.spec.words.includes(column) ? "word" : "");
    head.scope = "col";
    const button = make("button", name);
    button.addEventListener("click", () => this.sort(column));
    head.append(button);
    return head;
  }

  makeRow(texts, i, first) {
    const row = make("tr", null, this.spec.selected && this.spec.selected[i] ? "chosen" : "");
    if (first) {
      const cell = make("td");
      cell.append(first(i));
      row.append(cell);
    }
    texts.forEach((text, column) => {
      const [top, ...rest] = text.split("\n");
      const word = this.spec.words.includes(column);
      const whole = typeof this.spec.values[i][column] === "number" ? " whole" : ""; // else 5e-05 is broken at its hyphen
      const cell = make("td", word ? text : top, word ? `word${whole}` : "");
      if (!word && rest.length) cell.append(make("small", rest.join("\n")));
      row.append(cell);
    });
    return row;
  }

  sort(column) {
    this.rising = this.column === column ? !this.rising : true;
    this.column = column;
    this.show();
  }

  filter(text) {
    this.terms = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.show();
  }

  // The rows shown, in their order; what has no value comes last.
  order() {
    const { values, rows } = this.spec;
    const kept = [...rows.keys()].filter((i) => matches(this.spec, i, this.terms));
    if (this.column < 0) return kept;
    const of = (i) => values[i][this.column];
    return kept.sort((i, j) => {
      const missing = (of(i) === null) - (of(j) === null);
      if (missing || of(i) === null) return missing || i - j;
      return (this.rising ? 1 : -1) * compareValues(of(i), of(j)) || i - j;
    });
  }

  show() {
    this.heads.forEach((head, column) => {
      const now = column !== this.column ? "none" : this.rising ? "ascending" : "descending";
      head.setAttribute("aria-sort", now);
    });
    this.body.replaceChildren(...this.order().map((i) => this.rows[i]));
    this.onChange(this);
  }
}
