import { describe, expect, test, vi } from 'vitest';
import { chord, isTyping, keycap } from '../../src/lib/keys';
import { coalesce, eachFrame, later } from '../../src/lib/once';
import { appliedWords, collectedWords, consequence, effectMark, glossary, noActionWords, stateWords, undoWords } from '../../src/lib/words';
import { windowError } from '../../src/host/host';

describe('keys', () => {
  const press = (key: string, held: Partial<KeyboardEvent> = {}) => chord({ key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

  test('have one name each', () => {
    expect(press('j')).toBe('j');
    expect(press('k', { ctrlKey: true })).toBe('Ctrl+K');
    expect(press('Enter', { metaKey: true })).toBe('Ctrl+Enter');
    expect(press('?')).toBe('?');
    expect(keycap('Ctrl+Enter')).toBe('Ctrl ⏎');
  });

  test('are the same with Caps Lock and on keyboards of other scripts', () => {
    expect(press('J')).toBe('j');
    expect(press('J', { shiftKey: true })).toBe('J');
    expect(press('о', { code: 'KeyJ' })).toBe('j');
    expect(press('О', { code: 'KeyJ', shiftKey: true })).toBe('J');
    expect(press('л', { code: 'KeyK', ctrlKey: true })).toBe('Ctrl+K');
    expect(press('।', { code: 'Slash', shiftKey: true })).toBe('?');
    expect(press('ß')).toBe('ß');
  });

  test('belong to a text while one is written', () => {
    const make = (html: string) => {
      document.body.innerHTML = html;
      return document.body.firstElementChild;
    };
    expect(isTyping(make('<textarea></textarea>'))).toBe(true);
    expect(isTyping(make('<input type="search">'))).toBe(true);
    expect(isTyping(make('<input type="checkbox">'))).toBe(false);
    expect(isTyping(make('<button></button>'))).toBe(false);
    expect(isTyping(null)).toBe(false);
  });
});

describe('eachFrame', () => {
  test('runs once for all calls of a frame, never beside itself, and once more for those meanwhile', async () => {
    vi.useFakeTimers();
    const ends: (() => void)[] = [];
    const work = vi.fn(() => new Promise<void>((done) => ends.push(done)));
    const { ask, stop } = eachFrame(work);
    ask();
    ask();
    expect(work).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(40);
    expect(work).toHaveBeenCalledTimes(1);
    ask();
    ask();
    await vi.advanceTimersByTimeAsync(200);
    expect(work).toHaveBeenCalledTimes(1);
    ends.shift()?.();
    await vi.advanceTimersByTimeAsync(40);
    expect(work).toHaveBeenCalledTimes(2);
    ends.shift()?.();
    await vi.advanceTimersByTimeAsync(40);
    ask();
    stop();
    await vi.advanceTimersByTimeAsync(40);
    expect(work).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });
});

describe('coalesce', () => {
  test('runs once more however often it is asked', async () => {
    const ends: (() => void)[] = [];
    const work = vi.fn(() => new Promise<void>((done) => ends.push(done)));
    const ask = coalesce(work);
    const first = ask();
    const rest = [ask(), ask(), ask()];
    expect(work).toHaveBeenCalledTimes(1);
    ends[0]?.();
    await first;
    await vi.waitFor(() => { expect(work).toHaveBeenCalledTimes(2); });
    ends[1]?.();
    await Promise.all(rest);
    expect(work).toHaveBeenCalledTimes(2);
  });

  test('goes on after a failure', async () => {
    const work = vi.fn().mockRejectedValueOnce(new Error('no')).mockResolvedValue(undefined);
    const ask = coalesce(work);
    await expect(ask()).rejects.toThrow('no');
    await ask();
    expect(work).toHaveBeenCalledTimes(2);
  });
});

test('later waits for the last call', () => {
  vi.useFakeTimers();
  const work = vi.fn();
  const { ask, stop } = later(work, 100);
  ask();
  vi.advanceTimersByTime(60);
  ask();
  vi.advanceTimersByTime(60);
  expect(work).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60);
  expect(work).toHaveBeenCalledTimes(1);
  ask();
  stop();
  vi.advanceTimersByTime(500);
  expect(work).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
});

describe('words', () => {
  test('tell every effect by shape as well', () => {
    const shapes = [null, 'read', 'reversible', 'irreversible'].map((effect) => effectMark(effect as Parameters<typeof effectMark>[0]));
    expect(shapes.map((mark) => mark.shape)).toEqual(['circle', 'circle', 'triangle', 'diamond']);
    expect(new Set(shapes.map((mark) => mark.word)).size).toBe(4);
  });

  test('give each effect one colour', () => {
    const tones = [null, 'read', 'reversible', 'irreversible'].map((effect) => effectMark(effect as Parameters<typeof effectMark>[0]).tone);
    expect(tones).toEqual(['low', 'low', 'mid', 'high']);
  });

  test('say what an option without an action does, with its effect', () => {
    expect(noActionWords({ effect: 'irreversible' })).toMatch(/^Runs no tool: the agent is told that you chose this option.*cannot be undone\.$/u);
    expect(noActionWords({ effect: 'read' })).toContain('only reads');
    expect(consequence({ label: 'Close it', action: null }, 'irreversible', false)).toBe('Choose “Close it”. I know that this cannot be undone.');
  });

  test('tell what the agent still has to do by the kind of the decision', () => {
    expect(collectedWords({ kind: 'approve' })).toContain('carrying it out');
    for (const kind of ['inform', 'take_over', 'reject'] as const) {
      expect(collectedWords({ kind })).not.toMatch(/carr(y|ied)/u);
      expect(appliedWords({ kind })).not.toMatch(/carr(y|ied)/u);
    }
  });

  test('explain in the glossary what stands in no everyday sense', () => {
    const words = glossary.map((term) => term.word.toLowerCase()).join(' ');
    for (const term of ['handoff', 'briefing', 'hold', 'release', 'collect', 'reconcile', 'may have run', 'version', 'alert', 'default', 'missed', 'inform', 'take over', 'effect']) expect(words).toContain(term);
    expect(Object.values(stateWords).map((term) => term.word).join(' ')).not.toMatch(/collected|released|reconciled|superseded/u);
  });

  test('say what cannot be undone', () => {
    const option = { label: 'Delete', action: { tool: 'files.delete' } as never };
    expect(consequence(option, 'irreversible', false)).toContain('files.delete with exactly these arguments');
    expect(consequence(option, 'irreversible', true)).toContain('my edited arguments');
    expect(consequence(option, 'irreversible', false, true)).toContain('may be impossible to undo');
    expect(consequence(option, 'reversible', false)).not.toContain('cannot be undone');
  });

  test('show the exact call of an undo', () => {
    expect(undoWords({ kind: 'command', argv: ['git', 'revert', 'a b'], cwd: '/work', timeout_s: 5 })).toBe('by git revert "a b" in /work');
  });
});

test('whatever a call rejects with becomes an error with a hint', () => {
  expect(windowError({ code: 'conflict', message: 'm', hint: 'h' })).toEqual({ code: 'conflict', message: 'm', hint: 'h', faults: [] });
  const faults = [{ pointer: '/name', message: 'No name.', hint: 'Give one.' }];
  expect(windowError({ code: 'invalid', message: 'm', hint: 'h', faults }).faults).toEqual(faults);
  expect(windowError('no').message).toBe('no');
  expect(windowError(new Error('boom'))).toMatchObject({ code: 'internal', message: 'boom' });
  expect(windowError(undefined).hint).not.toBe('');
});
