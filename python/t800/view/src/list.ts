// A list of any length, of which only what is in sight exists.

import { h } from "./dom";

/** Browsers end an element's height somewhere above this; longer lists scroll by shares. */
const TALLEST = 8_000_000;
const MARGIN = 6;

export class List {
  readonly element: HTMLElement;
  readonly #space = h("div", { class: "space" });
  readonly #shown = new Map<number, HTMLElement>();
  #length = 0;
  #rowHeight = 28;
  #waiting = false;

  constructor(
    attributes: Record<string, string | number>,
    private readonly row: (at: number) => HTMLElement,
    private readonly heightOf: () => number,
  ) {
    this.element = h("div", { ...attributes, class: `list ${attributes["class"] ?? ""}` }, this.#space);
    this.element.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.#later()).observe(this.element);
  }

  /** Rows in sight. */
  get page(): number {
    return Math.max(1, Math.floor(this.#high / this.#rowHeight) - 1);
  }

  /** The height for rows, without a heading that stays on top. */
  get #high(): number {
    return this.element.clientHeight - this.#space.offsetTop;
  }

  /** Show a list of `length` rows anew. */
  reset(length: number): void {
    this.#length = length;
    this.#rowHeight = this.heightOf();
    this.#space.style.height = `${Math.min(length * this.#rowHeight, TALLEST)}px`;
    this.refresh();
  }

  /** Make the rows in sight anew. */
  refresh(): void {
    this.#shown.clear();
    this.#space.replaceChildren();
    this.#draw();
  }

  /** Bring a row into sight. */
  reveal(at: number, middle = false): void {
    const clientHeight = this.#high;
    const top = at * this.#rowHeight;
    const first = this.#first();
    const here = first * this.#rowHeight;
    if (!middle && top >= here && top + this.#rowHeight <= here + clientHeight) return;
    const wanted = middle ? top - clientHeight / 2 : top < here ? top : top + this.#rowHeight - clientHeight;
    const reach = this.#length * this.#rowHeight - clientHeight;
    const scrolls = Math.min(this.#length * this.#rowHeight, TALLEST) - clientHeight;
    this.element.scrollTop = reach > 0 ? (Math.max(0, Math.min(wanted, reach)) / reach) * Math.max(scrolls, 0) : 0;
    this.#draw();
  }

  #first(): number {
    const [scrollTop, clientHeight] = [this.element.scrollTop, this.#high];
    const total = this.#length * this.#rowHeight;
    const tall = Math.min(total, TALLEST);
    const share = tall > clientHeight ? Math.min(1, scrollTop / (tall - clientHeight)) : 0;
    return (share * Math.max(0, total - clientHeight)) / this.#rowHeight;
  }

  #later(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw(): void {
    const [scrollTop, clientHeight] = [this.element.scrollTop, this.#high];
    const exact = this.#first();
    const from = Math.max(0, Math.floor(exact) - MARGIN);
    const to = Math.min(this.#length, Math.ceil(exact + clientHeight / this.#rowHeight) + MARGIN);
    for (const [at, element] of this.#shown) {
      if (at >= from && at < to) continue;
      element.remove();
      this.#shown.delete(at);
    }
    const added: HTMLElement[] = [];
    for (let at = from; at < to; at++) {
      let element = this.#shown.get(at);
      if (!element) {
        element = this.row(at);
        this.#shown.set(at, element);
        added.push(element);
      }
      element.style.transform = `translateY(${scrollTop + (at - exact) * this.#rowHeight}px)`;
    }
    this.#space.append(...added);
  }
}
