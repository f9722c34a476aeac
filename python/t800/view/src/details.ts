// Everything about one event.

import type { Event } from "./data";
import { copy, fill, h } from "./dom";
import { clock, count, duration, line, money, moment, visible } from "./figures";
import { CHECKPOINT, DECISION, ERROR, LLM, type Model, text, TOOL } from "./model";
import { mark } from "./tree";

const KIND = { [TOOL]: "Tool call", [LLM]: "LLM call", [DECISION]: "Decision", [ERROR]: "Error", [CHECKPOINT]: "Checkpoint" } as Record<number, string>;
/** Shown as values in sections of their own; all other fields are facts. */
const SECTIONS: [string, string][] = [
  ["message", "Message"],
  ["outcome", "Outcome"],
  ["recovery", "Recovery"],
  ["parameters_redacted", "Parameters"],
  ["result_redacted", "Result"],
  ["messages_redacted", "Messages"],
  ["response_redacted", "Response"],
  ["attributes", "Attributes"],
];
const FACTS = new Set([
  "event_id", "timestamp", "type", "tool", "model", "provider", "decision_type", "error_type", "phase_name", "status", "duration_ms", "success",
  "interrupted", "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "tokens_in",
  "tokens_out", "ttft_ms", "cost_usd", "parent_id", "phase", "agent_id", "source_id",
]);
const MOST_TEXT = 100_000;
const MOST_ITEMS = 200;
const OPEN_DEPTH = 3;

export interface DetailHooks {
  select(row: number): void;
  focus(row: number): void;
  close(): void;
}

export class Details {
  readonly element = h("aside", { class: "details", "aria-label": "Details", tabindex: -1 });
  #row = -1;

  constructor(
    private readonly model: Model,
    private readonly hooks: DetailHooks,
  ) {
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && hooks.close());
    this.show(-1);
  }

  show(row: number): void {
    this.#row = row;
    this.element.classList.toggle("empty", row < 0);
    this.element.scrollTop = 0;
    if (row < 0) fill(this.element, h("p", { class: "muted" }, "Choose an event to see all of it."));
    else fill(this.element, this.#head(), this.#facts(this.model.run.event(row)), this.#inside(), this.#values(this.model.run.event(row)));
  }

  /** The event as one JSON text. */
  json(row: number): string {
    return JSON.stringify(this.model.run.event(row), null, 2);
  }

  #head(): HTMLElement {
    const [model, row] = [this.model, this.#row];
    const [sign, told] = mark(model, row);
    return h(
      "header",
      { class: model.wrong[row] ? "wrong" : "" },
      h("div", { class: "kind" }, h("span", { class: `dot k${model.kind[row]}`, "aria-hidden": "true" }), `${model.isPhase(row) ? "Phase" : (KIND[model.kind[row]!] ?? "Event")} · ${told}`),
      h("h2", {}, h("span", { class: "mark", "aria-hidden": "true" }, sign), line(model.name(row), 200)),
      h(
        "div",
        { class: "acts" },
        h("button", { onclick: (event: MouseEvent) => copy(this.json(row), event.currentTarget as HTMLElement) }, "Copy JSON"),
        h("button", { onclick: () => this.hooks.focus(row) }, "Show in timeline"),
        h("button", { class: "close", "aria-label": "Close details", onclick: () => this.hooks.close() }, "✕"),
      ),
    );
  }

  #facts(event: Event): HTMLElement {
    const [model, row] = [this.model, this.#row];
    const { run } = model;
    const up = model.run.parent[row]!;
    const figure = (name: string) => run.figure(name, row);
    const tokenFact = (name: string) => (figure(name) === null ? null : count(figure(name)));
    const facts: [string, string | Node | null][] = [
      ["Took", model.interrupted[row] ? "unknown: it was still open at the end" : model.lasts(row) ? `${duration(figure("duration_ms"))}${this.#share()}` : null],
      ["Of it its own", model.childrenOf(row).length && model.lasts(row) && model.kind[row]! <= LLM ? duration(model.own[row]) : null],
      ["First token after", figure("ttft_ms") === null ? null : duration(figure("ttft_ms"))],
      ["Began", Number.isNaN(run.time[row]) ? "unknown" : `${duration(model.start[row])} after the start, ${clock(model.began + model.start[row]!)}`],
      ["On", moment(model.began + model.start[row]!)],
      ["Provider", run.word("provider", row) || null],
      ["Tokens in", tokenFact("prompt_tokens") ?? tokenFact("tokens_in")],
      ["of them cached", tokenFact("cached_tokens")],
      ["written to the cache", tokenFact("cache_write_tokens")],
      ["Tokens out", tokenFact("completion_tokens") ?? tokenFact("tokens_out")],
      ["of them reasoning", tokenFact("reasoning_tokens")],
      ["Cost", figure("cost_usd") === null ? null : money(figure("cost_usd"))],
      ["Status", run.word("status", row) || null],
      ["Tool", typeof event["tool"] === "string" && model.kind[row] === ERROR ? event["tool"] : null],
      ["Phase", run.word("phase", row) || null],
      ["Sub-agent", run.word("agent", row) || null],
      ["Session", run.partOf(row) ? (run.sessions[run.partOf(row)]?.session_id ?? null) : null],
      ["Inside", up >= 0 ? this.#link(up) : typeof event["parent_id"] === "string" ? `${event["parent_id"]} (not in this trace)` : null],
      ["Event", run.id(row)],
      ["Source id", text(event["source_id"]) || null],
    ];
    const shown = facts.filter(([, value]) => value !== null && value !== "");
    return h("dl", {}, shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? line(value, 400) : value)]));
  }

  #share(): string {
    const [model, row] = [this.model, this.#row];
    const share = (model.run.figure("duration_ms", row) ?? 0) / model.length;
    return share >= 0.01 ? `, ${Math.round(Math.min(share, 1) * 100)} % of the run` : "";
  }

  #link(row: number): HTMLElement {
    const name = `${this.model.name(row)} ${this.model.run.id(row)}`;
    return h("button", { class: "link", onclick: () => this.hooks.select(row) }, line(name, 100));
  }

  #inside(): HTMLElement | null {
    const children = this.model.childrenOf(this.#row);
    if (!children.length) return null;
    const shown = Array.from(children.subarray(0, 12), (row) => h("li", { class: this.model.wrong[row] ? "wrong" : "" }, h("span", { class: "mark", "aria-hidden": "true" }, mark(this.model, row)[0]), this.#link(row)));
    const more = children.length > 12 ? h("li", { class: "muted" }, `and ${count(children.length - 12)} more`) : null;
    return h("section", {}, h("h3", {}, `Inside it: ${count(children.length)}`), h("ul", { class: "inside" }, shown, more));
  }

  #values(event: Event): HTMLElement[] {
    const known: [string, string][] = SECTIONS.filter(([field]) => field in event && event[field] !== null);
    const named = new Set(SECTIONS.map(([field]) => field));
    const others = Object.keys(event).filter((field) => !named.has(field) && !this.#isFact(field, event[field]));
    return [...known, ...others.map((field): [string, string] => [field, field])].map(([field, title]) => this.#section(title, event[field]));
  }

  /** Whether a field is among the facts already; one with an odd value is shown as it is. */
  #isFact(field: string, value: unknown): boolean {
    if (!FACTS.has(field)) return false;
    const usual = value === null || ["string", "number", "boolean"].includes(typeof value);
    return usual && !(field in this.model.run.parsed(this.#row) && !["event_id", "timestamp", "tool", "source_id", "parent_id", "duration_ms", "cost_usd", "ttft_ms"].includes(field));
  }

  #section(title: string, value: unknown): HTMLElement {
    const raw = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    return h(
      "section",
      {},
      h("h3", {}, line(title, 80), h("button", { class: "quiet", onclick: (event: MouseEvent) => copy(raw, event.currentTarget as HTMLElement) }, "Copy")),
      h("div", { class: "value" }, shown(value, 0)),
    );
  }
}

/** A value of any shape, as elements. */
function shown(value: unknown, depth: number): HTMLElement {
  if (typeof value === "string") return words(value);
  if (typeof value !== "object" || value === null) return h("span", { class: `v ${value === null ? "null" : "literal"}` }, String(value));
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  if (!entries.length) return h("span", { class: "v null" }, list ? "[ ] empty" : "{ } empty");
  const short = JSON.stringify(value);
  if (list && short.length < 60 && entries.every(([, inner]) => typeof inner !== "object")) return h("span", { class: "v" }, visible(short));
  const inside = () =>
    h(
      "dl",
      { class: "object" },
      entries.slice(0, MOST_ITEMS).flatMap(([name, inner]) => [h("dt", {}, line(name, 200)), h("dd", {}, shown(inner, depth + 1))]),
      entries.length > MOST_ITEMS ? h("dt", { class: "muted" }, `… ${count(entries.length - MOST_ITEMS)} more`) : null,
    );
  if (!depth) return inside();
  // Deeper values are made when they are opened: nobody waits for what nobody looks at.
  const fold = h("details", {}, h("summary", {}, list ? `${count(entries.length)} items` : `${count(entries.length)} fields`));
  const open = () => fold.childElementCount === 1 && fold.append(inside());
  fold.addEventListener("toggle", open);
  if (depth < OPEN_DEPTH && entries.length <= 20) {
    open();
    fold.open = true;
  }
  return fold;
}

const STANDING = /(\[(?:REDACTED(?:_PATH)?|content hash: [0-9a-f]{6}|truncated \d+ bytes|\d+ bytes)\])/;

/** A text; what the redactor has put in a value's place is marked as such. */
function words(value: string): HTMLElement {
  const cut = value.length > MOST_TEXT ? value.slice(0, MOST_TEXT) : value;
  const parts = cut.split(STANDING).map((part, at) => (at % 2 ? h("mark", {}, part) : visible(part)));
  const more = value.length > cut.length ? h("span", { class: "muted" }, ` … ${count(value.length - cut.length)} more characters`) : null;
  return h("span", { class: value.includes("\n") || value.length > 120 ? "v text" : "v" }, parts, more);
}
