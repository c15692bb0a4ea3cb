import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ago, at as saidAt, atAnEdge, countdown, countsSeconds, group, moment, reading, shortSpan, span, urgency } from '../../src/lib/time';

const NOON = new Date(2026, 10, 20, 12, 0, 0).getTime();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (ms: number) => new Date(NOON + ms).toISOString();

describe('what the seconds matter for', () => {
  test('a card in its last hour counts them', () => {
    expect([-HOUR, -MINUTE, 5 * MINUTE, HOUR, 2 * HOUR].map((left) => countsSeconds(at(left), NOON))).toEqual([false, true, true, true, false]);
  });

  test('an item changes at its deadline, its warning, and ten minutes before that', () => {
    const changes = (by: number, warn: number) => atAnEdge(at(by), at(warn), NOON);
    expect(changes(HOUR, 30 * MINUTE)).toBe(false);
    expect([changes(MINUTE, -HOUR), changes(HOUR, MINUTE), changes(HOUR, 11 * MINUTE), changes(-MINUTE, -HOUR)]).toEqual([true, true, true, true]);
    expect(changes(-HOUR, -2 * HOUR)).toBe(false);
  });

  test('where they do not, nothing that is said is a minute old', () => {
    fc.assert(
      fc.property(fc.integer({ min: -3 * HOUR, max: 50 * HOUR }), fc.integer({ min: 0, max: 15_000 }), (left, late) => {
        fc.pre(!atAnEdge(at(left), at(left), NOON));
        expect(urgency(at(left), at(left), NOON)).toBe(urgency(at(left), at(left), NOON + late));
      }),
    );
  });
});

describe('spans', () => {
  test.each([
    [0, '0 s'],
    [42_000, '42 s'],
    [9 * MINUTE, '9 min'],
    [3 * HOUR + 42 * MINUTE, '3 h 42 min'],
    [26 * HOUR, '1 d 2 h'],
    [-5, '0 s'],
  ])('%i ms is %s', (ms, words) => {
    expect(span(ms)).toBe(words);
  });

  test('are shorter in the queue', () => {
    expect(shortSpan(3 * HOUR + 42 * MINUTE)).toBe('3 h 42');
    expect(shortSpan(80 * HOUR)).toBe('3 d');
  });

  test('of reading keep their seconds up to two minutes', () => {
    expect([0, 8, 101, 240].map(reading)).toEqual(['1 s', '8 s', '101 s', '4 min']);
  });

  test('count seconds in the last hour', () => {
    expect(countdown(9 * MINUTE + 4000)).toBe('9:04');
    expect(countdown(2 * HOUR)).toBe('2 h');
  });

  test('never grow while time passes', () => {
    const seconds = (words: string) => {
      const [minutes, rest] = words.split(':').map(Number);
      return (minutes ?? 0) * 60 + (rest ?? 0);
    };
    fc.assert(fc.property(fc.integer({ min: 0, max: HOUR - 1 }), fc.integer({ min: 0, max: 1000 }), (ms, less) => seconds(countdown(ms - Math.min(ms, less))) <= seconds(countdown(ms))));
  });
});

describe('moments', () => {
  test('name the day only where it is another one', () => {
    expect(moment(NOON + 70 * MINUTE, NOON)).toBe('13:10');
    expect(moment(NOON + 24 * HOUR, NOON)).toBe('Sat 12:00');
    expect(moment(NOON + 30 * 24 * HOUR, NOON)).toBe('20 Dec');
    expect(moment(NOON + 400 * 24 * HOUR, NOON)).toBe('25 Dec 2027');
  });

  test('stand in a sentence', () => {
    expect(saidAt(NOON, NOON)).toBe('at 12:00');
    expect(saidAt(NOON + 24 * HOUR, NOON)).toBe('on Sat 12:00');
  });

  test('show what is no time as it came', () => {
    expect(moment('soon', NOON)).toBe('soon');
  });

  test('say how long ago', () => {
    expect(ago(at(-4 * MINUTE), NOON)).toBe('4 min ago');
    expect(ago(at(-4000), NOON)).toBe('just now');
  });
});

describe('urgency', () => {
  test('turns at the warning and at the deadline', () => {
    expect(urgency(at(HOUR), at(11 * MINUTE), NOON)).toBe('quiet');
    expect(urgency(at(HOUR), at(10 * MINUTE), NOON)).toBe('soon');
    expect(urgency(at(HOUR), at(0), NOON)).toBe('near');
    expect(urgency(at(0), at(-MINUTE), NOON)).toBe('over');
  });

  test('groups by deadline, warning, day and rest, and a deadline alone is not soon', () => {
    expect(group(at(9 * HOUR), at(-1), NOON)).toBe('soon');
    expect(group(at(HOUR), at(9 * MINUTE), NOON)).toBe('soon');
    expect(group(at(HOUR), at(30 * MINUTE), NOON)).toBe('today');
    expect(group(at(-1), at(-HOUR), NOON)).toBe('over');
    expect(group(at(9 * HOUR), at(8 * HOUR), NOON)).toBe('today');
    expect(group(at(13 * HOUR), at(12 * HOUR), NOON)).toBe('later');
  });
});
