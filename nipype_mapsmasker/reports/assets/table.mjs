// SPDX-License-Identifier: Apache-2.0
// A table of thousands of rows: only those in view are in the page. It sorts, filters, and tells
// which row is looked at.

import { make, markScrollers } from "./dom.mjs";
import { counted } from "./format.mjs";

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {string} [title]
 * @property {number} width in rem
 * @property {boolean} numeric
 * @property {(row: number) => string} text
 * @property {(row: number) => number | string | null} value what is sorted by; null comes last
 * @property {(row: number) => string} [kind] class of the cell
 * @property {(row: number) => string} [note] shown on pointing
 * @property {(row: number) => Node} [content] instead of the text
 */

const collator = new Intl.Collator(undefined, { numeric: true });

/**
 * Sort rows by a column; what is not known comes last, equal rows stay as they were.
 * @param {number[]} rows
 * @param {(row: number) => number | string | null} value
 * @param {boolean} down
 * @returns {number[]}
 */
export function sorted(rows, value, down) {
  const sign = down ? -1 : 1;
  const keyed = rows.map((row) => /** @type {[number, number | string | null]} */ ([row, value(row)]));
  keyed.sort(([, a], [, b]) => {
    const lost = Number(a === null || a === "") - Number(b === null || b === "");
    if (lost || a === null || b === null) return lost;
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * collator.compare(String(a), String(b));
  });
  return keyed.map(([row]) => row);
}

/**
 * Say which rows are in view.
 * @param {number} top of the view in pixels
 * @param {number} height of the view
 * @param {number} rowHeight
 * @param {number} count
 * @returns {[number, number]} first row and the one after the last
 */
export function inView(top, height, rowHeight, count) {
  const margin = 12;
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + margin);
  const first = Math.min(Math.max(0, Math.floor(top / rowHeight) - margin), Math.max(0, last - 1));
  return [first, last];
}

/** A table in a box that scrolls. */
export class BigTable {
  /**
   * @param {HTMLElement} place
   * @param {object} options
   * @param {string} options.id
   * @param {number} options.count rows
   * @param {Column[]} options.columns
   * @param {string} options.label
   * @param {string} [options.noun]
   * @param {number} [options.rowHeight] in pixels
   * @param {(row: number) => string} [options.kind] class of a row
   * @param {(row: number) => void} [options.onLook] a row is looked at
   * @param {number} [options.printed] rows on paper
   */
  constructor(place, { id, count, columns, label, noun = "row", rowHeight = 32, kind, onLook, printed = 60 }) {
    this.all = Array.from({ length: count }, (_, row) => row);
    this.rows = this.all;
    this.order = this.all;
    this.columns = columns;
    this.rowHeight = rowHeight;
    this.kind = kind;
    this.onLook = onLook;
    this.noun = noun;
    this.printed = printed;
    this.printing = false;
    this.looked = -1;
    /** @type {[number, number]} rows that are in the page */
    this.drawn = [0, 0];
    /** @type {{column: Column, down: boolean} | null} */
    this.sorting = null;
    /** @type {(row: number) => boolean} */
    this.hit = () => true;
    this.head = make("thead");
    this.body = make("tbody");
    this.table = make("table", { id, class: "big", "aria-rowcount": count + 1 }, this.head, this.body);
    this.box = make("div", { class: "scroll tall", "data-label": label, "data-keys": onLook ? "rows" : null, tabindex: 0 }, this.table);
    this.count = make("span", { class: "count", "aria-live": "polite" });
    place.append(this.box);
    this.box.addEventListener("scroll", () => this.follow(), { passive: true });
    this.box.addEventListener("keydown", (event) => this.step(event));
    addEventListener("resize", () => this.draw());
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    this.show(columns);
  }

  /**
   * Show other columns.
   * @param {Column[]} columns
   */
  show(columns) {
    this.columns = columns;
    const cells = columns.map((column) => {
      const arrow = make("span", { class: "arrow", "aria-hidden": "true" });
      const button = make("button", { type: "button", class: "sort", "aria-label": column.label ? null : column.title }, column.label, arrow);
      button.addEventListener("click", () => this.sort(column));
      return make("th", { scope: "col", title: column.title, style: `width: ${column.width}rem` }, button);
    });
    this.head.replaceChildren(make("tr", {}, ...cells));
    this.table.style.minWidth = `${columns.reduce((sum, column) => sum + column.width, 0)}rem`;
    this.mark();
    this.draw();
  }

  /** @param {Column} column */
  sort(column) {
    const down = this.sorting?.column === column && !this.sorting.down;
    this.sorting = { column, down };
    this.order = sorted(this.all, column.value, down);
    this.mark();
    this.arrange();
  }

  /**
   * Show the rows that are wanted.
   * @param {(row: number) => boolean} hit
   */
  filter(hit) {
    this.hit = hit;
    this.arrange();
  }

  /** Put rows in order and start from the top. */
  arrange() {
    this.rows = this.order.filter((row) => this.hit(row));
    this.box.scrollTop = 0;
    this.draw();
  }

  /** Say by which column the rows are sorted. */
  mark() {
    Array.from(this.head.querySelectorAll("th")).forEach((cell, number) => {
      const here = this.sorting?.column === this.columns[number];
      if (here) cell.setAttribute("aria-sort", this.sorting?.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
  }

  /** @param {boolean} printing */
  print(printing) {
    this.printing = printing;
    this.draw();
  }

  /** Draw again once the view leaves the rows that are in the page. */
  follow() {
    const top = this.box.scrollTop / this.rowHeight;
    const bottom = Math.min(this.rows.length, top + this.box.clientHeight / this.rowHeight);
    if (top < this.drawn[0] || bottom > this.drawn[1]) this.fill();
  }

  /** Put the rows that are in view into the page, and say how many there are. */
  draw() {
    const total = this.all.length;
    const nouns = counted(total, this.noun);
    this.count.textContent = this.rows.length === total ? nouns : `${this.rows.length} of ${nouns}`;
    this.fill();
    markScrollers();
  }

  /** Put the rows that are in view into the page. */
  fill() {
    const height = this.box.clientHeight || 600;
    const [first, last] = this.printing
      ? [0, Math.min(this.rows.length, this.printed)]
      : inView(this.box.scrollTop, height, this.rowHeight, this.rows.length);
    this.drawn = [first, last];
    const parts = [];
    if (!this.printing) parts.push(this.spacer(first));
    for (let place = first; place < last; place += 1) parts.push(this.row(place));
    if (!this.printing) parts.push(this.spacer(this.rows.length - last));
    else if (last < this.rows.length) {
      const words = `${this.rows.length - last} more are not printed.`;
      parts.push(make("tr", {}, make("td", { colspan: this.columns.length }, words)));
    }
    this.body.replaceChildren(...parts);
  }

  /** @param {number} count rows that it stands for */
  spacer(count) {
    const cell = make("td", { colspan: this.columns.length });
    return make("tr", { class: "spacer", "aria-hidden": "true", style: `height: ${count * this.rowHeight}px`, hidden: !count }, cell);
  }

  /** @param {number} place among the rows that are shown */
  row(place) {
    const row = this.rows[place];
    const kinds = [this.kind?.(row), row === this.looked ? "looked" : ""].filter(Boolean).join(" ");
    const cells = this.columns.map((column, number) => {
      const inside = column.content ? column.content(row) : column.text(row);
      const attributes = {
        class: [column.numeric ? "number" : "", column.kind?.(row)].filter(Boolean).join(" ") || null,
        title: column.note?.(row) || null,
        scope: number ? null : "row",
      };
      return make(number ? "td" : "th", attributes, inside);
    });
    const line = make("tr", { class: kinds || null, "aria-rowindex": place + 2, "data-row": row, style: `height: ${this.rowHeight}px` }, ...cells);
    if (this.onLook) {
      for (const kind of ["pointerenter", "focusin", "click"]) line.addEventListener(kind, () => this.look(row));
    }
    return line;
  }

  /**
   * Look at a row.
   * @param {number} row
   */
  look(row) {
    if (row === this.looked) return;
    this.looked = row;
    for (const line of this.body.querySelectorAll("tr")) {
      line.classList.toggle("looked", line.dataset.row === String(row));
    }
    this.onLook?.(row);
  }

  /**
   * Go to the next row by the keyboard.
   * @param {KeyboardEvent} event
   */
  step(event) {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!move || !this.onLook || !this.rows.length || event.target !== this.box) return;
    event.preventDefault();
    const here = this.rows.indexOf(this.looked);
    const place = Math.min(this.rows.length - 1, Math.max(0, here + move));
    const top = place * this.rowHeight;
    const height = this.box.clientHeight - 2 * this.rowHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    if (top > this.box.scrollTop + height) this.box.scrollTop = top - height;
    this.draw();
    this.look(this.rows[place]);
  }
}

/**
 * Make a field that filters a table by words.
 * @param {BigTable} table
 * @param {(row: number) => string} textOf
 * @param {string} hint
 * @param {(row: number) => boolean} [also]
 * @returns {{tools: HTMLElement, refresh: () => void}}
 */
export function filterField(table, textOf, hint, also = () => true) {
  const field = /** @type {HTMLInputElement} */ (make("input", { type: "search", class: "filter", placeholder: hint }));
  /** @type {string[]} */
  const texts = [];
  const refresh = () => {
    const words = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    table.filter((row) => {
      if (!also(row)) return false;
      texts[row] ??= textOf(row).toLocaleLowerCase();
      return words.every((word) => texts[row].includes(word));
    });
  };
  field.addEventListener("input", refresh);
  const tools = make("div", { class: "tools" }, make("label", {}, "Filter ", field), table.count);
  return { tools, refresh };
}
