/** What an agent asks beyond its cards of the hour is one line, and comes out when it is asked for. */
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import { Desk } from '../../src/state/desk.svelte';
import App from '../../src/views/App.svelte';

const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
  await tick();
};
const rows = () => [...document.querySelectorAll<HTMLElement>('[data-testid="queue-item"]')].map((row) => row.dataset['handoffId']);

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

test('a question that waits behind others is no card, and one press brings it into the inbox', async () => {
  const host = new FakeDesk('full');
  const desk = new Desk(host);
  render(App, { desk });
  await pass(600);
  const id = rows().at(-1) ?? '';
  host.putOff(id);
  await pass(600);
  expect(rows()).not.toContain(id);
  const line = document.querySelector<HTMLElement>('[data-part="behind"]');
  expect(line?.textContent).toMatch(/1 more question of .+ waits behind the others; .+ Nothing of that runs\./u);
  await fireEvent.click(screen.getByRole('button', { name: 'Show it now' }));
  await pass(600);
  expect(rows()).toContain(id);
  expect(document.querySelector('[data-part="behind"]')).toBeNull();
});
