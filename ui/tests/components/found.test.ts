/** Where an answer leads while the queue shows what a search has found. */
import { screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { Spec } from '../../src/host/fake/build';
import { calls, desk, eachAlone, host, open, pass, press, show } from './stage';

eachAlone();

const spec = (id: string, dueHours: number, more: Partial<Spec> = {}): Spec => ({ id, agent: 'tidy', title: 'Tidy', question: `Move the folder zebra, ${id}?`, dueMs: dueHours * 3_600_000, options: [{ id: 'move', label: 'Move it', risk: 'low', recommended: true }], ...more });

/** Searches for what two open and one finished card have, the finished one in between or last. */
async function searched(): Promise<void> {
  await open('clear');
  for (const one of [spec('h-a', 1), spec('h-b', 2), spec('h-gone', 1.5, { state: 'withdrawn' })]) host.submit(one);
  await pass(300);
  desk.find('zebra');
  await pass(300);
  expect(desk.order.map((item) => item.id).toSorted()).toEqual(['h-a', 'h-b', 'h-gone']);
}

/** Answers the first, which leads to the second, and that. */
async function answerBoth(): Promise<void> {
  await show('h-a');
  await press('Enter', { ctrlKey: true });
  await pass(700);
  expect(desk.opened?.view.id).toBe('h-b');
  await press('Enter', { ctrlKey: true });
  await pass(700);
}

test('the next open card that was found follows, and then none', async () => {
  await searched();
  await answerBoth();
  expect(calls('decide')).toHaveLength(2);
  expect(desk.opened).toBeNull();
  expect(screen.getByText('All clear')).toBeTruthy();
});

test('one that waits in line is passed over, and where none is left it is said of the search', async () => {
  await searched();
  host.submit(spec('h-line', 1.2, { state: 'queued' }));
  host.submit({ ...spec('h-else', 9), question: 'Something else?' });
  await pass(700);
  await answerBoth();
  expect(desk.opened).toBeNull();
  expect(screen.getByText('Nothing found waits for you')).toBeTruthy();
});
