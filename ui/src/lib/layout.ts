/**
 * JSON text laid out in one way, so that two texts differ only where their
 * values do. It changes no value: numbers and strings stay as they are written.
 */
import type { Folded } from '../gen/Folded';
import { pieces } from './json';

/** Deeper or longer than this a text is left as it is. */
const DEEPEST = 200;
const LONGEST = 400_000;
/** What is shown of a value of the card that is no more than a detail. */
const HEAD_LINES = 6;
const HEAD_CHARS = 600;

type Node = { raw: string } | { items: Node[] } | { members: { name: string; value: Node }[] };

/** `text` with a line for each value, its names in the order they have in `like`; `null` where it is no JSON. */
export function laidOut(text: string, like?: string): string | null {
  const read = parse(text);
  return read === null ? null : print(read, like === undefined ? null : parse(like), '');
}

/** A value folded after its first lines, whole where it is short. */
export function folded(text: string): Folded {
  const head = text.split('\n').slice(0, HEAD_LINES).join('\n').slice(0, HEAD_CHARS).replace(/[\uD800-\uDBFF]$/u, '');
  return { head, lines: text.split('\n').length, chars: text.length, whole: head.length === text.length, pointer: '' };
}

function parse(text: string): Node | null {
  if (text.length > LONGEST) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = pieces(text).flatMap(({ kind, text: token }) => (kind === 'space' ? [] : kind === 'mark' ? [...token].filter((mark) => mark.trim() !== '') : [token]));
  let at = 0;
  const value = (depth: number): Node | null => {
    const token = tokens[at] ?? '';
    at += 1;
    if (depth > DEEPEST) return null;
    if (token !== '{' && token !== '[') return { raw: token };
    const items: Node[] = [];
    const members: { name: string; value: Node }[] = [];
    while (tokens[at] !== '}' && tokens[at] !== ']') {
      if (tokens[at] === ',') at += 1;
      const name = tokens[at] ?? '';
      if (token === '{') at += 2;
      const found = value(depth + 1);
      if (found === null) return null;
      if (token === '{') members.push({ name, value: found });
      else items.push(found);
    }
    at += 1;
    return token === '{' ? { members } : { items };
  };
  return value(0);
}

function print(node: Node, like: Node | null, indent: string): string {
  if ('raw' in node) return node.raw;
  const inner = `${indent}  `;
  if ('items' in node) {
    const models = like !== null && 'items' in like ? like.items : [];
    return block('[', ']', node.items.map((item, index) => print(item, models[index] ?? null, inner)), indent);
  }
  const models = like !== null && 'members' in like ? like.members : [];
  const place = ({ name }: { name: string }) => {
    const found = models.findIndex((model) => model.name === name);
    return found < 0 ? models.length : found;
  };
  const ordered = node.members.toSorted((one, other) => place(one) - place(other));
  return block('{', '}', ordered.map(({ name, value }) => `${name}: ${print(value, models.find((model) => model.name === name)?.value ?? null, inner)}`), indent);
}

function block(open: string, close: string, lines: string[], indent: string): string {
  return lines.length === 0 ? open + close : `${open}\n${lines.map((line) => `${indent}  ${line}`).join(',\n')}\n${indent}${close}`;
}
