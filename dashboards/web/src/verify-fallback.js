// SHA-256 and Ed25519 for browsers that have none or keep them from pages over plain HTTP. Loaded only when somebody asks for a check.
import * as ed from "@noble/ed25519";
import { sha256, sha512 } from "@noble/hashes/sha2";

ed.etc.sha512Sync = (...parts) => sha512(ed.etc.concatBytes(...parts));
self.suheFallback = {
  sha256,
  ed25519: (signature, message, key) => ed.verify(signature, message, key, { zip215: false }),
};
