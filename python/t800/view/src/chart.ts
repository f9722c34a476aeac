// Drawings of figures: shares of a whole, bars, curves over time.

import { h, s } from "./dom";
import { duration } from "./figures";
import type { Curve } from "./sums";

export interface Share {
  name: string;
  colour: string;
  value: number;
  act?: () => void;
}

const MOST_SHARES = 5;

/** One bar that is divided, with its legend: where the whole went. */
export function shares(title: string, told: string, given: Share[], figure: (value: number) => string): HTMLElement {
  const total = given.reduce((sum, { value }) => sum + value, 0);
  const sorted = given.filter(({ value }) => value > 0).sort((a, b) => b.value - a.value);
  const few = sorted.length > MOST_SHARES ? [...sorted.slice(0, MOST_SHARES - 1), rest(sorted.slice(MOST_SHARES - 1))] : sorted;
  const seen = new Map<string, number>();
  const pieces = few.map((share) => {
    const nth = seen.get(share.colour) ?? 0;
    seen.set(share.colour, nth + 1);
    return { ...share, part: share.value / total, shade: Math.max(0.3, 1 - nth * 0.24) };
  });
  const legend = pieces.map(({ name, colour, value, part, shade, act }) =>
    h(
      act ? "button" : "span",
      { class: "key", ...(act ? { onclick: act, title: `Show only ${name}` } : {}) },
      h("i", { class: `c-${colour}`, "--shade": shade, "aria-hidden": "true" }),
      h("span", { class: "name" }, name),
      h("span", { class: "figure" }, `${figure(value)} · ${part < 0.005 ? "< 1" : Math.round(part * 100)} %`),
    ),
  );
  return h(
    "section",
    { class: "shares" },
    h("h3", {}, title, h("span", { class: "muted" }, told)),
    h("div", { class: "divided", "aria-hidden": "true" }, pieces.map(({ colour, part, shade, name }) => h("i", { class: `c-${colour}`, title: name, "--part": Math.max(part, 0.004), "--shade": shade }))),
    h("div", { class: "legend" }, legend),
  );
}

function rest(given: Share[]): Share {
  return { name: `${given.length} others`, colour: "other", value: given.reduce((sum, { value }) => sum + value, 0) };
}

const [WIDE, HIGH] = [600, 150];

/** Curves on top of each other, over the time of a run. */
export function stacked(curves: Curve[], length: number, figure: (value: number) => string, title: string): HTMLElement {
  const steps = curves[0]!.values.length - 1;
  const sums = new Float64Array(steps + 1);
  const most = curves.reduce((sum, { values }) => sum + values[steps]!, 0);
  const y = (value: number) => (HIGH - (value / most) * (HIGH - 8)).toFixed(1);
  const x = (at: number) => ((at / steps) * WIDE).toFixed(1);
  const areas = curves.map(({ colour, values }) => {
    const below = sums.slice();
    for (let at = 0; at <= steps; at++) sums[at]! += values[at]!;
    // Tokens come when a call ends: the curve rises in steps.
    const top = Array.from(sums, (value, at) => `${at ? `H${x(at)}` : `M0,${y(value)}`}V${y(value)}`).join("");
    const bottom = Array.from(below, (_, at) => (at ? `V${y(below[steps - at]!)}H${x(steps - at)}` : `V${y(below[steps]!)}`)).join("");
    return s("path", { d: `${top}${bottom}Z`, class: `c-${colour}` });
  });
  const lines = [0.5, 1].map((share) => s("line", { x1: 0, x2: WIDE, y1: y(most * share), y2: y(most * share), class: "grid" }));
  const told = h("output", { class: "told" }, `${figure(most)} at the end`);
  const cursor = s("line", { y1: 0, y2: HIGH, class: "cursor", x1: -9, x2: -9 });
  const drawing = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${curves.map(({ title: name, values }) => `${name} ${figure(values[steps]!)}`).join(", ")}` }, lines, areas, cursor);
  drawing.addEventListener("pointermove", (event: PointerEvent) => {
    const box = drawing.getBoundingClientRect();
    const at = Math.max(0, Math.min(steps, Math.round(((event.clientX - box.left) / box.width) * steps)));
    cursor.setAttribute("x1", x(at));
    cursor.setAttribute("x2", x(at));
    told.textContent = `${duration((at / steps) * length)}: ${curves.map(({ title: name, values }) => `${name} ${figure(values[at]!)}`).join(", ")}`;
  });
  drawing.addEventListener("pointerleave", () => {
    cursor.setAttribute("x1", "-9");
    cursor.setAttribute("x2", "-9");
    told.textContent = `${figure(most)} at the end`;
  });
  return h(
    "div",
    { class: "chart" },
    h("div", { class: "legend" }, curves.map(({ title: name, colour, values }) => h("span", { class: "key" }, h("i", { class: `c-${colour}`, "aria-hidden": "true" }), `${name} ${figure(values[steps]!)}`)), told),
    drawing,
    h("div", { class: "axis muted" }, h("span", {}, "0"), h("span", {}, duration(length / 2)), h("span", {}, duration(length))),
  );
}

/** A table; the first column heads each row, numbers stand right. `bars` are shares of 1 behind the second column. */
export function table(heads: string[], rows: (string | Node)[][], bars: { share: number; colour: string }[] = []): HTMLElement {
  const cell = (value: string | Node, at: number, row: number) => {
    if (!at) return h("th", { scope: "row" }, value);
    const bar = at === 1 ? bars[row] : undefined;
    return h("td", { class: bar ? "barred" : typeof value === "string" && value.length > 24 ? "words" : "" }, bar && h("i", { class: `c-${bar.colour}`, "--part": bar.share, "aria-hidden": "true" }), h("span", {}, value));
  };
  return h(
    "div",
    { class: "wide" },
    h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows.map((row, number) => h("tr", {}, row.map((value, at) => cell(value, at, number)))))),
  );
}
