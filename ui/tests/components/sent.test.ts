/** What the card shows of arguments that were edited before they were sent. */
import { screen } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { click, eachAlone, host, open, pass, show } from './stage';

eachAlone();

describe('an option that was approved with edits', () => {
  const paths = Array.from({ length: 12 }, (_, index) => `photos/${String(index)} copy.jpg`);
  const sent = { amount: 149, paths: paths.slice(0, 11) };

  async function sentWith(args: Record<string, unknown>): Promise<HTMLElement> {
    await open('clear');
    host.submit({
      id: 'h-sent', agent: 'tidy', title: 'Tidy', question: 'Delete them?', state: 'released',
      options: [{ id: 'delete', label: 'Delete 12 files', effect: 'irreversible', action: { tool: 'files.delete', args: { amount: 149, paths } } }],
      decision: { kind: 'modify', by: 'reviewer', at: new Date().toISOString(), option: 'delete', tool: 'files.delete', args, facts: {}, constraints: [] },
    });
    await pass(300);
    await show('h-sent');
    const part = document.querySelector<HTMLElement>('[data-option-id="delete"] [data-part="sent-args"]');
    if (part === null) throw new Error('nothing is shown as sent');
    return part;
  }

  const lines = (part: HTMLElement) => [...part.querySelectorAll('li.gone, li.new')].map((line) => line.textContent.replaceAll(/\s+/gu, ' '));

  test('shows what was sent, and what was proposed in its place', async () => {
    const part = await sentWith(sent);
    await click(screen.getByRole('button', { name: 'Compare with what was proposed' }));
    expect(lines(part)).toEqual(['−was proposed: "photos/11 copy.jpg"']);
    expect(part.textContent).toContain('Sent with your edits');
  });

  test('says that nothing differs where only the writing does', async () => {
    const part = await sentWith({ paths, amount: 149.0 });
    await click(screen.getByRole('button', { name: 'Compare with what was proposed' }));
    expect(lines(part)).toEqual([]);
  });
});
