// The signed note of a checkpoint: the log's signature and its witnesses' cosignatures (C2SP). As traceability/bundle_notes.py.
import { concat, ed25519, hex, readWhole, same, sha256, unbase64, utf8 } from "./_bytes.js";
import { Broken } from "./_bundle_form.js";

export const LOG_KEY = 1, WITNESS_KEY = 4;
const WHOLE = /^(0|[1-9][0-9]{0,15})$/;
const without = (told, start) => (told.startsWith(start) ? told.slice(start.length) : told);

export async function readVkey(vkey, kind, step) {
  const bad = () => { throw new Broken(step, "this is no public key of a note: " + vkey.slice(0, 60)); };
  const one = vkey.indexOf("+"), two = vkey.indexOf("+", one + 1);
  if (one < 1 || two < 0) bad();
  const name = vkey.slice(0, one), key = unbase64(vkey.slice(two + 1));
  if (!key || name.includes(" ") || key.length !== 33 || key[0] !== kind) bad();
  const hash = (await sha256(concat(utf8(name + "\n"), key))).slice(0, 4);
  if (hex(hash) !== vkey.slice(one + 1, two)) bad();
  return { name, hash, key: key.slice(1), vkey };
}

export async function openNote(note, log) {
  const bad = (why) => { throw new Broken(2, why); };
  const gap = note.lastIndexOf("\n\n");
  if (gap < 0 || !note.endsWith("\n") || note.length === gap + 2) bad("the checkpoint is no signed note");
  const body = note.slice(0, gap + 1);
  const lines = note.slice(gap + 2, -1).split("\n").map(readLine);
  let signed = false;
  for (const line of lines) {
    if (line.name === log.name && same(line.told.slice(0, 4), log.hash)) signed = signed || (await ed25519(log.key, utf8(body), line.told.slice(4)));
  }
  if (!signed) bad("the checkpoint is not signed by the log's key");
  const told = body.slice(0, -1).split("\n");
  if (told.length < 4 || told.length > 5 || told[0] !== log.name) bad("the checkpoint cannot be read");
  const time = without(told[3], "time ");
  if (!WHOLE.test(told[1]) || !WHOLE.test(time)) bad("the checkpoint cannot be read");
  const mapped = told.length === 5 ? without(told[4], "map ") : null;
  const root = hash(told[2]), mapRoot = mapped === null ? null : hash(mapped);
  const spelled = told[3] === "time " + time && (mapped === null || told[4] === "map " + mapped);
  if (!spelled || !Number.isSafeInteger(Number(told[1])) || !Number.isSafeInteger(Number(time))) bad("the checkpoint is not written as checkpoints are");
  return { text: body, size: Number(told[1]), root, time: Number(time), mapRoot, lines };
}

// Whether a witness cosigned; a false line in its name breaks the check.
export async function cosigned(opened, witness) {
  for (const { name, told } of opened.lines) {
    if (name !== witness.name || !same(told.slice(0, 4), witness.hash)) continue;
    const seconds = told.length === 76 ? readWhole(told.slice(4, 12)) : Infinity;
    const message = utf8("cosignature/v1\ntime " + seconds + "\n" + opened.text);
    if (!Number.isSafeInteger(seconds) || !(await ed25519(witness.key, message, told.slice(12)))) {
      throw new Broken(3, "a cosignature in the name of " + name + " is false");
    }
    return true;
  }
  return false;
}

function readLine(line) {
  const parts = line.split(" ");
  if (parts.length !== 3 || parts[0] !== "—" || !parts[1]) throw new Broken(2, "a signature under the checkpoint is written in another way");
  const told = unbase64(parts[2]);
  if (!told || told.length < 5) throw new Broken(2, "a signature under the checkpoint is no base 64");
  return { name: parts[1], told };
}

function hash(told) {
  const found = unbase64(told);
  if (!found || found.length !== 32) throw new Broken(2, "the checkpoint cannot be read");
  return found;
}
