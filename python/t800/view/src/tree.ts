// The tree: phases, calls, and what happened inside them.

import { h } from "./dom";
import { count, duration, line, money, short } from "./figures";
import { List } from "./list";
import { CHECKPOINT, DECISION, ERROR, KINDS, LLM, type Model, TOOL } from "./model";

export interface TreeHooks {
  select(row: number): void;
  /** Enter: go on to the details. */
  open(): void;
  copy(row: number): void;
}

export class Tree {
  readonly element: HTMLElement;
  readonly #list: List;
  readonly #closed: Uint8Array;
  #rows = new Int32Array(0);
  #depths = new Uint16Array(0);
  #wanted: Uint8Array | null = null;
  #selected = -1;

  constructor(
    private readonly model: Model,
    private readonly hooks: TreeHooks,
  ) {
    this.#closed = new Uint8Array(model.rows);
    this.#list = new List(
      { class: "tree", role: "treegrid", tabindex: 0, "aria-label": "Events", "aria-readonly": "true", "aria-colcount": 5 },
      (at) => this.#row(at),
      () => (matchMedia("(max-width: 640px)").matches ? 40 : 28),
    );
    const heads = ["Event", "When", "Took", "Tokens", "Cost"].map((name, at) => h("span", { class: ["what", "when", "figure took", "figure tokens", "figure cost"][at]!, role: "columnheader" }, name));
    this.#list.element.prepend(h("div", { class: "heads", role: "row" }, heads));
    this.element = this.#list.element;
    this.element.addEventListener("keydown", (event) => this.#pressed(event));
    this.element.addEventListener("click", (event) => this.#clicked(event));
  }

  /** How many rows are in the list. */
  get length(): number {
    return this.#rows.length;
  }

  /** Show the wanted rows and what they hang on; null wants all. */
  filter(wanted: Uint8Array | null): void {
    this.#wanted = wanted;
    this.#unfold();
  }

  select(row: number, middle = false): void {
    if (row >= 0) this.#disclose(row);
    this.#selected = row;
    const at = this.#placeOf(row);
    if (at >= 0) this.#list.reveal(at, middle);
    this.#list.refresh();
    this.element.setAttribute("aria-activedescendant", at >= 0 ? `row-${row}` : "");
  }

  /** Make the list anew for another width of the window. */
  resized(): void {
    this.#list.reset(this.#rows.length);
  }

  #unfold(): void {
    const [model, closed] = [this.model, this.#closed];
    const kept = this.#wanted && this.#kept(this.#wanted);
    const rows = new Int32Array(model.rows);
    const depths = new Uint16Array(model.rows);
    let length = 0;
    const stack: [Uint32Array, number, number][] = [[model.childrenOf(-1), 0, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1]!;
      const [children, at, depth] = top;
      if (at >= children.length) {
        stack.pop();
        continue;
      }
      top[1]++;
      const row = children[at]!;
      if (kept && !kept[row]) continue;
      rows[length] = row;
      depths[length++] = depth;
      const inside = model.childrenOf(row);
      if (inside.length && !closed[row]) stack.push([inside, 0, depth + 1]);
    }
    this.#rows = rows.subarray(0, length);
    this.#depths = depths.subarray(0, length);
    this.element.setAttribute("aria-rowcount", String(length));
    this.#list.reset(length);
  }

  #kept(wanted: Uint8Array): Uint8Array {
    const kept = wanted.slice();
    for (let row = 0; row < kept.length; row++) {
      if (!wanted[row]) continue;
      for (let up = this.model.up[row]!; up >= 0 && !kept[up]; up = this.model.up[up]!) kept[up] = 1;
    }
    return kept;
  }

  #placeOf(row: number): number {
    return this.#rows.indexOf(row);
  }

  /** Open everything that a row hangs on. */
  #disclose(row: number): void {
    let changed = false;
    for (let up = this.model.up[row]!; up >= 0; up = this.model.up[up]!) {
      if (this.#closed[up]) changed = true;
      this.#closed[up] = 0;
    }
    if (changed) this.#unfold();
  }

  #row(at: number): HTMLElement {
    const { model } = this;
    const row = this.#rows[at]!;
    const depth = this.#depths[at]!;
    const inside = model.childrenOf(row).length;
    const [sign, told] = mark(model, row);
    const lasts = model.lasts(row);
    const classes = ["row", KINDS[model.kind[row]!]!, model.wrong[row] && "wrong", model.isPhase(row) && "phase", this.#wanted && !this.#wanted[row] && "faint"];
    return h(
      "div",
      {
        class: classes.filter(Boolean).join(" "), id: `row-${row}`, role: "row", "data-row": row, "aria-level": depth + 1, "aria-rowindex": at + 1,
        "aria-selected": row === this.#selected ? "true" : "false", "aria-expanded": inside ? String(!this.#closed[row]) : null,
      },
      h(
        "span",
        { class: "what", role: "gridcell", "--depth": Math.min(depth, 12) },
        h("span", { class: "fold", "aria-hidden": "true" }, inside ? (this.#closed[row] ? "▸" : "▾") : ""),
        h("span", { class: "mark", role: "img", "aria-label": told }, sign),
        h("b", {}, line(model.name(row), 120)),
        h("span", { class: "brief" }, line(model.brief(row), 200)),
      ),
      h("span", { class: "when", role: "gridcell", "aria-hidden": "true" }, this.#stripe(row)),
      h("span", { class: "figure took", role: "gridcell" }, model.interrupted[row] ? "interrupted" : lasts ? duration(model.run.figure("duration_ms", row)) : ""),
      h("span", { class: "figure tokens", role: "gridcell" }, tokens(model, row)),
      h("span", { class: "figure cost", role: "gridcell" }, cost(model, row)),
    );
  }

  #stripe(row: number): HTMLElement {
    const { start, end, length } = this.model;
    const from = (100 * start[row]!) / length;
    return h("i", { "--from": `${Math.min(from, 99.2)}%`, "--size": `${Math.max(0.8, Math.min((100 * end[row]!) / length, 100) - from)}%` });
  }

  #clicked(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    const row = Number(target.closest<HTMLElement>(".row")?.dataset["row"] ?? -1);
    if (row < 0) return;
    if (target.classList.contains("fold")) this.#fold(row, !this.#closed[row]);
    else this.hooks.select(row);
  }

  #fold(row: number, closed: boolean): void {
    if (!this.model.childrenOf(row).length) return;
    this.#closed[row] = Number(closed);
    this.#unfold();
  }

  #foldAll(closed: boolean): void {
    for (let row = 0; row < this.model.rows; row++) this.#closed[row] = Number(closed && this.model.childrenOf(row).length > 0);
    this.#unfold();
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#placeOf(this.#selected);
    const row = this.#selected;
    const go = (to: number) => {
      const next = this.#rows[Math.max(0, Math.min(this.#rows.length - 1, to))];
      if (next !== undefined) this.hooks.select(next);
    };
    const acts: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + this.#list.page),
      PageUp: () => go(at - this.#list.page),
      Home: () => go(0),
      End: () => go(this.#rows.length - 1),
      ArrowRight: () => (row >= 0 && this.#closed[row] ? this.#fold(row, false) : row >= 0 && this.model.childrenOf(row).length && go(at + 1)),
      ArrowLeft: () => this.#outwards(row),
      Enter: () => this.hooks.open(),
      "*": () => this.#foldAll(false),
      "/": () => undefined,
      c: () => row >= 0 && this.hooks.copy(row),
    };
    if (event.key === "-") this.#foldAll(true);
    else if (event.key === "/" || !acts[event.key]) return;
    else acts[event.key]!();
    event.preventDefault();
  }

  /** Close a row, or go to what it hangs on. */
  #outwards(row: number): void {
    if (row < 0) return;
    if (this.model.childrenOf(row).length && !this.#closed[row]) this.#fold(row, true);
    else if (this.model.up[row]! >= 0) this.hooks.select(this.model.up[row]!);
  }
}

/** The sign in front of an event, and what it says. */
export function mark(model: Model, row: number): [string, string] {
  const kind = model.kind[row]!;
  if (model.interrupted[row]) return ["◌", "interrupted"];
  if (kind === ERROR) return ["!", "error"];
  if (model.isPhase(row)) return [model.wrong[row] ? "✗" : "§", "phase"];
  if (kind === DECISION) return ["◆", "decision"];
  if (kind === CHECKPOINT) return ["⚑", "checkpoint"];
  if (model.wrong[row]) return ["✗", "failed"];
  if (model.run.code("success", row) !== 3) return ["·", kind === TOOL || kind === LLM ? "outcome unknown" : "event"];
  return ["✓", "succeeded"];
}

export function tokens(model: Model, row: number): string {
  const { run } = model;
  const total = model.kind[row] === LLM ? (run.figure("total_tokens", row) ?? (run.figure("prompt_tokens", row) ?? 0) + (run.figure("completion_tokens", row) ?? 0)) : (run.figure("tokens_in", row) ?? 0) + (run.figure("tokens_out", row) ?? 0);
  return total ? (total < 10_000 ? count(total) : short(total)) : "";
}

function cost(model: Model, row: number): string {
  const usd = model.run.figure("cost_usd", row);
  return usd === null ? "" : money(usd);
}
