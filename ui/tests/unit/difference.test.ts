import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { difference, items } from '../../src/lib/difference';

/** Both texts as the lines tell of them. */
function read(before: string, after: string): [string, string] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const told: [string[], string[]] = [[], []];
  for (const line of difference(before, after) ?? []) {
    const [one, other] = [told[0].length, told[1].length];
    if (line.kind === 'gap') {
      told[0].push(...old.slice(one, one + line.count));
      told[1].push(...now.slice(other, other + line.count));
    } else {
      if (line.kind !== 'new') told[0].push(line.text);
      if (line.kind !== 'gone') told[1].push(line.text);
    }
  }
  return [told[0].join('\n'), told[1].join('\n')];
}

describe('the difference of two texts', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 14 }).map((lines) => lines.join('\n'));

  test('tells all of both', () => {
    fc.assert(fc.property(text, text, (before, after) => {
      expect(read(before, after)).toEqual([before, after]);
    }), { numRuns: 2000 });
  });

  test('shows a changed line between its neighbours, and counts the rest', () => {
    const lines = Array.from({ length: 12 }, (_, index) => `line ${String(index)}`);
    expect(difference(lines.join('\n'), lines.with(6, 'other').join('\n'))).toEqual([
      { kind: 'gap', count: 4 },
      { kind: 'same', text: 'line 4' },
      { kind: 'same', text: 'line 5' },
      { kind: 'gone', text: 'line 6' },
      { kind: 'new', text: 'other' },
      { kind: 'same', text: 'line 7' },
      { kind: 'same', text: 'line 8' },
      { kind: 'gap', count: 3 },
    ]);
  });

  test('is not looked for where that would take too long', () => {
    const many = (word: string) => Array.from({ length: 3000 }, (_, index) => `${word} ${String(index)}`).join('\n');
    expect(difference(many('a'), many('b'))).toBeNull();
    expect(difference(many('a'), `${many('a')}\nmore`)).toHaveLength(4);
  });
});

describe('items', () => {
  const long = (name: string) => `Documents/${name} with a name that takes a line.pdf`;

  test('of two lists are those taken out and those put in', () => {
    expect(items([long('a'), long('b'), long('b')], [long('b'), long('c')])).toEqual({ gone: [JSON.stringify(long('a')), JSON.stringify(long('b'))], come: [JSON.stringify(long('c'))], same: 1 });
    expect(items([long('a'), long('b')], [long('b'), long('a')])).toEqual({ gone: [], come: [], same: 2 });
  });

  test('of two objects are their members', () => {
    expect(items({ at: long('a'), to: 1 }, { at: long('b'), to: 1 })).toEqual({ gone: [`"at": ${JSON.stringify(long('a'))}`], come: [`"at": ${JSON.stringify(long('b'))}`], same: 1 });
  });

  test('are not asked of what is short, single, or of another kind', () => {
    for (const [old, now] of [[[1, 2], [2]], [long('a'), long('b')], [[long('a'), 1], { a: long('a') }], [undefined, [long('a'), long('b')]]]) expect(items(old, now)).toBeNull();
  });
});
