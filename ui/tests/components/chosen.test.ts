/** Which option is chosen before anybody has chosen, and that none is decided on by accident. */
import { screen } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/state/commands';
import type { OptionView } from '../../src/gen/OptionView';
import type { OptionSpec } from '../../src/host/fake/build';
import { calls, click, desk, eachAlone, host, open, pass, press, show } from './stage';

eachAlone();

const drop: OptionSpec = { id: 'drop', label: 'Drop the table', effect: 'irreversible', action: { tool: 'sql.execute', args: { statement: 'DROP TABLE t' } } };
const keep: OptionSpec = { id: 'keep', label: 'Keep it', effect: 'read' };

async function asked(...options: OptionSpec[]): Promise<void> {
  await open('clear');
  host.submit({ id: 'h-asked', agent: 'tidy', title: 'Tidy', question: 'Drop it?', options, steps: [{ id: 'drop', title: 'Drop it' }, { id: 'after', title: 'Tell of it', dependsOn: ['drop'] }], question_step: 'drop' });
  await pass(300);
  await show('h-asked');
}

const checked = () => screen.getAllByRole<HTMLInputElement>('radio').filter((one) => one.checked).map((one) => one.value);

describe('among options of which the agent recommends none', () => {
  test('none is chosen, and the chord leads to them and decides nothing', async () => {
    await asked(drop, keep);
    expect(checked()).toEqual([]);
    expect(screen.getByTestId('decide-approve').textContent).toBe('Choose one of 2 options');
    await press('Enter', { ctrlKey: true });
    expect(calls('decide')).toEqual([]);
    expect(desk.announcement).toBe('Choose an option first.');
    expect(document.activeElement).toBe(screen.getAllByRole('radio')[0]);
    await click(screen.getByTestId('decide-approve'));
    expect(calls('decide')).toEqual([]);
  });

  test('nothing is said of the plan before one is chosen', async () => {
    await asked(drop, keep);
    const plan = screen.getByRole('region', { name: 'Plan' });
    expect(plan.textContent).toContain('Choose an option to see what becomes of each step.');
    expect(plan.querySelector('[data-part="verdicts"]')).toBeNull();
    await press('2');
    expect(plan.textContent).toContain('If you approve');
    expect(plan.querySelector('[data-part="verdicts"]')).not.toBeNull();
  });

  test('the one that is chosen is approved', async () => {
    await asked(drop, keep);
    await press('2');
    expect(checked()).toEqual(['keep']);
    await press('Enter', { ctrlKey: true });
    expect(calls('decide')).toMatchObject([{ answer: { kind: 'approve', option: 'keep' } }]);
  });

  test('it can be rejected without choosing one', async () => {
    await asked(drop, keep);
    expect(commands(desk).find((one) => one.id === 'submit')?.title).toBe('Choose an option to approve');
    await press('r');
    if (desk.opened !== null) desk.opened.draft.reason = 'Not today.';
    await pass(300);
    await press('Enter', { ctrlKey: true });
    expect(calls('decide')).toMatchObject([{ answer: { kind: 'reject' }, shown_hash: null }]);
  });
});

test.each([
  ['what the agent recommends', [keep, { ...drop, recommended: true }], ['drop']],
  ['the only one', [drop], ['drop']],
] as const)('%s is chosen', async (_, options, chosen) => {
  await asked(...options);
  expect(checked()).toEqual(chosen);
});

describe('after another proposal', () => {
  /** Its agent proposes these of the options it has, each changed so. */
  async function revised(...changes: [id: string, change?: Partial<OptionView>][]): Promise<string[]> {
    const known = desk.opened?.view.options ?? [];
    const options = changes.flatMap(([id, change]) => known.filter((option) => option.id === id).map((option) => ({ ...option, recommended: false, ...change })));
    host.revise('h-asked', { options });
    await pass(300);
    return checked();
  }

  test('what it recommends is chosen, where the reviewer has not chosen', async () => {
    await asked({ ...keep, recommended: true }, drop);
    expect(await revised(['keep'], ['drop', { recommended: true }])).toEqual(['drop']);
    expect(await revised(['keep'], ['drop'])).toEqual([]);
  });

  test('what the reviewer chose stays chosen, as long as it is the same', async () => {
    await asked(drop, keep);
    await press('2');
    expect(await revised(['drop', { recommended: true }], ['keep'])).toEqual(['keep']);
    expect(await revised(['drop'], ['keep', { label: 'Keep it, and drop it tonight' }])).toEqual([]);
  });

  test('nothing is said any more of what the one before would have done', async () => {
    await asked(drop, keep);
    await press('1');
    await pass(300);
    expect(desk.opened?.preview).not.toBeNull();
    await revised(['drop', { id: 'other' }], ['keep', { id: 'another' }]);
    expect(desk.opened?.preview).toBeNull();
  });
});

test('nobody is told what becomes of the steps before one is chosen', async () => {
  await asked(drop, keep);
  const plan = screen.getByRole('region', { name: 'Plan' });
  expect(plan.querySelector('[role="status"]')).toBeNull();
  await press('2');
  expect(plan.querySelector('[role="status"]')).not.toBeNull();
});
