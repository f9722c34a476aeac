// What the events of a run mean: when each began and ended, what it hangs on, in which lane it is drawn, what went wrong.

import { each, NAMES, type Run } from "./data";

/** What kind of event a row is; also its colour. */
export const KINDS = ["tool_call", "llm_call", "decision", "error", "checkpoint", "other"] as const;
export const [TOOL, LLM, DECISION, ERROR, CHECKPOINT, OTHER] = [0, 1, 2, 3, 4, 5];

export interface Lane {
  label: string;
  /** The lane's rows, each with the events that lie in it side by side. */
  tracks: Uint32Array[];
}

const MOST_TRACKS = 24;
/** Times in a file have whole milliseconds: what seems to overlap by less may well have followed. */
const PRECISION = 1;

export class Model {
  readonly kind: Uint8Array;
  /** Milliseconds since the run began. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** The row that a row hangs on in the tree, -1 for none. */
  readonly up: Int32Array;
  /** 1 where something went wrong: an error, a failed call, an interrupted one. */
  readonly wrong: Uint8Array;
  readonly interrupted: Uint8Array;
  /** How long a call took without what happened inside it. */
  readonly own: Float64Array;
  /** Rows in the order of the tree's children; the children of x are `children[from[x + 1] … from[x + 2])`. */
  readonly children: Uint32Array;
  readonly from: Uint32Array;
  /** Checkpoints that closed a phase, by time. */
  readonly phases: number[];
  /** Phases of which events speak and that no checkpoint has closed: the session still runs, or has died in them. */
  readonly openPhases: { name: string; start: number; end: number; wrong: boolean; open: boolean }[];
  readonly lanes: Lane[];
  /** The rows as they began. */
  readonly order: Uint32Array;
  readonly laneOf: Uint16Array;
  readonly trackOf: Uint8Array;
  /** When the run began, ms since 1970, and how long it lasted. */
  readonly began: number;
  readonly length: number;
  /** Time in which no call of the main session was running. */
  readonly idle: number;
  readonly problems: number[];

  constructor(readonly run: Run) {
    const rows = run.rows;
    this.kind = this.#kinds();
    [this.start, this.began] = this.#starts();
    [this.end, this.length] = this.#ends();
    const torn = run.codes("interrupted");
    this.interrupted = each(new Uint8Array(rows), (row) => Number(torn[row] === 3));
    this.wrong = this.#wrongs();
    const order = (this.order = this.#byStart());
    this.phases = Array.from(order.filter((row) => this.isPhase(row)));
    this.up = this.#ups();
    this.openPhases = this.#unclosed();
    [this.children, this.from] = this.#kinships(order);
    this.own = this.#owns(order);
    this.laneOf = new Uint16Array(rows);
    this.trackOf = new Uint8Array(rows);
    this.lanes = this.#laid(order);
    this.idle = this.#idling(order);
    this.problems = Array.from(order.filter((row) => this.#isProblem(row)));
  }

  get rows(): number {
    return this.run.rows;
  }

  /** Whether a row has a beginning and an end, and is not a moment. */
  lasts(row: number): boolean {
    return this.kind[row]! <= LLM || this.run.code("duration_ms", row) >= 2;
  }

  isPhase(row: number): boolean {
    return this.kind[row] === CHECKPOINT && this.run.code("duration_ms", row) >= 2;
  }

  name(row: number): string {
    return this.run.word("name", row) || this.run.word("type", row) || "event";
  }

  /** What a row did, in a few words: the path, the command, the message, the outcome. */
  brief(row: number): string {
    const rest = this.run.parsed(row);
    if (this.kind[row] === LLM) return this.#tokens(row);
    if (this.kind[row] === ERROR) return text(rest["message"]);
    if (this.kind[row] === DECISION) return text(rest["outcome"]);
    if (this.kind[row] === CHECKPOINT) return pairs(rest["attributes"]) || this.run.word("status", row);
    return parameters(rest["parameters_redacted"]) || pairs(rest["attributes"]);
  }

  /** What a call gave back, in a few words. */
  result(row: number): string {
    return pairs(this.run.parsed(row)["result_redacted"]);
  }

  childrenOf(row: number): Uint32Array {
    return this.children.subarray(this.from[row + 1], this.from[row + 2]);
  }

  /** An error of the row itself: what an error event inside it says. */
  errorOf(row: number): number {
    for (const child of this.childrenOf(row)) if (this.kind[child] === ERROR) return child;
    return -1;
  }

  #tokens(row: number): string {
    const sent = this.run.figure("prompt_tokens", row);
    const got = this.run.figure("completion_tokens", row);
    if (sent === null && got === null) return "";
    return `${sent?.toLocaleString("en") ?? "?"} → ${got?.toLocaleString("en") ?? "?"} tokens`;
  }

  #kinds(): Uint8Array {
    const words = this.run.words["type"]!.map((word) => (word in NAMES ? KINDS.indexOf(word as (typeof KINDS)[number]) : OTHER));
    const codes = this.run.codes("type");
    return each(new Uint8Array(this.rows), (row) => (codes[row]! < 2 ? OTHER : words[codes[row]! - 2]!));
  }

  #starts(): [Float64Array, number] {
    const { rows, time, sessions } = this.run;
    const start = new Float64Array(rows);
    let began = Infinity;
    for (let row = 0; row < rows; row++) if (time[row]! < began) began = time[row]!;
    const opened = Date.parse(sessions[0]?.started ?? "");
    if (!Number.isFinite(began)) began = Number.isFinite(opened) ? opened : 0;
    // Setting up before the first event belongs to the run; a session of yesterday's id does not.
    else if (opened <= began && began - opened < 60_000) began = opened;
    let last = 0;
    for (let row = 0; row < rows; row++) start[row] = last = Number.isNaN(time[row]) ? last : time[row]! - began;
    return [start, began];
  }

  #ends(): [Float64Array, number] {
    const { rows, run } = this;
    const start = this.start;
    const [took, torn] = [run.codes("duration_ms"), run.codes("interrupted")];
    const end = new Float64Array(rows);
    let length = 0;
    for (let row = 0; row < rows; row++) {
      end[row] = start[row]! + Math.max(0, took[row]! - 2) / 1000;
      if (end[row]! > length) length = end[row]!;
    }
    const closed = Date.parse(String(run.sessions[0]?.summary["ended"] ?? "")) - this.began;
    if (closed > length && closed < length + 3_600_000) length = closed;
    // What was open when the session ended lasted until then, as far as anybody knows.
    for (let row = 0; row < rows; row++) if (torn[row] === 3 && took[row]! < 2) end[row] = length;
    return [end, Math.max(length, 0.001)];
  }

  #wrongs(): Uint8Array {
    const [success, status] = [this.run.codes("success"), this.run.codes("status")];
    const bad = new Set(["failed", "interrupted"].map((word) => this.run.words["status"]!.indexOf(word) + 2));
    return each(new Uint8Array(this.rows), (row) =>
      Number(this.kind[row] === ERROR || success[row] === 2 || this.interrupted[row] === 1 || (this.kind[row] === CHECKPOINT && status[row]! > 1 && bad.has(status[row]!))),
    );
  }

  /** One entry for each thing that went wrong: an error stands for the call that failed of it. */
  #isProblem(row: number): boolean {
    if (!this.wrong[row]) return false;
    if (this.kind[row] === ERROR || (this.kind[row]! <= LLM && this.interrupted[row])) return true;
    const children = this.childrenOf(row);
    if (this.isPhase(row)) return !children.some((child) => this.wrong[child]);
    return this.errorOf(row) < 0 && !this.wrong[children[children.length - 1] ?? -1];
  }

  #byStart(): Uint32Array {
    const { start } = this;
    const order = each(new Uint32Array(this.rows), (row) => row);
    let sorted = true;
    for (let row = 1; row < order.length && sorted; row++) sorted = start[row - 1]! <= start[row]!;
    return sorted ? order : order.sort((a, b) => start[a]! - start[b]! || a - b);
  }

  #ups(): Int32Array {
    const up = Int32Array.from(this.run.parent);
    for (const phase of this.phases) up[phase] = -1;
    const byName = new Map<string, number[]>();
    for (const phase of this.phases) {
      const name = this.run.word("name", phase);
      byName.set(name, [...(byName.get(name) ?? []), phase]);
    }
    if (!this.phases.length) return up;
    for (let row = 0; row < up.length; row++) {
      if (up[row]! >= 0 || this.isPhase(row)) continue;
      const phase = byName.get(this.run.word("phase", row));
      if (phase) up[row] = this.#around(row, phase);
    }
    return up;
  }

  #unclosed(): Model["openPhases"] {
    const found = new Map<number, [number, number]>();
    const phases = this.run.codes("phase");
    for (let row = 0; row < this.rows; row++) {
      const phase = phases[row]!;
      if (phase < 2 || this.up[row]! >= 0 || this.run.partOf(row) || this.isPhase(row) || this.run.parent[row]! >= 0) continue;
      const reach = found.get(phase) ?? [Infinity, 0];
      reach[0] = Math.min(reach[0], this.start[row]!);
      reach[1] = Math.max(reach[1], this.end[row]!);
      found.set(phase, reach);
    }
    return [...found].map(([phase, [start, end]]) => ({ name: this.run.words["phase"]![phase - 2]!, start, end, wrong: false, open: true }));
  }

  /** The phase in which a row began. */
  #around(row: number, phases: number[]): number {
    let low = 0;
    for (let high = phases.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.start[phases[middle]!]! <= this.start[row]! + 2) low = middle + 1;
      else high = middle;
    }
    const phase = phases[low - 1];
    return phase !== undefined && this.run.partOf(phase) === this.run.partOf(row) && this.start[row]! <= this.end[phase]! + 2 ? phase : -1;
  }

  #kinships(order: Uint32Array): [Uint32Array, Uint32Array] {
    const from = new Uint32Array(this.rows + 2);
    for (const up of this.up) from[up + 2]!++;
    for (let at = 1; at < from.length; at++) from[at]! += from[at - 1]!;
    const next = from.slice();
    const children = new Uint32Array(this.rows);
    // A phase begins before what begins in the same millisecond.
    for (const row of this.phases) children[next[this.up[row]! + 1]!++] = row;
    for (const row of order) if (!this.isPhase(row)) children[next[this.up[row]! + 1]!++] = row;
    const roots = children.subarray(from[0], from[1]);
    if (this.phases.length) roots.sort((a, b) => this.start[a]! - this.start[b]! || Number(this.isPhase(b)) - Number(this.isPhase(a)) || a - b);
    return [children, from];
  }

  /** Each call's time without that of the calls inside it; what ran side by side counts once. */
  #owns(order: Uint32Array): Float64Array {
    const { start, end, run, kind } = this;
    const own = each(new Float64Array(this.rows), (row) => (kind[row]! > LLM ? 0 : end[row]! - start[row]!));
    const covered = new Float64Array(this.rows).fill(-Infinity);
    for (const row of order) {
      const up = run.parent[row]!;
      if (kind[row]! > LLM || up < 0 || kind[up]! > LLM) continue;
      const from = covered[up]! - start[row]! < PRECISION ? start[row]! : covered[up]!;
      own[up]! -= Math.max(0, end[row]! - from);
      covered[up] = Math.max(covered[up]!, end[row]!);
    }
    return each(own, (row) => Math.max(0, own[row]!));
  }

  #laid(order: Uint32Array): Lane[] {
    const { run, start, end } = this;
    const lanes: { label: string; ends: Float64Array; tracks: number[][] }[] = [];
    const numbers = new Map<number, number>();
    const labels = this.#labels();
    const [parts, agents] = [run.codes("part_of"), run.codes("agent")];
    for (const row of order) {
      if (this.isPhase(row)) continue;
      const key = parts[row]! * 0x10000 + agents[row]!;
      const number = numbers.get(key) ?? lanes.push({ label: labels(row), ends: new Float64Array(MOST_TRACKS).fill(-Infinity), tracks: [] }) - 1;
      numbers.set(key, number);
      const lane = lanes[number]!;
      const up = this.up[row]!;
      const inside = up >= 0 && !this.isPhase(up) && this.laneOf[up] === number ? this.trackOf[up]! + 1 : 0;
      let track = Math.min(inside, MOST_TRACKS - 1);
      while (track < MOST_TRACKS - 1 && lane.ends[track]! - start[row]! >= PRECISION) track++;
      const late = lane.ends[track]! - start[row]!;
      if (late > 0 && late < PRECISION) {
        start[row]! += late;
        end[row]! += late;
      }
      lane.ends[track] = Math.max(lane.ends[track]!, end[row]!);
      (lane.tracks[track] ??= []).push(row);
      this.laneOf[row] = number;
      this.trackOf[row] = track;
    }
    return lanes.map(({ label, tracks }) => ({ label, tracks: Array.from(tracks, (track) => Uint32Array.from(track ?? [])) }));
  }

  #labels(): (row: number) => string {
    const { run } = this;
    return (row) => {
      const session = run.sessions[run.partOf(row)];
      const agent = run.word("agent", row);
      const host = String(session?.metadata["agent"] ?? "") || "agent";
      if (!run.partOf(row)) return agent || host;
      return `${agent || host} · ${session?.session_id ?? ""}`;
    };
  }

  #idling(order: Uint32Array): number {
    let busy = 0;
    let until = 0;
    for (const row of order) {
      if (this.kind[row]! > LLM || this.end[row]! <= until) continue;
      busy += this.end[row]! - Math.max(until, this.start[row]!);
      until = this.end[row]!;
    }
    return Math.max(0, this.length - busy);
  }
}

const TELLING = ["command", "cmd", "file_path", "filePath", "pattern", "query", "url", "path", "description", "prompt", "name", "agent"];

function parameters(value: unknown): string {
  if (typeof value !== "object" || value === null) return text(value);
  const known = TELLING.find((name) => typeof (value as Record<string, unknown>)[name] === "string");
  return known ? text((value as Record<string, unknown>)[known]) : pairs(value);
}

/** An object as `a 1, b x`. */
function pairs(value: unknown): string {
  if (typeof value !== "object" || value === null) return text(value);
  return Object.entries(value)
    .slice(0, 6)
    .map(([name, inner]) => `${name} ${text(inner)}`)
    .join(" · ");
}

export function text(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
