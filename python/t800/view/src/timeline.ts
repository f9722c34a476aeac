// The timeline: lanes of calls on one canvas, to be moved and enlarged.

import { h } from "./dom";
import { clock, duration, line } from "./figures";
import { CHECKPOINT, DECISION, ERROR, type Model } from "./model";

const TRACK = 18;
const BAR = 14;
const RULER = 22;
const PHASES = 22;
const GAP = 8;
const NARROW = 560;
/** Least width in sight: one µs for each 100 pixels. */
const CLOSEST = 0.01;
const COLOURS = ["tool", "llm", "decision", "error", "phase", "other"];

interface Place {
  track: Uint32Array;
  top: number;
}

export interface Hooks {
  select(row: number): void;
  /** The stretch of time in sight has changed. */
  moved?(from: number, to: number): void;
}

export class Timeline {
  readonly element: HTMLElement;
  readonly #canvas = h("canvas");
  readonly #hint = h("div", { class: "hint", hidden: true });
  readonly #scroller: HTMLElement;
  readonly #places: Place[] = [];
  #wrongAt: Uint32Array[] = [];
  #wantedAt: Uint32Array[] | null = null;
  #from = 0;
  #to = 1;
  #width = 0;
  #height = 0;
  #gutter = 0;
  #selected = -1;
  #waiting = false;
  #colours: Record<string, string> = {};
  readonly #touches = new Map<number, number>();
  #dragged = 0;

  constructor(
    private readonly model: Model,
    private readonly hooks: Hooks,
    private readonly length = model.length,
    private readonly title = "Timeline",
  ) {
    this.#scroller = h("div", { class: "lanes", tabindex: 0, role: "application", "aria-label": this.#label() }, this.#canvas);
    const zoom = (sign: string, name: string, act: () => void) => h("button", { "aria-label": name, title: name, onclick: act }, sign);
    this.element = h(
      "section",
      { class: "timeline", "aria-label": title },
      this.#scroller,
      h(
        "div",
        { class: "zoom" },
        zoom("−", "Show more time", () => this.zoom(2)),
        zoom("+", "Show less time", () => this.zoom(0.5)),
        zoom("Fit", "Show the whole run", () => this.fit()),
      ),
      this.#hint,
    );
    this.#place();
    this.fit();
    this.#listen();
    new ResizeObserver(() => this.#resized()).observe(this.#scroller);
  }

  /** Draw what is not wanted faintly; null wants everything. */
  filter(rows: Uint8Array | null): void {
    this.#wantedAt = rows && this.#places.map(({ track }) => track.filter((row) => rows[row]));
    this.#later();
  }

  select(row: number): void {
    this.#selected = row;
    if (row >= 0) this.#reveal(row);
    this.#later();
  }

  /** Show the whole run. */
  fit(): void {
    const margin = this.length * 0.01;
    this.move(-margin, this.length + margin);
  }

  /** Show one event as wide as it can be. */
  focus(row: number): void {
    const { start, end } = this.model;
    const margin = Math.max(CLOSEST, (end[row]! - start[row]!) * 0.15, this.length / 1e5);
    this.move(start[row]! - margin, end[row]! + margin);
  }

  move(from: number, to: number, told = true): void {
    const least = -this.length * 0.05;
    const most = this.length * 1.05;
    const width = Math.min(Math.max(to - from, CLOSEST), most - least);
    this.#from = Math.min(Math.max(from, least), most - width);
    this.#to = this.#from + width;
    if (told) this.hooks.moved?.(this.#from, this.#to);
    this.#later();
  }

  zoom(factor: number, around = (this.#from + this.#to) / 2): void {
    this.move(around - (around - this.#from) * factor, around + (this.#to - around) * factor);
  }

  /** Colours come from the style; call it when the theme has changed. */
  recolour(): void {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ink", "muted", "line", "panel", "bg", "on", "select", ...COLOURS]) this.#colours[name] = style.getPropertyValue(`--${name}`).trim();
    this.#later();
  }

  /** Draw now, and say how long it took. */
  draw(): number {
    const begun = performance.now();
    const pen = this.#canvas.getContext("2d");
    if (!pen || !this.#width) return 0;
    const ratio = window.devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.#width, this.#height);
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    this.#drawRuler(pen);
    this.#drawPhases(pen);
    pen.save();
    pen.beginPath();
    pen.rect(this.#gutter, 0, this.#width - this.#gutter, this.#height);
    pen.clip();
    this.#places.forEach((place, at) => this.#drawTrack(pen, place, at));
    this.#drawSelected(pen);
    pen.restore();
    this.#drawLabels(pen);
    return performance.now() - begun;
  }

  #label(): string {
    return `${this.title} of ${duration(this.length)}. Left and right move, plus and minus enlarge, 0 shows all, N and P go from event to event.`;
  }

  #place(): void {
    let top = RULER + (this.#phased() ? PHASES : 0) + 4;
    for (const lane of this.model.lanes) {
      if (this.#labelled()) top += 14;
      for (const track of lane.tracks) {
        this.#places.push({ track, top });
        top += TRACK;
      }
      top += GAP;
    }
    this.#height = top;
    this.#wrongAt = this.#places.map(({ track }) => track.filter((row) => this.model.wrong[row]));
  }

  #phased(): boolean {
    return this.model.phases.length + this.model.openPhases.length > 0;
  }

  /** Lanes have their names above them where there is more than one. */
  #labelled(): boolean {
    return this.model.lanes.length > 1;
  }

  #x(time: number): number {
    return this.#gutter + ((time - this.#from) / (this.#to - this.#from)) * (this.#width - this.#gutter);
  }

  #time(x: number): number {
    return this.#from + ((x - this.#gutter) / (this.#width - this.#gutter)) * (this.#to - this.#from);
  }

  #drawRuler(pen: CanvasRenderingContext2D): void {
    const space = this.#width < NARROW ? 70 : 110;
    const step = niceStep(((this.#to - this.#from) * space) / (this.#width - this.#gutter));
    pen.strokeStyle = this.#colours["line"]!;
    pen.fillStyle = this.#colours["muted"]!;
    pen.textAlign = "left";
    pen.beginPath();
    for (let at = Math.ceil(this.#from / step) * step; at <= this.#to; at += step) {
      const x = Math.round(this.#x(at)) + 0.5;
      pen.moveTo(x, RULER - 6);
      pen.lineTo(x, this.#height);
      if (at >= 0 && x < this.#width - 40) pen.fillText(at < step / 2 ? "0" : tick(at, step), x + 4, RULER / 2);
    }
    pen.stroke();
  }

  #drawPhases(pen: CanvasRenderingContext2D): void {
    const { start, end, wrong: failed } = this.model;
    const closed = this.model.phases.map((row) => ({ name: this.model.name(row), start: start[row]!, end: end[row]!, wrong: failed[row] === 1, open: false }));
    for (const phase of [...closed, ...this.model.openPhases]) {
      const from = Math.max(this.#x(phase.start), this.#gutter);
      const to = Math.min(this.#x(phase.end), this.#width);
      if (to < this.#gutter || from > this.#width) continue;
      const { wrong } = phase;
      pen.globalAlpha = 0.16;
      pen.fillStyle = this.#colours[wrong ? "error" : "phase"]!;
      pen.fillRect(from, RULER, Math.max(to - from - 1, 1), PHASES - 4);
      pen.globalAlpha = 1;
      pen.fillRect(from, RULER, Math.max(to - from - 1, 1), 2);
      if (phase.open) this.#hatch(pen, from, to, RULER, PHASES - 4, "bg");
      pen.fillStyle = this.#colours["ink"]!;
      write(pen, phase.open ? `${phase.name} (never closed)` : phase.name, from + 6, RULER + PHASES / 2 - 1, to - from - 10);
    }
  }

  #drawTrack(pen: CanvasRenderingContext2D, place: Place, at: number): void {
    if (this.#wantedAt) {
      pen.globalAlpha = 0.15;
      this.#drawRows(pen, place.track, place.top, false);
      pen.globalAlpha = 1;
      this.#drawRows(pen, this.#wantedAt[at]!, place.top, true);
      return;
    }
    this.#drawRows(pen, place.track, place.top, true);
    this.#drawRows(pen, this.#wrongAt[at]!, place.top, true);
  }

  #drawRows(pen: CanvasRenderingContext2D, track: Uint32Array, top: number, named: boolean): void {
    const { start, end, kind } = this.model;
    const paths = COLOURS.map(() => new Path2D());
    const names: [number, number, number][] = [];
    const torn: [number, number][] = [];
    const moments: [number, number, number][] = [];
    const last = this.#to;
    let edge = -Infinity;
    let sign = -Infinity;
    for (let at = firstFrom(track, end, this.#from); at < track.length; ) {
      const row = track[at]!;
      if (start[row]! > last) break;
      const from = this.#x(start[row]!);
      const to = this.#x(end[row]!);
      const colour = this.#colourOf(row);
      if (!this.model.lasts(row)) {
        if (from > sign) moments.push([colour, kind[row]!, from]);
        sign = from + 5;
      } else {
        const left = Math.max(from, edge, this.#gutter - 2);
        const right = Math.min(Math.max(to - (to - from > 6 ? 1 : 0), from + 1.5), this.#width + 2);
        if (right > left) bar(paths[colour]!, left, top + 1, right - left);
        if (to - from > 34 && named) names.push([row, Math.max(from, this.#gutter), to]);
        if (this.model.interrupted[row] && right > left) torn.push([left, right]);
        edge = Math.max(edge, right);
      }
      at++;
      // What is narrower than a pixel is drawn once for the pixel; the last to begin there may be wide.
      if (to - from < 1) at = Math.max(at, firstFrom(track, start, this.#time(from + 1), at) - 1);
    }
    paths.forEach((path, colour) => {
      pen.fillStyle = this.#colours[COLOURS[colour]!]!;
      pen.fill(path);
    });
    for (const [from, to] of torn) this.#hatch(pen, from, to, top + 1);
    pen.strokeStyle = this.#colours["bg"]!;
    pen.lineWidth = 2;
    for (const [colour, shape, x] of moments) {
      const path = new Path2D();
      moment(path, shape, x, top + BAR / 2 + 1);
      pen.fillStyle = this.#colours[COLOURS[colour]!]!;
      pen.stroke(path);
      pen.fill(path);
    }
    pen.lineWidth = 1;
    pen.fillStyle = this.#colours["on"]!;
    for (const [row, from, to] of names) write(pen, this.model.name(row), from + 5, top + BAR / 2 + 1.5, Math.min(to, this.#width) - from - 9);
  }

  #colourOf(row: number): number {
    if (this.model.wrong[row]) return ERROR;
    return this.model.kind[row]!;
  }

  /** What was interrupted has no known end. */
  #hatch(pen: CanvasRenderingContext2D, from: number, to: number, top: number, high = BAR, colour = "panel"): void {
    pen.save();
    pen.beginPath();
    pen.rect(from, top, to - from, high);
    pen.clip();
    pen.strokeStyle = this.#colours[colour]!;
    pen.lineWidth = 2.5;
    pen.beginPath();
    for (let x = from - high + (high === BAR ? 40 : 0); x < to; x += 8) {
      pen.moveTo(x, top + high);
      pen.lineTo(x + high, top);
    }
    pen.stroke();
    pen.restore();
  }

  #drawSelected(pen: CanvasRenderingContext2D): void {
    const row = this.#selected;
    if (row < 0) return;
    const top = this.model.isPhase(row) ? RULER - 1 : this.#topOf(row);
    const from = this.#x(this.model.start[row]!);
    const to = Math.max(this.#x(this.model.end[row]!), from + 3);
    const moment = !this.model.lasts(row);
    pen.strokeStyle = this.#colours["select"]!;
    pen.lineWidth = 2;
    pen.strokeRect(from - (moment ? 8 : 2), top - 1, to - from + (moment ? 12 : 3), BAR + 4);
    pen.lineWidth = 1;
  }

  #topOf(row: number): number {
    let at = this.model.trackOf[row]!;
    for (let lane = 0; lane < this.model.laneOf[row]!; lane++) at += this.model.lanes[lane]!.tracks.length;
    return this.#places[at]?.top ?? 0;
  }

  #drawLabels(pen: CanvasRenderingContext2D): void {
    if (!this.#labelled()) return;
    let at = 0;
    pen.fillStyle = this.#colours["muted"]!;
    for (const lane of this.model.lanes) {
      const top = this.#places[at]?.top ?? 0;
      write(pen, lane.label, 6, top - 7, this.#width - 12);
      at += lane.tracks.length;
    }
  }

  #reveal(row: number): void {
    const { start, end } = this.model;
    const width = this.#to - this.#from;
    if (end[row]! < this.#from || start[row]! > this.#to) this.move(start[row]! - width * 0.3, start[row]! + width * 0.7);
    const top = this.model.isPhase(row) ? 0 : this.#topOf(row);
    if (top < this.#scroller.scrollTop || top + TRACK > this.#scroller.scrollTop + this.#scroller.clientHeight) this.#scroller.scrollTop = top - this.#scroller.clientHeight / 2;
  }

  #at(x: number, y: number): number {
    const phases = this.model.phases.length && y >= RULER && y < RULER + PHASES;
    if (phases) return [...this.model.phases].reverse().find((row) => this.#x(this.model.start[row]!) <= x && x <= this.#x(this.model.end[row]!)) ?? -1;
    const at = this.#places.findIndex(({ top }) => y >= top && y < top + TRACK);
    if (at < 0) return -1;
    const time = this.#time(x);
    const slack = ((this.#to - this.#from) / this.#width) * 4;
    return this.#nearest(this.#wrongAt[at]!, time, slack) ?? this.#nearest(this.#places[at]!.track, time, slack) ?? -1;
  }

  #nearest(track: Uint32Array, time: number, slack: number): number | undefined {
    const { start, end } = this.model;
    let found: number | undefined;
    let way = Infinity;
    for (let at = firstFrom(track, end, time - slack * 2); at < track.length && start[track[at]!]! <= time + slack * 2; at++) {
      const row = track[at]!;
      const reach = this.model.lasts(row) ? slack : slack * 2;
      const off = time < start[row]! ? start[row]! - time : time > end[row]! ? time - end[row]! : 0;
      if (off <= reach && off < way) [found, way] = [row, off];
      if (!way) break;
    }
    return found;
  }

  #listen(): void {
    const [canvas, scroller] = [this.#canvas, this.#scroller];
    canvas.addEventListener("pointerdown", (event) => this.#touched(event));
    canvas.addEventListener("pointermove", (event) => this.#pointed(event));
    for (const name of ["pointerup", "pointercancel"] as const) canvas.addEventListener(name, (event) => this.#released(event));
    canvas.addEventListener("pointerleave", () => (this.#hint.hidden = true));
    canvas.addEventListener("dblclick", (event) => {
      const row = this.#at(event.offsetX, event.offsetY);
      if (row >= 0) this.focus(row);
    });
    scroller.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
    scroller.addEventListener("keydown", (event) => this.#pressed(event));
  }

  #touched(event: PointerEvent): void {
    this.#touches.set(event.pointerId, event.offsetX);
    this.#dragged = 0;
    this.#canvas.setPointerCapture(event.pointerId);
  }

  #pointed(event: PointerEvent): void {
    const before = this.#touches.get(event.pointerId);
    if (before === undefined) {
      this.#tell(this.#at(event.offsetX, event.offsetY), event.offsetX, event.offsetY - this.#scroller.scrollTop);
      return;
    }
    const other = [...this.#touches].find(([id]) => id !== event.pointerId)?.[1];
    const way = event.offsetX - before;
    this.#dragged += Math.abs(way);
    this.#touches.set(event.pointerId, event.offsetX);
    if (other !== undefined) {
      const [old, now] = [Math.max(10, Math.abs(before - other)), Math.max(10, Math.abs(event.offsetX - other))];
      this.zoom(old / now, this.#time(other));
    } else if (this.#dragged > 4) {
      const time = ((this.#to - this.#from) * way) / (this.#width - this.#gutter);
      this.move(this.#from - time, this.#to - time);
    }
  }

  #released(event: PointerEvent): void {
    if (this.#touches.delete(event.pointerId) && this.#dragged <= 4 && event.type === "pointerup") {
      const row = this.#at(event.offsetX, event.offsetY);
      if (row >= 0) this.hooks.select(row);
    }
  }

  #wheeled(event: WheelEvent): void {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 100), this.#time(event.offsetX));
    else if (Math.abs(sideways) > 0) this.move(...this.#shifted((sideways / this.#width) * (this.#to - this.#from)));
    else return;
    event.preventDefault();
  }

  #shifted(by: number): [number, number] {
    return [this.#from + by, this.#to + by];
  }

  #pressed(event: KeyboardEvent): void {
    const step = (this.#to - this.#from) * (event.shiftKey ? 0.5 : 0.1);
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.move(...this.#shifted(-step)),
      ArrowRight: () => this.move(...this.#shifted(step)),
      "+": () => this.zoom(0.5, this.#middle()),
      "=": () => this.zoom(0.5, this.#middle()),
      "-": () => this.zoom(2, this.#middle()),
      "0": () => this.fit(),
      Enter: () => this.#selected >= 0 && this.focus(this.#selected),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    act();
    event.preventDefault();
  }

  /** What enlarging keeps in its place: the chosen event where it is in sight. */
  #middle(): number {
    const row = this.#selected;
    const at = row < 0 ? NaN : (this.model.start[row]! + this.model.end[row]!) / 2;
    return at >= this.#from && at <= this.#to ? at : (this.#from + this.#to) / 2;
  }

  #tell(row: number, x: number, y: number): void {
    this.#hint.hidden = row < 0;
    this.#canvas.style.cursor = row < 0 ? "grab" : "pointer";
    if (row < 0) return;
    const { model } = this;
    const took = model.lasts(row) ? (model.interrupted[row] ? " · interrupted" : ` · ${duration(model.run.figure("duration_ms", row))}`) : "";
    this.#hint.replaceChildren(
      h("b", {}, line(model.name(row), 80)),
      h("span", { class: "muted" }, `${took} · ${clock(model.began + model.start[row]!)}`),
      h("div", { class: "brief" }, line(model.brief(row), 120)),
    );
    this.#hint.style.transform = `translate(${Math.max(4, Math.min(x + 12, this.#width - this.#hint.offsetWidth - 8))}px, ${y + 18}px)`;
  }

  #resized(): void {
    const ratio = window.devicePixelRatio || 1;
    this.#width = this.#scroller.clientWidth;
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    this.#canvas.style.height = `${this.#height}px`;
    if (!this.#colours["ink"]) this.recolour();
    this.#later();
  }

  #later(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.draw();
    });
  }
}

/** The first place in a track whose value (of an order that rises along the track) is at least `least`. */
function firstFrom(track: Uint32Array, values: Float64Array, least: number, low = 0): number {
  for (let high = track.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (values[track[middle]!]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bar(path: Path2D, x: number, y: number, width: number): void {
  if (width > 6) path.roundRect(x, y, width, BAR, 3);
  else path.rect(x, y, width, BAR);
}

/** The sign of something that has no length: each kind has its own shape. */
function moment(path: Path2D, kind: number, x: number, y: number): void {
  const corners: Record<number, number[][]> = {
    [DECISION]: [[0, -6], [6, 0], [0, 6], [-6, 0]],
    [ERROR]: [[0, -6], [6.5, 5.5], [-6.5, 5.5]],
    [CHECKPOINT]: [[-4, -6], [5, -3], [-2, 0], [-2, 6], [-4, 6]],
  };
  (corners[kind] ?? [[-3, -3], [3, -3], [3, 3], [-3, 3]]).forEach(([dx, dy], at) => (at ? path.lineTo(x + dx!, y + dy!) : path.moveTo(x + dx!, y + dy!)));
  path.closePath();
}

/** A text where there is room for it, shortened to fit. */
function write(pen: CanvasRenderingContext2D, text: string, x: number, y: number, room: number): void {
  let shown = line(text, 60);
  if (room < 14) return;
  pen.textAlign = "left";
  while (shown.length > 1 && pen.measureText(shown).width > room) shown = `${shown.slice(0, Math.max(1, Math.floor(shown.length * 0.8) - 1))}…`;
  if (shown.length > 2 || pen.measureText(shown).width <= room) pen.fillText(shown, x, y);
}

/** A round step of at least so many milliseconds: 1, 2, 5 and their tens, seconds and minutes likewise. */
function niceStep(least: number): number {
  for (const unit of [0.001, 0.01, 0.1, 1, 10, 100, 1000]) for (const times of [1, 2, 5]) if (unit * times >= least) return unit * times;
  for (const seconds of [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400]) if (seconds * 1000 >= least) return seconds * 1000;
  return Math.ceil(least / 86_400_000) * 86_400_000;
}

function tick(ms: number, step: number): string {
  if (step < 1) return ms < 1 ? `${Math.round(ms * 1000)} µs` : `${ms.toFixed(3)} ms`;
  if (step < 1000 && ms < 10_000) return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(step < 10 ? 3 : step < 100 ? 2 : 1)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(step < 1000 ? 2 : 0)} s`;
  const seconds = Math.floor(ms / 1000);
  const rest = step < 60_000 ? `:${String(seconds % 60).padStart(2, "0")}` : " m";
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
}

