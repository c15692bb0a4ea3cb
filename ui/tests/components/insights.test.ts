/** The insights, and changes tried on the recorded past, on the in-memory desk. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { calls, click, desk, eachAlone, host, main, open, pass, press, row, show } from './stage';

eachAlone();

const insights = async (scene = 'gate') => {
  await open(scene);
  desk.places.go('insights');
  await pass(300);
};
const rate = () => screen.getByTestId('interruption-rate');
const suggestion = (index: number) => {
  const found = document.querySelectorAll<HTMLElement>('[data-part="suggestion"]')[index];
  if (found === undefined) throw new Error('no such suggestion');
  return found;
};

describe('the insights', () => {
  test('have a place of their own beside the agents and the rules', async () => {
    await open();
    await press('4', { ctrlKey: true });
    expect(main()).toBe('Insights');
    await press('Escape');
    expect(main()).not.toBe('Insights');
  });

  test('tell what will be here before anything happened', async () => {
    await insights('empty');
    expect(screen.getByText('There is nothing to count yet')).toBeTruthy();
    expect(screen.queryByTestId('interruption-rate')).toBeNull();
  });

  test('tell the rate of an agent apart from what had to ask, and warn only of those far off', async () => {
    await insights();
    const of = (agent: string) => document.querySelector<HTMLElement>(`tr[data-agent="${agent}"]`)?.textContent ?? '';
    expect(of('billing-agent')).toMatch(/1,240.*12 %.*in the band.*6.9 %/u);
    expect(of('deploy-bot')).toContain('over 20 %');
    expect(of('files-mcp')).toContain('too few to judge');
    const warnings = [...document.querySelectorAll('[data-part="warning"]')].map((one) => one.textContent);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(/49 of 212 questions.*Only 14 of 934/u);
  });

  test('do not judge a handful of questions', async () => {
    await insights('young');
    expect(rate().textContent).toContain('too few to judge');
    expect(document.querySelector('[data-part="warning"]')).toBeNull();
  });

  test('show one agent’s days, each in words by the arrow keys and all as a table', async () => {
    await insights();
    await click(within(rate()).getByRole('button', { name: 'deploy-bot' }));
    expect(within(rate()).getByRole('heading').textContent).toBe('How often deploy-bot asks');
    const slider = screen.getByRole('slider', { name: 'Days of deploy-bot' });
    expect(slider.getAttribute('aria-valuemax')).toBe('42');
    slider.focus();
    await press('Home');
    expect(slider.getAttribute('aria-valuetext')).toMatch(/^10 Oct: /u);
    await press('ArrowRight');
    expect(slider.getAttribute('aria-valuenow')).toBe('2');
    expect(rate().querySelector('[data-part="read"]')?.textContent).toMatch(/^11 Oct: /u);
    await click(within(rate()).getByRole('button', { name: /^Show the numbers/u }));
    const [, ...rows] = within(screen.getByRole('region', { name: /^Questions by day/u })).getAllByRole('row');
    expect(rows).toHaveLength(42);
    expect(rows.reduce((sum, one) => sum + Number(one.children[1]?.textContent), 0)).toBe(212);
  });

  test('show the times of decisions and a quiet word on those nobody can have read', async () => {
    await insights();
    expect(document.querySelector('[data-part="stamping"]')?.textContent).toContain('of your last 20 decisions');
    const slider = screen.getByRole('slider', { name: 'Decisions, by time' });
    expect(slider.getAttribute('aria-valuetext')).toMatch(/open for .*, takes .* to read\.$/u);
    expect(screen.getByText('Approved as they were, by risk').closest('table')?.textContent).toContain('high risk');
  });

  test('say why they cannot be counted, and count again', async () => {
    await open();
    host.failNext('insights', { code: 'store', message: 'The record could not be read.', hint: 'Try again.' });
    desk.places.go('insights');
    await pass(300);
    await click(within(screen.getByTestId('error')).getByRole('button', { name: 'Try again' }));
    expect(rate()).toBeTruthy();
  });

  test('count again in a while when a handoff changes', async () => {
    await insights();
    const before = calls('insights').length;
    for (const id of ['h-level', 'h-asked']) host.withdraw(id);
    await pass(3000);
    expect(calls('insights').length).toBe(before + 1);
  });
});

describe('a suggestion', () => {
  test('is kept only after its replay has been on screen, and leaves', async () => {
    await insights();
    await click(within(suggestion(0)).getByRole('button', { name: 'Look at it' }));
    expect(within(suggestion(0)).getByTestId('replay-result').textContent).toMatch(/40 calls would have run without you.*rejected, changed or took back none/u);
    const [asked] = calls('replayFrom');
    expect(asked).toEqual({ source: 'suggestion', id: 'allow-tag-case' });
    expect(calls('addRule')).toEqual([]);
    await click(within(suggestion(0)).getByRole('button', { name: 'Keep this rule' }));
    expect(calls('addRuleFrom')).toEqual([asked]);
    expect(document.querySelectorAll('[data-part="suggestion"]')).toHaveLength(1);
    expect(screen.getByText(/^Kept: /u)).toBeTruthy();
  });

  test('cannot be kept where it could not be tried', async () => {
    await insights();
    host.failNext('replayFrom', { code: 'store', message: 'The record could not be read.', hint: 'Try again.' });
    await click(within(suggestion(0)).getByRole('button', { name: 'Look at it' }));
    expect(within(suggestion(0)).getByRole('alert').textContent).toBe('The record could not be read. Try again.');
    expect((within(suggestion(0)).getByRole('button', { name: 'Keep this rule' }) as HTMLButtonElement).disabled).toBe(true);
    await click(within(suggestion(0)).getByRole('button', { name: 'Try again' }));
    expect((within(suggestion(0)).getByRole('button', { name: 'Keep this rule' }) as HTMLButtonElement).disabled).toBe(false);
  });
});

describe('what is tried on the past', () => {
  test('a level names what had been rejected or changed first, and sets nothing', async () => {
    await open();
    desk.places.go('agents');
    await pass(300);
    await click(within(row('files-mcp')).getByRole('button', { name: /^Try another level/u }));
    const result = within(row('files-mcp')).getByTestId('replay-result');
    expect(result.textContent).toContain('You stepped in at 7 calls of these.');
    expect([...result.querySelectorAll('.calls .after')].slice(0, 7).map((one) => one.textContent)).toEqual(['rejected', 'rejected', ...Array<string>(5).fill('changed by you')]);
    await click(within(row('files-mcp')).getByRole('button', { name: 'Try Draft' }));
    expect(calls('replay')).toEqual([{ level: { agent: 'files-mcp', level: 'execute' } }, { level: { agent: 'files-mcp', level: 'draft' } }]);
    expect(calls('setLevel')).toEqual([]);
  });

  test('“Always allow exactly this” shows it beside what it covers', async () => {
    await open();
    await show('h-level');
    await click(screen.getByText('Always allow exactly this…'));
    expect(screen.getByTestId('replay-result')).toBeTruthy();
    expect(calls('addRule')).toEqual([]);
  });

  test('a written rule is tried as it stands, and no longer shown as tried once it changes', async () => {
    await open();
    desk.places.go('rules');
    await pass(300);
    await click(screen.getByRole('button', { name: 'New rule' }));
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    expect(calls('replay')).toEqual([]);
    expect(screen.getAllByRole('alert').length).toBeGreaterThan(0);
    const fill = async (name: string, value: string) => {
      const field = screen.getByLabelText(new RegExp(`^${name}`, 'u')) as HTMLInputElement;
      field.value = value;
      field.dispatchEvent(new Event('input', { bubbles: true }));
      await pass(0);
    };
    await fill('Name', 'Merges');
    await fill('Tool', 'notes.merge');
    await fill('What the card says', 'They lose notes.');
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    expect(screen.getByTestId('replay-result').textContent).toContain('17 more calls would have waited for you');
    await fill('Tool', 'notes.split');
    expect(screen.queryByTestId('replay-result')).toBeNull();
  });

  test('all that is wrong with a written rule stands beside its fields once it was tried', async () => {
    await open();
    desk.places.go('rules');
    await pass(300);
    await click(screen.getByRole('button', { name: 'New rule' }));
    for (const [name, value] of [['Name', 'Merges'], ['Where this holds', 'args.'], ['What the card says', 'They lose notes.']] as const) {
      await fireEvent.input(screen.getByLabelText(new RegExp(`^${name}`, 'u')), { target: { value } });
    }
    const faults = [
      { pointer: '/tool', message: 'No tool is called that.', hint: 'Name one.' },
      { pointer: '/when/expr', message: 'It ends too early.', hint: 'Write a condition.' },
    ];
    host.failNext('replay', { code: 'invalid_payload', message: 'The rule has 2 faults.', hint: 'Change the rule; nothing was kept.', faults });
    await click(screen.getByRole('button', { name: 'Try on the past' }));
    await pass(300);
    expect(screen.getAllByRole('alert').map((alert) => alert.textContent)).toEqual(['No tool is called that. Name one.', 'It ends too early. Write a condition.']);
    expect(document.activeElement).toBe(screen.getByLabelText(/^Tool/u));
  });
});
