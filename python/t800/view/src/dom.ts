// Elements from data. Text goes in as text, never as markup; styles go through the object model, as the policy wants.

export type Child = Node | string | number | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes by name, `on…` for listeners, `--x` and `style.x` for styles, the rest as attributes. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, Value> = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[Name] {
  // A button that names no type would send a form.
  return dress(document.createElement(name), name === "button" ? { type: name, ...attributes } : attributes, children);
}

/** The same for drawings. */
export function s(name: string, attributes: Record<string, Value> = {}, ...children: (Child | Child[])[]): SVGElement {
  return dress(document.createElementNS(SVG, name), attributes, children);
}

function dress<Kind extends HTMLElement | SVGElement>(element: Kind, attributes: Record<string, Value>, children: (Child | Child[])[]): Kind {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (name.startsWith("--")) element.style.setProperty(name, String(value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) element.append(child as Node | string);
  }
  return element;
}

/** Put children in place of those that are there. */
export function fill(element: Element, ...children: (Child | Child[])[]): void {
  element.replaceChildren(...(children.flat().filter((child) => child !== null && child !== undefined && child !== false) as (Node | string)[]));
}

/** Copy text, and say so on the button for a moment. */
export async function copy(text: string, button?: HTMLElement): Promise<void> {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "hidden", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  say(done ? "Copied" : "The browser does not allow copying");
  if (!button) return;
  const before = button.textContent;
  button.textContent = done ? "Copied" : "Not allowed";
  setTimeout(() => (button.textContent = before), 1200);
}

/** Tell people who listen instead of looking. */
export function say(text: string): void {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}
