/** Time as the reviewer sets it: words, units, moments, commands. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstSettings } from '../../src/host/fake/alerts';
import { afterWords, focusEnds, isQuiet, ladder, unitOf } from '../../src/lib/alerts';
import { readWords, writeWords } from '../../src/lib/argv';
import { choices, outcome, unable } from '../../src/lib/snooze';
import { localField, readLocal, readTimeOfDay, timeOfDay, tomorrowAtNine } from '../../src/lib/time';
import type { CaseView } from '../../src/gen/CaseView';

const NINE = new Date(2026, 10, 20, 9, 0).getTime();
const MINUTE = 60_000;
const at = (ms: number) => new Date(NINE + ms).toISOString();

describe('a command', () => {
  test('is read as words, with quotes and backslashes and nothing else', () => {
    expect(readWords(String.raw`say "two words" 'and $HOME' a\ b "" *.txt`)).toEqual({ words: ['say', 'two words', 'and $HOME', 'a b', '', '*.txt'] });
    expect(readWords(String.raw`a "b \" \\ \n"`)).toEqual({ words: ['a', String.raw`b " \ \n`] });
    expect(readWords('  ')).toEqual({ words: [] });
    expect(readWords('say "two')).toEqual({ fault: 'A quote is not closed: "' });
    expect(readWords('say \\')).toHaveProperty('fault');
  });

  test('written as a line is read as the same words, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('', '"', "'", '\\', ' ', '\n', 'a b'))), (words) => {
        expect(readWords(writeWords(words))).toEqual({ words });
      }),
    );
  });
});

describe('a moment', () => {
  test('is written and read by the clock on the wall', () => {
    expect(localField(NINE)).toBe('2026-11-20 09:00');
    expect(readLocal('2026-11-20T09:00')).toBe(NINE);
    expect(readLocal(' 2026-11-20 9:00 ')).toBe(NINE);
    for (const wrong of ['', 'tomorrow', '2026-02-30T09:00', '2026-13-01T09:00', '2026-11-20T24:00', '2026-11-20T09:60']) expect(readLocal(wrong), wrong).toBeNull();
    expect(new Date(tomorrowAtNine(NINE + 14 * 60 * MINUTE)).toString()).toContain('Sat Nov 21 2026 09:00:00');
  });

  test('of the day is kept in minutes', () => {
    expect(timeOfDay(22 * 60 + 5)).toBe('22:05');
    expect(readTimeOfDay('22:05')).toBe(22 * 60 + 5);
    expect(readTimeOfDay('24:00')).toBeNull();
    expect(readTimeOfDay('')).toBeNull();
  });
});

describe('a snooze', () => {
  const view = (change: Partial<CaseView['deadline']>, flags: CaseView['flags'] = []) =>
    ({ state: 'ready', flags, deadline: { respond_by: at(60 * MINUTE), warn_at: at(30 * MINUTE), warned: false, on_timeout: 'escalate', then: '', default_option: null, snoozed_until: null, can_snooze: true, default_allowed: null, takes_default: false, refused: null, ...change } }) as const;

  test('offers three moments, and says which the warning cuts', () => {
    expect(choices(NINE).map((choice) => outcome(choice.until, at(30 * MINUTE), NINE))).toEqual([
      { cut: false, words: 'until 09:15' },
      { cut: true, words: 'cut to the warning at 09:30' },
      { cut: true, words: 'cut to the warning at 09:30' },
    ]);
    expect(outcome(NINE + 30 * MINUTE, at(30 * MINUTE), NINE).cut).toBe(false);
  });

  test('says why there is none', () => {
    expect(unable(view({}), NINE)).toBeNull();
    expect(unable(view({}), NINE + 30 * MINUTE)).toContain('warning is out');
    expect(unable(view({ warned: true }), NINE)).toContain('warning is out');
    expect(unable(view({}), NINE + 60 * MINUTE)).toContain('deadline has passed');
    expect(unable(view({}, ['escalated']), NINE)).toContain('deadline has passed');
    expect(unable({ ...view({}), state: 'queued' }, NINE)).toContain('prepared');
    expect(unable(view({ can_snooze: false }), NINE)).not.toBeNull();
  });
});

describe('the settings of time', () => {
  const { alerts } = firstSettings();

  test('are shown in the largest whole unit', () => {
    expect([30, 90, 600, 3600, 5400, 0].map((seconds) => unitOf(seconds).many)).toEqual(['seconds', 'seconds', 'minutes', 'hours', 'minutes', 'minutes']);
  });

  test('tell what follows a deadline, alert by alert', () => {
    expect(ladder(alerts)).toEqual([
      { after_s: 0, stage: 0 },
      { after_s: 600, stage: 1 },
      { after_s: 1200, stage: 1 },
      { after_s: 3000, stage: null },
    ]);
    expect(afterWords(0)).toBe('at the deadline');
    expect(afterWords(5400)).toBe('1 h 30 min after it');
  });

  test('know when focus ends and which hours are quiet, also over midnight', () => {
    expect(focusEnds({ ...alerts, focus_until: at(MINUTE) }, NINE)).toBe(NINE + MINUTE);
    expect(focusEnds({ ...alerts, focus_until: at(0) }, NINE)).toBeNull();
    expect(focusEnds(alerts, NINE)).toBeNull();
    const hour = (hours: number) => new Date(2026, 10, 20, hours).getTime();
    const night = { from_min: 22 * 60, to_min: 7 * 60 };
    expect([21, 22, 3, 7].map((hours) => isQuiet(night, hour(hours)))).toEqual([false, true, true, false]);
    expect([8, 9, 10].map((hours) => isQuiet({ from_min: 9 * 60, to_min: 10 * 60 }, hour(hours)))).toEqual([false, true, false]);
    expect(isQuiet(null, NINE)).toBe(false);
  });
});
