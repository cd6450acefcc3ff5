// Check a proof bundle, by the numbered plan of traceability/bundle_check.py and with the same outcome for every vector.
import { concat, hex, hmacSha256, same, sha256, utf8, whole, ed25519 } from "./_bytes.js";
import { Broken, Unknown, readBundle } from "./_bundle_form.js";
import { LOG_KEY, WITNESS_KEY, cosigned, openNote, readVkey } from "./_notes.js";
import { KEY_URN, SECRET_FIELDS, fault, keyId, readBody, standing } from "./_rules.js";
import { InvalidProof, leafHash, verifyConsistency, verifyInclusion } from "./_merkle.js";
import { verifyPresence } from "./_map.js";

export const STEPS = 11;
export const GRADES = ["unsigned", "signed", "logged", "witnessed", "anchored"];
const TAG = utf8("suhe/record/v1\n");
const ZEROS = new Uint8Array(32);

// `pins`: {log, witnesses, quorum}; without `log` the file's own claim is taken, and the outcome says so.
export async function checkBundle(data, pins) {
  pins = pins || {};
  const o = {
    verdict: "holds", lot: "", code: null, step: null, record: null, what: "", grade: null, states: {}, records: [], secrets: [], size: 0, time: 0,
    log: "", logFrom: "", witnesses: [], witnessesKnown: 0, witnessesFrom: "", needed: 0, anchor: null, pending: 0, cut: false,
  };
  try {
    await run(data, pins, o);
  } catch (error) {
    if (error instanceof Broken) {
      Object.assign(o, { verdict: "broken", step: error.step, what: error.message, record: error.record });
      o.states[error.step] = "bad";
    } else if (error instanceof Unknown) Object.assign(o, { verdict: "cannot", what: error.message });
    else throw error;
  }
  for (let n = 1; n <= STEPS; n++) o.states[n] = o.states[n] || "none";
  return o;
}

async function run(data, pins, o) {
  const pinned = pins.witnesses || [];
  // 1 form
  const b = readBundle(data);
  const all = b.records.concat(b.pending);
  Object.assign(o, { lot: b.lot, code: b.code, pending: b.pending.length, cut: b.cut });
  Object.assign(o, pins.log ? { log: pins.log, logFrom: "pinned" } : { log: b.log, logFrom: "file" });
  o.needed = Math.max(1, typeof pins.quorum === "number" ? pins.quorum : Math.floor(pinned.length / 2) + 1);
  o.states[1] = "ok";

  // 2 checkpoint signature
  const log = await readVkey(o.log, LOG_KEY, 2);
  let opened = null;
  if (b.note === null) {
    if (b.records.length || b.inclusion || b.anchor || b.chains.some((c) => c.records.length)) {
      throw new Broken(2, "there is no checkpoint for what the file calls proved");
    }
  } else {
    opened = await openNote(b.note, log);
    if (b.records.some((r) => r.index >= opened.size) || b.pending.some((r) => r.index < opened.size)) {
      throw new Broken(2, "the checkpoint's size does not part what is proved from what waits");
    }
    if (b.records.some((r) => r.time > opened.time)) throw new Broken(2, "a record is newer than the checkpoint that covers it");
    Object.assign(o, { size: opened.size, time: opened.time });
    o.states[2] = "ok";
  }

  // 3 cosignatures
  o.witnessesFrom = pinned.length ? "pinned" : "file";
  const known = new Map(), who = new Map();
  const keys = [];
  for (const v of pinned.length ? pinned : b.witnesses) keys.push(await readVkey(v, WITNESS_KEY, 3));
  for (const k of keys) {
    known.set(hex(k.key), k);
    if (opened && (await cosigned(opened, k))) who.set(hex(k.key), k.name);
  }
  o.witnessesKnown = known.size;
  o.witnesses = [...who.values()].sort();
  const witnessed = pinned.length > 0 && who.size >= o.needed;
  if (witnessed) o.states[3] = "ok";

  // 4 records: canonical body, body hash, record hash
  const said = new Map(), hashes = new Map(), before = new Map(), last = new Map();
  for (const r of all) said.set(r.index, readBody(r.body, r.index));
  const bodies = await Promise.all(all.map((r) => sha256(utf8(r.body))));
  for (let k = 0; k < all.length; k++) {
    const r = all[k];
    before.set(r.index, []);
    for (const e of r.entries) {
      const earlier = last.get(e.subject);
      const told = earlier === undefined ? ZEROS : hashes.get(earlier);
      if (!e.prev) e.prev = told;
      if (earlier !== undefined && same(e.prev, told)) before.get(r.index).push(earlier);
      last.set(e.subject, r.index);
    }
    hashes.set(r.index, await sha256(added(r, bodies[k])));
  }
  const leafOf = async (index) => {
    const r = all.find((one) => one.index === index), body = utf8(r.body);
    return leafHash(concat(added(r, await sha256(body)), whole(body.length, 4), body));
  };
  o.states[4] = "ok";

  // 5 author signature
  const register = new Map();
  for (const r of all) {
    const s = said.get(r.index);
    if (!s.statement || !s.subjects[0].startsWith(KEY_URN)) continue;
    const key = s.subjects[0].slice(KEY_URN.length);
    if (!register.has(key)) register.set(key, []);
    register.get(key).push([r.index, s]);
  }
  const own = await keyId(log.key), end = all.reduce((most, r) => Math.max(most, r.index), 0) + 1;
  const publicKeys = new Map([[own, log.key]]);
  for (const r of all) {
    if (!r.key || publicKeys.has(r.key)) continue;
    const found = await standing(r.key, register.get(r.key) || [], end);
    publicKeys.set(r.key, found && found.key);
  }
  // Whose key is not registered is told at step 6.
  const fits = await Promise.all(all.map((r) => !r.key || !publicKeys.get(r.key) || ed25519(publicKeys.get(r.key), utf8(r.body), r.signature)));
  fits.forEach((fine, k) => { if (!fine) throw new Broken(5, "the signature does not fit the body", all[k].index); });
  o.states[5] = "ok";

  // 6 key register
  const subjects = new Set(b.chains.map((c) => c.subject));
  for (const r of all) {
    const s = said.get(r.index);
    if (s.statement !== (r.key === own)) throw new Broken(6, "the log's own key signs statements and nothing else", r.index);
    if (s.statement || !r.key) continue;
    const found = await standing(r.key, register.get(r.key) || [], r.index);
    if (!found || !subjects.has(KEY_URN + r.key)) throw new Broken(6, "the key was not registered in the log before it signed", r.index);
    const why = fault(found, s, r.time);
    if (why) throw new Broken(6, why, r.index);
  }
  o.states[6] = "ok";

  // 7 chains
  let latest = 0;
  for (const r of all) {
    const told = said.get(r.index).subjects;
    if (told.length !== r.entries.length || !r.entries.every((e, k) => e.subject === told[k])) {
      throw new Broken(7, "the record does not concern the subjects it stands under", r.index);
    }
    if (!r.entries.some((e) => subjects.has(e.subject))) throw new Broken(7, "the record belongs to none of the chains", r.index);
    if (r.time < latest) throw new Broken(7, "it was recorded before the record that comes before it", r.index);
    latest = r.time;
  }
  const proved = new Set(b.records.map((r) => r.index));
  for (const chain of b.chains) {
    const listed = new Set(chain.records);
    let head = ZEROS, expected = 1;
    for (const r of all) {
      const entry = r.entries.find((e) => e.subject === chain.subject);
      if (!entry) continue;
      if (proved.has(r.index) !== listed.has(r.index)) throw new Broken(7, "the chain leaves out a record that is in the file", r.index);
      if (entry.seq !== expected) throw new Broken(7, "record " + expected + " of " + chain.subject + " is missing or out of order", r.index);
      if (!same(entry.prev, head)) throw new Broken(7, "the record does not name the one before it", r.index);
      const s = said.get(r.index);
      if (!b.cut && s.outputs.includes(chain.subject) && !s.inputs.every((lot) => subjects.has(lot))) {
        throw new Broken(7, "a parent's chain is left out", r.index);
      }
      head = hashes.get(r.index);
      expected++;
    }
    if (expected - 1 < Math.max(chain.records.length, 1)) throw new Broken(7, "the chain of " + chain.subject + " names records that do not concern it");
  }
  o.states[7] = "ok";

  // 8 map: completeness
  if (opened) {
    if (!opened.mapRoot) throw new Broken(8, "the checkpoint is older than the map: nothing shows that no record is missing");
    const held = b.chains.filter((c) => c.records.length);
    const shown = await Promise.all(held.map(async (c) => {
      try {
        await verifyPresence(c.subject, c.records.length, hashes.get(c.records[c.records.length - 1]), c.siblings, opened.mapRoot);
        return null;
      } catch (error) {
        if (!(error instanceof InvalidProof)) throw error;
        return error;
      }
    }));
    shown.forEach((error, k) => {
      if (error) throw new Broken(8, "the chain of " + held[k].subject + " is not whole: " + error.message, held[k].records[held[k].records.length - 1]);
    });
    o.states[8] = "ok";
  }

  // 9 inclusion of the lot's last record
  const chain = b.chains[0].records, lastOne = chain.length ? chain[chain.length - 1] : -1;
  if (!opened || !chain.length) {
    if (b.inclusion) throw new Broken(9, "the proof is of no record of this lot");
  } else {
    if (!b.inclusion || b.inclusion.index !== lastOne) throw new Broken(9, "the proof is of another record than the lot's last", lastOne);
    await proof(9, "the lot's last record is not in the log", lastOne, async () => verifyInclusion(await leafOf(lastOne), lastOne, opened.size, b.inclusion.proof, opened.root));
    o.states[9] = "ok";
  }

  // 10 anchor consistency
  const covered = new Set(), a = b.anchor;
  if (a && opened) {
    await proof(10, "the log does not continue what was anchored", undefined, () => verifyConsistency(a.size, opened.size, a.root, opened.root, a.consistency));
    let from = -1;
    if (lastOne >= 0 && lastOne < a.size) from = lastOne;
    else if (a.covers) {
      from = a.covers.index;
      if (!chain.includes(from)) throw new Broken(10, "the anchor's proof is of no record of this lot", from);
      await proof(10, "the record is not in what was anchored", from, async () => verifyInclusion(await leafOf(from), from, a.size, a.covers.proof, a.root));
    }
    o.anchor = Object.assign({ size: a.size, development: a.development }, a.receipt);
    if (!a.development) {
      o.states[10] = "ok";
      // What a covered record names by its hash, and so on down, is fixed with it, wherever in the log it stands.
      const waiting = from >= 0 ? [from] : [];
      while (waiting.length) {
        const index = waiting.pop();
        if (covered.has(index)) continue;
        covered.add(index);
        waiting.push(...before.get(index));
      }
    }
  }

  // 11 disclosed values
  const fitting = new Set();
  for (const r of all) {
    for (const [name, value] of said.get(r.index).told) {
      if (typeof value !== "string" || (!b.disclosed.has(value) && !SECRET_FIELDS.includes(name))) continue;
      const shown = b.disclosed.get(value);
      if (shown) {
        const found = shown.salt.length === 32 && hex(await hmacSha256(shown.salt, utf8("suhe/secret/v1\n" + name + "\n" + shown.value)));
        if (found !== value) throw new Broken(11, "a disclosed value does not fit what was committed to", r.index);
        fitting.add(value);
      }
      o.secrets.push({ index: r.index, field: name, value: shown ? shown.value : null });
    }
  }
  if ([...b.disclosed.keys()].some((c) => !fitting.has(c))) throw new Broken(11, "a value is disclosed that no record commits to");
  if (fitting.size) o.states[11] = "ok";

  // Grades
  o.records = all.map((r, k) => {
    const s = said.get(r.index), inProof = proved.has(r.index);
    const grade = !r.key ? 0 : !inProof ? 1 : covered.has(r.index) ? 4 : witnessed ? 3 : 2;
    return {
      index: r.index, id: s.id, kind: s.kind, time: s.time, grade: GRADES[grade], own: r.entries.some((e) => e.subject === b.lot), proved: inProof,
      bodyHash: hex(bodies[k]), told: s.told,
    };
  });
  const counted = o.records.filter((m) => m.own && (m.proved || !chain.length)).map((m) => GRADES.indexOf(m.grade));
  o.grade = GRADES[Math.min(...counted)];
}

async function proof(step, what, record, verify) {
  try {
    await verify();
  } catch (error) {
    if (!(error instanceof InvalidProof)) throw error;
    throw new Broken(step, what + ": " + error.message, record);
  }
}

// Everything the server added to a body, as traceability/records.py writes it.
function added(r, bodyHash) {
  const parts = [TAG, whole(r.entries.length, 4)];
  for (const e of r.entries) {
    const lot = utf8(e.subject);
    parts.push(whole(lot.length, 2), lot, whole(e.seq, 8), e.prev);
  }
  const key = utf8(r.key);
  parts.push(bodyHash, whole(key.length, 2), key, whole(r.signature.length, 2), r.signature, whole(r.time, 8));
  return concat(...parts);
}
