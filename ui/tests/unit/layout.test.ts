/** JSON laid out in one way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { folded, laidOut } from '../../src/lib/layout';

describe('one layout', () => {
  test('is that of the desk', () => {
    expect(laidOut('{"to":"a","n":[1,{"x":[]}],"o":{}}')).toBe(JSON.stringify({ to: 'a', n: [1, { x: [] }], o: {} }, null, 2));
  });

  test('keeps numbers and strings as they are written', () => {
    expect(laidOut('{"amount":149.0,"name":"\\u00e9 {"}')).toBe('{\n  "amount": 149.0,\n  "name": "\\u00e9 {"\n}');
  });

  test('takes the order of names from what it is compared with, new ones last', () => {
    expect(laidOut('{"from":"a","new":0,"to":7,"count":2}', '{ "count": 1, "from": "b", "to": "c" }')).toBe('{\n  "count": 2,\n  "from": "a",\n  "to": 7,\n  "new": 0\n}');
    expect(laidOut('[{"b":1,"a":2}]', '[{"a":0,"b":0}]')).toBe('[\n  {\n    "a": 2,\n    "b": 1\n  }\n]');
  });

  test('there is none for what is no JSON, or lies too deep', () => {
    expect(laidOut('{"a": ')).toBeNull();
    expect(laidOut('')).toBeNull();
    expect(laidOut('['.repeat(500) + ']'.repeat(500))).toBeNull();
  });

  test('says the same as the text', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (text, like) => {
        const tidy = laidOut(text, like) ?? '';
        expect(JSON.parse(tidy)).toEqual(JSON.parse(text));
        expect(laidOut(tidy, like)).toBe(tidy);
      }),
    );
  });
});

test('a long value is folded, and nothing of it is lost unseen', () => {
  const text = JSON.stringify({ moves: Array.from({ length: 20 }, (_, at) => ({ from: `a${String(at)}` })) }, null, 2);
  const long = folded(text);
  expect(long).toMatchObject({ whole: false, chars: text.length, lines: text.split('\n').length });
  expect(text.startsWith(long.head)).toBe(true);
  expect(long.head.split('\n')).toHaveLength(6);
  expect(folded('{\n  "a": 1\n}').whole).toBe(true);
  expect(folded(`"${'x'.repeat(5000)}"`)).toMatchObject({ whole: false, lines: 1 });
});
