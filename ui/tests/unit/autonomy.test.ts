/** Levels, drafts and rules as the window words and reads them. */
import { describe, expect, test } from 'vitest';
import { countsAs, endsAt, interruptionRate, levelAt, mayCount, needsYou, offered, percent, untilWords } from '../../src/lib/autonomy';
import { decidedWords, KEEP, pick, picked, UNDO, undoneBy } from '../../src/lib/drafted';
import { blank, placed, readRule } from '../../src/lib/ruleform';

const NOW = new Date(2026, 10, 20, 9, 0).getTime();
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

describe('a level', () => {
  test('with an end falls back at the very moment', () => {
    const set = { level: 'execute', until: at(30), then: 'suggest' } as const;
    expect(levelAt(set, NOW + 30 * 60_000 - 1)).toBe('execute');
    expect(levelAt(set, NOW + 30 * 60_000)).toBe('suggest');
    expect(untilWords(set, NOW)).toBe('Execute until 09:30, then Suggest');
    expect(untilWords(set, NOW + 30 * 60_000)).toBeNull();
    expect(endsAt({ level: 'draft', then: 'suggest' }, NOW)).toBeNull();
  });
});

describe('a tool', () => {
  test('is offered as what it claims, and as unknown where it claims nothing', () => {
    expect(offered({ claimed: 'reversible' })).toBe('reversible');
    expect(offered({ claimed: null })).toBe('unknown');
    expect(countsAs('unknown')).toBe('irreversible');
    expect(countsAs('read')).toBe('read');
  });

  test('never counts as less than it claims', () => {
    expect(mayCount({ claimed: 'reversible' }, 'read')).toBe(false);
    expect(mayCount({ claimed: 'reversible' }, 'reversible')).toBe(true);
    expect(mayCount({ claimed: 'read' }, 'irreversible')).toBe(true);
    expect(mayCount({ claimed: 'irreversible' }, 'unknown')).toBe(true);
    expect(mayCount({ claimed: null }, 'read')).toBe(true);
  });
});

test('an agent needs the reviewer where it was lowered or its tools wait', () => {
  expect(needsYou({ lowered: null, waiting: 0 })).toBe(false);
  expect(needsYou({ lowered: 'It never asked.', waiting: 0 })).toBe(true);
  expect(needsYou({ lowered: null, waiting: 1 })).toBe(true);
});

test('a rate is of calls, and none where there are none', () => {
  expect(interruptionRate({ calls: 0, discretionary: 0 })).toBeNull();
  expect(interruptionRate({ calls: 200, discretionary: 25 })).toBe(12.5);
  expect([0, 0.4, 12.5, 100].map(percent)).toEqual(['0 %', '0.4 %', '13 %', '100 %']);
});

describe('the changes of a draft', () => {
  const ids = ['a', 'b', 'c'];
  const unsent = (chosen: string[]) => {
    const { option, form, args } = pick(new Set(chosen), ids, 3);
    return { option, form, args: args === null ? {} : { [option]: args } };
  };

  test('are kept, undone, or undone in part, each as its own answer', () => {
    expect(unsent([])).toEqual({ option: KEEP, form: null, args: {} });
    expect(unsent(ids)).toEqual({ option: UNDO, form: null, args: {} });
    expect(unsent(['c', 'a'])).toEqual({ option: UNDO, form: 'modify', args: { [UNDO]: '{"actions":["a","c"]}' } });
  });

  test('are marked as the answer says', () => {
    for (const chosen of [[], ['b'], ['a', 'c'], ids]) expect([...picked(unsent(chosen), ids)]).toEqual(chosen);
    expect([...picked({ option: UNDO, form: 'modify', args: { [UNDO]: '{"actions":["b","gone"]}' } }, ids)]).toEqual(['b']);
    expect([...picked({ option: UNDO, form: 'modify', args: { [UNDO]: 'no JSON' } }, ids)]).toEqual([]);
  });

  test('are told as they were decided', () => {
    const words = (decision: Parameters<typeof undoneBy>[0]) => {
      const undone = undoneBy(decision, ids);
      return undone === null ? null : decidedWords(undone, 3);
    };
    expect(words({ kind: 'approve', option: KEEP })).toBe('All is kept');
    expect(words({ kind: 'approve', option: UNDO, args: { actions: ids } })).toBe('All to be undone');
    expect(words({ kind: 'approve', option: UNDO })).toBe('All to be undone');
    expect(words({ kind: 'modify', option: UNDO, args: { actions: ['b'] } })).toBe('1 change to be undone, 2 kept');
    expect(words({ kind: 'reject' })).toBeNull();
    expect(words(null)).toBeNull();
  });

  test('that are all marked are not all there are, where more are still to be loaded', () => {
    expect(pick(new Set(ids), ids, 250)).toEqual({ option: UNDO, form: 'modify', args: '{"actions":["a","b","c"]}' });
  });
});

describe('a written rule', () => {
  test('that holds is read with its condition', () => {
    const read = readRule({ ...blank(), name: ' Large refunds ', tool: 'billing.refund', expr: 'args.amount > 100.0', why: 'Mine.', days: '7' }, NOW);
    expect(read).toEqual({ rule: { name: 'Large refunds', tool: 'billing.refund', when: { args: {}, expr: 'args.amount > 100.0' }, until: at(7 * 24 * 60), does: 'hold', why: 'Mine.' } });
  });

  test('of a command has its exact words and folder', () => {
    const read = readRule({ ...blank(), does: 'counts', name: 'Tests', agent: 'claude-code', tool: 'Bash', by: 'command', line: 'npm test -- "two words"', cwd: '/home/me/shop' }, NOW);
    expect(read).toEqual({ rule: { name: 'Tests', agent: 'claude-code', tool: 'Bash', when: { args: {}, argv: ['npm', 'test', '--', 'two words'], cwd: '/home/me/shop' }, does: 'counts', effect: 'read' } });
  });

  test('of arguments says of each what fits', () => {
    const arg = (id: number, name: string, match: 'is' | 'within' | 'any', value: string) => ({ id, name, match, value });
    const read = readRule({ ...blank(), does: 'counts', name: 'Logs', tool: 'files.write', effect: 'reversible', args: [arg(0, 'count', 'is', '3'), arg(1, 'path', 'within', '/var/log/shop'), arg(2, 'text', 'any', ''), arg(3, '', 'is', 'left out')] }, NOW);
    expect(read).toMatchObject({ rule: { effect: 'reversible', when: { args: { count: { is: 3 }, path: { within: '/var/log/shop' }, text: 'any' } } } });
  });

  test('tells all that is missing, each in its place', () => {
    const faults = (change: object) => {
      const read = readRule({ ...blank(), ...change }, NOW);
      return 'faults' in read ? read.faults.map((fault) => fault.at) : [];
    };
    expect(faults({})).toEqual(['/name', '/why']);
    expect(faults({ does: 'counts', name: 'x', by: 'command', line: '"open' })).toEqual(['/tool', '/when/argv', '/when/cwd']);
    for (const days of ['0', '-1', '1.5', 'soon', '99999']) expect(faults({ name: 'x', why: 'y', days })).toEqual(['/until']);
  });

  test('that is refused is refused in its place', () => {
    const faults = [
      { pointer: '/when/expr', message: 'It ends too early.', hint: 'Mend it.' },
      { pointer: '/when/args/path', message: 'No folder.', hint: '' },
    ];
    expect(placed({ message: 'The payload has 2 faults.', hint: 'Change the rule.', faults })).toEqual([
      { at: '/when/expr', message: 'It ends too early. Mend it.' },
      { at: '/when/args', message: 'No folder.' },
    ]);
    expect(placed({ message: 'The disk is full.', hint: 'Free some space.', faults: [] })).toEqual([{ at: '', message: 'The disk is full. Free some space.' }]);
  });
});
