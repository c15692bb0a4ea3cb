/** What is tried before it is made, and what is asked of the desk only where it is shown. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { calls, click, desk, eachAlone, host, main, open, pass, row } from './stage';

eachAlone();

describe('before it is made', () => {
  test('the level of one task is tried, and stays', async () => {
    await open();
    desk.places.go('agents');
    await pass(300);
    const agent = row('claude-code');
    await click(within(agent).getByRole('button', { name: /^Connections, record, tasks and tools/u }));
    await click(within(agent).getByRole('button', { name: /^Try another level on the past.*Rename load_user/u }));
    expect(within(agent).getByTestId('replay-result')).toBeTruthy();
    await click(within(within(agent).getByRole('group', { name: /^Level to try for Rename/u })).getByRole('button', { name: 'Try Suggest' }));
    expect(calls('replay').at(-1)).toEqual({ level: { agent: 'claude-code', task: 'rename', level: 'suggest' } });
    expect(calls('setLevel')).toEqual([]);
  });

  test('a rule is taken away on trial, and stays', async () => {
    await open();
    desk.places.go('rules');
    await pass(300);
    const [first] = screen.getAllByTestId('rule-row');
    if (first === undefined) throw new Error('there is no rule');
    await click(within(first).getByRole('button', { name: /^Try without it/u }));
    expect(calls('replay')).toEqual([{ without_rule: Number(first.dataset['ruleId']) }]);
    expect(within(first).getByTestId('replay-result')).toBeTruthy();
    expect(calls('revokeRule')).toEqual([]);
  });

  test('a rule with several faults has each of them in its place', async () => {
    await open();
    desk.places.go('rules');
    await pass(300);
    await click(screen.getByRole('button', { name: 'New rule' }));
    await fireEvent.input(screen.getByLabelText('Name'), { target: { value: 'Large' } });
    await fireEvent.input(screen.getByLabelText('What the card says'), { target: { value: 'Mine.' } });
    const faults = [
      { pointer: '/when/expr', message: 'It ends too early.', hint: 'Close the bracket.' },
      { pointer: '/tool', message: 'No tool has such a name.', hint: '' },
    ];
    host.failNext('addRule', { code: 'invalid', message: 'The payload has 2 faults.', hint: 'Change the rule; nothing was kept.', faults });
    await click(screen.getByRole('button', { name: 'Keep this rule' }));
    expect(screen.getAllByRole('alert').map((one) => one.textContent)).toEqual(['No tool has such a name.', 'It ends too early. Close the bracket.']);
    expect(screen.getByLabelText(/^Tool/u).getAttribute('aria-invalid')).toBe('true');
  });
});

describe('a draft', () => {
  test('is shown before its task is done', async () => {
    await open();
    desk.places.go('agents');
    await pass(300);
    await click(within(row('claude-code')).getByRole('button', { name: /^Connections, record, tasks and tools/u }));
    await click(within(row('claude-code')).getByRole('button', { name: /^Show the draft now.*Rename/u }));
    await pass(700);
    expect(calls('gatherDraft')).toEqual([{ agent: 'claude-code', task: 'rename' }]);
    if (desk.selected === null) throw new Error('nothing is shown');
    expect(main()).toBe('Handoff');
    expect(desk.opened?.view.is_draft).toBe(true);
  });

  test('that is gone meanwhile is said to be', async () => {
    await open();
    desk.places.go('agents');
    await pass(300);
    await desk.places.roster.showDraft('claude-code', 'another');
    expect(desk.announcement).toBe('Nothing is gathered any more.');
    expect(main()).toBe('Agents');
  });
});

describe('a busy desk', () => {
  test('is not asked for all agents where none is shown, nor for the card at each change', async () => {
    await open();
    expect(calls('agents')).toEqual([]);
    expect(document.querySelector('[data-part="badge"]')?.textContent).toMatch(/^2/u);
    const cards = calls('openCase').length;
    for (let times = 0; times < 20; times += 1) await desk.saveSettings((settings) => settings);
    await pass(1000);
    expect(calls('agents')).toEqual([]);
    // The level of the open card may have changed.
    expect(calls('openCase')).toHaveLength(cards + 1);
  });

  test('is asked for them a few times, where they are shown', async () => {
    await open();
    desk.places.go('agents');
    await pass(300);
    const before = calls('agents').length;
    for (let times = 0; times < 20; times += 1) await desk.saveSettings((settings) => settings);
    await pass(1000);
    expect(calls('agents').length).toBeLessThanOrEqual(before + 2);
    expect(calls('agents').length).toBeGreaterThan(before);
  });
});
