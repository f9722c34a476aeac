// The page: unpacks the data and puts the views together.

import { Compare } from "./compare";
import { unpack } from "./data";
import { copy, fill, h, say } from "./dom";
import { count, duration, line, money, moment, percent, plural, short } from "./figures";
import { View } from "./view";
import { headline } from "./sums";
import { Model } from "./model";

const KEYS: [string, string][] = [
  ["/", "search"],
  ["1 … 4", "go to a view"],
  ["E, shift E", "next, previous problem"],
  ["↑ ↓", "in the tree: next, previous event"],
  ["← →", "in the tree: close, open; in the timeline: move"],
  ["* −", "in the tree: open all, close all"],
  ["+ − 0", "in the timeline: closer, farther, all"],
  ["Enter", "show the details; in the timeline: the event as wide as it can be"],
  ["C", "copy the event as JSON"],
  ["Esc", "close the details, clear the search"],
  ["D", "dark or light"],
  ["?", "this help"],
];
const MOST_PRINTED = 2000;
const DARK = matchMedia("(prefers-color-scheme: dark)");

function dress(dark: boolean): void {
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

class Page {
  readonly #models: Model[];
  readonly #views: View[];
  readonly #compare: Compare | null;
  readonly #header = h("header", { class: "top" });
  readonly #stage = h("main", { id: "stage", tabindex: -1 });
  readonly #help = h("dialog", { class: "help", "aria-label": "Keys" });
  #run = 0;
  #tab = "run";

  constructor(
    private readonly made: string,
    models: Model[],
  ) {
    this.#models = models;
    this.#views = models.map((model) => new View(model));
    this.#compare =
      models.length > 1
        ? new Compare([models[0]!, models[1]!], (run, row) => {
            this.#run = run;
            this.#open("run");
            this.#views[run]!.select(row, true);
          })
        : null;
    for (const view of this.#views) view.opened = (tab) => this.#open(tab);
    fill(document.getElementById("app")!, h("p", { id: "said", class: "hidden", role: "status", "aria-live": "polite" }), this.#header, this.#stage, this.#help);
    this.#fillHelp();
    document.addEventListener("keydown", (event) => this.#pressed(event));
    DARK.addEventListener("change", () => this.#dress(DARK.matches));
    addEventListener("resize", () => this.#resized());
    addEventListener("beforeprint", () => this.#print());
    this.#open(this.#compare ? "compare" : "run");
  }

  #open(tab: string): void {
    this.#tab = tab;
    const view = this.#views[this.#run]!;
    this.#fillHeader(view);
    const page = tab === "compare" ? this.#compare!.element : view.page(tab);
    fill(this.#stage, h("div", { class: `page in-${tab}`, id: "panel", role: "tabpanel", "aria-labelledby": `tab-${tab}` }, page));
    document.body.dataset["tab"] = tab;
    this.#recolour();
    this.#resized();
  }

  #tabs(): [string, string, string][] {
    const problems = this.#models[this.#run]!.problems.length;
    const tabs: [string, string, string][] = [
      ["run", "Run", ""],
      ["summary", "Summary", ""],
      ["problems", "Problems", count(problems)],
    ];
    return this.#compare ? [["compare", "Compare", ""], ...tabs] : tabs;
  }

  #fillHeader(view: View): void {
    const session = view.model.run.sessions[0]!;
    const tabs = this.#tabs().map(([id, name, number]) =>
      h(
        "button",
        { role: "tab", id: `tab-${id}`, "aria-controls": "panel", "aria-selected": String(id === this.#tab), tabindex: id === this.#tab ? 0 : -1, onclick: () => this.#open(id) },
        name,
        number && h("span", { class: `number${number === "0" ? "" : " wrong"}` }, number),
      ),
    );
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, tabs);
    list.addEventListener("keydown", (event) => this.#walkTabs(event));
    fill(
      this.#header,
      h(
        "div",
        { class: "who" },
        h("h1", {}, this.#tab === "compare" ? "Two runs" : line(String(session.metadata["agent"] ?? "") || "agent", 60)),
        this.#compare ? this.#picker() : null,
        this.#tab === "compare" ? null : this.#session(view),
        h("span", { class: "space" }),
        list,
        h(
          "span",
          { class: "ends" },
          h("button", { class: "quiet", title: "Light or dark (D)", "aria-label": "Light or dark", onclick: () => this.#turn() }, "◐"),
          h("button", { class: "quiet", title: "Keys (?)", "aria-label": "Keys", onclick: () => this.#help.showModal() }, "?"),
        ),
      ),
      this.#tab === "compare" ? null : this.#figures(view.model),
      this.#tab === "run" ? h("div", { class: "strips" }, view.strips()) : null,
      this.#tab === "run" ? view.filters : null,
    );
  }

  #session(view: View): HTMLElement {
    const [session, ...others] = view.model.run.sessions;
    const told: Record<string, string> = {
      "live": `still running; what was written until ${this.made.slice(11, 19)} UTC`,
      "died": "its process died without closing it",
      "recovered": "put together after a crash",
    };
    const state = session!.state;
    const id = session!.session_id;
    return h(
      "p",
      { class: "about" },
      this.#compare ? null : h("button", { class: "link mono", title: "Copy the session's id", onclick: (event: MouseEvent) => copy(id, event.currentTarget as HTMLElement) }, line(id, 70)),
      h("span", { class: "muted" }, moment(view.model.began)),
      others.length ? h("span", { class: "muted" }, `with ${plural(others.length, "session")} begun inside it`) : null,
      h("span", { class: `state ${["live", "died", "recovered", "closed"].includes(state) ? state : ""}` }, h("b", {}, line(state, 20)), told[state] ? `: ${told[state]}` : ""),
    );
  }

  #picker(): HTMLElement {
    const choose = (at: number) => {
      this.#run = at;
      this.#open(this.#tab === "compare" ? "run" : this.#tab);
    };
    return h(
      "div",
      { class: "picker", role: "group", "aria-label": "Which run" },
      this.#models.map((model, at) =>
        h(
          "button",
          { "aria-pressed": String(this.#tab !== "compare" && at === this.#run), onclick: () => choose(at) },
          h("span", { class: `letter r${at}` }, "AB"[at]!),
          line(model.run.sessions[0]!.session_id, 40),
        ),
      ),
    );
  }

  #figures(model: Model): HTMLElement {
    const sum = headline(model);
    const known = sum.succeeded + sum.failed;
    const figure = (value: string, name: string, more = "", tone = "") => h("div", { class: `tile ${tone}` }, h("dt", {}, name), h("dd", {}, value, more && h("small", {}, more)));
    const bad = sum.failed + sum.errors + sum.interrupted;
    const broken = [sum.errors && `${count(sum.errors)} of them errors${sum.recovered ? `, ${count(sum.recovered)} recovered` : ""}`, sum.interrupted && `${count(sum.interrupted)} interrupted`];
    return h(
      "dl",
      { class: "tiles" },
      figure(duration(model.length), "Time"),
      figure(count(sum.events), "Events", sum.dropped ? `${count(sum.dropped)} dropped` : ""),
      figure(known ? percent(sum.succeeded / known) : "–", "Calls succeeded", known ? `${count(sum.succeeded)} of ${count(known)}` : ""),
      figure(sum.sent + sum.got ? `${short(sum.sent)} → ${short(sum.got)}` : "–", "Tokens", sum.cached ? `${percent(sum.cached / sum.sent)} of the input cached` : ""),
      figure(money(sum.cost), "Cost"),
      figure(count(model.problems.length), "Problems", broken.filter(Boolean).join(" · "), bad ? "wrong" : "good"),
    );
  }

  #walkTabs(event: KeyboardEvent): void {
    const ids = this.#tabs().map(([id]) => id);
    const at = ids.indexOf(this.#tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: ids.length - 1 }[event.key];
    if (to === undefined) return;
    const id = ids[(to + ids.length) % ids.length]!;
    this.#open(id);
    document.getElementById(`tab-${id}`)?.focus();
    event.preventDefault();
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#help.open) return;
    const target = event.target as HTMLElement;
    if (target.matches("input:not([type=checkbox]), select")) return;
    const view = this.#views[this.#run]!;
    const tabs = this.#tabs();
    const acts: Record<string, () => void> = {
      "/": () => this.#inRun(() => view.search.focus()),
      "?": () => this.#help.showModal(),
      e: () => this.#inRun(() => view.nextProblem(1)),
      E: () => this.#inRun(() => view.nextProblem(-1)),
      d: () => this.#turn(),
      n: () => this.#inRun(() => view.step(1)),
      p: () => this.#inRun(() => view.step(-1)),
      c: () => this.#tab === "run" && view.copySelected(),
      Escape: () => view.close(),
    };
    const act = /^[1-4]$/.test(event.key) && tabs[Number(event.key) - 1] ? () => this.#open(tabs[Number(event.key) - 1]![0]) : acts[event.key];
    if (!act || event.defaultPrevented) return;
    act();
    event.preventDefault();
  }

  #inRun(act: () => void): void {
    if (this.#tab !== "run") this.#open("run");
    act();
  }

  #turn(): void {
    const dark = document.documentElement.dataset["theme"] !== "dark";
    say(dark ? "Dark" : "Light");
    this.#dress(dark);
  }

  #dress(dark: boolean): void {
    dress(dark);
    this.#recolour();
  }

  #recolour(): void {
    for (const view of this.#views) view.timeline.recolour();
    this.#compare?.recolour();
  }

  #resized(): void {
    if (this.#tab === "run") this.#views[this.#run]!.resized();
    if (this.#tab === "compare") this.#compare?.resized();
  }

  /** A list that only exists in sight prints as nothing: paper gets rows of its own. */
  #print(): void {
    document.getElementById("printed")?.remove();
    const view = this.#views[this.#run]!;
    document.body.append(h("div", { id: "printed" }, view.printed(MOST_PRINTED)));
    const dark = document.documentElement.dataset["theme"] === "dark";
    dress(false);
    view.timeline.recolour();
    view.timeline.draw();
    addEventListener("afterprint", () => this.#dress(dark), { once: true });
  }

  #fillHelp(): void {
    fill(
      this.#help,
      h("h2", {}, "Keys"),
      h("dl", {}, KEYS.flatMap(([key, told]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, told)])),
      h("form", { method: "dialog" }, h("button", { type: "submit" }, "Close")),
    );
  }
}

async function start(): Promise<void> {
  const data = document.getElementById("data")!;
  if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot unpack gzip; a newer one can");
  const { made, runs } = await unpack(data.textContent ?? "");
  data.remove();
  const page = new Page(made, runs.map((run) => new Model(run)));
  requestAnimationFrame(() => {
    document.documentElement.dataset["ready"] = String(Math.round(performance.now()));
    void page;
  });
}

dress(DARK.matches);
start().catch((error: unknown) => {
  fill(document.getElementById("app")!, h("p", { id: "wait" }, `The session cannot be shown: ${line(error instanceof Error ? error.message : String(error))}.`));
});
