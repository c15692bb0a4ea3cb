/** What an answer makes of the plan, while it is written; and what an agent did with it that was not that. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DecideRequest } from '../../src/gen/DecideRequest';
import type { GiveBack } from '../../src/gen/GiveBack';
import type { Preview } from '../../src/gen/Preview';
import { calls, click, desk, eachAlone, host, open, pass, press, show } from './stage';

eachAlone();

const plan = () => screen.getByRole('region', { name: 'Plan' });
const verdicts = () => Object.fromEntries(screen.getAllByTestId('directive-step').map((step) => [step.dataset['stepId'], step.dataset['verdict']]));
const line = (id: string) => screen.getAllByTestId('directive-step').find((step) => step.dataset['stepId'] === id)?.textContent ?? '';
const part = (name: string) => document.querySelector<HTMLElement>(`[data-part="${name}"]`);
const counts = () => [...(part('verdicts')?.querySelectorAll('li') ?? [])].map((one) => one.textContent.trim());
const option = () => screen.getAllByTestId('option')[0] as HTMLElement;

async function type(field: HTMLElement, text: string) {
  await fireEvent.input(field, { target: { value: text } });
  await pass(60);
}
async function edit(args: object) {
  if (desk.opened !== null) desk.opened.draft.args['duplicate-only'] = JSON.stringify(args);
  await pass(60);
}
async function fact(at: number, name: string, value: string) {
  await click(screen.getByRole('button', { name: 'Add a fact' }));
  await type(screen.getByLabelText(`Name of fact ${String(at)}`), name);
  await type(screen.getByLabelText(`Value of fact ${String(at)}, JSON or text`), value);
}

beforeEach(async () => {
  await open('plan');
  await show('h-plan');
});

describe('the plan', () => {
  test('says in short, as a graph and as a list what becomes of it', () => {
    expect(counts()).toEqual(['3 run', '5 keep']);
    expect(verdicts()).toEqual({ find: 'keep', policy: 'keep', tag: 'keep', sum: 'keep', letter: 'keep', refund: 'run', notify: 'run', report: 'run' });
    const graph = within(plan()).getByRole('img', { name: /^The plan as a graph/u });
    expect([...graph.querySelectorAll<HTMLElement>('[data-graph-step]')].map((one) => `${one.dataset['graphStep'] ?? ''} ${one.className.split(' ')[1] ?? ''}`)).toEqual(['find keep', 'policy keep', 'tag keep', 'sum keep', 'letter keep', 'refund run', 'notify run', 'report run']);
    expect(graph.querySelectorAll('path[d*="C"]')).toHaveLength(8);
  });

  test('is drawn larger on demand', async () => {
    await click(screen.getByRole('button', { name: 'Larger graph' }));
    const dialog = screen.getByRole('dialog', { name: 'The plan' });
    expect(within(dialog).getByText('Update the weekly duplicate report')).toBeTruthy();
    await click(within(dialog).getByRole('button', { name: 'Close' }));
    expect(screen.queryByRole('dialog')).toBeNull();
  });
});

describe('an edit', () => {
  beforeEach(async () => {
    await desk.answering.begin('modify');
    await pass(60);
  });

  test('that changes a value says who used it, what is undone and what stays', async () => {
    await edit({ charge: 'ch_2', amount: 74.5, currency: 'EUR' });
    expect(verdicts()).toMatchObject({ find: 'keep', policy: 'keep', tag: 'undo_then_rerun', sum: 'rerun', letter: 'keep', refund: 'run' });
    expect(line('tag')).toContain('Undone first: crm.tag_case');
    expect(line('tag')).toContain('crm.untag_case');
    expect(line('tag')).toContain('"case": "48213"');
    expect(line('letter')).toContain('It is done and stays: it used nothing that changed.');
    expect(part('changes')?.textContent).toMatch(/captured.*149.*becomes.*74\.5.*by your edit; used by “Tag the case”, “Add up what is owed”/u);
    expect(part('conflicts')).toBeNull();
  });

  test('that contradicts finished work shows it where it stands, and is blocked until a reason is given', async () => {
    await edit({ charge: 'ch_2', amount: 149, currency: 'EUR' });
    await edit({ charge: 'ch_2', amount: 200, currency: 'EUR' });
    const conflicts = within(within(option()).getByRole('list', { name: 'What the edit contradicts' })).getAllByRole('listitem');
    expect(conflicts.map((one) => one.textContent)).toEqual([expect.stringContaining('amount is 200 here, but “Find the charges” found captured as 149.')]);
    expect(conflicts[0]?.dataset['step']).toBe('find');
    if (desk.opened !== null) desk.opened.draft.confirmed = true;
    await pass(60);
    expect(screen.getByTestId('submit-decision').getAttribute('aria-disabled')).toBe('true');
    await click(screen.getByTestId('submit-decision'));
    expect(calls('decide')).toEqual([]);
    expect(document.activeElement).toBe(screen.getByTestId('override'));
    await type(screen.getByTestId('override'), 'Billing has agreed to the fee as well.');
    await click(screen.getByTestId('submit-decision'));
    expect((calls('decide')[0] as DecideRequest).override).toEqual({ why: 'Billing has agreed to the fee as well.' });
  });

  test('leads to the step it contradicts', async () => {
    await edit({ charge: 'ch_2', amount: 200, currency: 'EUR' });
    desk.evidence = 'history';
    await pass(60);
    await click(within(option()).getByRole('button', { name: 'Show the step “Find the charges”' }));
    expect(desk.evidence).toBe('plan');
    expect(screen.getAllByTestId('directive-step').filter((step) => step.classList.contains('pointed')).map((step) => step.dataset['stepId'])).toEqual(['find']);
  });
});

describe('information', () => {
  beforeEach(async () => {
    await press('i');
  });

  test('invalidates what used the old value, and what stays valid is said too', async () => {
    await fact(1, 'captured', '74.5');
    expect(verdicts()).toMatchObject({ find: 'keep', tag: 'undo_then_rerun', sum: 'rerun', letter: 'keep', report: 'run' });
    expect(counts()).toEqual(['1 undo, run again', '1 run again', '1 run', '2 blocked', '3 keep']);
    expect(line('report')).toContain('It runs after “Tag the case” is put right.');
    expect(screen.queryByTestId('override')).toBeNull();
  });

  test('against what cannot be undone is a conflict, and needs a reason', async () => {
    await fact(1, 'email', 'dana.ortiz@example.com');
    expect(verdicts()['letter']).toBe('keep');
    const strip = within(screen.getByRole('contentinfo', { name: 'Decide' })).getByRole('list', { name: 'What is in the way' });
    expect(strip.textContent).toContain('“Write a first answer” is done and stays, though it is not right any more.');
    await click(screen.getByTestId('submit-decision'));
    expect(calls('decide')).toEqual([]);
    await type(screen.getByTestId('override'), 'She has both addresses.');
    await click(screen.getByTestId('submit-decision'));
    expect(calls('decide')).toMatchObject([{ answer: { kind: 'inform', facts: { email: 'dana.ortiz@example.com' } }, override: { why: 'She has both addresses.' } }]);
  });
});

describe('the preview', () => {
  /** Answers when it is told to. */
  function slow() {
    const waiting: (() => void)[] = [];
    const asked: DecideRequest[] = [];
    const answer = host.preview.bind(host);
    host.preview = async (request) => {
      asked.push(request);
      const found: Preview = await answer(request);
      await new Promise<void>((done) => waiting.push(done));
      return found;
    };
    return { asked, next: async () => { waiting.shift()?.(); await pass(0); } };
  }

  test('is asked for at most once in a frame, and once more for the last keystroke', async () => {
    await press('i');
    await click(screen.getByRole('button', { name: 'Add a fact' }));
    const before = calls('preview').length;
    for (const text of ['c', 'ca', 'cap', 'capt', 'captured']) await fireEvent.input(screen.getByLabelText('Name of fact 1'), { target: { value: text } });
    expect(calls('preview')).toHaveLength(before);
    await pass(40);
    expect(calls('preview')).toHaveLength(before + 1);
    expect((calls('preview').at(-1) as DecideRequest).answer).toMatchObject({ facts: { captured: '' } });
  });

  test('never shows the answer to an earlier keystroke', async () => {
    await press('i');
    await fact(1, 'captured', '149');
    const { asked, next } = slow();
    await type(screen.getByLabelText('Value of fact 1, JSON or text'), '74.5');
    await type(screen.getByLabelText('Value of fact 1, JSON or text'), '149');
    expect(asked).toHaveLength(1);
    expect(screen.getByTestId('directive-preview').parentElement?.getAttribute('aria-busy')).toBe('true');
    await next();
    expect(verdicts()['tag'], 'it is of 74.5').toBe('keep');
    await pass(40);
    expect(asked.map((request) => (request.answer.kind === 'inform' ? request.answer.facts : null))).toEqual([{ captured: 74.5 }, { captured: 149 }]);
    await next();
    expect(screen.getByTestId('directive-preview').parentElement?.getAttribute('aria-busy')).toBe('false');
  });
});

test('giving a task back shows what becomes of the plan', async () => {
  desk.evidence = 'thread';
  await host.takeOver({ agent: 'billing-agent', task: 'ortiz-plan', message: { text: 'A person looks into it.' } });
  await pass(300);
  expect(screen.getByTestId('task-thread').textContent).toContain('To the end user (the agent has not fetched it yet): A person looks into it.');
  await click(screen.getByTestId('give-back'));
  await click(screen.getByLabelText('Refund the duplicate'));
  await fact(1, 'captured', '74.5');
  expect(verdicts()).toMatchObject({ refund: 'keep', tag: 'undo_then_rerun', sum: 'rerun', notify: 'run' });
  expect((calls('previewGiveBack').at(-1) as GiveBack).facts).toEqual({ captured: 74.5 });
  expect(calls('giveBack')).toEqual([]);
});

test('words for the end user with a decision stand in the thread of its card', async () => {
  desk.evidence = 'thread';
  await pass(100);
  await type(screen.getByTestId('end-user-message'), 'Your money is on its way.');
  await press('2');
  await click(screen.getByTestId('decide-approve'));
  await show('h-plan');
  await pass(8000);
  expect(screen.getByTestId('task-thread').textContent).toContain('To the end user: Your money is on its way.');
});

test('taking over offers words for the end user where there is a conversation, once', async () => {
  await press('t');
  expect(screen.getAllByTestId('end-user-message')).toHaveLength(1);
  await click(screen.getByRole('button', { name: /^Begin with: “I’ve read your conversation with our assistant/u }));
  await click(screen.getByTestId('submit-decision'));
  expect((calls('decide')[0] as DecideRequest).message?.text).toMatch(/^I’ve read your conversation with our assistant and am taking over/u);
});

describe('an agent', () => {
  test('that did not report is marked, in the queue and on the card', async () => {
    await show('h-unreported');
    expect(screen.getByTestId('liveness').textContent).toBe('no report');
    expect(part('unreported')?.textContent).toContain('was to say by 07:30 what it did with it');
    desk.show('waiting');
    await pass(300);
    expect(document.querySelector('[data-handoff-id="h-unreported"]')?.textContent).toContain('no report');
  });

  test('that did something else: the card says what, each for itself', async () => {
    await show('h-diverged');
    const differs = within(screen.getByRole('list', { name: 'What differs from the decision' })).getAllByRole('listitem');
    expect(differs.map((one) => one.textContent)).toEqual(['It ran with the old arguments (Correct the entry): ledger.correct ran with amount 408, not with 480.', 'A step was repeated that was to stay as it was (Compare both totals): ledger.write ran again for it.']);
    expect(screen.getAllByText(/The entry was locked/u)).toHaveLength(1);
  });

  test('that found something else before acting asks again, and says what', async () => {
    await show('h-again');
    expect(part('rechecked')?.textContent).toMatch(/asked again.*ledger\.read \{"entry":7781\} was to give 408, and gave 440\.5/u);
  });
});

test('how long a report may take is a setting', async () => {
  desk.dialog = 'settings';
  await pass(100);
  const field = screen.getByLabelText('Report within', { selector: 'input' });
  expect((field as HTMLInputElement).value).toBe('30');
  await fireEvent.input(field, { target: { value: '45' } });
  await fireEvent.change(field, { target: { value: '45' } });
  await pass(100);
  expect(desk.settings.report_within_s).toBe(2700);
});
