/** How an action stands and how far an undo is, in words and signs. */
import { describe, expect, test } from 'vitest';
import { canUndo, changed, itemSign, progressWords, selectionWords, standingSign } from '../../src/lib/rollback';
import type { ItemState } from '../../src/gen/ItemState';
import type { Standing } from '../../src/gen/Standing';
import type { UndoView } from '../../src/gen/UndoView';

const NOW = new Date(2026, 10, 20, 9, 0).getTime();
const at = new Date(NOW).toISOString();
const until = new Date(2026, 10, 21, 9, 0).toISOString();
const STANDINGS: Standing[] = [
  { state: 'nothing', why: 'It only reads.' },
  { state: 'reversible', until, how: 'The agent calls x.' },
  { state: 'compensating', how: 'The agent calls x.' },
  { state: 'irreversible', why: 'The agent named no way.' },
  { state: 'undone' },
  { state: 'undo_failed', why: 'Gone.', again: true },
  { state: 'undo_failed', why: 'Gone.', again: false },
];
const STATES: ItemState[] = [{ state: 'pending' }, { state: 'asked', at }, { state: 'running', at }, { state: 'undone', at }, { state: 'failed', why: 'Gone.' }, { state: 'may_have_run', since: at }, { state: 'skipped' }, { state: 'handed_over', at }];
const item = (state: ItemState, rest: Partial<UndoView> = {}) => ({ state, by: 'tool', attempts: 1, compensates: false, ...rest }) as UndoView;

describe('an action', () => {
  test('stands by a sign of its own and in words', () => {
    const signs = STANDINGS.map((standing) => standingSign(standing, NOW));
    expect(signs.map((sign) => sign?.word ?? null)).toEqual([null, expect.stringMatching(/^Can be undone until .*09:00$/u), 'Can only be made up for', 'Cannot be undone', 'Undone', 'Undo failed', 'Undo failed']);
    expect(new Set(signs.slice(1, 6).map((sign) => sign?.shape)).size).toBe(5);
    expect(signs[6]?.says).toBe('Gone. It cannot be tried again.');
  });

  test('is offered to be undone only where there is a way', () => {
    expect(STANDINGS.map(canUndo)).toEqual([false, true, true, false, false, true, false]);
    expect(STANDINGS.map(changed)).toEqual([false, true, true, true, false, true, true]);
  });
});

describe('an undo', () => {
  test('says how far it is', () => {
    expect(STATES.map((state) => itemSign(item(state), NOW).word)).toEqual(['waits for its turn', 'the agent was asked', 'the agent undoes it', 'undone at 09:00', 'failed', 'may have run', 'left as it is', 'left to the agent']);
    expect(itemSign(item({ state: 'undone', at }, { attempts: 2, compensates: true }), NOW).word).toBe('made up for at 09:00, at attempt 2');
    expect(itemSign(item({ state: 'running', at }, { by: 'files' }), NOW).word).toBe('the desk undoes it');
  });
});

test('a rollback says how many are undone, and where it stands still', () => {
  const done = item({ state: 'undone', at });
  expect(progressWords({ items: [done, item({ state: 'pending' })], over: false, stuck: null })).toBe('Undoing: 1 of 2 actions undone');
  expect(progressWords({ items: [done, item({ state: 'failed', why: '' })], over: false, stuck: 'x' })).toBe('Stopped: 1 of 2 actions undone');
  expect(progressWords({ items: [done, item({ state: 'skipped' })], over: true, stuck: null })).toBe('1 of 2 actions undone');
  expect(progressWords({ items: [done], over: true, stuck: null })).toBe('1 action undone');
});

test('what is chosen is named', () => {
  expect(selectionWords({ kind: 'actions', ids: ['a'] }, 'git.tag', NOW)).toBe('Undo git.tag');
  expect(selectionWords({ kind: 'actions', ids: ['a', 'b'] }, '', NOW)).toBe('Undo 2 actions');
  expect(selectionWords({ kind: 'since_action', id: 'a' }, 'git.tag', NOW)).toBe('Undo everything since git.tag');
  expect(selectionWords({ kind: 'since_time', at }, '', NOW)).toBe('Undo everything since 09:00');
});
