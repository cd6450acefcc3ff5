// Bytes, and the two primitives of the check: SHA-256 and Ed25519. From the browser where it has them, else from verify-fallback.js.

const encoder = new TextEncoder();
export const utf8 = (text) => encoder.encode(text);
export const text = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
export const hex = (bytes) => Array.from(bytes, (b) => (b < 16 ? "0" : "") + b.toString(16)).join("");

export function concat(...parts) {
  let size = 0;
  for (const p of parts) size += p.length;
  const found = new Uint8Array(size);
  size = 0;
  for (const p of parts) { found.set(p, size); size += p.length; }
  return found;
}

export function same(a, b) {
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}

// Big-endian, up to 2^53 - 1.
export function whole(value, width) {
  const found = new Uint8Array(width);
  for (let k = width - 1; k >= 0; k--) { found[k] = value % 256; value = Math.floor(value / 256); }
  return found;
}

export function readWhole(bytes) {
  let found = 0;
  for (const b of bytes) found = found * 256 + b;
  return found;
}

export function unhex(told) {
  if (typeof told !== "string" || !/^([0-9a-f]{2})*$/.test(told)) return null;
  const found = new Uint8Array(told.length / 2);
  for (let k = 0; k < found.length; k++) found[k] = parseInt(told.substr(2 * k, 2), 16);
  return found;
}

// The bytes that base 64 spells, null where it is none or not spelled in the one way.
export function unbase64(told) {
  if (typeof told !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(told) || told.length % 4) return null;
  const raw = atob(told);
  return btoa(raw) === told ? Uint8Array.from(raw, (c) => c.charCodeAt(0)) : null;
}

// This device can compute neither by itself nor with the fallback.
export class CannotCheck extends Error {}

const subtle = () => (self.crypto && self.crypto.subtle) || null;
let fallback = null;
let nativeEd = null;

// A signature known to be good (RFC 8032, test 1): a browser that refuses it or does not know the algorithm gets the fallback.
const RFC8032 = [
  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
].map(unhex);

async function native(key, message, signature) {
  const read = await subtle().importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return subtle().verify({ name: "Ed25519" }, read, signature, message);
}

// Make the primitives ready; `load` brings verify-fallback.js. Says which ones are used.
export async function ready(load) {
  if (nativeEd === null) {
    try {
      nativeEd = !!subtle() && (await native(RFC8032[0], new Uint8Array(0), RFC8032[1])) && !!(await subtle().digest("SHA-256", new Uint8Array(0)));
    } catch (error) {
      nativeEd = false;
    }
  }
  if (!nativeEd && !fallback) {
    try {
      if (!self.suheFallback) await load();
      fallback = self.suheFallback || null;
      if (fallback && !fallback.ed25519(RFC8032[1], new Uint8Array(0), RFC8032[0])) fallback = null;
    } catch (error) {
      fallback = null;
    }
    if (!fallback) throw new CannotCheck("neither the browser nor the library can check signatures");
  }
  return nativeEd ? "browser" : "library";
}

// With the browser's SHA-256 an answer comes later, with the library's at once; the check awaits both.
export async function sha256(bytes) {
  if (nativeEd) return new Uint8Array(await subtle().digest("SHA-256", bytes));
  return fallback.sha256(bytes);
}

export async function ed25519(key, message, signature) {
  if (signature.length !== 64 || key.length !== 32) return false;
  try {
    return nativeEd ? await native(key, message, signature) : fallback.ed25519(signature, message, key);
  } catch (error) {
    return false;
  }
}

export async function hmacSha256(key, message) {
  const pad = (value) => { const p = new Uint8Array(64).fill(value); key.forEach((b, k) => { p[k] ^= b; }); return p; };
  return sha256(concat(pad(0x5c), await sha256(concat(pad(0x36), message))));
}
