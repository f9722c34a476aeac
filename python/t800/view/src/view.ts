// One run: timeline, tree and details, which show the same choice and the same filter.

import { copy, h, say } from "./dom";
import { count, duration, line } from "./figures";
import { Details } from "./details";
import { callNames, everything, isEverything, matching, type Wanted } from "./filter";
import { CHECKPOINT, DECISION, ERROR, LLM, type Model, TOOL } from "./model";
import { problems } from "./problems";
import { strips, summary } from "./summary";
import { Timeline } from "./timeline";
import { mark, Tree } from "./tree";

const CHIPS: [number, string][] = [
  [TOOL, "tools"],
  [LLM, "LLM"],
  [DECISION, "decisions"],
  [ERROR, "errors"],
  [CHECKPOINT, "checkpoints"],
];
const PAUSE_MS = 120;

export class View {
  readonly timeline: Timeline;
  readonly filters: HTMLElement;
  readonly search = h("input", { type: "search", placeholder: "Search  /", "aria-label": "Search in all events", spellcheck: "false", autocomplete: "off" });
  opened: (tab: string) => void = () => undefined;
  readonly #tree: Tree;
  readonly #details: Details;
  readonly #element: HTMLElement;
  readonly #pages = new Map<string, HTMLElement>();
  readonly #told = h("output", { class: "muted", "aria-live": "polite" });
  readonly #clear = h("button", { class: "quiet", hidden: true, onclick: () => this.#reset() }, "Show all");
  readonly #selects: Record<"name" | "phase" | "lane" | "slow", HTMLSelectElement>;
  readonly #wrongOnly = h("button", { class: "chip", "aria-pressed": "false", onclick: () => this.#turnWrong() }, "only problems");
  readonly #chips: HTMLButtonElement[];
  #wanted: Wanted = everything();
  #rows: Uint8Array | null = null;
  #selected = -1;
  #strips: HTMLElement[] | null = null;
  #timer = 0;

  constructor(readonly model: Model) {
    const select = (row: number) => this.select(row);
    this.timeline = new Timeline(model, { select });
    this.#tree = new Tree(model, { select, open: () => this.#details.element.focus(), copy: () => this.copySelected() });
    this.#details = new Details(model, { select, focus: (row) => this.timeline.focus(row), close: () => this.close() });
    this.#selects = this.#choices();
    this.#chips = CHIPS.map(([kind, name]) => this.#chip(kind, name));
    this.search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#change({ text: this.search.value.trim() }), PAUSE_MS) as unknown as number;
    });
    this.search.addEventListener("keydown", (event) => this.#searched(event));
    const { name, phase, lane, slow } = this.#selects;
    this.filters = h("div", { class: "filters", role: "search" }, this.search, this.#chips, this.#wrongOnly, name, phase, lane, slow, this.#clear, this.#told);
    const empty = model.rows ? null : h("p", { class: "calm" }, "Nothing has been recorded in this session yet.");
    this.#element = h("div", { class: "workspace" }, this.timeline.element, empty, h("div", { class: "split" }, this.#tree.element, this.#details.element));
    this.#tree.filter(null);
  }

  /** The page of one tab; those that are not seen first are made when they are. */
  page(tab: string): HTMLElement {
    if (tab === "run") return this.#element;
    let page = this.#pages.get(tab);
    if (!page) {
      const go = (row: number) => {
        this.opened("run");
        this.select(row, true);
      };
      page = tab === "summary" ? summary(this.model, { only: (name) => this.#only(name), select: go }) : problems(this.model, go);
      this.#pages.set(tab, page);
    }
    return page;
  }

  strips(): HTMLElement[] {
    return (this.#strips ??= strips(this.model, { only: (name) => this.#only(name), select: (row) => this.select(row) }));
  }

  select(row: number, middle = false): void {
    if (row >= 0 && this.#rows && !this.#rows[row]) this.#reset();
    this.#selected = row;
    this.#tree.select(row, middle);
    this.timeline.select(row);
    this.#details.show(row);
    this.#element.classList.toggle("chosen", row >= 0);
    if (row >= 0) say(`${line(this.model.name(row), 80)}, ${mark(this.model, row)[1]}`);
  }

  /** The next event in time that is wanted. */
  step(by: number): void {
    const { order } = this.model;
    let at = this.#selected < 0 ? (by > 0 ? -1 : order.length) : order.indexOf(this.#selected);
    do at += by;
    while (at >= 0 && at < order.length && this.#rows && !this.#rows[order[at]!]);
    if (at >= 0 && at < order.length) this.select(order[at]!);
  }

  nextProblem(by: number): void {
    const rows = this.model.problems;
    if (!rows.length) return say("Nothing went wrong");
    const at = rows.indexOf(this.#selected);
    this.select(rows[(at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by + rows.length) % rows.length]!, true);
  }

  copySelected(): void {
    if (this.#selected >= 0) void copy(this.#details.json(this.#selected));
  }

  close(): void {
    if (this.#selected < 0) return;
    this.select(-1);
    this.#tree.element.focus();
  }

  resized(): void {
    this.#tree.resized();
  }

  /** Rows for paper. */
  printed(most: number): HTMLElement {
    const { model } = this;
    const rows: HTMLElement[] = [];
    const walk = (row: number, depth: number) => {
      for (const child of model.childrenOf(row)) {
        if (rows.length >= most) return;
        rows.push(h("tr", {}, h("td", { "--depth": depth }, `${mark(model, child)[0]} `, h("b", {}, line(model.name(child), 60)), ` ${line(model.brief(child), 120)}`), h("td", {}, model.interrupted[child] ? "interrupted" : model.lasts(child) ? duration(model.run.figure("duration_ms", child)) : "")));
        if (depth < 30) walk(child, depth + 1);
      }
    };
    walk(-1, 0);
    const more = model.rows - rows.length;
    return h("table", {}, h("tbody", {}, rows), more > 0 ? h("caption", {}, `and ${count(more)} more events`) : null);
  }

  /** Show the calls of one tool or model. */
  #only(name: string): void {
    this.opened("run");
    this.#selects.name.value = name;
    this.#change({ name });
  }

  #choices(): Record<"name" | "phase" | "lane" | "slow", HTMLSelectElement> {
    const { model } = this;
    const { tools, models } = callNames(model);
    const option = (value: string, told = line(value, 40)) => h("option", { value }, told);
    const group = (label: string, names: string[]) => names.length > 0 && h("optgroup", { label }, names.slice(0, 300).map((name) => option(name)));
    const choice = (label: string, set: (value: string) => Partial<Wanted>, none: string, few: boolean, ...options: (Node | false)[]) => {
      const made: HTMLSelectElement = h("select", { "aria-label": label, hidden: few, onchange: () => this.#change(set(made.value)) }, option("", none), options);
      return made;
    };
    const phases = [...new Set([...model.phases.map((row) => model.run.word("name", row)), ...model.run.words["phase"]!])].filter(Boolean);
    const lanes = model.lanes.map(({ label }) => label).slice(0, 300);
    return {
      name: choice("Tool or model", (name) => ({ name }), "any tool or model", tools.length + models.length < 2, group("Tools", tools), group("Models", models)),
      phase: choice("Phase", (phase) => ({ phase }), "any phase", !phases.length, ...phases.slice(0, 300).map((name) => option(name))),
      lane: choice("Agent", (lane) => ({ lane }), "any agent", lanes.length < 2, ...lanes.map((name) => option(name))),
      slow: choice("Duration", (slow) => ({ slow: Number(slow) }), "any duration", !model.rows, option("100", "≥ 100 ms"), option("1000", "≥ 1 s"), option("10000", "≥ 10 s"), option("60000", "≥ 1 minute")),
    };
  }

  #chip(kind: number, name: string): HTMLButtonElement {
    const number = this.model.kind.reduce((sum, one) => sum + Number(one === kind), 0);
    return h("button", { class: `chip k${kind}`, "aria-pressed": "true", hidden: !number, "data-kind": kind, onclick: () => this.#turnKind(kind) }, h("i", { "aria-hidden": "true" }), `${name} ${count(number)}`);
  }

  #turnKind(kind: number): void {
    const hidden = new Set(this.#wanted.hidden);
    if (!hidden.delete(kind)) hidden.add(kind);
    this.#change({ hidden });
  }

  #turnWrong(): void {
    this.#change({ problems: !this.#wanted.problems });
  }

  #searched(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      this.search.value = "";
      this.#change({ text: "" });
      this.#tree.element.focus();
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      clearTimeout(this.#timer);
      this.#change({ text: this.search.value.trim() });
      this.#tree.element.focus();
      this.#selected = -1;
      this.step(1);
    } else return;
    event.preventDefault();
  }

  #reset(): void {
    this.search.value = "";
    for (const select of Object.values(this.#selects)) select.value = "";
    this.#wanted = everything();
    this.#change({});
  }

  #change(part: Partial<Wanted>): void {
    this.#wanted = { ...this.#wanted, ...part };
    for (const chip of this.#chips) chip.setAttribute("aria-pressed", String(!this.#wanted.hidden.has(Number(chip.dataset["kind"]))));
    this.#wrongOnly.setAttribute("aria-pressed", String(this.#wanted.problems));
    const all = isEverything(this.#wanted);
    const { rows, number } = all ? { rows: null, number: this.model.rows } : matching(this.model, this.#wanted);
    this.#rows = rows;
    this.#clear.hidden = all;
    this.#told.textContent = all ? "" : number ? `${count(number)} of ${count(this.model.rows)}` : "no event fits";
    this.#tree.filter(rows);
    this.timeline.filter(rows);
    if (this.#selected >= 0) this.#tree.select(this.#selected);
  }
}
