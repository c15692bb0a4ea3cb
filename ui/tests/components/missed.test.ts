/** What waited too long has a list of its own; the deadline says what it leads to. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { desk, eachAlone, host, open, pass, show } from './stage';

const rows = () => [...document.querySelectorAll<HTMLElement>('[data-testid="queue-item"]')];
const tab = (name: RegExp) => within(screen.getByRole('tablist', { name: 'Lists' })).getByRole('tab', { name });

eachAlone();

describe('what waited too long', () => {
  test('stands in a list of its own, with its count, and not in the inbox', async () => {
    await open('late');
    expect(tab(/^Missed/u).textContent.trim()).toBe('Missed 1');
    expect(rows().map((row) => row.dataset['handoffId'])).not.toContain('h-review');
    await fireEvent.click(tab(/^Missed/u));
    await pass(300);
    expect(rows().map((row) => row.dataset['handoffId'])).toEqual(['h-review']);
    expect(rows()[0]?.textContent).toContain('due 07:00');
    expect(rows()[0]?.textContent, 'its mark would tell nothing here').not.toContain('waited too long');
    expect(rows()[0]?.className).not.toContain('loud');
  });

  test('is marked where a search finds it', async () => {
    await open('late');
    desk.find('correction');
    await pass(300);
    expect(rows()[0]?.textContent).toContain('waited too long');
  });

  test('leaves the inbox when nobody answers, and that is said', async () => {
    await open('full');
    await show('h-draft');
    host.lapse('h-draft', 'manual_review');
    await pass(300);
    expect(desk.announcement).toBe('One handoff waited too long: see “Missed”.');
    expect(tab(/^Missed/u).textContent.trim()).toBe('Missed 1');
    expect(desk.opened?.view.id, 'the card stays').toBe('h-draft');
    expect(screen.getByTestId('decide-approve')).toBeTruthy();
  });

  test('is answered one after the other like the inbox, and comes back there by an undo', async () => {
    await open('full');
    for (const id of ['h-draft', 'h-totals']) host.lapse(id, 'manual_review');
    await pass(300);
    desk.show('review');
    await pass(300);
    await show('h-draft');
    await desk.answering.send();
    await pass(700);
    expect(desk.selected).toBe('h-totals');
    desk.show('done');
    await pass(300);
    void desk.undo();
    await pass(700);
    expect([desk.list, desk.selected]).toEqual(['review', 'h-draft']);
  });

  test('is shown in its list where the desk asks for it', async () => {
    await open('late');
    host.show('h-review');
    await pass(700);
    expect([desk.list, desk.selected]).toEqual(['review', 'h-review']);
    host.show('h-near');
    await pass(700);
    expect([desk.list, desk.selected]).toEqual(['inbox', 'h-near']);
  });

  test('is told of where nothing else waits', async () => {
    await open('clear');
    host.submit({ id: 'h-old', agent: 'tidy', title: 'Tidy', question: 'Delete it?', dueMs: -1000, flags: ['manual_review'] });
    await pass(300);
    expect(screen.getByRole('heading', { name: '1 handoff waited too long' })).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'Show it' }));
    await pass(700);
    expect(desk.selected).toBe('h-old');
  });
});

describe('the deadline', () => {
  const line = () => document.querySelector('[data-part="no-answer"]')?.textContent ?? '';
  const chips = () => screen.getAllByTestId('option').map((option) => option.querySelector('.fallback')?.textContent ?? '');

  test('names when, the default, and what will really happen', async () => {
    await open('full');
    await show('h-refund');
    expect(line()).toContain('At 12:42 nothing is done and it stays for later: “Leave it to the billing team” changes something');
    expect(line()).toContain('take “Leave it to the billing team”');
    expect(chips()).toEqual(['', 'default, if you allow it']);
    await fireEvent.click(document.querySelector('[data-part="leave"]') as Element);
    await pass(300);
    expect(line()).toContain('At 12:42 “Leave it to the billing team” is taken');
    expect(chips()).toEqual(['', 'taken if you do not answer']);
  });

  test('takes no default that cannot be undone, and asks for no leave', async () => {
    await open('clear');
    host.submit({ id: 'h-sell', agent: 'trader', title: 'Sell', question: 'Sell the shares?', onTimeout: 'safe_default', fallback: 'sell', forGood: true, options: [{ id: 'sell', label: 'Sell all', action: { tool: 'shares.sell', args: {} } }] });
    await show('h-sell');
    expect(line()).toContain('nothing is done and it stays for later: “Sell all” is not taken unasked. It cannot be undone');
    expect(document.querySelector('[data-part="leave"]')).toBeNull();
    expect(chips()).toEqual(['default, not taken']);
  });

  test('leads nowhere any more once it has passed', async () => {
    await open('late');
    await show('h-review');
    expect(chips()).toEqual(['']);
  });

  test('of a put-off card stands in the thread by the clock on the wall', async () => {
    await open('full');
    await show('h-refund');
    await desk.calm.snooze(Date.now() + 3_600_000);
    desk.evidence = 'thread';
    await pass(300);
    expect(screen.getByTestId('task-thread').textContent).toContain('Reminders put off until 10:00');
  });
});
