// What a check reads in a record's body, and what a key may say. As traceability/bundle_rules.py.
import { canonical, parse, Real } from "./_canonical.js";
import { hex, sha256, unhex, utf8 } from "./_bytes.js";
import { Broken, Unknown } from "./_bundle_form.js";
import { KINDS, PLACED } from "./_kinds.js";

export const KEY_URN = "urn:suhe:key:";
export const SECRET_FIELDS = ["suhe:by"];
const PARTY = "urn:suhe:party:", PLOT = "urn:suhe:plot:", LOT = "urn:suhe:lot:";
const MOST_BODY = 32768;
const isText = (value) => typeof value === "string";
const without = (told, start) => (told.startsWith(start) ? told.slice(start.length) : told);

export function readBody(body, index) {
  const bad = (what) => { throw new Broken(4, what, index); };
  if (utf8(body).length > MOST_BODY) bad("the body is too long");
  let told;
  try {
    told = parse(body, true);
  } catch (error) {
    bad("the body is no strict JSON: " + error.message);
  }
  if (!(told instanceof Map)) bad("the body is no object");
  if (body.normalize("NFC") !== body) bad("the body's text is not in Unicode normal form C");
  if (canonical(told) !== body) bad("the body is not in canonical form");
  if (told.get("@context") === "urn:suhe:statement:1") {
    const subject = told.get("subject");
    if (!isText(subject) || !["type", "id", "time"].every((name) => isText(told.get(name)))) bad("the statement says nothing of anything");
    return { statement: true, kind: told.get("type"), id: told.get("id"), time: told.get("time"), subjects: [subject], inputs: [], outputs: [], told };
  }
  const step = told.get("bizStep"), type = told.get("type");
  const kind = KINDS.find((k) => k[1] === type && k[2] === step);
  if (!kind) throw new Unknown("record " + index + " is of a kind this program does not know: " + type + ", " + step);
  const id = told.get("eventID"), time = told.get("eventTime"), whose = told.get("suhe:party");
  if (!isText(id) || !isText(time) || !isText(whose) || !whose.startsWith(PARTY)) bad("the event says neither which, when nor whose it is");
  const place = told.get("bizLocation"), placeId = place instanceof Map ? place.get("id") : "";
  const plot = isText(placeId) && placeId.startsWith(PLOT) ? placeId.slice(PLOT.length) : "";
  const lots = (name) => {
    const listed = told.has(name) ? told.get(name) : [];
    if (!Array.isArray(listed)) bad(name + " is no list");
    return listed.map((one) => {
      const lot = one instanceof Map ? one.get("epcClass") : null;
      if (!isText(lot) || !lot.startsWith(LOT)) bad(name + " names what is no lot");
      return lot;
    });
  };
  const inputs = lots("inputQuantityList"), outputs = lots("outputQuantityList");
  const others = told.has("suhe:lots") ? told.get("suhe:lots") : [];
  if (!Array.isArray(others) || !others.every(isText)) bad("the event concerns what is no lot");
  const subjects = [...lots("quantityList"), ...inputs, ...outputs, ...others].sort();
  return { statement: false, kind: kind[0], signers: kind[3], id, time, party: whose.slice(PARTY.length), plot, subjects, inputs, outputs, told };
}

export const keyId = async (key) => hex(await sha256(key)).slice(0, 16);

// A key as its statements told it before the record at `before`; what revokes it counts whenever it was said.
export async function standing(key, chain, before) {
  let found = null, first = null, revoked = null;
  for (const [index, said] of chain) {
    if (said.kind === "key_revoked" && first) {
      const at = ms(said.told.get("revoked"), index);
      revoked = revoked === null ? at : Math.min(revoked, at);
      continue;
    }
    if (said.kind !== "key_registered" || revoked !== null) throw new Broken(6, "a key's statements contradict each other", index);
    const fresh = await registered(key, said.told, index);
    if (first && (hex(fresh.key) !== hex(first.key) || fresh.party !== first.party || fresh.from < first.from)) {
      throw new Broken(6, "a registered key, its party or its start was changed", index);
    }
    first = first || fresh;
    if (index < before) found = fresh;
  }
  return found && Object.assign({}, found, { revoked });
}

export function fault(key, said, time) {
  if (time < key.from || [key.to, key.revoked].some((t) => t !== null && time >= t)) return "the key did not count when this was recorded";
  if (key.party !== said.party) return "the key belongs to another party than the event names";
  if (!key.roles.some((r) => said.signers.includes(r))) return "the party may not say this (" + said.kind + ")";
  if (PLACED.includes(said.kind) && !key.plots.includes(said.plot)) return "the party does not run this plot";
  return null;
}

async function registered(key, told, index) {
  const publicKey = unhex(told.get("publicKey")), party = told.get("party"), roles = told.get("roles"), plots = told.get("plots");
  const lists = Array.isArray(roles) && Array.isArray(plots) && roles.every(isText) && plots.every(isText);
  if (!publicKey || publicKey.length !== 32 || !isText(party) || !party.startsWith(PARTY) || !lists) {
    throw new Broken(6, "a statement does not say whose key it registers", index);
  }
  if ((await keyId(publicKey)) !== key) throw new Broken(6, "the key registered under this id is another key", index);
  const to = told.has("validTo") ? ms(told.get("validTo"), index) : null;
  return { key: publicKey, party: without(party, PARTY), roles, plots, from: ms(told.get("validFrom"), index), to };
}

function ms(value, index) {
  if (typeof value !== "number" || value < 0 || value instanceof Real) throw new Broken(6, "a key's statement has no time", index);
  return value;
}
