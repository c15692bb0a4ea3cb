/** A task that was taken over waits for the reviewer, though no card asks. */
import { screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { click, desk, eachAlone, host, open, pass, press, show } from './stage';

eachAlone();

const hands = () => screen.queryByRole('region', { name: 'In your hands' });

test('is named below the queue, and leads to where it is given back', async () => {
  await open();
  expect(hands()?.textContent).toMatch(/Clean up staging ?deploy-bot waits for you, since/u);
  await click(hands()?.querySelector('button'));
  expect(desk.places.at).toBe('task');
  await click(screen.getByTestId('give-back'));
  await pass(300);
  expect(document.querySelector('form')).not.toBeNull();
  await host.giveBack({ agent: 'deploy-bot', task: 'staging', done: [], facts: {}, text: null });
  await pass(300);
  expect(hands()).toBeNull();
});

test('stands with what waits for an answer, and in no other list', async () => {
  await open();
  desk.show('done');
  await pass(300);
  expect(hands()).toBeNull();
  desk.show('inbox');
  desk.find('refund');
  await pass(300);
  expect(hands()).toBeNull();
});

test('keeps the empty inbox from saying that all is clear', async () => {
  await open('demo');
  await show('h-demo');
  await press('t');
  await press('Enter', { ctrlKey: true });
  await pass(40_000);
  expect(desk.order).toEqual([]);
  expect(screen.queryByText('All clear')).toBeNull();
  expect(screen.getByRole('heading', { name: '1 task is in your hands' })).toBeTruthy();
  await click(screen.getByRole('button', { name: 'Open Tidy the folder sample' }));
  expect(desk.places.at).toBe('task');
});
