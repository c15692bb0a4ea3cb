/**
 * Makes agent text inert: whatever a reader could not see, or could be fooled
 * by, becomes a visible chip such as `⟨U+202E⟩`. Two different texts never
 * look the same in it, so nothing can hide; in prose alone the colour of a picture
 * is left to the font. It does not judge, shorten or
 * translate text, and it makes no markup.
 */

import { PICTOGRAM, UNSEEN } from '../gen/unseen';

/** A stretch of plain text, or a chip that stands for what cannot be seen. */
export type Segment = { kind: 'text'; text: string } | { kind: 'chip'; text: string; name: string };

/** More spaces than this in a row are counted instead of shown: they push text out of sight. */
export const MAX_SPACES = 64;
/** More line ends than this in a row are counted instead of shown. */
export const MAX_NEWLINES = 3;
/** More combining marks than this on one letter are shown as chips. */
export const MAX_MARKS = 4;

const PATTERN = new RegExp(
  [
    String.raw`(?<literal>⟨(?=U\+[0-9A-F]{4,6}(?: × [0-9]+)?⟩))`,
    String.raw`(?<run>(?<space>[\p{Zs}\t])\k<space>{${String(MAX_SPACES)},}|\n{${String(MAX_NEWLINES + 1)},})`,
    String.raw`(?<plain>[\t\n])`,
    // It draws the picture before it in colour; anywhere else it is drawn as nothing.
    String.raw`(?<=${PICTOGRAM})(?<colour>\uFE0F)`,
    String.raw`(?<=\p{M}{${String(MAX_MARKS)}})(?<mark>\p{M})`,
    `(?<unseen>${UNSEEN})`,
  ].join('|'),
  'gu',
);

/** Characters of which none is hidden, a mark, or a bracket of ours: most texts are made of these alone. */
export const ORDINARY = String.raw`[\n\x20-\x7E\u00A1-\u00AC\u00AE-\u02FF\u2010-\u2027\u20AC]`;
const ALL_ORDINARY = new RegExp(`^${ORDINARY}*$`, 'u');
const MANY_SPACES = ' '.repeat(MAX_SPACES + 1);
const MANY_NEWLINES = '\n'.repeat(MAX_NEWLINES + 1);

const NAMES: Record<number, string> = {
  0x0000: 'null',
  0x0007: 'bell',
  0x0008: 'backspace',
  0x0009: 'tab',
  0x000a: 'line end',
  0x000d: 'carriage return',
  0x001b: 'escape',
  0x0020: 'space',
  0x007f: 'delete',
  0x00a0: 'no-break space',
  0x00ad: 'soft hyphen',
  0x061c: 'Arabic letter mark',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x2028: 'line separator',
  0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'end of embedding',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'end of isolate',
  0x27e8: 'a bracket that imitates a mark of the desk',
  0xfeff: 'byte order mark',
};

/**
 * Cuts `text` into plain stretches and chips. In a name, which has one line,
 * line ends and tabs are chips too: else one name could pass for two. So is, where
 * it is to be exact, the selector of emoji, which in prose colours a picture: two
 * names or arguments can differ by it alone.
 */
export function inert(text: string, name = false, exact = name): Segment[] {
  if (ALL_ORDINARY.test(text) && !text.includes(MANY_SPACES) && !text.includes(name ? '\n' : MANY_NEWLINES)) return text === '' ? [] : [{ kind: 'text', text }];
  const segments: Segment[] = [];
  let plain = 0;
  const chip = (at: number, length: number, label: string, meaning: string) => {
    if (at > plain) segments.push({ kind: 'text', text: text.slice(plain, at) });
    segments.push({ kind: 'chip', text: label, name: meaning });
    plain = at + length;
  };
  for (const match of text.matchAll(PATTERN)) {
    const found = match[0];
    if (match.groups?.['plain'] !== undefined && !name) continue;
    if (match.groups?.['colour'] !== undefined && !exact) continue;
    const code = found.codePointAt(0) ?? 0;
    if (match.groups?.['run'] !== undefined) {
      const count = found.length / String.fromCodePoint(code).length;
      chip(match.index, found.length, `⟨${point(code)} × ${String(count)}⟩`, `${String(count)} × ${NAMES[code] ?? 'space'}`);
    } else {
      chip(match.index, found.length, `⟨${point(code)}⟩`, describe(code));
    }
  }
  if (plain < text.length) segments.push({ kind: 'text', text: text.slice(plain) });
  return segments;
}

/** Which way a text runs: by its first letter, as `dir=auto` would say if it looked into isolated text. */
export function direction(text: string): 'ltr' | 'rtl' {
  const letter = /\p{L}/u.exec(text.slice(0, 2000))?.[0] ?? '';
  return /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u.test(letter) ? 'rtl' : 'ltr';
}

/** The same as one string, for labels and announcements. */
export function inertText(text: string, name = false): string {
  return inert(text, name)
    .map((segment) => segment.text)
    .join('');
}

function point(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

function describe(code: number): string {
  const known = NAMES[code];
  if (known !== undefined) return known;
  if (code >= 0xe0000 && code <= 0xe007f) return 'invisible tag character';
  if ((code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xe0100 && code <= 0xe01ef)) return 'variation selector';
  if (code < 0x20 || (code >= 0x80 && code < 0xa0)) return 'control character';
  if (code >= 0xd800 && code <= 0xdfff) return 'half of a character';
  return 'character that is not shown';
}
