/**
 * JSON as text: the pieces to tint, the place a pointer names, and one-line
 * forms. It never changes a character that carries meaning, and it does not
 * validate.
 */

/** A piece of JSON text; the pieces joined are the text. */
export interface Piece {
  kind: 'key' | 'string' | 'other' | 'mark' | 'space';
  text: string;
}

const PIECE = /(?<string>"(?:[^"\\]|\\.)*"?)(?<colon>\s*:)?|(?<space>\s+)|(?<mark>[{}[\],:]+)|(?<other>[^\s"{}[\],:]+)/gsu;

/** Cuts `text` into pieces; text that is not JSON comes back whole as well. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  for (const match of text.matchAll(PIECE)) {
    const { string, colon, space, mark, other } = match.groups ?? {};
    if (string !== undefined) {
      found.push({ kind: colon === undefined ? 'string' : 'key', text: string });
      if (colon !== undefined) found.push({ kind: 'mark', text: colon });
    } else if (space !== undefined) found.push({ kind: 'space', text: space });
    else if (mark !== undefined) found.push({ kind: 'mark', text: mark });
    else if (other !== undefined) found.push({ kind: 'other', text: other });
  }
  return found;
}

/** The text on one line, without a change to any value, or `null` where it would be longer than `most`. */
export function oneLine(text: string, most: number): string | null {
  const line = pieces(text)
    .map((piece) => (piece.kind === 'space' ? ' ' : piece.text))
    .join('');
  return line.length <= most ? line : null;
}

/** Reads an object from text, or says in one sentence why it is none. */
export function readObject(text: string): { value: Record<string, unknown> } | { fault: string; at: number } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return broken(text);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { fault: 'The arguments must be one JSON object: { "name": value }.', at: 0 };
  }
  const flaw = firstFlaw(text);
  if (flaw !== null) return flaw;
  return { value: value as Record<string, unknown> };
}

/**
 * Where text that is not JSON stops being it, and what is missing there. The
 * message of the engine would differ from one to the next, and not all name a place.
 */
function broken(text: string): { fault: string; at: number } {
  const fault = (at: number, what: string) => ({ fault: `This is not JSON yet: ${what}.`, at });
  const open: string[] = [];
  // What may come: a value, a name, a colon, or what goes on or ends.
  let expects: 'value' | 'first' | 'name' | 'colon' | 'next' = 'value';
  for (const { token, at } of tokens(text)) {
    const inObject = open.at(-1) === '{';
    const shown = token.length > 24 ? `${token.slice(0, 24)}…` : token;
    if (expects === 'next') {
      if (open.length === 0) return fault(at, `${shown} comes after its end`);
      if (token === ',') expects = inObject ? 'name' : 'value';
      else if (token === (inObject ? '}' : ']')) open.pop();
      else return fault(at, `a comma is missing before ${shown}`);
    } else if (expects === 'colon') {
      if (token !== ':') return fault(at, `a colon is missing before ${shown}`);
      expects = 'value';
    } else if (token === '}' || token === ']') {
      if (expects !== 'first' || token !== (inObject ? '}' : ']')) return fault(at, `${expects === 'name' ? 'a name' : 'a value'} is missing before ${token}`);
      open.pop();
      expects = 'next';
    } else if (expects === 'name' || (expects === 'first' && inObject)) {
      if (!isText(token)) return fault(at, `a name in double quotes is missing before ${shown}`);
      expects = 'colon';
    } else if (token === '{' || token === '[') {
      open.push(token);
      expects = 'first';
    } else if (isValue(token)) expects = 'next';
    else return fault(at, token.startsWith('"') ? 'this text has no end, or an escape that is none' : `${shown} is no value; text needs double quotes`);
  }
  const missing = open.at(-1) === '{' ? '}' : ']';
  return fault(text.length, open.length === 0 ? 'there is nothing' : `it ends before its ${missing}`);
}

/** Reads on its own what a value can be that holds no other. */
function isValue(token: string): boolean {
  try {
    JSON.parse(token);
    return true;
  } catch {
    return false;
  }
}

const isText = (token: string): boolean => token.startsWith('"') && isValue(token);

/** What of the text is no space, a mark each, and where. */
function* tokens(text: string): Generator<{ token: string; at: number }> {
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\\n]|\\.)*"?|[{}[\],:]|[^ \t\r\n"{}[\],:]+/gu)) yield { token, at: index };
}

/**
 * What JSON text says that its value would not: a name given twice, of which
 * one would vanish, or a number that cannot be kept exactly.
 */
function firstFlaw(text: string): { fault: string; at: number } | null {
  const names: Set<string>[] = [];
  let at = 0;
  for (const piece of pieces(text)) {
    if (piece.kind === 'mark') {
      for (const mark of piece.text) {
        if (mark === '{' || mark === '[') names.push(new Set());
        if (mark === '}' || mark === ']') names.pop();
      }
    } else if (piece.kind === 'key') {
      const name = String(JSON.parse(piece.text));
      if (names.at(-1)?.has(name) === true) return { fault: `${piece.text} is given twice; only one of them would count.`, at };
      names.at(-1)?.add(name);
    } else if (piece.kind === 'other') {
      const number = Number(piece.text);
      const whole = /^-?\d+$/u.test(piece.text);
      if (!['true', 'false', 'null'].includes(piece.text) && (!Number.isFinite(number) || (whole && !Number.isSafeInteger(number)))) {
        return { fault: `${piece.text} is too large to be kept exactly; give it as text.`, at };
      }
    }
    at += piece.text.length;
  }
  return null;
}

/** A value as typed into a field: JSON where it reads as JSON, else the words themselves. */
export function readValue(text: string): unknown {
  const trimmed = text.trim();
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    return trimmed;
  }
}

/**
 * Where in JSON `text` the value named by `pointer` stands, as offsets; the
 * innermost part that exists where the pointer leads on to something missing.
 */
export function locate(text: string, pointer: string): { from: number; to: number } {
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = skip(text, 0);
  let found = { from: at, to: text.length };
  for (const part of path) {
    const next = child(text, at, part);
    if (next === null) break;
    at = next;
    found = { from: at, to: end(text, at) };
  }
  return found;
}

function skip(text: string, at: number): number {
  let here = at;
  while (here < text.length && /\s/u.test(text.charAt(here))) here += 1;
  return here;
}

/** The offset behind the value that starts at `at`. */
function end(text: string, at: number): number {
  const first = text.charAt(at);
  if (first === '"') return stringEnd(text, at);
  if (first !== '{' && first !== '[') {
    const rest = /^[^\s,\]}]*/u.exec(text.slice(at, at + 400));
    return at + (rest?.[0].length ?? 0);
  }
  let depth = 0;
  let here = at;
  while (here < text.length) {
    const char = text.charAt(here);
    if (char === '"') {
      here = stringEnd(text, here);
      continue;
    }
    if (char === '{' || char === '[') depth += 1;
    if (char === '}' || char === ']') depth -= 1;
    here += 1;
    if (depth === 0) return here;
  }
  return text.length;
}

function stringEnd(text: string, at: number): number {
  let here = at + 1;
  while (here < text.length && text.charAt(here) !== '"') here += text.charAt(here) === '\\' ? 2 : 1;
  return Math.min(here + 1, text.length);
}

/** Where the member `name` of the object or array at `at` has its value. */
function child(text: string, at: number, name: string): number | null {
  const isArray = text.charAt(at) === '[';
  if (!isArray && text.charAt(at) !== '{') return null;
  let here = skip(text, at + 1);
  for (let index = 0; here < text.length && text.charAt(here) !== ']' && text.charAt(here) !== '}'; index += 1) {
    let key = String(index);
    if (!isArray) {
      const behind = stringEnd(text, here);
      try {
        key = String(JSON.parse(text.slice(here, behind)));
      } catch {
        return null;
      }
      here = skip(text, skip(text, behind) + 1);
    }
    if (key === name) return here;
    const behind = end(text, here);
    if (behind === here) return null;
    here = skip(text, behind);
    if (text.charAt(here) === ',') here = skip(text, here + 1);
  }
  return null;
}
