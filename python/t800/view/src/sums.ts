// What the events of a run add up to.

import type { Run, Summary } from "./data";
import { ERROR, LLM, type Model, TOOL } from "./model";

export interface Totals {
  name: string;
  kind: number;
  calls: number;
  failed: number;
  /** Time of the calls, and without what happened inside them. */
  time: number;
  own: number;
  cost: number;
  priced: number;
  sent: number;
  cached: number;
  got: number;
  middle: number;
  late: number;
  longest: number;
}

type Codes = ReturnType<Run["codes"]>;

function columns(run: Run) {
  return {
    took: run.codes("duration_ms"), cost: run.codes("cost_usd"), sent: run.codes("prompt_tokens"), cached: run.codes("cached_tokens"),
    got: run.codes("completion_tokens"), sentByTools: run.codes("tokens_in"), gotByTools: run.codes("tokens_out"), success: run.codes("success"),
  };
}

/** A column's value, 0 where there is none. */
function value(codes: Codes, row: number): number {
  return Math.max(0, codes[row]! - 2);
}

/** Tools and models with what their calls add up to, most time first. */
export function byName(model: Model): Totals[] {
  const { run } = model;
  const found = new Map<number, Totals & { took: number[] }>();
  const { took, cost, sent, cached, got, sentByTools, gotByTools } = columns(run);
  const names = run.codes("name");
  for (let row = 0; row < model.rows; row++) {
    const kind = model.kind[row]!;
    if (kind > LLM) continue;
    const key = 2 * names[row]! + kind;
    let sum = found.get(key);
    if (!sum) {
      sum = { name: model.name(row), kind, calls: 0, failed: 0, time: 0, own: 0, cost: 0, priced: 0, sent: 0, cached: 0, got: 0, middle: 0, late: 0, longest: 0, took: [] };
      found.set(key, sum);
    }
    sum.calls++;
    sum.failed += Number(model.wrong[row]);
    sum.own += model.own[row]!;
    if (took[row]! > 1) {
      sum.time += (took[row]! - 2) / 1e3;
      sum.took.push((took[row]! - 2) / 1e3);
    }
    sum.cost += value(cost, row) / 1e9;
    sum.priced += Number(cost[row]! > 1);
    sum.sent += value(kind === LLM ? sent : sentByTools, row);
    sum.cached += value(cached, row);
    sum.got += value(kind === LLM ? got : gotByTools, row);
  }
  for (const sum of found.values()) {
    const took = Float64Array.from(sum.took).sort();
    [sum.middle, sum.late, sum.longest] = [0.5, 0.95, 1].map((share) => took[Math.max(0, Math.ceil(share * took.length) - 1)] ?? 0) as [number, number, number];
  }
  return [...found.values()].sort((a, b) => b.own - a.own);
}

export interface Headline {
  events: number;
  succeeded: number;
  failed: number;
  errors: number;
  recovered: number;
  interrupted: number;
  sent: number;
  cached: number;
  got: number;
  cost: number | null;
  dropped: number;
}

const known = new WeakMap<Model, Headline>();

/** The figures on top, counted from the events that are in the page. */
export function headline(model: Model): Headline {
  const found = known.get(model) ?? counted(model);
  known.set(model, found);
  return found;
}

function counted(model: Model): Headline {
  const { run } = model;
  const { cost, sent, cached, got, sentByTools, gotByTools, success } = columns(run);
  const sum = { events: model.rows, succeeded: 0, failed: 0, errors: 0, recovered: 0, interrupted: 0, sent: 0, cached: 0, got: 0, cost: null as number | null, dropped: 0 };
  for (let row = 0; row < model.rows; row++) {
    const kind = model.kind[row]!;
    if (kind <= LLM) {
      sum.succeeded += Number(success[row] === 3);
      sum.failed += Number(success[row] === 2);
      sum.interrupted += model.interrupted[row]!;
      sum.sent += value(kind === LLM ? sent : sentByTools, row);
      sum.got += value(kind === LLM ? got : gotByTools, row);
      sum.cached += value(cached, row);
      if (cost[row]! > 1) sum.cost = (sum.cost ?? 0) + value(cost, row) / 1e9;
    } else if (kind === ERROR) {
      sum.errors++;
      sum.recovered += Number(recovery(run.parsed(row)["recovery"])?.success === true);
    }
  }
  for (const session of run.sessions) sum.dropped += number(session.summary, "dropped");
  return sum;
}

export interface Recovery {
  strategy: string;
  success: boolean | null;
}

export function recovery(value: unknown): Recovery | null {
  if (typeof value !== "object" || value === null) return null;
  const { attempted, strategy, success } = value as Record<string, unknown>;
  if (attempted === false) return null;
  return { strategy: typeof strategy === "string" ? strategy : "", success: typeof success === "boolean" ? success : null };
}

/** A number of a summary, 0 where there is none. */
export function number(summary: Summary, name: string): number {
  const value = summary[name];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

export interface Curve {
  title: string;
  colour: string;
  /** What there is at each of the steps, added up from the start. */
  values: Float64Array;
}

const STEPS = 240;

/** Tokens and money over the time of the run, added up. */
export function curves(model: Model): { tokens: Curve[]; cost: Curve[] } {
  const { run } = model;
  const zero = () => new Float64Array(STEPS + 1);
  const [fresh, cached, got, cost] = [zero(), zero(), zero(), zero()];
  for (let row = 0; row < model.rows; row++) {
    if (model.kind[row] !== LLM && model.kind[row] !== TOOL) continue;
    const at = Math.min(STEPS, Math.max(0, Math.ceil((model.end[row]! / model.length) * STEPS)));
    if (model.kind[row] === LLM) {
      const saved = run.figure("cached_tokens", row) ?? 0;
      fresh[at]! += Math.max(0, (run.figure("prompt_tokens", row) ?? 0) - saved);
      cached[at]! += saved;
      got[at]! += run.figure("completion_tokens", row) ?? 0;
    }
    cost[at]! += run.figure("cost_usd", row) ?? 0;
  }
  for (const values of [fresh, cached, got, cost]) for (let at = 1; at <= STEPS; at++) values[at]! += values[at - 1]!;
  const tokens = [
    { title: "output", colour: "llm", values: got },
    { title: "input", colour: "tool", values: fresh },
    { title: "cached input", colour: "phase", values: cached },
  ];
  const some = (curve: Curve) => curve.values[STEPS]! > 0;
  return { tokens: tokens.filter(some), cost: [{ title: "cost", colour: "llm", values: cost }].filter(some) };
}
