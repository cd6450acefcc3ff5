// The Merkle tree of RFC 6962 (and 9162): verification of inclusion and consistency. Sizes are plain numbers up to 2^53 - 1.
import { concat, hex, same, sha256 } from "./_bytes.js";

export class InvalidProof extends Error {}
const EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const odd = (n) => n % 2 === 1;
const half = (n) => Math.floor(n / 2);
const LEAF = Uint8Array.of(0), NODE = Uint8Array.of(1);

export const leafHash = (leaf) => sha256(concat(LEAF, leaf));
const nodeHash = (left, right) => sha256(concat(NODE, left, right));

export async function verifyInclusion(leaf, index, size, proof, root) {
  if (!(index >= 0 && index < size)) throw new InvalidProof("no such leaf in a tree of this size");
  if (!leaf.length || !root.length) throw new InvalidProof("there is no leaf or no root to compare");
  let at = index, last = size - 1, found = leaf;
  for (const step of proof) {
    if (last === 0) throw new InvalidProof("the proof is too long");
    if (odd(at) || at === last) {
      found = await nodeHash(step, found);
      while (!odd(at) && at) { at = half(at); last = half(last); }
    } else found = await nodeHash(found, step);
    at = half(at);
    last = half(last);
  }
  if (last !== 0) throw new InvalidProof("the proof is too short");
  if (!same(found, root)) throw new InvalidProof("the proof leads to another root");
}

export async function verifyConsistency(size1, size2, root1, root2, proof) {
  if (!(size1 >= 0 && size1 <= size2)) throw new InvalidProof("the first tree is no prefix of the second");
  if (size1 === 0) {
    if (proof.length || hex(root1) !== EMPTY_ROOT) throw new InvalidProof("an empty tree has the empty root and needs no proof");
    return;
  }
  if (size1 === size2) {
    if (proof.length || !same(root1, root2)) throw new InvalidProof("two trees of one size must have one root and need no proof");
    return;
  }
  if (!proof.length) throw new InvalidProof("the proof is empty");
  let power = size1;
  while (!odd(power)) power = half(power);
  const path = power === 1 ? [root1, ...proof] : proof;
  let at = size1 - 1, last = size2 - 1;
  while (odd(at)) { at = half(at); last = half(last); }
  let first = path[0], second = path[0];
  for (const step of path.slice(1)) {
    if (last === 0) throw new InvalidProof("the proof is too long");
    if (odd(at) || at === last) {
      first = await nodeHash(step, first);
      second = await nodeHash(step, second);
      while (!odd(at) && at) { at = half(at); last = half(last); }
    } else second = await nodeHash(second, step);
    at = half(at);
    last = half(last);
  }
  if (last !== 0) throw new InvalidProof("the proof is too short");
  if (!same(first, root1) || !same(second, root2)) throw new InvalidProof("the proof leads to other roots");
}
