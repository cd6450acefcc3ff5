// The map under a checkpoint: subject -> (count, head). A proof of presence shows that a chain is whole.
import { concat, same, sha256, utf8, whole } from "./_bytes.js";
import { InvalidProof } from "./_merkle.js";

const TAG = utf8("suhe/map/v1\n");
const LEAF = Uint8Array.of(2), INNER = Uint8Array.of(3);

export async function verifyPresence(subject, count, head, siblings, root) {
  const name = utf8(subject);
  const digest = await sha256(name);
  const bit = (depth) => (depth === 0 ? (subject.startsWith("urn:suhe:key:") ? 0 : 1) : (digest[(depth - 1) >> 3] >> (7 - ((depth - 1) & 7))) & 1);
  if (siblings.length > 257) throw new InvalidProof("a path has at most 257 steps");
  let found = await sha256(concat(LEAF, TAG, whole(name.length, 2), name, whole(count, 8), head));
  for (let k = 0; k < siblings.length; k++) {
    found = await sha256(bit(siblings.length - 1 - k) ? concat(INNER, siblings[k], found) : concat(INNER, found, siblings[k]));
  }
  if (!same(found, root)) throw new InvalidProof("the map holds another count or head");
}
