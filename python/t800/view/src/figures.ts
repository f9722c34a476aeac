// Figures and texts for people.

const dash = "–";

/** Milliseconds: `60 ns`, `85 µs`, `4.2 ms`, `31 s`, `2 m 05 s`; a dash for unknown. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !(ms >= 0)) return dash;
  if (ms < 1) {
    const us = ms * 1000;
    if (us === 0) return "0 s";
    if (us < 1) return `${Math.round(us * 1000)} ns`;
    return us < 10 ? `${us.toFixed(1)} µs` : `${Math.round(us)} µs`;
  }
  if (ms < 1000) return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 999) return "> 999 h";
  return hours ? `${hours} h ${two(minutes % 60)} m` : `${minutes} m ${two(seconds % 60)} s`;
}

/** A difference of durations with its sign. */
export function change(ms: number): string {
  return `${ms < 0 ? "−" : "+"}${duration(Math.abs(ms))}`;
}

/** US dollars, with as many digits as a small amount needs. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return dash;
  return usd >= 1 || usd === 0 ? `$${usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}` : `$${usd.toFixed(4)}`;
}

/** A whole number: `1,500`. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? dash : value.toLocaleString("en");
}

/** A large number in four signs: `1.5k`, `12M`. */
export function short(value: number): string {
  if (value < 1000) return String(Math.round(value));
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]] as const) {
    if (value >= size) return `${(value / size).toFixed(value / size < 10 ? 1 : 0)}${unit}`;
  }
  return String(value);
}

/** A share of 1; only all of it is 100 %. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return dash;
  return share >= 1 ? "100 %" : `${Number(Math.min(share * 100, 99.9).toPrecision(3))} %`;
}

export function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A moment as this reader's clock shows it, and the day with it. */
export function moment(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return dash;
  return date.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/** A moment to the millisecond. */
export function clock(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? dash : date.toISOString().slice(11, 23);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

// Controls (but not line ends and tabs), soft hyphen, zero-width and bidi controls, tags, lone surrogates: they would
// reorder or hide what a reader sees, so they are shown as what they are.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e0fff}]/gu;

/** The text with everything invisible made visible. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (sign) => {
    const code = sign.codePointAt(0) ?? 0;
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** The text as one visible line of at most `most` characters. */
export function line(text: string, most = 300): string {
  const cut = text.length > most * 2 ? text.slice(0, most * 2) : text;
  const flat = visible(cut.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " "));
  return flat.length > most || cut.length < text.length ? `${flat.slice(0, most)}…` : flat;
}
