import { describe, expect, test } from 'vitest';
import { changeRow, commonFolder, foldered, sameUndo } from '../../src/lib/changed';
import type { ActionView } from '../../src/gen/ActionView';
import type { Undo } from '../../src/gen/Undo';

const NOW = Date.parse('2026-11-20T09:00:00Z');

function action(tool: string, input: unknown, undo: Undo | null = null, files: string[] = [], whole = true): ActionView {
  const head = JSON.stringify(input, null, 2);
  return { id: 'a', step: null, tool, input: { head, lines: 1, chars: head.length, whole, pointer: '/p' }, output: null, reasoning: null, confidence: null, effect: 'reversible', found: false, status: 'done', started_at: null, ended_at: null, undo, facts: null, files, depends_on: [], source: 'agent says', standing: { state: 'nothing', why: '' } };
}
const move = (from: string, to: string, more: object = {}) => action('files.move', { moves: [{ from, to }], ...more }, { kind: 'tool', tool: 'files.move', args: { moves: [{ from: to, to: from }] } });

describe('the common folder', () => {
  test.each([
    [['/home/a/x', '/home/a/b/y'], '/home/a/'],
    [['/home/ab/x', '/home/a/y'], '/home/'],
    [['/x', '/y'], ''],
    [['x', 'a/y'], ''],
    [['a/b/', 'a/c'], 'a/'],
    [[], ''],
  ])('of %j is %j', (paths, folder) => {
    expect(commonFolder(paths)).toBe(folder);
  });
});

describe('a row', () => {
  test('of a move says from and to, without the folder of both', () => {
    const all = [move('/d/s/a.pdf', '/d/s/Documents/a.pdf'), move('/d/s/in/b', '/d/s/in/new/c')];
    const folder = foldered(all);
    expect(folder).toBe('/d/s/');
    expect(all.map((one) => changeRow(one, folder, NOW).move)).toEqual([
      { from: 'a.pdf', to: 'Documents/', folder: '' },
      { from: 'b', to: 'new/c', folder: 'in/' },
    ]);
    expect(all.map((one) => changeRow(one, folder, NOW).undo)).toEqual(['moved back', 'moved back']);
    expect(sameUndo(all, NOW)).toBe('moved back');
  });

  test('keeps what a move was told besides', () => {
    expect(changeRow(move('a', 'b/c', { overwrite: true }), '', NOW)).toMatchObject({ move: { from: 'a', to: 'b/c' }, told: '{ "overwrite": true }' });
    expect(changeRow(action('files.move', { moves: [{ from: 'a', to: 'b', mode: 1 }] }), '', NOW)).toMatchObject({ move: null, told: '{ "moves": [ { "from": "a", "to": "b", "mode": 1 } ] }' });
  });

  test('says another way back than the opposite move as it is', () => {
    const trap = action('files.move', { from: 'a', to: 'b' }, { kind: 'tool', tool: 'files.delete', args: { from: 'b', to: 'a' } });
    expect(changeRow(trap, '', NOW).undo).toBe('by files.delete { "from": "b", "to": "a" }');
    const more = action('files.move', { from: 'a', to: 'b' }, { kind: 'tool', tool: 'files.move', args: { from: 'b', to: 'a', force: true } });
    expect(changeRow(more, '', NOW).undo).toContain('"force": true');
    expect(sameUndo([trap, more], NOW)).toBe('');
  });

  test('leaves out of the arguments only the file that it names', () => {
    expect(changeRow(action('Edit', { path: 'api/a.py', old: 'x' }, { kind: 'files' }, ['api/a.py']), 'api/', NOW)).toEqual({ move: null, file: 'a.py', told: '{ "old": "x" }', undo: 'from the desk’s copies' });
    expect(changeRow(action('run', { cmd: 'erase' }, null, ['/tmp/notes']), '', NOW)).toMatchObject({ file: '/tmp/notes', told: '{ "cmd": "erase" }' });
  });

  test('cuts what is long openly, and reads no part as the whole', () => {
    expect(changeRow(action('x', { text: 'y'.repeat(200) }), '', NOW).told).toMatch(/^.{90}…$/u);
    expect(changeRow(action('x', { from: 'a', to: 'b' }, null, [], false), '', NOW)).toMatchObject({ move: null, told: expect.stringMatching(/…$/u) as string });
  });
});
