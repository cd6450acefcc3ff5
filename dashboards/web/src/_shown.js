// Does the page show what the bundle proves? The lot, its product, the day it was picked, and its events with their times.

const SHANGHAI_MS = 8 * 3600000;
const day = (time) => new Date(Date.parse(time) + SHANGHAI_MS).toISOString().slice(0, 10);

// Turns the outcome into "broken" where the page shows something else; `shown` says what.
export function compareShown(outcome, section, root) {
  const fail = (what, record) => Object.assign(outcome, { verdict: "broken", shown: what, what: "the page shows another " + what, record: record || null, grade: null });
  const told = section.dataset;
  if (told.lot && told.lot !== outcome.lot) return fail("lot");
  const own = outcome.records.filter((r) => r.own);
  const items = [...root.querySelectorAll("[data-event]")];
  const ids = items.map((item) => item.dataset.event);
  // A corrected or folded event may stand elsewhere on the page, but each stands there once and none is missing.
  if (new Set(ids).size !== ids.length) return fail("list of events");
  // Something was recorded since the page was made: not a lie, but this page cannot be held against that proof.
  if (told.upto && own.some((r) => r.index > Number(told.upto))) {
    return Object.assign(outcome, { verdict: "cannot", older: true, what: "the page is older than the proof", record: null, grade: null });
  }
  if (ids.length !== own.length) return fail("list of events");
  const byId = new Map(own.map((r) => [r.id, r]));
  for (const item of items) {
    const record = byId.get(item.dataset.event);
    if (!record || (item.dataset.hash && record.bodyHash !== item.dataset.hash)) return fail("event", record && record.index);
    const time = item.querySelector("time[datetime]");
    if (time && Math.abs(Date.parse(time.getAttribute("datetime")) - Date.parse(record.time)) >= 60000) return fail("time of an event", record.index);
  }
  const made = own.map((r) => r.told.get("ilmd")).find((ilmd) => ilmd instanceof Map && ilmd.has("suhe:product"));
  if (told.product && made && made.get("suhe:product") !== told.product) return fail("product");
  const picked = own.filter((r) => r.kind === "harvest").map((r) => day(r.time));
  if (told.harvested && picked.length && !picked.includes(told.harvested)) return fail("day of picking");
  return outcome;
}
