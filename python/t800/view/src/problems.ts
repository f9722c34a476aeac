// What went wrong, in the order in which it did.

import { h } from "./dom";
import { count, duration, line } from "./figures";
import { List } from "./list";
import { ERROR, type Model } from "./model";
import { recovery } from "./sums";
import { mark } from "./tree";

/** What was done about an error, and whether it helped. */
export function outcome(model: Model, row: number): [string, string] {
  const error = model.kind[row] === ERROR ? row : model.errorOf(row);
  const tried = error < 0 ? null : recovery(model.run.parsed(error)["recovery"]);
  if (!tried) return ["", ""];
  const how = tried.strategy ? ` by ${line(tried.strategy, 60)}` : "";
  if (tried.success === true) return ["good", `recovered${how}`];
  return tried.success === false ? ["wrong", `not recovered${how}`] : ["muted", `recovery tried${how}`];
}

export function problems(model: Model, select: (row: number) => void): HTMLElement {
  const damage = model.run.sessions.flatMap((session) => session.damage);
  const notes = h(
    "div",
    { class: "notes" },
    damage.map(({ file, line: at, problem }) => h("p", { class: "note" }, h("b", {}, "Not read: "), line(`${file}${at ? `, line ${at}` : ""}: ${problem}`, 400))),
  );
  if (!model.problems.length) return h("div", { class: "problems" }, notes, h("p", { class: "calm" }, "✓ Nothing failed, and nothing was interrupted."));
  const list: List = new List(
    { class: "troubles", role: "grid", tabindex: 0, "aria-label": "What went wrong", "aria-rowcount": model.problems.length },
    (at) => {
      const row = model.problems[at]!;
      const [sign, told] = mark(model, row);
      const inside = model.run.parent[row]!;
      const [tone, end] = outcome(model, row);
      return h(
        "div",
        { class: `row wrong${at === chosen ? " chosen" : ""}`, role: "row", "aria-rowindex": at + 1, id: `trouble-${at}`, onclick: () => select(row) },
        h("span", { class: "mark", role: "gridcell", "aria-label": told }, sign),
        h(
          "span",
          { class: "what", role: "gridcell" },
          h("b", {}, line(model.name(row), 100)),
          h("span", { class: "muted" }, `${inside >= 0 ? ` in ${line(model.name(inside), 60)}` : ""}${model.interrupted[row] ? " · interrupted: it was still running at the end" : ""}`),
          h("div", { class: "brief" }, line([model.brief(row), model.result(row)].filter(Boolean).join(" → "), 300)),
        ),
        h("span", { class: "end", role: "gridcell" }, h("span", { class: "figure muted" }, `after ${duration(model.start[row])}`), h("span", { class: tone }, end)),
      );
    },
    () => 62,
  );
  let chosen = 0;
  list.element.addEventListener("keydown", (event) => {
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: model.problems.length - 1, PageDown: chosen + list.page, PageUp: chosen - list.page }[event.key];
    if (event.key === "Enter") select(model.problems[chosen]!);
    else if (to === undefined) return;
    else {
      chosen = Math.max(0, Math.min(model.problems.length - 1, to));
      list.element.setAttribute("aria-activedescendant", `trouble-${chosen}`);
      list.reveal(chosen);
      list.refresh();
    }
    event.preventDefault();
  });
  requestAnimationFrame(() => list.reset(model.problems.length));
  return h("div", { class: "problems" }, h("p", { class: "muted" }, `${count(model.problems.length)} in the order in which they happened. Enter or a click shows one in its place.`), notes, list.element);
}
