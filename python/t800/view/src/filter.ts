// Which events are wanted.

import { KINDS, LLM, type Model, TOOL } from "./model";

export interface Wanted {
  text: string;
  /** Kinds that are switched off. */
  hidden: Set<number>;
  name: string;
  phase: string;
  lane: string;
  problems: boolean;
  slow: number;
}

export const everything = (): Wanted => ({ text: "", hidden: new Set(), name: "", phase: "", lane: "", problems: false, slow: 0 });

export function isEverything(wanted: Wanted): boolean {
  const { text, hidden, name, phase, lane, problems, slow } = wanted;
  return !text && !hidden.size && !name && !phase && !lane && !problems && !slow;
}

/** 1 for each row that is wanted, and how many they are. */
export function matching(model: Model, wanted: Wanted): { rows: Uint8Array; number: number } {
  const { run } = model;
  const rows = new Uint8Array(model.rows).fill(1);
  if (wanted.text) keep(rows, containing(model, wanted.text));
  const name = codeOf(run.words["name"]!, wanted.name);
  const phase = codeOf(run.words["phase"]!, wanted.phase);
  const lane = model.lanes.findIndex((one) => one.label === wanted.lane);
  let number = 0;
  for (let row = 0; row < rows.length; row++) {
    if (!rows[row]) continue;
    const fits =
      !wanted.hidden.has(model.kind[row]!) &&
      (!wanted.name || (run.code("name", row) === name && model.kind[row]! <= LLM) || usedTool(model, row, wanted.name)) &&
      (!wanted.phase || run.code("phase", row) === phase || (KINDS[model.kind[row]!] === "checkpoint" && run.word("name", row) === wanted.phase)) &&
      (!wanted.lane || model.laneOf[row] === lane) &&
      (!wanted.problems || model.wrong[row] === 1) &&
      (!wanted.slow || (model.lasts(row) && model.end[row]! - model.start[row]! >= wanted.slow));
    rows[row] = Number(fits);
    number += Number(fits);
  }
  return { rows, number };
}

/** The names of tools and models, most used first. */
export function callNames(model: Model): { tools: string[]; models: string[] } {
  const codes = model.run.codes("name");
  const words = model.run.words["name"]!;
  const uses = [TOOL, LLM].map(() => new Uint32Array(words.length + 2));
  for (let row = 0; row < model.rows; row++) if (model.kind[row]! <= LLM && codes[row]! > 1) uses[model.kind[row]!]![codes[row]!]!++;
  const [tools, models] = uses.map((times) => words.filter((_, at) => times[at + 2]).sort((a, b) => times[words.indexOf(b) + 2]! - times[words.indexOf(a) + 2]!));
  return { tools: tools!, models: models! };
}

/** An error says in its text which tool it is about. */
function usedTool(model: Model, row: number, name: string): boolean {
  return KINDS[model.kind[row]!] === "error" && model.run.parsed(row)["tool"] === name;
}

function codeOf(words: string[], word: string): number {
  return words.indexOf(word) + 2;
}

function keep(rows: Uint8Array, wanted: Uint8Array): void {
  for (let row = 0; row < rows.length; row++) rows[row]! &= wanted[row]!;
}

function containing(model: Model, text: string): Uint8Array {
  const { run } = model;
  const rows = new Uint8Array(model.rows);
  const needle = text.toLowerCase();
  for (const column of ["name", "type", "phase", "agent", "provider", "status"]) {
    const hits = new Set(run.words[column]!.flatMap((word, at) => (word.toLowerCase().includes(needle) ? [at + 2] : [])));
    if (hits.size) for (let row = 0; row < rows.length; row++) if (hits.has(run.code(column, row))) rows[row] = 1;
  }
  run.search(needle, (row) => (rows[row] = 1));
  const id = /^evt_0*(\d+)$/.exec(needle);
  if (id) for (let row = 0; row < rows.length; row++) if (run.id(row) === needle) rows[row] = 1;
  return rows;
}
