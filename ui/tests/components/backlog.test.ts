/** What an agent asks beyond its cards of the hour is one line, and comes out when it is asked for. */
import { fireEvent, screen } from '@testing-library/svelte';
import { expect, test, vi } from 'vitest';
import { desk, eachAlone, host, open, pass, show } from './stage';

const rows = () => [...document.querySelectorAll<HTMLElement>('[data-testid="queue-item"]')].map((row) => row.dataset['handoffId']);

eachAlone();

test('a question that waits behind others is no card, and one press brings it into the inbox', async () => {
  await open('full');
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

test('opened all the same, it says why it has no answer yet, and one press makes it answerable', async () => {
  await open('full');
  const id = rows().at(-1) ?? '';
  host.putOff(id);
  await show(id);
  vi.setSystemTime(Date.now() + 7 * 86_400_000);
  await pass(61_000);
  expect(screen.getByTestId('deadline').textContent).toContain('its time stands still');
  expect(document.body.textContent).not.toContain('The deadline passed');
  const footer = screen.getByRole('contentinfo', { name: 'Waits behind others' });
  expect(footer.textContent).toMatch(/waits behind other questions of .+ nothing of it runs/u);
  expect(screen.queryByRole('contentinfo', { name: 'Decide' })).toBeNull();
  await fireEvent.click(screen.getByRole('button', { name: 'Show it in the inbox' }));
  await pass(600);
  expect(desk.opened?.view.id).toBe(id);
  expect(desk.opened?.view.state).toBe('ready');
  expect(screen.getByRole('contentinfo', { name: 'Decide' })).toBeTruthy();
});
