import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PICTOGRAM } from '../../src/gen/unseen';
import { direction, inert, inertText, MAX_MARKS, MAX_NEWLINES, MAX_SPACES, ORDINARY } from '../../src/lib/inert';

/** The text a string of chips and letters stands for. */
function decode(shown: string): string {
  return shown.replaceAll(/⟨U\+([0-9A-F]{4,6})(?: × ([0-9]+))?⟩/gu, (_, code: string, count: string | undefined) => String.fromCodePoint(parseInt(code, 16)).repeat(Number(count ?? 1)));
}

/** Texts made of what could deceive. */
const nasty = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('⟨', '⟩', 'U+', '202E', '⟨U+202E⟩', '⟨U+0020 × 99⟩', ' × ', '\u202E', '\u200B', '\u0000', '\r\n', '\uD800', '\uDC00', 'e\u0301', '\uFE0F', '⚠\uFE0F', '⚠', '\u{E0041}'),
      fc.integer({ min: 1, max: 2 * MAX_SPACES }).map((count) => ' '.repeat(count)),
      fc.integer({ min: 1, max: 3 * MAX_NEWLINES }).map((count) => '\n'.repeat(count)),
      fc.integer({ min: 1, max: 2 * MAX_MARKS }).map((count) => '\u0301'.repeat(count)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('inert', () => {
  test('never shows two different texts alike', () => {
    fc.assert(fc.property(nasty, (text) => decode(inertText(text)) === text), { numRuns: 3000 });
  });

  test('leaves nothing in plain stretches that cannot be seen', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        for (const segment of inert(text)) {
          if (segment.kind === 'chip') continue;
          const plain = segment.text.replaceAll(/(?<![©®])(?<=(?!\p{Emoji_Presentation})\p{Extended_Pictographic})\uFE0F/gu, '');
          expect(plain).not.toMatch(/[\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]|[\uFE00-\uFE0F]|[\u{E0100}-\u{E01EF}]/u);
          expect(segment.text).not.toMatch(/[^\P{Cc}\t\n]/u);
          expect(segment.text).not.toMatch(/ {66}|\n{4}|\p{M}{5}/u);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['\u202Ecod.exe', '⟨U+202E⟩cod.exe'],
    ['a\u200Bb', 'a⟨U+200B⟩b'],
    ['x\u{E0041}', 'x⟨U+E0041⟩'],
    ['\u001B[31m', '⟨U+001B⟩[31m'],
    ['⟨U+202E⟩', '⟨U+27E8⟩U+202E⟩'],
    [`a${' '.repeat(200)}b`, 'a⟨U+0020 × 200⟩b'],
    ['a\n\n\n\n\nb', 'a⟨U+000A × 5⟩b'],
    ['⚠\uFE0F\uFE0F', '⚠\uFE0F⟨U+FE0F⟩'],
    ['⚠\uFE0E', '⚠⟨U+FE0E⟩'],
    ['\u{1F600}\uFE0F', '\u{1F600}⟨U+FE0F⟩'],
    ['1\uFE0F2', '1⟨U+FE0F⟩2'],
    ['\uFE0F', '⟨U+FE0F⟩'],
  ])('shows %j as %j', (text, shown) => {
    expect(inertText(text)).toBe(shown);
  });

  test.each(['plain', 'two\nlines', 'Grüße, 東京, שלום, مرحبا', '<b>&amp;</b>', '👩 🚀', '⚠\uFE0F Delete ✂\uFE0F', 'a ⟨quoted⟩ b', ''])('leaves %j as it is', (text) => {
    expect(inertText(text)).toBe(text);
  });

  test('leaves every ordinary character as it is beside one that is not', () => {
    const ordinary = new RegExp(ORDINARY, 'u');
    const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).filter((character) => ordinary.test(character));
    expect(all.length).toBeGreaterThan(600);
    for (const character of all) expect(inertText(`\u202E${character}`)).toBe(`⟨U+202E⟩${character}`);
  });

  test('shows whatever formats or is drawn as nothing as its number, as notifications do', () => {
    const codes = readFileSync(join(import.meta.dirname, '../../../src-tauri/crates/domain/tests/unseen.txt'), 'utf8')
      .split(/\r?\n/u)
      .filter((line) => line !== '' && !line.startsWith('#'))
      .flatMap((line) => {
        const [first = 0, last = first] = line.split('..').map((point) => parseInt(point.replace('U+', ''), 16));
        return Array.from({ length: last - first + 1 }, (_, index) => first + index);
      });
    expect(codes.length).toBeGreaterThan(4000);
    for (const code of codes) expect(inertText(`a${String.fromCodePoint(code)}b`)).toBe(`a⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩b`);
  });

  test('shows what nobody knows the look of as its number', () => {
    expect(inertText('\u2800\uE000\u{F0000}\u0378\uFFFF\u{10FFFF}')).toBe('⟨U+2800⟩⟨U+E000⟩⟨U+F0000⟩⟨U+0378⟩⟨U+FFFF⟩⟨U+10FFFF⟩');
  });

  test('knows the pictures that Unicode draws as text until they are coloured', () => {
    const pictures = new RegExp(`^${PICTOGRAM}$`, 'u');
    for (let code = 0x200; code <= 0x10ffff; code += 1) {
      const character = String.fromCodePoint(code);
      const drawn = /^\p{Extended_Pictographic}$/u.test(character) && /^\p{Emoji}$/u.test(character) && !/^\p{Emoji_Presentation}$/u.test(character);
      if (pictures.test(character) !== drawn) expect(`U+${code.toString(16)}`).toBe('as Unicode has it');
    }
  });

  test('keeps the selector of emoji in sight in a name', () => {
    expect(inertText('⚠\uFE0F.txt', true)).toBe('⚠⟨U+FE0F⟩.txt');
  });

  test('names what a chip stands for', () => {
    expect(inert('\u202E')).toEqual([{ kind: 'chip', text: '⟨U+202E⟩', name: 'right-to-left override' }]);
  });
});

test('the first letter says which way a text runs', () => {
  expect(['', '12', 'abc', '(7) \u0647\u0644', '\u05D0 abc', '東京'].map(direction)).toEqual(['ltr', 'ltr', 'ltr', 'rtl', 'rtl', 'ltr']);
});
