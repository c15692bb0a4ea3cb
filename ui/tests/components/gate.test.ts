/** The cards of the gate, drafts, rules and triggers, on the in-memory desk. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { calls, click, desk, eachAlone, host, main, open, pass, press, row, show } from './stage';

eachAlone();
const rules = async (scene?: string) => {
  await open(scene);
  await press('3', { ctrlKey: true });
};

describe('a card of the gate', () => {
  test('shows the level, and leads to where it is set', async () => {
    await open();
    await show('h-asked');
    const chip = document.querySelector<HTMLElement>('[data-part="level"]');
    expect(chip?.textContent).toMatch(/Execute until \d\d:\d\d$/u);
    expect(chip?.title).toContain('then Suggest');
    expect(chip?.title).toContain('It asks the desk before it acts.');
    expect(document.querySelector('[data-part="reach"]')?.textContent).toContain('It asks the desk before it acts.');
    await click(chip);
    expect(main()).toBe('Agents');
    expect(within(row('billing-agent')).getByText('Open tasks')).toBeTruthy();
  });

  test('shows no end of a level that has none, nor one that is over', async () => {
    await open();
    await show('h-level');
    const chip = () => document.querySelector<HTMLElement>('[data-part="level"]');
    expect(chip()?.textContent).toMatch(/Draft$/u);
    await show('h-asked');
    await pass(6 * 3_600_000);
    expect(chip()?.textContent).toMatch(/Suggest$/u);
  });

  test('shows the evidence side by side, with the action in the history where it is known', async () => {
    await open();
    await show('h-asked');
    const found = [...document.querySelectorAll<HTMLElement>('[data-part="evidence"]')];
    expect(found.map((one) => one.dataset['trigger'])).toEqual(['contradiction', 'rephrased']);
    expect(found.map((one) => one.querySelectorAll('[data-part="exhibit"]').length)).toEqual([2, 4]);
    expect(within(found[1] ?? document.body).getAllByRole('button')).toHaveLength(1);
    await click(within(found[0] ?? document.body).getAllByRole('button')[1]);
    expect(document.activeElement?.getAttribute('data-action-id')).toBe('a2');
    expect(document.activeElement?.querySelector('details')?.open).toBe(true);
  });

  test('is always allowed only after its words were seen', async () => {
    await open();
    await show('h-level');
    await click(screen.getByText('Always allow exactly this…'));
    const panel = within(document.querySelector<HTMLElement>('[data-part="allow"]') ?? document.body);
    expect(document.querySelector('[data-part="covers"]')?.textContent).toMatch(/^Runs without asking, as long as it can be undone: calls of Edit by claude-code/u);
    const keep = panel.getByRole('button', { name: 'Keep this rule' });
    for (const days of ['0', '31', 'x', '']) {
      await fireEvent.input(panel.getByLabelText('Days, 1 to 30'), { target: { value: days } });
      await pass(200);
      expect(keep.hasAttribute('disabled')).toBe(true);
    }
    await fireEvent.input(panel.getByLabelText('Days, 1 to 30'), { target: { value: '14' } });
    await fireEvent.input(panel.getByLabelText(/^Number of calls/u), { target: { value: '20' } });
    expect(keep.hasAttribute('disabled')).toBe(true);
    await pass(200);
    expect(calls('ruleFrom').at(-1)).toEqual({ id: 'h-level', days: 14, uses: 20 });
    await click(keep);
    // Named, never sent back: a number in it could have lost digits on its way.
    expect(calls('addRuleFrom')).toEqual([{ source: 'card', id: 'h-level', days: 14, uses: 20 }]);
    expect(calls('replayFrom').at(-1)).toEqual({ source: 'card', id: 'h-level', days: 14, uses: 20 });
    expect(calls('addRule')).toEqual([]);
    // The call itself is not answered by that.
    expect(calls('decide')).toEqual([]);
    expect(screen.getByText(/This call still needs your answer/u)).toBeTruthy();
  });

  test('offers no such rule where the call cannot be undone, nor once it is answered', async () => {
    await open();
    await show('h-limit');
    expect(screen.queryByText('Always allow exactly this…')).toBeNull();
    await show('h-level');
    await press('Enter', { ctrlKey: true });
    await show('h-level');
    expect(screen.queryByText('Always allow exactly this…')).toBeNull();
  });

  test('the offer is closed with the card it was for', async () => {
    await open();
    await show('h-level');
    await click(screen.getByText('Always allow exactly this…'));
    await show('h-asked');
    expect(document.querySelector('[data-part="allow"]')).toBeNull();
    expect(screen.getByText('Always allow exactly this…')).toBeTruthy();
  });
});

describe('a draft', () => {
  const box = (index: number) => screen.getAllByTestId('draft-item')[index]?.querySelector<HTMLInputElement>('input');
  const button = (kind: string) => document.querySelector<HTMLElement>(`[data-part="draft-${kind}"]`);
  const draft = async () => {
    await open();
    await show('h-changes');
  };

  test('lists every change with its effect and its undo', async () => {
    await draft();
    const items = screen.getAllByTestId('draft-item');
    expect(items.map((item) => item.dataset['actionId'])).toEqual(['e1', 'e2', 'e3', 'e4', 'e5']);
    expect(items[0]?.textContent).toContain('undo: from the desk’s copies');
    expect(screen.getByRole('region', { name: 'Changes of the draft' }).querySelector('header')?.textContent).toContain('reversible');
    expect(items[4]?.textContent).toMatch(/by tracker\.delete_comment ?\{ "comment": 9001 \}/u);
    expect(screen.queryAllByTestId('option')).toEqual([]);
  });

  test('is folded to what each change is about, and opened as a whole', async () => {
    await draft();
    const open = () => screen.getAllByTestId('draft-item').map((item) => item.querySelector('details')?.open);
    expect(open()).toEqual([false, false, false, false, false]);
    expect(screen.getAllByTestId('draft-item').map((item) => item.querySelector('.mono')?.textContent)).toEqual(['api/user.py', 'api/session.py', 'api/admin.py', 'tests/test_user.py', '{ "issue": 212, "text": "Renamed in four files; the tests pass." }']);
    await click(screen.getByRole('button', { name: 'Show all in full' }));
    expect(open()).toEqual([true, true, true, true, true]);
  });

  test('of many moves is a row for each, and names the one that cannot be undone', async () => {
    await open('sorted');
    await show('h-sorted');
    const items = screen.getAllByTestId('draft-item');
    expect(items).toHaveLength(43);
    expect(items.every((item) => item.querySelector('details')?.open === false)).toBe(true);
    expect(items[2]?.querySelector('.line')?.textContent.replaceAll(/\s+/gu, ' ').trim()).toBe('files.move file-3.pdf →to Music/');
    expect(items.filter((item) => item.textContent.includes('Cannot be undone')).map((item) => item.dataset['actionId'])).toEqual(['a2']);
    expect(items[1]?.textContent).toContain('files.trash has changed or moved Pictures/file-2.pdf since.');
    expect(screen.getByText(/What can be undone is/u).textContent).toContain('moved back, until');
    await click(box(2));
    expect(items[2]?.textContent).toContain('will be undone');
    await click(items[2]?.querySelector('summary'));
    expect(items[2]?.querySelector('details')?.textContent).toContain('"to": "Music/file-3.pdf"');
  });

  test('hides of no change what it was told to do, nor how it is undone', async () => {
    await open();
    const run = (index: number) => ({ id: `r${String(index)}`, tool: 'shell.run', effect: 'reversible' as const, input: { cmd: `erase ${String(index)}` }, files: ['/tmp/notes.md'], undo: { kind: 'command' as const, argv: ['fetch-and-run', String(index)], cwd: '/tmp', timeout_s: 30 } });
    const actions = Array.from({ length: 34 }, (_, index) => run(index));
    const options = [{ id: 'accept', label: 'Keep all', effect: 'read' as const, recommended: true }, { id: 'roll_back', label: 'Undo all', action: { tool: 'undo', args: { actions: actions.map(({ id }) => id) } } }];
    host.submit({ id: 'h-runs', agent: 'demo', title: 'Tidy', question: 'Keep the draft of 34 changes?', is_draft: true, options, actions });
    await pass(300);
    await show('h-runs');
    const items = screen.getAllByTestId('draft-item');
    expect(items).toHaveLength(34);
    for (const [index, item] of items.entries()) {
      for (const folded of item.querySelectorAll('details')) folded.remove();
      expect(item.textContent).toContain(`erase ${String(index)}`);
      expect(item.textContent).toContain('fetch-and-run');
    }
  });

  test('is kept', async () => {
    await draft();
    await click(screen.getByTestId('decide-approve'));
    expect(calls('decide')[0]).toMatchObject({ id: 'h-changes', answer: { kind: 'approve', option: 'accept' } });
  });

  test('is undone as a whole, whatever is marked', async () => {
    await draft();
    await click(box(1));
    await click(button('all'));
    expect(calls('decide')[0]).toMatchObject({ answer: { kind: 'approve', option: 'roll_back' } });
  });

  test('is kept as a whole, whatever is marked', async () => {
    await draft();
    await click(box(1));
    await click(button('keep'));
    expect(calls('decide')[0]).toMatchObject({ answer: { kind: 'approve', option: 'accept' } });
  });

  test('is undone in part, and the chord does what the filled button says', async () => {
    await draft();
    expect(button('some')?.hasAttribute('disabled')).toBe(true);
    await click(box(1));
    await click(box(4));
    expect(button('some')?.textContent).toContain('Undo 2 selected');
    expect(button('some')?.classList.contains('primary')).toBe(true);
    await press('Enter', { ctrlKey: true });
    await pass(400);
    expect(calls('decide')).toHaveLength(1);
    expect(calls('decide')[0]).toMatchObject({ answer: { kind: 'modify', option: 'roll_back', args: { actions: ['e2', 'e5'] } } });
    await show('h-changes');
    expect(screen.getByText('2 changes to be undone, 3 kept')).toBeTruthy();
    expect(screen.getAllByTestId('draft-item').map((item) => item.querySelector('.fate')?.textContent)).toEqual(['keep', 'undo', 'keep', 'keep', 'undo']);
  });

  test('with everything marked is undone as a whole; with Esc nothing is marked', async () => {
    await draft();
    for (const index of [0, 1, 2, 3]) await click(box(index));
    await press('Escape');
    expect([0, 1, 2, 3, 4].map((index) => box(index)?.checked)).toEqual([false, false, false, false, false]);
    expect(button('keep')?.classList.contains('primary')).toBe(true);
    for (const index of [0, 1, 2, 3, 4]) await click(box(index));
    expect(button('all')?.classList.contains('primary')).toBe(true);
    await press('Enter', { ctrlKey: true });
    await pass(400);
    expect(calls('decide')[0]).toMatchObject({ answer: { kind: 'approve', option: 'roll_back' } });
  });

  test('keeps what is marked when another form was opened and left', async () => {
    await draft();
    await click(box(1));
    await click(box(4));
    for (const [opener, key] of [['decide-takeover', 't'], ['decide-inform', 'i'], ['decide-reject', 'r']] as const) {
      await click(screen.getByTestId(opener));
      await press('Escape');
      expect(button('some')?.textContent, opener).toContain('Undo 2 selected');
      await press(key);
      expect(screen.queryByTestId('submit-decision'), key).not.toBeNull();
      await press('Escape');
      expect(button('some')?.classList.contains('primary'), key).toBe(true);
      expect([0, 1, 2, 3, 4].map((index) => box(index)?.checked), key).toEqual([false, true, false, false, true]);
    }
  });

  test('Enter alone on a button answers nothing', async () => {
    await draft();
    button('all')?.focus();
    const event = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true });
    button('all')?.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(true);
    expect(calls('decide')).toEqual([]);
  });

  test('answers nothing in the first half second', async () => {
    await open();
    desk.select('h-changes');
    await pass(100);
    button('all')?.click();
    await pass(100);
    expect(calls('decide')).toEqual([]);
    expect(button('keep')?.classList.contains('primary')).toBe(true);
  });
});

describe('the rules', () => {
  test('are listed, those in force first, and found by words', async () => {
    await rules();
    expect(screen.getAllByTestId('rule-row').map((one) => [one.dataset['ruleId'], one.dataset['active']])).toEqual([['5', 'true'], ['3', 'true'], ['2', 'true'], ['4', 'false'], ['1', 'false']]);
    const [first] = screen.getAllByTestId('rule-row');
    expect(first?.textContent).toContain('used 7 times, last 40 min ago');
    expect(first?.textContent).toContain('13 uses left');
    await fireEvent.input(screen.getByLabelText('Search the rules'), { target: { value: 'refund mine' } });
    expect(screen.getAllByTestId('rule-row').map((one) => one.dataset['ruleId'])).toEqual(['2']);
    await fireEvent.input(screen.getByLabelText('Search the rules'), { target: { value: 'nowhere' } });
    expect(screen.queryAllByTestId('rule-row')).toEqual([]);
    expect(screen.getByText('No rule has all of these words.')).toBeTruthy();
  });

  test('are taken back at once, and made again with what was left of them', async () => {
    await rules();
    await click(screen.getAllByRole('button', { name: /^Take back/u })[0]);
    expect(calls('revokeRule')).toEqual([5]);
    expect(screen.getByText(/From the next call on it counts no more/u)).toBeTruthy();
    await click(screen.getByRole('button', { name: 'Undo' }));
    expect(calls('addRuleFrom')).toEqual([{ source: 'taken_back', id: 5 }]);
    expect(screen.getAllByTestId('rule-row').filter((one) => one.dataset['active'] === 'true')).toHaveLength(3);
    expect(document.querySelector('[data-part="gone"]')).toBeNull();
  });

  test('are written, and what is wrong stands in its place', async () => {
    await rules('first');
    await click(screen.getByRole('button', { name: 'Write a rule' }));
    await click(screen.getByRole('button', { name: 'Keep this rule' }));
    expect(screen.getAllByRole('alert').map((one) => one.textContent)).toEqual(['Give it a name that you will know again.', 'Say why: you read it on the card.']);
    expect(calls('addRule')).toEqual([]);
    await fireEvent.input(screen.getByLabelText(/^Name/u), { target: { value: 'Large refunds' } });
    await fireEvent.input(screen.getByLabelText(/^What the card says/u), { target: { value: 'Mine to decide.' } });
    await fireEvent.input(screen.getByLabelText(/^Where this holds/u), { target: { value: 'args.amount >' } });
    await click(screen.getByRole('button', { name: 'Keep this rule' }));
    expect(screen.getByRole('alert').textContent).toBe('The condition cannot be read: it ends too early.');
    expect(document.activeElement).toBe(screen.getByLabelText(/^Where this holds/u));
    await fireEvent.input(screen.getByLabelText(/^Where this holds/u), { target: { value: 'args.amount > 100.0' } });
    await click(screen.getByRole('button', { name: 'Keep this rule' }));
    expect(calls('addRule').at(-1)).toEqual({ name: 'Large refunds', when: { args: {}, expr: 'args.amount > 100.0' }, does: 'hold', why: 'Mine to decide.' });
    expect(document.querySelector('[data-part="rule-form"]')).toBeNull();
    expect(screen.getAllByTestId('rule-row')).toHaveLength(1);
  });

  test('of a shell command take its words and folder', async () => {
    await rules();
    await click(screen.getByRole('button', { name: 'New rule' }));
    await click(screen.getByLabelText(/^Counts as/u));
    await fireEvent.input(screen.getByLabelText(/^Name/u), { target: { value: 'Tests' } });
    await fireEvent.input(screen.getByLabelText(/^Tool/u), { target: { value: 'Bash' } });
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    await click(screen.getByRole('button', { name: 'Keep this rule' }));
    expect(screen.getByRole('alert').textContent).toBe('What a shell does is told by the exact words of one command.');
    await click(screen.getByLabelText('one exact command in one folder'));
    await fireEvent.input(screen.getByLabelText(/^Command/u), { target: { value: 'npm test' } });
    await fireEvent.input(screen.getByLabelText(/^In the folder/u), { target: { value: '/home/me/shop' } });
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    await click(screen.getByRole('button', { name: 'Keep this rule' }));
    expect(calls('addRule').at(-1)).toEqual({ name: 'Tests', tool: 'Bash', when: { args: {}, argv: ['npm', 'test'], cwd: '/home/me/shop' }, does: 'counts', effect: 'read' });
  });

  test('by which more may run are kept only once what they would have done was seen', async () => {
    await rules();
    await click(screen.getByRole('button', { name: 'New rule' }));
    const keep = () => screen.getByRole('button', { name: 'Keep this rule' }) as HTMLButtonElement;
    expect(keep().disabled).toBe(false);
    await click(screen.getByLabelText(/^Counts as/u));
    await fireEvent.input(screen.getByLabelText(/^Name/u), { target: { value: 'Tags' } });
    await fireEvent.input(screen.getByLabelText(/^Tool/u), { target: { value: 'crm.tag_case' } });
    expect(keep().disabled).toBe(true);
    await fireEvent.submit(keep());
    expect(calls('addRule')).toEqual([]);
    await fireEvent.change(screen.getByLabelText(/^It counts as/u), { target: { value: 'irreversible' } });
    expect(keep().disabled).toBe(false);
    await fireEvent.change(screen.getByLabelText(/^It counts as/u), { target: { value: 'reversible' } });
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    await pass(300);
    expect(screen.getByTestId('replay-result')).toBeTruthy();
    expect(keep().disabled).toBe(false);
    await fireEvent.input(screen.getByLabelText(/^Tool/u), { target: { value: 'crm.close_case' } });
    expect(keep().disabled).toBe(true);
  });

  test('Esc closes the form first, then the place', async () => {
    await rules();
    await click(screen.getByRole('button', { name: 'New rule' }));
    await press('Escape');
    expect(document.querySelector('[data-part="rule-form"]')).toBeNull();
    expect(main()).toBe('Rules');
    await press('Escape');
    expect(main()).toBe('Handoff');
  });
});

describe('the triggers', () => {
  const triggers = async () => {
    await rules();
    await click(screen.getByRole('tab', { name: 'Triggers' }));
  };
  const saved = () => (calls('saveSettings').at(-1) as { triggers: Record<string, unknown> } | undefined)?.triggers;

  test('are switched, and have their bounds', async () => {
    await triggers();
    await click(screen.getByRole('checkbox', { name: /^Going in circles/u }));
    expect(screen.queryByLabelText('Hold when it reads the same')).toBeNull();
    const chain = screen.getByLabelText('Hold after');
    await fireEvent.input(chain, { target: { value: '20000' } });
    await fireEvent.change(chain);
    expect(screen.getByRole('alert').textContent).toBe('1 to 10,000');
    await fireEvent.input(chain, { target: { value: '80' } });
    await fireEvent.change(chain);
    await pass(100);
    expect(calls('saveSettings')).toEqual([]);
    await click(screen.getByRole('button', { name: 'Save 2 changes' }));
    expect(saved()).toMatchObject({ chain_bound: 80, context_churn: false, scope: true });
    expect(document.querySelector('[data-part="unsaved"]')).toBeNull();
  });

  test('are tried on the past before they are saved, and what is not saved is kept on the way', async () => {
    await triggers();
    const scope = () => screen.getByRole<HTMLInputElement>('checkbox', { name: /^Beyond its task/u });
    await click(scope());
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    expect(calls('replay').at(-1)).toMatchObject({ triggers: { scope: false, chain_bound: 50 } });
    expect(screen.getByTestId('replay-result')).toBeTruthy();
    desk.places.go('handoffs');
    await pass(50);
    desk.places.go('rules');
    await pass(50);
    await click(screen.getByRole('tab', { name: /^Triggers, not saved/u }));
    expect(scope().checked).toBe(false);
    await click(scope());
    expect(document.querySelector('[data-part="unsaved"]')).toBeNull();
    expect(calls('saveSettings')).toEqual([]);
  });

  test('that are refused stay as they were changed, with the reason', async () => {
    await triggers();
    host.failNext('saveSettings', { code: 'store', message: 'The disk is full.', hint: 'Free some space.' });
    await click(screen.getByRole('checkbox', { name: /^Beyond its task/u }));
    await click(screen.getByRole('button', { name: 'Save 1 change' }));
    expect(screen.getByRole('alert').textContent.trim()).toBe('Not saved. The disk is full. Free some space.');
    await click(screen.getByRole('button', { name: 'Discard' }));
    expect(screen.getByRole<HTMLInputElement>('checkbox', { name: /^Beyond its task/u }).checked).toBe(true);
  });

  test('ask about words that are added and removed', async () => {
    await triggers();
    const field = screen.getByLabelText('A word or phrase to add');
    await fireEvent.input(field, { target: { value: 'lawsuit' } });
    expect(screen.getByRole('button', { name: 'Add' }).hasAttribute('disabled')).toBe(true);
    await fireEvent.input(field, { target: { value: '*any' } });
    await click(screen.getByRole('button', { name: 'Add' }));
    await click(screen.getByRole('button', { name: 'Save 1 change' }));
    expect(screen.getByRole('alert').textContent).toContain('“*any” cannot be looked for');
    await click(screen.getByRole('button', { name: 'Remove *any' }));
    await fireEvent.input(field, { target: { value: 'trade secret' } });
    await click(screen.getByRole('button', { name: 'Add' }));
    await click(screen.getByRole('button', { name: 'Remove GDPR' }));
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Remove HIPAA');
    await click(screen.getByRole('button', { name: 'Save 1 change' }));
    expect(saved()?.['words']).toContain('trade secret');
    expect(saved()?.['words']).not.toContain('GDPR');
  });
});
