/** The arithmetic of the charts, and the sentences of a replay. */
import { describe, expect, test } from 'vitest';
import type { Day } from '../../src/gen/Day';
import type { Shift } from '../../src/gen/Shift';
import { ceiling, dayWords, labelled, line, onScale, percentTicks, rates, seconds, share, timeEnd, timeTicks } from '../../src/lib/chart';
import { conditions } from '../../src/lib/conditions';
import { letThroughWords, newlyHeldWords, outcomes } from '../../src/lib/replayed';

const day = (questions: number, discretionary: number, mandatory = 0): Day => ({ day: '2026-11-17', questions, discretionary, mandatory, submitted: 0, recorded: 0 });
const shift = (given: Partial<Shift>): Shift => ({ count: 0, approved: 0, informed: 0, modified: 0, taken_over: 0, rejected: 0, rolled_back: 0, unknown: 0, listed: [], ...given });

describe('rates', () => {
  test('look back on the days before, and forget what is older', () => {
    const found = rates([day(10, 1), day(10, 3), day(20, 0, 4)], 2);
    expect(found.map((one) => one.discretionary)).toEqual([10, 20, 10]);
    expect(found[2]?.mandatory).toBeCloseTo(13.333);
  });

  test('are none where nothing was asked', () => {
    expect(rates([day(0, 0), day(4, 1), day(0, 0), day(0, 0)], 2).map((one) => one.discretionary)).toEqual([null, 25, 25, null]);
  });
});

test('a share is not rounded to none or to all', () => {
  expect([0, 0.00001, 0.0123, 0.5, 0.9999, 1].map(share)).toEqual(['0 %', '0.1 %', '1.2 %', '50 %', '99.9 %', '100 %']);
});

test('the axis holds the band and the highest rate', () => {
  expect([ceiling([]), ceiling([3, null]), ceiling([29]), ceiling([29.5]), ceiling([100])]).toEqual([25, 25, 30, 40, 100]);
  expect(percentTicks(25)).toEqual([0, 5, 10, 15, 20, 25]);
  expect(percentTicks(100)).toEqual([0, 20, 40, 60, 80, 100]);
});

test('labels are spread evenly, the last day among them', () => {
  expect(labelled(10, 3)).toEqual([1, 5, 9]);
  expect(labelled(1, 9)).toEqual([0]);
  expect(labelled(0, 9)).toEqual([]);
});

test('a line breaks where nothing is known', () => {
  expect(line([[0, 1], [1, 2], null, [3, 4]])).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
});

test('times lie on a scale of ratios that none of them leaves', () => {
  expect([onScale(0, 240), onScale(1, 240), onScale(240, 240), onScale(99_999, 240)]).toEqual([0, 0, 1, 1]);
  expect([timeEnd([]), timeEnd([241]), timeEnd([1e9])]).toEqual([240, 900, 86_400]);
  expect(timeTicks(240).at(-1)).toEqual({ at: 240, word: '4 min' });
  expect([0.2, 3.44, 42.4, 130, 7500].map(seconds)).toEqual(['under 1 s', '3.4 s', '42 s', '2 min', '2 h 5 min']);
});

test('a day is worded, and what is no day is left', () => {
  expect([dayWords('2026-11-07'), dayWords('2026-11-07', true), dayWords('today')]).toEqual(['7 Nov', '7 Nov 2026', 'today']);
});

describe('a replay', () => {
  test('says first what the reviewer stepped in at', () => {
    const some = shift({ count: 9, approved: 5, rejected: 1, modified: 2, unknown: 1 });
    expect(letThroughWords(some)).toEqual({ text: 'You stepped in at 3 calls of these. They would have run as they were.', tone: 'high' });
    expect(outcomes(some).map((one) => [one.count, one.word, one.against])).toEqual([[1, 'rejected', true], [2, 'changed by you', true], [5, 'approved', false], [1, 'nothing known', false]]);
  });

  test('calls nothing safe of which nothing is known', () => {
    expect(letThroughWords(shift({ count: 4, unknown: 4 })).tone).toBe('mid');
    expect(letThroughWords(shift({ count: 4, approved: 3, unknown: 1 }))).toEqual({ text: 'Of the 3 calls whose outcome is known you rejected, changed or took back none.', tone: 'low' });
    expect(newlyHeldWords(shift({ count: 4, unknown: 3, rolled_back: 1 })).text).toContain('1 call of these');
  });
});

test('no condition of a rule is left out', () => {
  const when = { args: { a: { is: null }, b: { one_of: [1, 'x'] }, c: { within: '/src' }, d: { between: [1, 5] }, e: 'any', f: { is: 1, within: '/' } }, argv: ['npm', 'test'], cwd: '/home', expr: 'true' };
  expect(conditions(when).map((one) => `${one.what} ${one.how} ${one.value}`.trim())).toEqual([
    'a is exactly null', 'b is one of 1, "x"', 'c is the path of a file in /src', 'd is a number from 1 to 5', 'e is anything at all', 'f fits {"is":1,"within":"/"}',
    'its command is exactly ["npm","test"]', 'its folder is /home', 'its call meets true',
  ]);
});
