/** What the window says of itself: the keys, what is in force, how an action is undone. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { commands } from '../../src/state/commands';
import { click, desk, eachAlone, host, open, pass, press, show } from './stage';

eachAlone();

test('the help names every key of the window', async () => {
  await open('full');
  await show('h-refund');
  const keys = commands(desk).flatMap((command) => command.keys).filter((key) => !/^\d$/u.test(key));
  expect(keys).toEqual(expect.arrayContaining(['Ctrl+4', '?', 'Ctrl+,']));
  await press('?');
  const help = within(screen.getByRole('dialog', { name: 'Keys and help' }));
  const named = help.getAllByText((_, element) => element?.matches('.keys .unseen') === true).flatMap((one) => one.textContent.split(', '));
  expect(keys.filter((key) => key !== 'Ctrl+,' && !named.includes(key))).toEqual([]);
  expect(help.getByText('the settings').parentElement?.textContent).toContain('Ctrl+,');
  expect(named).toContain('1 … 9');
});

test('a setting that is refused says what is in force', async () => {
  await open('full');
  await press(',', { ctrlKey: true });
  const field = screen.getByRole('spinbutton', { name: /Hold/u });
  await fireEvent.change(field, { target: { value: '31' } });
  await pass(300);
  const line = field.closest('label')?.textContent;
  expect(line).toContain('not in force; it stays at 5');
  expect(screen.getByRole('alert').textContent).toMatch(/^Not saved\./u);
  await fireEvent.change(field, { target: { value: '7' } });
  await pass(300);
  expect(field.closest('label')?.textContent).not.toContain('not in force');
});

test('a span that is none says what is in force', async () => {
  await open('full');
  await press(',', { ctrlKey: true });
  const field = screen.getByRole('textbox', { name: 'Pause after opening' });
  await fireEvent.input(field, { target: { value: 'soon' } });
  await pass(0);
  expect(field.parentElement?.textContent).toMatch(/not in force, it stays at \d+ \w+/u);
});

test('the call that undoes an action is laid out and folded as the action is', async () => {
  await open('full');
  const moves = Array.from({ length: 9 }, (_, at) => ({ from: `b${String(at)}`, to: `a${String(at)}` }));
  const option = { id: 'move', label: 'Move nine files', risk: 'low', effect: 'reversible', action: { tool: 'files.move', args: { moves: [] }, undo: { kind: 'tool', tool: 'files.move', args: { moves } } } };
  host.submit({ id: 'h-undo', agent: 'tidy', title: 'Tidy', question: 'May I move nine files?', options: [option] } as unknown as Parameters<typeof host.submit>[0]);
  await pass(300);
  await show('h-undo');
  const card = within(screen.getByTestId('option'));
  const text = card.getByText('Undone').parentElement?.textContent ?? '';
  expect(text).toContain('by files.move');
  expect(text).not.toContain('b8');
  await click(card.getByRole('button', { name: /^Show arguments that undo Move nine files: 3\d more lines$/u }));
  expect(card.getByText('Undone').parentElement?.textContent).toContain('"b8"');
});
