// Builds ../page.html: the skeleton with the style and the script inside, both named by their hashes in the policy, so
// that nothing else in the page can ever run. `npm run build`; the result is committed.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const MOST = 80 * 1024;

// Names of ours that neither the data nor a browser knows: they may become short.
const OURS =
  /^(model|models|hooks|wrong|interrupted|lanes|laneOf|trackOf|tracks|childrenOf|isPhase|phases|problems|figure|partOf|parsed|brief|lasts|errorOf|wanted|recolour|resized|refresh|reveal|timeline|details|sent|cached|got|calls|priced|longest|recovered|succeeded|dropped|word|code|told|tone|colour|middle|late|own|began|up|kind|run|opened|openPhases|strips|page|element|search|reset|move|zoom|fit|draw|step|nextProblem|copySelected|printed|filters|rest|fold|share|act|times|tried|labels|idle|ends|shade|part|start|end|codes|order)$/;

async function bundled(entry) {
  const result = await build({
    entryPoints: [here(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["es2022", "chrome110", "firefox115", "safari16.4"],
    charset: "utf8",
    ...(entry.endsWith(".ts") ? { mangleProps: OURS } : {}),
    legalComments: "none",
  });
  return result.outputFiles[0].text.trim();
}

const hash = (text) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;

const [script, style] = [await bundled("main.ts"), await bundled("style.css")];
for (const text of [script, style]) {
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error("the page would end inside its own script or style");
}
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
const page = readFileSync(here("skeleton.html"), "utf8")
  .replace("{policy}", () => policy)
  .replace("{style}", () => style)
  .replace("{script}", () => script);
if (Buffer.byteLength(page) > MOST) throw new Error(`the page has ${Buffer.byteLength(page)} bytes, more than ${MOST}`);
const target = process.argv[2] ?? here("../page.html");
writeFileSync(target, page);
console.log(`${target}: ${Buffer.byteLength(page)} bytes (script ${script.length}, style ${style.length})`);
