// The check of a proof bundle in a browser: on the trace page, and in the page that is opened from disk. Loaded only when asked for.
//
// On the trace page (see docs/decisions/0018-bundle.md for the contract):
//   <section data-check data-bundle="/t/CODE/bundle.json" data-log="vkey" data-witnesses="vkey vkey" data-quorum="1"
//            data-lot="urn:suhe:lot:..." data-product="tomato" data-harvested="2025-11-20">
//     <button type="button" data-check-run data-verify="/static/verify-X.js" data-fallback="/static/verify-fallback-X.js" hidden>..</button>
//     <div data-check-outcome aria-live="polite"></div>
//   </section>
//   <li data-event="urn:uuid:..." data-hash="body hash, hex">.. <time datetime="..">..</time> .. <span data-event-mark></span></li>
import { checkBundle } from "./_verify_bundle.js";
import { compareShown } from "./_shown.js";
import { outcomeView } from "./_outcome.js";
import { CannotCheck, ready } from "./_bytes.js";
import * as bytes from "./_bytes.js";
import * as canonical from "./_canonical.js";
import * as merkle from "./_merkle.js";

function loadScript(address) {
  return new Promise((resolve, reject) => {
    if (!address) { reject(new Error("no address")); return; }
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error("not loaded"));
    document.head.appendChild(script);
  });
}

// Check bytes under pins. Always an outcome; what this device cannot do is the verdict "cannot", never another one.
async function check(data, pins, fallback) {
  const began = performance.now();
  let outcome, by = "";
  try {
    by = await ready(() => loadScript(fallback));
    outcome = await checkBundle(data, pins);
  } catch (error) {
    outcome = { verdict: "cannot", what: error instanceof CannotCheck ? error.message : String(error), device: true, records: [], states: {} };
  }
  return Object.assign(outcome, { by, ms: performance.now() - began });
}

async function onPage(section) {
  const place = section.querySelector("[data-check-outcome]"), button = section.querySelector("[data-check-run]");
  const lang = document.documentElement.lang;
  const split = (told) => (told || "").split(" ").filter(Boolean);
  const pins = { log: section.dataset.log || null, witnesses: split(section.dataset.witnesses) };
  if (section.dataset.quorum) pins.quorum = Number(section.dataset.quorum);
  button.disabled = true;
  let outcome;
  try {
    const answer = await fetch(section.dataset.bundle, { cache: "no-cache" });
    if (!answer.ok) throw new Error(String(answer.status));
    outcome = await check(new Uint8Array(await answer.arrayBuffer()), pins, button.dataset.fallback);
    if (outcome.verdict === "holds") compareShown(outcome, section, document);
  } catch (error) {
    outcome = { verdict: "cannot", fetched: false, what: String(error), records: [], states: {}, ms: 0 };
  }
  place.replaceChildren(outcomeView(outcome, lang, "server"));
  const marks = new Map(outcome.records.map((r) => [r.id, r]));
  for (const item of document.querySelectorAll("[data-event]")) {
    const mark = item.querySelector("[data-event-mark]"), found = marks.get(item.dataset.event);
    if (mark && outcome.verdict === "holds" && found) mark.replaceChildren(outcomeView.mark(found, lang));
    else if (mark) mark.replaceChildren();
  }
  button.disabled = false;
  section.dataset.verdict = outcome.verdict;
}

self.suheVerify = { check, onPage, outcomeView, compareShown, ready, bytes, canonical, merkle };
