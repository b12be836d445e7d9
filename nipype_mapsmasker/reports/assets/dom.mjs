// SPDX-License-Identifier: Apache-2.0
// Elements of the page, and the words beside the pointer. Text from the data becomes text nodes and
// attributes' values, never markup.

/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes */

/**
 * Find an element of the page, or null.
 * @param {string} id
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Make an element.
 * @param {string} kind
 * @param {Attributes} [attributes] null, undefined and false are left out
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(kind, attributes = {}, ...children) {
  const node = document.createElement(kind);
  fill(node, attributes);
  node.append(...children);
  return node;
}

/**
 * Make an element of a drawing.
 * @param {string} kind
 * @param {Attributes} attributes
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function drawn(kind, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", kind);
  fill(node, attributes);
  node.append(...children);
  return /** @type {SVGElement} */ (node);
}

/**
 * @param {Element} node
 * @param {Attributes} attributes
 */
function fill(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Say which cell of a picture is under the pointer.
 * @param {MouseEvent} event
 * @param {Element} element what the picture fills
 * @param {number} columns
 * @param {number} rows
 * @returns {[number, number]} column and row
 */
export function cellAt(event, element, columns, rows) {
  const box = element.getBoundingClientRect();
  const across = Math.floor(((event.clientX - box.left) / box.width) * columns);
  const down = Math.floor(((event.clientY - box.top) / box.height) * rows);
  return [
    Math.min(columns - 1, Math.max(0, across)),
    Math.min(rows - 1, Math.max(0, down)),
  ];
}

/**
 * Show words beside the pointer, or none.
 * @param {MouseEvent} event
 * @param {string} words
 */
export function say(event, words) {
  const tip = byId("tip");
  if (!tip) return;
  tip.hidden = !words;
  tip.textContent = words;
  if (!words) return;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18;
  const top = below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : below;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

/**
 * Tell what is under the pointer, and act on a click.
 * @param {HTMLElement} element
 * @param {(event: MouseEvent) => string} words
 * @param {(event: MouseEvent) => void} [click]
 */
export function pointAt(element, words, click) {
  element.addEventListener("pointermove", (event) => say(event, words(event)));
  element.addEventListener("pointerleave", (event) => say(event, ""));
  if (!click) return;
  element.classList.add("clickable");
  element.addEventListener("click", click);
}

/** Let regions that scroll be reached by the keyboard, and say that they scroll. */
export function markScrollers() {
  for (const box of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".scroll"))) {
    const wide = box.scrollWidth > box.clientWidth + 1;
    const scrolls = wide || box.scrollHeight > box.clientHeight + 1;
    box.classList.toggle("scrolls", wide);
    if (scrolls || box.dataset.keys) {
      fill(box, { tabindex: 0, role: "region", "aria-label": box.dataset.label ?? "Table" });
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
}

/** Show as many names beside pictures as have room. */
export function thinNames() {
  for (const column of document.querySelectorAll(".names")) {
    const names = /** @type {HTMLElement[]} */ ([...column.children]);
    const room = column.clientHeight / Math.max(1, names.length);
    const step = Math.max(1, Math.ceil(11.5 / Math.max(room, 0.1)));
    names.forEach((name, place) => {
      name.hidden = place % step !== 0;
    });
  }
}

/** Open what is folded before the page is printed. */
export function openForPrint() {
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("section details:not(.chooser)")) part.setAttribute("open", "");
  });
}
