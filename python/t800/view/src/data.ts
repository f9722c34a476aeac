// The page's data: unpacked, and asked for by row. `columns.py` is the other side of this.

export interface Summary {
  [name: string]: unknown;
}

export interface Session {
  session_id: string;
  started: string;
  state: string;
  metadata: Record<string, unknown>;
  summary: Summary;
  damage: { file: string; line: number; problem: string }[];
}

interface RunHead {
  sessions: Session[];
  rows: number;
  columns: [string, number][];
  words: Record<string, string[]>;
  text: number;
}

interface Head {
  format: number;
  made: string;
  runs: RunHead[];
}

export type Event = Record<string, unknown>;
type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

export const NAMES: Record<string, string> = {
  tool_call: "tool",
  llm_call: "model",
  decision: "decision_type",
  error: "error_type",
  checkpoint: "phase_name",
};
const WORDS: Record<string, string> = { type: "type", phase: "phase", agent: "agent_id", provider: "provider", status: "status" };
const COUNTS = [
  "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "tokens_in", "tokens_out",
];
const FIGURES: Record<string, number> = { duration_ms: 1e3, ttft_ms: 1e3, cost_usd: 1e9 };
const SWITCHES = ["success", "interrupted"];
const FIRST = 2;
/** The order in which a trace file has its fields. */
const ORDER = [
  "event_id", "timestamp", "type", "tool", "model", "provider", "decision_type", "error_type", "phase_name", "parameters_redacted",
  "result_redacted", "messages_redacted", "response_redacted", "outcome", "message", "status", ...COUNTS, "ttft_ms", "cost_usd",
  "duration_ms", "success", "interrupted", "recovery", "parent_id", "phase", "agent_id", "source_id", "attributes",
];

/** The data of this page. */
export async function unpack(base64: string): Promise<{ made: string; runs: Run[] }> {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Head;
  let at = 4 + length;
  const runs = head.runs.map((run) => {
    const made = new Run(run, bytes, at);
    at = made.end;
    return made;
  });
  return { made: head.made, runs };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const quick = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (quick) return quick.call(Uint8Array, base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function column(bytes: Uint8Array, at: number, rows: number, width: number): Numbers {
  if (width <= 1) return width ? bytes.subarray(at, at + rows) : new Uint8Array(rows);
  const values = width === 2 ? new Uint16Array(rows) : width <= 4 ? new Uint32Array(rows) : new Float64Array(rows);
  for (let rank = 0, scale = 1; rank < width; rank++, scale *= 256, at += rows) {
    for (let row = 0; row < rows; row++) values[row] = values[row]! + bytes[at + row]! * scale;
  }
  return values;
}

/** Each place of `values` with what `value` gives for it; an array's own `from` takes ten times as long. */
export function each<Kind extends Numbers | Int32Array>(values: Kind, value: (at: number) => number): Kind {
  for (let at = 0; at < values.length; at++) values[at] = value(at);
  return values;
}

/** One run: a session and those that began inside it. */
export class Run {
  readonly rows: number;
  readonly sessions: Session[];
  readonly words: Record<string, string[]>;
  readonly end: number;
  /** Milliseconds since 1970, NaN where it is unknown. */
  readonly time: Float64Array;
  /** The row of the call inside which a row happened, -1 for none. */
  readonly parent: Int32Array;
  readonly #columns: Record<string, Numbers> = {};
  readonly #ids: Float64Array;
  readonly #text: Uint8Array;
  readonly #textAt: Float64Array;
  /** The rows as their texts follow each other: those of the same name are side by side. */
  readonly #alike: Uint32Array;
  readonly #decoder = new TextDecoder();

  constructor(head: RunHead, bytes: Uint8Array, at: number) {
    const rows = (this.rows = head.rows);
    this.sessions = head.sessions;
    this.words = head.words;
    for (const [name, width] of head.columns) {
      this.#columns[name] = column(bytes, at, rows, width);
      at += rows * width;
    }
    this.time = steps(this.#columns["time"]!, NaN);
    this.#ids = steps(this.#columns["id"]!, 0);
    const above = this.#columns["parent"]!;
    this.parent = each(new Int32Array(rows), (row) => (above[row]! < FIRST ? -1 : row - above[row]! + 1));
    this.#textAt = new Float64Array(rows + 1);
    this.#columns["total_tokens"] = this.#totals();
    this.#alike = this.#byName();
    this.#textAt = new Float64Array(rows);
    let from = 0;
    for (const row of this.#alike) {
      this.#textAt[row] = from;
      from += this.#columns["text"]![row]!;
    }
    this.#text = bytes.subarray(at, at + head.text);
    this.end = at + head.text;
  }

  /** A number as its column has it: 0 absent, 1 null, else the value and 2. */
  code(name: string, row: number): number {
    return this.#columns[name]![row]!;
  }

  /** The numbers of a column, for those who need many. */
  codes(name: string): Numbers {
    return this.#columns[name]!;
  }

  /** A figure, null where there is none. */
  figure(name: string, row: number): number | null {
    const code = this.#columns[name]![row]!;
    return code < FIRST ? null : (code - FIRST) / (FIGURES[name] ?? 1);
  }

  word(name: string, row: number): string {
    const code = this.#columns[name]![row]!;
    return code < FIRST ? "" : this.words[name]![code - FIRST]!;
  }

  /** The number of the session, among those of this run, that a row belongs to. */
  partOf(row: number): number {
    return this.#columns["part_of"]![row]!;
  }

  /** What the columns do not hold, as JSON; empty for nothing. */
  rest(row: number): string {
    return this.#decoder.decode(this.#text.subarray(this.#textAt[row]!, this.#textAt[row]! + this.#columns["text"]![row]!));
  }

  id(row: number): string {
    const number = this.#ids[row]!;
    return number ? `evt_${String(number).padStart(3, "0")}` : String((this.parsed(row))["event_id"] ?? "");
  }

  /** The event as it stands in the trace file. */
  event(row: number): Event {
    const event = Object.create(null) as Event; // a field may be called __proto__
    const number = this.#ids[row]!;
    if (number) event["event_id"] = this.id(row);
    if (this.code("time", row)) event["timestamp"] = new Date(this.time[row]!).toISOString();
    for (const [name, field] of Object.entries(WORDS)) this.#put(event, field, name, row, (code) => this.words[name]![code]);
    const named = NAMES[this.word("type", row)];
    if (named) this.#put(event, named, "name", row, (code) => this.words["name"]![code]);
    for (const name of COUNTS) this.#put(event, name, name, row, (code) => code);
    for (const [name, scale] of Object.entries(FIGURES)) this.#put(event, name, name, row, (code) => code / scale);
    for (const name of SWITCHES) this.#put(event, name, name, row, (code) => code === 1);
    const parent = this.parent[row]!;
    if (this.code("parent", row)) event["parent_id"] = parent < 0 ? null : this.id(parent);
    Object.assign(event, this.parsed(row));
    const known = ORDER.filter((name) => name in event);
    const others = Object.keys(event).filter((name) => !ORDER.includes(name));
    return Object.fromEntries([...known, ...others].map((name) => [name, event[name]]));
  }

  /** The fields that are only in the row's text. */
  parsed(row: number): Event {
    const text = this.rest(row);
    if (!text) return {};
    try {
      return JSON.parse(text) as Event;
    } catch {
      return {};
    }
  }

  /** Rows whose text has the needle, whatever the case of Latin letters; `found` is called once for each. */
  search(needle: string, found: (row: number) => void): void {
    const wanted = new TextEncoder().encode(JSON.stringify(needle.toLowerCase()).slice(1, -1));
    const [text, alike, textAt, lengths] = [this.#text, this.#alike, this.#textAt, this.#columns["text"]!];
    const first = wanted[0]!;
    const upper = first >= 97 && first <= 122 ? first - 32 : first;
    const last = text.length - wanted.length;
    let turn = 0;
    for (let at = 0; at <= last; at++) {
      const sign = text[at];
      if (sign !== first && sign !== upper) continue;
      let i = 1;
      while (i < wanted.length && lower(text[at + i]!) === wanted[i]) i++;
      if (i < wanted.length) continue;
      const end = (row: number) => textAt[row]! + lengths[row]!;
      while (end(alike[turn]!) <= at) turn++;
      const row = alike[turn]!;
      if (at + wanted.length > end(row)) continue;
      found(row);
      at = end(row) - 1;
    }
  }

  /** The order of the texts: by type, name and row. */
  #byName(): Uint32Array {
    const [types, names] = [this.#columns["type"]!, this.#columns["name"]!];
    const many = this.words["name"]!.length + FIRST;
    const groups = new Map<number, number>();
    for (let row = 0; row < this.rows; row++) {
      const key = types[row]! * many + names[row]!;
      groups.set(key, (groups.get(key) ?? 0) + 1);
    }
    let from = 0;
    for (const key of Float64Array.from(groups.keys()).sort()) {
      const number = groups.get(key)!;
      groups.set(key, from);
      from += number;
    }
    const order = new Uint32Array(this.rows);
    for (let row = 0; row < this.rows; row++) {
      const key = types[row]! * many + names[row]!;
      const place = groups.get(key)!;
      order[place] = row;
      groups.set(key, place + 1);
    }
    return order;
  }

  /** All tokens of a row; its column has what they are beyond those of prompt and completion. */
  #totals(): Float64Array {
    const [beyond, sent, got] = [this.#columns["total_tokens"]!, this.#columns["prompt_tokens"]!, this.#columns["completion_tokens"]!];
    return each(new Float64Array(this.rows), (row) => {
      const code = beyond[row]!;
      if (code < FIRST) return code;
      const way = code - FIRST;
      return FIRST + (way % 2 ? -(way + 1) / 2 : way / 2) + Math.max(0, sent[row]! - FIRST) + Math.max(0, got[row]! - FIRST);
    });
  }

  #put(event: Event, field: string, name: string, row: number, value: (code: number) => unknown): void {
    const code = this.code(name, row);
    if (code) event[field] = code === 1 ? null : value(code - FIRST);
  }
}

function lower(sign: number): number {
  return sign >= 65 && sign <= 90 ? sign + 32 : sign;
}

function steps(codes: Numbers, none: number): Float64Array {
  const values = new Float64Array(codes.length);
  let last = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (!code) {
      values[row] = none;
      continue;
    }
    const way = code - 1;
    last += way % 2 ? -(way + 1) / 2 : way / 2;
    values[row] = last;
  }
  return values;
}
