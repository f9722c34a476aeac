// Two runs side by side: their steps aligned, and what differs.

import { align } from "./align";
import { table } from "./chart";
import { fill, h } from "./dom";
import { change, count, duration, line, money, percent, short } from "./figures";
import { List } from "./list";
import { KINDS, LLM, type Model } from "./model";
import { byName, headline } from "./sums";
import { Timeline } from "./timeline";
import { mark } from "./tree";

type Pair = { a: number; b: number; told: string; tone: "same" | "changed" | "left" | "right" };

/** A difference in time that is worth a word: a quarter, and something a person notices. */
const NOTICED_SHARE = 0.25;
const NOTICED_MS = 50;

export class Compare {
  readonly element = h("div", { class: "compare" });
  readonly #pairs: Pair[];
  #shown: Pair[] = [];
  readonly #list: List;
  readonly #timelines: Timeline[];
  #all = false;
  #chosen = 0;

  constructor(
    private readonly models: [Model, Model],
    private readonly select: (run: number, row: number) => void,
  ) {
    this.#pairs = paired(models);
    this.#list = new List({ class: "pairs", role: "grid", tabindex: 0, "aria-label": "Steps of both runs" }, (at) => this.#row(at), () => (matchMedia("(max-width: 640px)").matches ? 76 : 30));
    const length = Math.max(...models.map((model) => model.length));
    this.#timelines = models.map(
      (model, at) =>
        new Timeline(
          model,
          { select: (row) => this.select(at, row), moved: (from, to) => this.#timelines?.[1 - at]?.move(from, to, false) },
          length,
          `Run ${"AB"[at]}`,
        ),
    );
    fill(
      this.element,
      h("div", { class: "both" }, this.#timelines.map((timeline, at) => h("div", {}, h("h3", {}, h("span", { class: `letter r${at}` }, "AB"[at]!), who(models[at]!)), timeline.element))),
      h("div", { class: "cards" }, h("section", { class: "card" }, h("h2", {}, "In figures"), this.#figures()), h("section", { class: "card" }, h("h2", {}, "Where they differ most"), this.#names())),
      this.#bar(),
      this.#list.element,
    );
    this.#list.element.addEventListener("keydown", (event) => this.#pressed(event));
    requestAnimationFrame(() => this.#show());
  }

  recolour(): void {
    for (const timeline of this.#timelines) timeline.recolour();
  }

  resized(): void {
    this.#list.reset(this.#shown.length);
  }

  #show(): void {
    this.#shown = this.#all ? this.#pairs : this.#pairs.filter(({ tone }) => tone !== "same");
    this.#chosen = 0;
    this.#list.element.setAttribute("aria-rowcount", String(this.#shown.length));
    this.#list.reset(this.#shown.length);
  }

  #bar(): HTMLElement {
    const number = (tone: string) => this.#pairs.filter((pair) => pair.tone === tone).length;
    const box = h("input", { type: "checkbox", onchange: () => ((this.#all = box.checked), this.#show()) });
    const told = [`${count(number("same"))} equal`, `${count(number("changed"))} changed`, `${count(number("left"))} only in A`, `${count(number("right"))} only in B`];
    return h("div", { class: "bar" }, h("h2", {}, "Step by step"), h("span", { class: "muted" }, told.join(" · ")), h("label", {}, box, "show equal steps too"));
  }

  #figures(): HTMLElement {
    const [a, b] = this.models.map((model) => ({ ...headline(model), length: model.length })) as [Figures, Figures];
    const rate = (sum: Figures) => (sum.succeeded + sum.failed ? sum.succeeded / (sum.succeeded + sum.failed) : null);
    const row = (name: string, x: number | null, y: number | null, figure: (value: number | null) => string, worse = 1) => {
      const way = x === null || y === null ? 0 : y - x;
      const told = !way ? "=" : figure === duration ? change(way) : `${way < 0 ? "−" : "+"}${figure(Math.abs(way))}`;
      return [name, figure(x), figure(y), h("span", { class: !way || !worse ? "muted" : way * worse > 0 ? "wrong" : "good" }, told)];
    };
    return table(
      ["", "A", "B", "Difference"],
      [
        row("Time", a.length, b.length, duration),
        row("Events", a.events, b.events, count, 0),
        row("Succeeded", rate(a), rate(b), percent, -1),
        row("Failed calls", a.failed, b.failed, count),
        row("Errors", a.errors, b.errors, count),
        row("Interrupted", a.interrupted, b.interrupted, count),
        row("Tokens in", a.sent, b.sent, count),
        row("Tokens out", a.got, b.got, count),
        row("Cost", a.cost, b.cost, money),
      ],
    );
  }

  #names(): HTMLElement {
    const [a, b] = this.models.map((model) => new Map(byName(model).map((sum) => [`${sum.kind} ${sum.name}`, sum]))) as [Sums, Sums];
    const keys = [...new Set([...a.keys(), ...b.keys()])];
    const rows = keys
      .map((key) => {
        const [x, y] = [a.get(key), b.get(key)];
        return { name: (x ?? y)!.name, time: (y?.own ?? 0) - (x?.own ?? 0), calls: [x?.calls ?? 0, y?.calls ?? 0], cost: (y?.cost ?? 0) - (x?.cost ?? 0), kind: (x ?? y)!.kind };
      })
      .sort((x, y) => Math.abs(y.time) - Math.abs(x.time))
      .slice(0, 9);
    const most = Math.max(...rows.map(({ time }) => Math.abs(time)), 1e-9);
    const signed = (usd: number) => (Math.abs(usd) < 1e-9 ? "=" : `${usd < 0 ? "−" : "+"}${money(Math.abs(usd))}`);
    return table(
      ["Name", "Its own time", "Calls", "Cost"],
      rows.map(({ name, time, calls, cost }) => [line(name, 50), change(time), `${count(calls[0])} → ${count(calls[1])}`, signed(cost)]),
      rows.map(({ time, kind }) => ({ share: Math.abs(time) / most, colour: kind === LLM ? "llm" : "tool" })),
    );
  }

  #row(at: number): HTMLElement {
    const { a, b, told, tone } = this.#shown[at]!;
    return h(
      "div",
      { class: `row ${tone}${at === this.#chosen ? " chosen" : ""}`, role: "row", "aria-rowindex": at + 1, id: `pair-${at}` },
      this.#side(0, a),
      h("span", { class: "told", role: "gridcell" }, told),
      this.#side(1, b),
    );
  }

  #side(run: number, row: number): HTMLElement {
    if (row < 0) return h("span", { class: "side none", role: "gridcell", "aria-label": `not in ${"AB"[run]}` });
    const model = this.models[run]!;
    const [sign, outcome] = mark(model, row);
    return h(
      "span",
      { class: `side ${KINDS[model.kind[row]!]}${model.wrong[row] ? " wrong" : ""}`, role: "gridcell", onclick: () => this.select(run, row) },
      h("span", { class: "mark", "aria-label": outcome }, sign),
      h("b", {}, line(model.name(row), 60)),
      h("span", { class: "brief" }, line(model.brief(row), 120)),
      h("span", { class: "figure" }, model.lasts(row) && !model.interrupted[row] ? duration(model.run.figure("duration_ms", row)) : ""),
    );
  }

  #pressed(event: KeyboardEvent): void {
    const to = { ArrowDown: this.#chosen + 1, ArrowUp: this.#chosen - 1, PageDown: this.#chosen + this.#list.page, PageUp: this.#chosen - this.#list.page, Home: 0, End: this.#shown.length - 1 }[event.key];
    const pair = this.#shown[this.#chosen];
    if (event.key === "Enter" && pair) this.select(pair.b >= 0 ? 1 : 0, pair.b >= 0 ? pair.b : pair.a);
    else if (to === undefined) return;
    else {
      this.#chosen = Math.max(0, Math.min(this.#shown.length - 1, to));
      this.#list.element.setAttribute("aria-activedescendant", `pair-${this.#chosen}`);
      this.#list.reveal(this.#chosen);
      this.#list.refresh();
    }
    event.preventDefault();
  }
}

type Figures = ReturnType<typeof headline> & { length: number };
type Sums = Map<string, ReturnType<typeof byName>[number]>;

function who(model: Model): string {
  const session = model.run.sessions[0];
  return line(`${String(session?.metadata["agent"] ?? "agent")} ${session?.session_id ?? ""}`, 80);
}

/** The steps of both runs in one order, each with what has become of it. */
function paired(models: [Model, Model]): Pair[] {
  const orders = models.map((model) => model.order) as [Uint32Array, Uint32Array];
  const numbers = new Map<string, number>();
  const keys = (exact: boolean) =>
    models.map((model, at) =>
      Int32Array.from(orders[at]!, (row) => {
        const key = `${model.kind[row]} ${model.name(row)} ${exact ? asked(model, row) : ""}`;
        return numbers.get(key) ?? (numbers.set(key, numbers.size), numbers.size - 1);
      }),
    ) as [Int32Array, Int32Array];
  const match = align(...keys(true));
  const [left, right] = keys(false);
  // Between steps that are the same in all, those of the same name belong together.
  let [from, other] = [0, 0];
  for (let at = 0; at <= match.length; at++) {
    const there = at < match.length ? match[at]! : right.length;
    if (there < 0) continue;
    align(left.subarray(from, at), right.subarray(other, there)).forEach((found, step) => found >= 0 && (match[from + step] = other + found));
    [from, other] = [at + 1, there + 1];
  }
  return interleaved(models, orders, match);
}

function interleaved(models: [Model, Model], orders: [Uint32Array, Uint32Array], match: Int32Array): Pair[] {
  const pairs: Pair[] = [];
  let other = 0;
  const onlyRight = (until: number) => {
    for (; other < until; other++) pairs.push({ a: -1, b: orders[1][other]!, told: "only in B", tone: "right" });
  };
  match.forEach((there, at) => {
    const a = orders[0][at]!;
    if (there < 0) {
      pairs.push({ a, b: -1, told: "only in A", tone: "left" });
      return;
    }
    onlyRight(there);
    const b = orders[1][other++]!;
    const told = difference(models, a, b);
    pairs.push({ a, b, told: told || "=", tone: told ? "changed" : "same" });
  });
  onlyRight(orders[1].length);
  return pairs;
}

function difference([left, right]: [Model, Model], a: number, b: number): string {
  const told: string[] = [];
  const [was, is] = [mark(left, a)[1], mark(right, b)[1]];
  if (was !== is) told.push(`${was} → ${is}`);
  else if (asked(left, a) !== asked(right, b)) told.push("other values");
  const [x, y] = [left.run.figure("duration_ms", a), right.run.figure("duration_ms", b)];
  if (x !== null && y !== null && Math.abs(y - x) > Math.max(NOTICED_MS, NOTICED_SHARE * Math.min(x, y))) told.push(change(y - x));
  const tokens = (model: Model, row: number) => (model.run.figure("prompt_tokens", row) ?? 0) + (model.run.figure("completion_tokens", row) ?? 0);
  const more = tokens(right, b) - tokens(left, a);
  if (Math.abs(more) > NOTICED_SHARE * tokens(left, a)) told.push(`${more < 0 ? "−" : "+"}${short(Math.abs(more))} tokens`);
  return told.join(", ");
}

/** What a step was asked to do, or what it said: equal for equal steps of two runs. */
function asked(model: Model, row: number): string {
  const rest = model.run.parsed(row);
  const value = rest["parameters_redacted"] ?? rest["outcome"] ?? rest["message"] ?? null;
  return value === null ? "" : JSON.stringify(value);
}
