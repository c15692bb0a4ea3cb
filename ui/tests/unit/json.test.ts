import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { locate, oneLine, pieces, readObject, readValue } from '../../src/lib/json';

/** Every value of a document with its pointer. */
function pointers(value: unknown, at = ''): [string, unknown][] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [[at, value], ...inner.flatMap(([key, one]) => pointers(one, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`))];
}

describe('pieces', () => {
  test('joined are the text, whatever it is', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => pieces(text).map((piece) => piece.text).join('') === text));
  });

  test('tell keys from strings', () => {
    expect(pieces('{"a": "b"}').filter((piece) => piece.kind !== 'space' && piece.kind !== 'mark')).toEqual([
      { kind: 'key', text: '"a"' },
      { kind: 'string', text: '"b"' },
    ]);
  });
});

describe('oneLine', () => {
  test('keeps the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const line = oneLine(JSON.stringify(value, null, 2), Infinity);
        expect(JSON.parse(line ?? '')).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('refuses what would be too long', () => {
    expect(oneLine('{"a": 1}', 5)).toBeNull();
  });
});

describe('locate', () => {
  test('finds every value of a document', () => {
    const document = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
    fc.assert(
      fc.property(document, (value) => {
        const text = JSON.stringify(value, null, 2);
        const known = JSON.parse(text) as unknown;
        for (const [pointer, one] of pointers(known)) {
          const { from, to } = locate(text, pointer);
          expect(JSON.parse(text.slice(from, to))).toEqual(one);
        }
      }),
    );
  });

  test('never leaves the text, whatever it is asked', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, pointer) => {
        const { from, to } = locate(text, `/${pointer}`);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  test('stops at the innermost part that exists', () => {
    const text = '{"a": {"b": 1}}';
    expect(locate(text, '/a/missing')).toEqual({ from: 6, to: 14 });
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('reading', () => {
  test('takes one object and nothing else', () => {
    expect(readObject('{"a": 1}')).toEqual({ value: { a: 1 } });
    for (const text of ['', '{', '[1]', '1', 'null', '{"a": 1,}']) expect(readObject(text)).toHaveProperty('fault');
  });

  // The engine of the window names no place, and words that others do not.
  test.each([
    ['{"a": 1\n "b": 2}', 9, 'a comma is missing before "b"'],
    ['{"a" 1}', 5, 'a colon is missing before 1'],
    ['{"a": 1,}', 8, 'a name is missing before }'],
    ['{"a": [1, ]}', 10, 'a value is missing before ]'],
    ['{"a": }', 6, 'a value is missing before }'],
    ['{a: 1}', 1, 'a name in double quotes is missing before a'],
    ['{"a": yes}', 6, 'yes is no value; text needs double quotes'],
    ['{"a": \'b\'}', 6, "'b' is no value; text needs double quotes"],
    ['{"a": "b}', 6, 'this text has no end, or an escape that is none'],
    ['{"a": "\\x"}', 6, 'this text has no end, or an escape that is none'],
    ['{"a": [1}', 8, 'a comma is missing before }'],
    ['{"a": {"b": 1}', 14, 'it ends before its }'],
    ['{"a": [1', 8, 'it ends before its ]'],
    ['{} {}', 3, '{ comes after its end'],
    ['{"a":\u00A01}', 5, '\u00A01 is no value; text needs double quotes'],
    [' ', 1, 'there is nothing'],
  ])('says of %s where it stops being JSON, and why', (text, at, why) => {
    expect(readObject(text)).toEqual({ fault: `This is not JSON yet: ${why}.`, at });
  });

  test('finds a place in whatever is not JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, place, other) => {
        const cut = place % (json.length + 1);
        const text = json.slice(0, cut) + other + json.slice(cut + 1);
        const read = readObject(text);
        if ('value' in read) return true;
        return read.at >= 0 && read.at <= text.length && (read.fault.startsWith('This is not JSON yet') === !parses(text));
      }),
    );
  });

  test.each([
    ['{"a": 1, "a": 2}', 9],
    ['{"o": {"x": 1, "\\u0078": 2}}', 15],
    ['{"n": 9007199254740993}', 6],
    ['{"n": 1e999}', 6],
  ])('refuses %s, which would not be sent as it is written', (text, at) => {
    expect(readObject(text)).toMatchObject({ fault: expect.stringMatching(/twice|exactly/u) as string, at });
  });

  test('lets the same name stand in different objects', () => {
    expect(readObject('{"a": {"b": 1}, "c": [{"b": 2}, {"b": 3}], "b": 4}')).toHaveProperty('value');
    const object = fc.object({ key: fc.string(), values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })] });
    fc.assert(fc.property(object, (value) => 'value' in readObject(JSON.stringify(value))));
  });

  test('keeps words that are no JSON as words', () => {
    expect(readValue('12.5')).toBe(12.5);
    expect(readValue('true')).toBe(true);
    expect(readValue(' confirmed by phone ')).toBe('confirmed by phone');
    expect(readValue('{"a":1}')).toEqual({ a: 1 });
  });
});
