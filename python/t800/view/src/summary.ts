// The page of sums: time, money, tokens, phases, errors, and what recording itself did.

import { shares, stacked, table } from "./chart";
import type { Session } from "./data";
import { h } from "./dom";
import { count, duration, line, money, percent, short } from "./figures";
import { ERROR, LLM, type Model } from "./model";
import { byName, curves, number, recovery, type Totals } from "./sums";

const MOST_NAMES = 40;

export interface SummaryHooks {
  /** Show the calls of one tool or model. */
  only(name: string): void;
  select(row: number): void;
}

/** Where the time and the money went, as two divided bars. */
export function strips(model: Model, hooks: SummaryHooks): HTMLElement[] {
  const sums = byName(model);
  const time = sums.map((sum) => ({ name: line(sum.name, 40), colour: sum.kind === LLM ? "llm" : "tool", value: sum.own, act: () => hooks.only(sum.name) }));
  const made = [shares("Time", "in calls, each without what happened inside it", [...time, { name: "between calls", colour: "idle", value: model.idle }], duration)];
  const priced = sums.filter(({ cost }) => cost > 0);
  if (priced.length) made.push(shares("Cost", "", priced.map((sum) => ({ name: line(sum.name, 40), colour: sum.kind === LLM ? "llm" : "tool", value: sum.cost, act: () => hooks.only(sum.name) })), money));
  else if (sums.some(({ sent, got }) => sent + got > 0)) {
    const tokens = sums.filter(({ sent, got }) => sent + got > 0);
    made.push(shares("Tokens", "nothing was priced", tokens.map((sum) => ({ name: line(sum.name, 40), colour: sum.kind === LLM ? "llm" : "tool", value: sum.sent + sum.got, act: () => hooks.only(sum.name) })), short));
  }
  return made;
}

/** The whole page. */
export function summary(model: Model, hooks: SummaryHooks): HTMLElement {
  const sums = byName(model);
  const { tokens, cost } = curves(model);
  const card = (title: string, ...children: (Node | null)[]) => h("section", { class: "card" }, h("h2", {}, title), children);
  return h(
    "div",
    { class: "summary" },
    sums.length ? card("Time by tool and model", times(sums, hooks)) : null,
    sums.some(({ kind }) => kind === LLM) ? card("Models", models(sums.filter(({ kind }) => kind === LLM), hooks)) : null,
    tokens.length ? card("Tokens over time", stacked(tokens, model.length, short, "Tokens over time")) : null,
    cost.length ? card("Cost over time", stacked(cost, model.length, money, "Cost over time")) : null,
    model.phases.length ? card("Phases", phases(model, hooks)) : null,
    model.lanes.length > 1 ? card("Agents", agents(model)) : null,
    errors(model, card),
    ...model.run.sessions.slice(0, 8).map((session, at) => card(at ? `Recording of ${session.session_id}` : "Recording", recording(session))),
  );
}

function link(name: string, act: () => void): HTMLElement {
  return h("button", { class: "link", onclick: act }, line(name, 60));
}

function times(sums: Totals[], hooks: SummaryHooks): HTMLElement {
  const most = Math.max(...sums.map(({ time }) => time), 1e-9);
  const sorted = [...sums].sort((a, b) => b.time - a.time);
  const rows = sorted.slice(0, MOST_NAMES).map((sum) => [
    link(sum.name, () => hooks.only(sum.name)), duration(sum.time), duration(sum.own), count(sum.calls), sum.failed ? h("span", { class: "wrong" }, count(sum.failed)) : "0",
    duration(sum.middle), duration(sum.late), duration(sum.longest),
  ]);
  const bars = sorted.map((sum) => ({ share: sum.time / most, colour: sum.kind === LLM ? "llm" : "tool" }));
  const made = table(["Name", "Time", "Its own", "Calls", "Failed", "p50", "p95", "Longest"], rows, bars);
  if (sorted.length > MOST_NAMES) made.append(h("p", { class: "muted" }, `and ${count(sorted.length - MOST_NAMES)} more names`));
  return made;
}

function models(sums: Totals[], hooks: SummaryHooks): HTMLElement {
  const most = Math.max(...sums.map(({ cost }) => cost), 1e-12);
  const rows = [...sums].sort((a, b) => b.cost - a.cost).map((sum) => ({
    cells: [link(sum.name, () => hooks.only(sum.name)), sum.priced ? money(sum.cost) : "–", count(sum.calls), count(sum.sent), sum.sent ? percent(sum.cached / sum.sent) : "–", count(sum.got), sum.own > 0 ? `${short((sum.got / sum.own) * 1000)}/s` : "–"],
    bar: { share: sum.cost / most, colour: "llm" },
  }));
  return table(["Model", "Cost", "Calls", "Tokens in", "Cached", "Tokens out", "Speed"], rows.map(({ cells }) => cells), rows.map(({ bar }) => bar));
}

function phases(model: Model, hooks: SummaryHooks): HTMLElement {
  const rows = model.phases.slice(0, 200).map((row) => [
    link(model.name(row), () => hooks.select(row)), duration(model.run.figure("duration_ms", row)), model.wrong[row] ? h("span", { class: "wrong" }, model.run.word("status", row)) : model.run.word("status", row),
    count(model.childrenOf(row).length), line(model.brief(row), 80),
  ]);
  const most = Math.max(...model.phases.map((row) => model.end[row]! - model.start[row]!), 1e-9);
  return table(["Phase", "Time", "Ended", "Events", "Figures"], rows, model.phases.map((row) => ({ share: (model.end[row]! - model.start[row]!) / most, colour: "phase" })));
}

function agents(model: Model): HTMLElement {
  const sums = model.lanes.map(() => ({ own: 0, events: 0, wrong: 0, cost: 0 }));
  for (let row = 0; row < model.rows; row++) {
    const sum = sums[model.laneOf[row]!]!;
    sum.own += model.own[row]!;
    sum.events += Number(!model.isPhase(row));
    sum.wrong += model.wrong[row]!;
    sum.cost += model.run.figure("cost_usd", row) ?? 0;
  }
  const most = Math.max(...sums.map(({ own }) => own), 1e-9);
  const rows = model.lanes.map((lane, at) => [line(lane.label, 60), duration(sums[at]!.own), count(sums[at]!.events), count(sums[at]!.wrong), sums[at]!.cost ? money(sums[at]!.cost) : "–"]);
  return table(["Agent", "Time", "Events", "Went wrong", "Cost"], rows.slice(0, 100), sums.map(({ own }) => ({ share: own / most, colour: "tool" })));
}

function errors(model: Model, card: (title: string, ...children: Node[]) => HTMLElement): HTMLElement | null {
  const found = new Map<string, { times: number; tried: number; recovered: number; strategies: Set<string> }>();
  for (let row = 0; row < model.rows; row++) {
    if (model.kind[row] !== ERROR) continue;
    const name = model.name(row);
    const sum = found.get(name) ?? { times: 0, tried: 0, recovered: 0, strategies: new Set() };
    found.set(name, sum);
    sum.times++;
    const tried = recovery(model.run.parsed(row)["recovery"]);
    if (!tried) continue;
    sum.tried++;
    sum.recovered += Number(tried.success === true);
    if (tried.strategy && sum.strategies.size < 4) sum.strategies.add(tried.strategy);
  }
  if (!found.size) return null;
  const sorted = [...found].sort(([, a], [, b]) => b.times - a.times).slice(0, MOST_NAMES);
  const most = sorted[0]![1].times;
  const rows = sorted.map(([name, sum]) => [line(name, 60), count(sum.times), count(sum.tried), count(sum.recovered), line([...sum.strategies].join(", "), 80) || "–"]);
  return card("Errors", table(["Error", "Times", "Recovery tried", "Recovered", "How"], rows, sorted.map(([, { times: share }]) => ({ share: share / most, colour: "error" }))));
}

function recording(session: Session): HTMLElement {
  const { summary: sums, metadata } = session;
  const overhead = (sums["overhead"] ?? {}) as Record<string, number>;
  const us = (name: string) => (typeof overhead[name] === "number" ? duration(overhead[name] / 1000) : "–");
  const redactions = Object.entries((sums["redactions"] ?? {}) as Record<string, number>).sort(([, a], [, b]) => b - a);
  const switched = Object.entries((metadata["redaction"] ?? {}) as Record<string, unknown>).filter(([, on]) => on === false);
  const facts: [string, string][] = [
    ["Overhead per event", `p50 ${us("p50_us")}, p99 ${us("p99_us")}, longest ${us("max_us")}`],
    ["Over the budget", count(number(overhead, "over_budget"))],
    ["Dropped", count(number(sums, "dropped"))],
    ["Redactions", redactions.length ? `${count(redactions.reduce((sum, [, times]) => sum + Number(times), 0))}: ${redactions.slice(0, 8).map(([rule, times]) => `${rule} ${count(Number(times))}`).join(", ")}` : "none"],
    ["Redaction off", switched.length ? switched.map(([name]) => name).join(", ") : "nothing"],
    ["Session", `${session.session_id}, ${session.state}`],
  ];
  return h("dl", { class: "facts" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, line(value, 600))]));
}
