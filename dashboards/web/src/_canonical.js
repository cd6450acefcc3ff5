// JSON read strictly: each key once, every number one that Python and JavaScript spell alike. Objects become Maps, so that no key is special.
// Canonical spelling is RFC 8785: what is not spelled so was never signed.

export class BadJson extends Error {}
// A number written with a fraction or an exponent; whole numbers are plain numbers.
export class Real {
  constructor(value) { this.value = value; }
}
const MOST_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

export function parse(text, floats) {
  let at = 0;
  const fail = (why) => { throw new BadJson(why + " at " + at); };
  const space = () => { while (at < text.length && " \t\n\r".includes(text[at])) at++; };
  const take = (word) => { if (!text.startsWith(word, at)) fail("no JSON"); at += word.length; };

  function string() {
    take('"');
    let found = "";
    for (;;) {
      PLAIN.lastIndex = at;
      const run = PLAIN.exec(text)[0];
      found += run;
      at += run.length;
      const c = text[at++];
      if (c === '"') break;
      if (c !== "\\") fail("an open string");
      const e = text[at++];
      if (e === "u") {
        const hex = text.substr(at, 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) fail("a bad escape");
        found += String.fromCharCode(parseInt(hex, 16));
        at += 4;
      } else if (ESCAPES[e] !== undefined && e.length === 1) found += ESCAPES[e];
      else fail("a bad escape");
    }
    if (/[\ud800-\udbff](?![\udc00-\udfff])|(^|[^\ud800-\udbff])[\udc00-\udfff]/.test(found)) fail("half of a character");
    return found;
  }

  function number() {
    NUMBER.lastIndex = at;
    const m = NUMBER.exec(text);
    if (!m) fail("no JSON");
    at += m[0].length;
    const value = Number(m[0]);
    if (m[1] === undefined && m[2] === undefined) {
      if (!Number.isSafeInteger(value)) fail("an integer beyond 2^53 - 1");
      return value;
    }
    if (!floats || !Number.isFinite(value)) fail("no number here");
    return new Real(value);
  }

  function value(depth) {
    if (depth > MOST_DEPTH) fail("nested too deeply");
    space();
    const c = text[at];
    let found;
    if (c === "{") {
      found = new Map();
      at++;
      space();
      if (text[at] === "}") at++;
      else for (;;) {
        space();
        const name = string();
        if (found.has(name)) fail("a key is given twice");
        space();
        take(":");
        found.set(name, value(depth + 1));
        space();
        if (text[at] === "}") { at++; break; }
        take(",");
      }
    } else if (c === "[") {
      found = [];
      at++;
      space();
      if (text[at] === "]") at++;
      else for (;;) {
        found.push(value(depth + 1));
        space();
        if (text[at] === "]") { at++; break; }
        take(",");
      }
    } else if (c === '"') found = string();
    else if (c === "t") { take("true"); found = true; }
    else if (c === "f") { take("false"); found = false; }
    else if (c === "n") { take("null"); found = null; }
    else found = number();
    return found;
  }

  const found = value(0);
  space();
  if (at !== text.length) fail("more than one value");
  return found;
}

export function canonical(value) {
  if (value instanceof Map) {
    return "{" + [...value.keys()].sort().map((k) => JSON.stringify(k) + ":" + canonical(value.get(k))).join(",") + "}";
  }
  if (Array.isArray(value)) return "[" + value.map(canonical).join(",") + "]";
  if (value instanceof Real) return String(value.value === 0 ? 0 : value.value);
  if (typeof value === "number") return String(value === 0 ? 0 : value);
  return JSON.stringify(value);
}
