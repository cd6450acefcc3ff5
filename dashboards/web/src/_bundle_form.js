// The form of a proof bundle, read strictly into plain objects. As traceability/bundle_form.py, in the same order.
import { parse } from "./_canonical.js";
import { text, unbase64 as bytes } from "./_bytes.js";

export const FORM = "bundle/1";
const MOST_BYTES = 8000000, MOST_RECORDS = 20000, MOST_CHAINS = 2000;

export class Broken extends Error {
  constructor(step, what, record) { super(what); this.step = step; this.record = record === undefined ? null : record; }
}
// Something this program is too old to judge.
export class Unknown extends Error {}

const bad = (what) => { throw new Broken(1, what); };

export function readBundle(data) {
  if (data.length > MOST_BYTES) bad("the file is too long for a bundle");
  let told;
  try {
    told = parse(text(data), false);
  } catch (error) {
    bad("the file is no strict JSON: " + error.message);
  }
  if (!(told instanceof Map)) bad("the file is no JSON object");
  const form = told.get("suhe");
  if (typeof form === "string" && form.startsWith("bundle/") && form !== FORM) throw new Unknown("this is " + form + "; this program reads " + FORM);
  fields(told, "the bundle", "suhe lot code made log witnesses checkpoint records chains inclusion anchor disclosed pending", "cut");
  if (form !== FORM) bad("this file is no proof bundle");
  const records = array(told.get("records"), "records", MOST_RECORDS).map(record);
  const pending = array(told.get("pending"), "pending", MOST_RECORDS).map(record);
  if (!rising([...records, ...pending].map((r) => r.index))) bad("the records are not in the order of the log");
  const places = new Set(records.map((r) => r.index));
  const chains = array(told.get("chains"), "chains", MOST_CHAINS).map((one) => chain(one, places));
  const lot = subject(told.get("lot"));
  if (!chains.length || chains[0].subject !== lot || new Set(chains.map((c) => c.subject)).size !== chains.length) {
    bad("the chains must be the lot's first and each once");
  }
  return {
    lot,
    note: told.get("checkpoint") === null ? null : words(told.get("checkpoint"), "checkpoint", 20000),
    code: told.get("code") === null ? null : words(told.get("code"), "code", 40),
    made: number(told.get("made"), "made"),
    log: words(told.get("log"), "log", 400),
    witnesses: array(told.get("witnesses"), "witnesses", 100).map((one) => words(one, "witnesses", 400)),
    records,
    pending,
    chains,
    inclusion: told.get("inclusion") === null ? null : inclusion(told.get("inclusion")),
    anchor: told.get("anchor") === null ? null : anchor(told.get("anchor")),
    disclosed: disclosed(told.get("disclosed")),
    cut: told.has("cut") ? flag(told.get("cut"), "cut") : false,
  };
}

function fields(told, where, needs, may) {
  if (!(told instanceof Map)) bad(where + " is no object");
  const needed = needs.split(" "), known = new Set(needed.concat(may ? may.split(" ") : []));
  for (const name of needed) if (!told.has(name)) bad(where + " has other fields: " + name);
  for (const name of told.keys()) if (!known.has(name)) bad(where + " has other fields: " + name);
}

// Python counts characters, JavaScript halves of pairs.
const length = (value) => (/[\ud800-\udfff]/.test(value) ? Array.from(value).length : value.length);
const rising = (values) => values.every((v, k) => k === 0 || values[k - 1] < v);

function words(value, name, most) {
  if (typeof value !== "string" || !value || length(value) > most) bad(name + " is no text of 1 to " + most + " characters");
  return value;
}

function number(value, name) {
  if (typeof value !== "number" || value < 0) bad(name + " is no whole number");
  return value === 0 ? 0 : value;
}

function flag(value, name) {
  if (typeof value !== "boolean") bad(name + " is neither true nor false");
  return value;
}

function array(value, name, most) {
  if (!Array.isArray(value) || value.length > most) bad(name + " is no list of at most " + most);
  return value;
}

function subject(value) {
  if (typeof value !== "string" || !/^urn:suhe:[\x21-\x7e]{1,150}$/.test(value)) bad("this names no subject of a chain");
  return value;
}

function unbase64(told) {
  const found = bytes(told);
  if (!found) bad("this is no base 64");
  return found;
}

function hashes(told, name, most, gaps) {
  return array(told, name, most).map((one) => {
    const found = gaps && one === "" ? new Uint8Array(32) : unbase64(one);
    if (found.length !== 32) bad(name + " holds what is no hash");
    return found;
  });
}

function record(told) {
  fields(told, "a record", "index body key sig time entries");
  const entries = array(told.get("entries"), "entries", 1000).map((one) => {
    if (!Array.isArray(one) || one.length !== 3) bad("an entry has three parts");
    const prev = one[2] === "" ? null : unbase64(one[2]);
    if (prev && prev.length !== 32) bad("an entry names no hash before it");
    return { subject: subject(one[0]), seq: number(one[1], "the number of an entry"), prev };
  });
  if (!entries.length || !rising(entries.map((e) => e.subject))) bad("a record's entries are not in order");
  const key = told.get("key"), signature = unbase64(told.get("sig"));
  if (typeof key !== "string" || !(key === "" && !signature.length) && (!/^[0-9a-f]{16}$/.test(key) || signature.length !== 64)) {
    bad("a record's key or signature is none");
  }
  if (typeof told.get("body") !== "string") bad("a record's body is no text");
  return { index: number(told.get("index"), "index"), body: told.get("body"), key, signature, time: number(told.get("time"), "time"), entries };
}

function chain(told, places) {
  fields(told, "a chain", "subject records map");
  const records = array(told.get("records"), "records", MOST_RECORDS).map((one) => number(one, "a record's place"));
  if (!rising(records) || !records.every((k) => places.has(k))) bad("a chain names records that are not in the file, or not in order");
  return { subject: subject(told.get("subject")), records, siblings: hashes(told.get("map"), "map", 257, true) };
}

function inclusion(told) {
  fields(told, "the inclusion", "index proof");
  return { index: number(told.get("index"), "index"), proof: hashes(told.get("proof"), "proof", 64) };
}

function anchor(told) {
  fields(told, "the anchor", "chain contract tx block time size root consistency development", "covers");
  const root = unbase64(told.get("root"));
  if (root.length !== 32) bad("the anchored root is no hash");
  const covers = told.has("covers") && told.get("covers") !== null ? inclusion(told.get("covers")) : null;
  const receipt = {};
  for (const name of ["chain", "block", "time"]) receipt[name] = number(told.get(name), name);
  for (const name of ["contract", "tx"]) receipt[name] = words(told.get(name), name, 80);
  return {
    receipt, root, covers, size: number(told.get("size"), "size"),
    consistency: hashes(told.get("consistency"), "consistency", 64), development: flag(told.get("development"), "development"),
  };
}

function disclosed(told) {
  if (!(told instanceof Map) || told.size > 1000) bad("what is disclosed is no object");
  const found = new Map();
  for (const [commitment, one] of told) {
    if (!/^[0-9a-f]{64}$/.test(commitment)) bad("a disclosed value has no commitment");
    fields(one, "a disclosed value", "salt value");
    found.set(commitment, { salt: unbase64(one.get("salt")), value: words(one.get("value"), "value", 1000) });
  }
  return found;
}
