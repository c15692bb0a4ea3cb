/** A task as one thread, and what the reviewer does with it, on the in-memory desk. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import type { EditPlan } from '../../src/gen/EditPlan';
import type { GiveBack } from '../../src/gen/GiveBack';
import type { RollbackRequest } from '../../src/gen/RollbackRequest';
import { commands } from '../../src/state/commands';
import { calls, click, desk, eachAlone, host, main, open, pass, press, row, show } from './stage';

eachAlone();
const OF = { agent: 'billing-agent', task: 'ortiz' };
const acts = () => document.querySelector('[data-part="acts"]')?.textContent ?? '';
/** A button of the task; the card has some of the same name. */
const button = (name: string | RegExp) => within(screen.getByRole('region', { name: 'Task' })).getByRole('button', { name });
const form = (name: string) => screen.getByRole('form', { name });
const type = async (element: HTMLElement, value: string) => {
  await fireEvent.input(element, { target: { value } });
  await pass(50);
};
const thread = () => [...screen.getByTestId('task-thread').querySelectorAll('li')];

beforeEach(async () => {
  await open('task');
  await show('h-refund');
  desk.evidence = 'thread';
  await pass(300);
});

describe('the thread', () => {
  test('is of the whole task, the latest first, with who acts now on top', () => {
    expect(acts()).toContain('The agent works');
    expect(acts()).toContain('1 question waits for you; what does not depend on it goes on.');
    const told = thread().map((line) => line.textContent);
    expect(told[0]).toContain('Handed over');
    expect(told.some((line) => line.includes('Approved: Tag the case'))).toBe(true);
    expect(told.at(-1)).toContain('Look into the bank’s own record too');
    expect(screen.getByText('12 earlier entries are not shown here.')).toBeTruthy();
    expect(thread().filter((line) => line.dataset['own'] === 'true')).toHaveLength(1);
  });

  test('leads to its other handoffs and to the history', async () => {
    await click(screen.getByRole('button', { name: 'History of “Ran crm.tag_case for Tag the case”' }));
    expect(desk.evidence).toBe('history');
    expect(document.querySelector('[data-action-id="a2"]')?.classList.contains('traced')).toBe(true);
    desk.evidence = 'thread';
    await pass(200);
    await click(screen.getByRole('button', { name: 'Open the handoff of “Approved: Tag the case”' }));
    await pass(700);
    expect(screen.getByTestId('question').textContent).toBe('Tag the case as a duplicate charge?');
    await click(button('Open the question'));
    await pass(700);
    expect(screen.getByTestId('question').textContent).toBe('Refund only the proven duplicate, or both charges?');
  });

  test('goes back to a moment', async () => {
    const approved = thread().find((line) => line.textContent.includes('Approved: Tag the case'));
    await click(approved?.querySelector('[data-part="undo-since"]'));
    const [asked] = calls('previewRollback') as RollbackRequest[];
    expect(asked?.selection.kind).toBe('since_time');
    expect(screen.getByRole('dialog').textContent).toContain('Undo everything since ');
  });

  test('follows what happens', async () => {
    await host.tellAgent({ ...OF, text: 'From elsewhere.' });
    await pass(300);
    expect(thread()[0]?.textContent).toContain('Said: From elsewhere.');
    host.withdraw('h-refund');
    await pass(300);
    expect(acts()).toContain('Nothing waits for you.');
  });

  test('is that of the handoff alone where the desk keeps no task', async () => {
    host.failNext('task', { code: 'not_found', message: 'There is no task.', hint: 'Open it first.' });
    await desk.places.tasks.open(OF).load();
    await pass(200);
    expect(screen.getByTestId('task-thread').textContent).toContain('Handed over');
    expect(screen.queryByRole('group', { name: 'Control of the task' })).toBeNull();
    expect(screen.queryByTestId('error')).toBeNull();
  });
});

describe('control', () => {
  test('a task is paused and goes on', async () => {
    await click(button('Pause'));
    expect(calls('pause').at(-1)).toEqual({ ...OF, paused: true });
    expect(acts()).toContain('Paused');
    await click(button('Resume'));
    expect(acts()).toContain('The agent works');
  });

  test('where more is paused, only that can be let go on', async () => {
    await press('.', { ctrlKey: true });
    expect(acts()).toContain('It is paused with everything.');
    expect((button('Pause') as HTMLButtonElement).disabled).toBe(true);
  });

  test('taking over offers words for the end user that say what was read already', async () => {
    await click(button('Take over'));
    const inForm = within(form('Take the task over'));
    await click(inForm.getByRole('button', { name: /^Begin with: “I’ve read your conversation with our assistant/u }));
    expect(inForm.getByTestId<HTMLTextAreaElement>('end-user-message').value).toContain('You don’t need to repeat anything.');
    await press('Enter', { ctrlKey: true });
    expect(calls('takeOver')).toEqual([{ ...OF, message: { text: 'I’ve read your conversation with our assistant and am taking over from here. You don’t need to repeat anything.' } }]);
    expect(calls('decide')).toEqual([]);
    expect(acts()).toContain('You do it by hand');
    expect(screen.queryByRole('button', { name: 'Pause' })).toBeNull();
    expect(document.activeElement?.textContent).toBe('Give back');
  });

  test('is given back with what was done by hand', async () => {
    await host.takeOver({ ...OF, message: null });
    await pass(300);
    await click(screen.getByTestId('give-back'));
    const inForm = within(form('Give the task back'));
    expect(inForm.queryByLabelText('Find the charges of the order')).toBeNull();
    await click(inForm.getByLabelText('Refund the duplicate'));
    await type(inForm.getByLabelText('What came of “Refund the duplicate”, JSON or text'), '{ "receipt": "R-9" }');
    await click(inForm.getByLabelText('Write to the customer'));
    await click(inForm.getByRole('button', { name: 'Add a fact' }));
    await type(inForm.getByLabelText('Value of fact 1, JSON or text'), '149');
    await click(inForm.getByRole('button', { name: /^Give back/u }));
    expect(screen.getByRole('alert').textContent).toContain('A fact needs a name.');
    await type(inForm.getByLabelText('Name of fact 1'), 'refunded');
    await type(inForm.getByLabelText(/^What else should the agent know/u), 'She is content.');
    await click(inForm.getByRole('button', { name: /^Give back/u }));
    expect(calls('giveBack')).toEqual([{ ...OF, done: [{ step: 'refund', output: { receipt: 'R-9' } }, { step: 'notify' }], facts: { refunded: 149 }, text: 'She is content.' } satisfies GiveBack]);
    expect(acts()).not.toContain('by hand');
    expect(screen.getByTestId('task-thread').textContent).toContain('Did refund by hand');
  });

  test('a refusal stands in the form, and what was typed stays too', async () => {
    await click(button('Say something'));
    await click(within(form('Say something to the agent')).getByRole('button', { name: /^Say it/u }));
    expect(screen.getByRole('alert').textContent).toBe('Write something first.');
    await type(screen.getByLabelText(/^To the agent/u), 'Mind the photos.');
    host.failNext('tellAgent', { code: 'store', message: 'The words could not be kept: the disk is full.', hint: 'Free some space.' });
    await click(within(form('Say something to the agent')).getByRole('button', { name: /^Say it/u }));
    expect(screen.getByRole('alert').textContent).toBe('The words could not be kept: the disk is full. Free some space.');
    await press('Escape');
    expect(screen.queryByRole('form', { name: 'Say something to the agent' })).toBeNull();
    expect(document.activeElement?.textContent).toBe('Say something');
    await show('h-other');
    await show('h-refund');
    await click(button('Say something'));
    expect(screen.getByLabelText<HTMLTextAreaElement>(/^To the agent/u).value).toBe('Mind the photos.');
    await click(button('Take over'));
    expect(screen.queryByRole('form', { name: 'Say something to the agent' })).toBeNull();
  });

  test('one that is over can only be read', async () => {
    host.withdraw('h-refund');
    host.tasks.end(OF);
    await host.tellAgent({ ...OF, text: 'Thanks.' });
    await pass(300);
    expect(acts()).toContain('Over');
    expect(screen.queryByRole('group', { name: 'Control of the task' })).toBeNull();
  });
});

test('of a task that has ended while it was paused, the plan is not edited', async () => {
  await click(button('Pause'));
  host.tasks.end(OF);
  await host.tellAgent({ ...OF, text: 'Thanks.' });
  await pass(300);
  expect(button('Take over')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Edit the plan' })).toBeNull();
});

describe('the plan', () => {
  const steps = () => [...screen.getByRole('list', { name: 'Steps of the plan' }).querySelectorAll('li')].map((one) => one.dataset['stepId']);
  const changes = () => [...(document.querySelector('[data-part="plan-changes"]')?.querySelectorAll('li') ?? [])].map((one) => one.textContent);
  beforeEach(async () => {
    await click(button('Edit the plan'));
  });

  test('is reordered by buttons and by keys, and says what that changes', async () => {
    await click(button('Move “Update the weekly duplicate report” up'));
    expect(steps()).toEqual(['find_charges', 'open_case', 'refund', 'report', 'notify']);
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Move “Update the weekly duplicate report” up');
    await press('ArrowUp', { altKey: true });
    expect(steps()).toEqual(['find_charges', 'open_case', 'report', 'refund', 'notify']);
    expect(changes()).toEqual(['Move “Update the weekly duplicate report” after “Tag the case”']);
    await click(button(/^Send 1 change/u));
    const [sent] = calls('editPlan') as EditPlan[];
    expect(sent?.revision).toBe(1);
    expect(sent?.plan.steps.map((step) => step.id)).toEqual(['find_charges', 'open_case', 'report', 'refund', 'notify']);
    expect(sent?.plan.steps[3]?.args).toEqual({ charge: 'ch_2', amount: 149, currency: 'EUR' });
  });

  test('locks what is done, and says so', () => {
    expect(screen.queryByRole('button', { name: 'Drop “Tag the case”' })).toBeNull();
    expect(screen.getByText('What is done stays as it is. To have it done again, add a step.')).toBeTruthy();
  });

  test('takes another step, other words and other arguments', async () => {
    await click(button('Add a step'));
    expect(document.activeElement?.getAttribute('data-part')).toBe('title');
    expect(screen.getByText('It needs a title: the agent reads it.')).toBeTruthy();
    await press('Enter', { ctrlKey: true });
    expect(calls('editPlan')).toEqual([]);
    await type(screen.getByLabelText('What it does'), 'Call her');
    await click(screen.getByLabelText('Refund the duplicate'));
    await click(button('Refund the duplicate'));
    await type(screen.getByLabelText(/^Arguments of/u), '{ "charge": "ch_2", "amount": ');
    expect(screen.getByText(/^This is not JSON yet/u)).toBeTruthy();
    await type(screen.getByLabelText(/^Arguments of/u), '{ "charge": "ch_2", "amount": 100 }');
    expect(changes()).toEqual(['Other arguments for “Refund the duplicate”', 'Add “Call her” after “Update the weekly duplicate report”']);
    screen.getByLabelText(/^Why\?/u).focus();
    await type(screen.getByLabelText(/^Why\?/u), 'She asked for a call.');
    await press('Enter', { ctrlKey: true });
    await pass(200);
    const [sent] = calls('editPlan') as EditPlan[];
    expect(sent?.text).toBe('She asked for a call.');
    expect(sent?.plan.steps.at(-1)).toMatchObject({ title: 'Call her', status: 'pending', depends_on: ['refund'] });
    expect(sent?.plan.steps[2]?.args).toEqual({ charge: 'ch_2', amount: 100 });
    expect(screen.getByTestId('task-thread').textContent).toContain('Changed the plan: She asked for a call.');
  });

  test('does not lose a step that others use, and can keep what was dropped', async () => {
    await click(button('Drop “Refund the duplicate”'));
    expect(screen.getByText(/^It uses what “refund” gives/u)).toBeTruthy();
    await click(button(/^Send 2 changes/u));
    expect(screen.getByRole('alert').textContent).toContain('Mend what is marked first; nothing was sent.');
    expect(calls('editPlan')).toEqual([]);
    await click(button(/^Keep it/u));
    expect(steps()).toEqual(['find_charges', 'open_case', 'refund', 'notify', 'report']);
    expect(changes()).toEqual([]);
  });

  test('that has changed meanwhile is not overwritten', async () => {
    await click(button('Drop “Update the weekly duplicate report”'));
    host.tasks.replan(OF, { steps: [{ id: 'only', title: 'Only this', status: 'pending', depends_on: [], uses: [] }] });
    await click(button(/^Send 1 change/u));
    expect(screen.getByRole('alert').textContent).toContain('The plan has changed since: it has revision 2 now.');
    await click(button('Start over from the present plan'));
    expect(steps()).toEqual(['only']);
  });
});

test('is reached by command, and its page too', async () => {
  desk.evidence = 'plan';
  const run = (id: string) => commands(desk).find((one) => one.id === id && one.available)?.run();
  run('task-tell');
  await pass(300);
  expect(form('Say something to the agent').contains(document.activeElement)).toBe(true);
  run('task-plan');
  await pass(300);
  expect(form('Edit the plan')).toBeTruthy();
  run('task-plan');
  await pass(300);
  expect(form('Edit the plan')).toBeTruthy();
  run('task-page');
  await pass(300);
  expect(main()).toBe('Refund request from Dana Ortiz');
  expect(commands(desk).find((one) => one.id === 'task-tell')?.available).toBe(false);
});

test('a task is reached from the agents too, and left to where it came from', async () => {
  await press('2', { ctrlKey: true });
  await click(within(row('billing-agent')).getByRole('button', { name: /^Connections, record/u }));
  await click(within(row('billing-agent')).getByRole('button', { name: 'Open Refund request from Dana Ortiz' }));
  expect(main()).toBe('Refund request from Dana Ortiz');
  expect(screen.getByRole('region', { name: 'The plan' }).textContent).toContain('Refund the duplicate');
  await click(button('Take over'));
  await pass(200);
  expect(screen.getByTestId('end-user-message')).toBeTruthy();
  await press('Escape');
  expect(main()).toBe('Refund request from Dana Ortiz');
  await click(button('Open the question'));
  await pass(600);
  expect(main()).toBe('Handoff');
  desk.places.showTask(OF);
  await pass(200);
  await press('Escape');
  expect(main()).toBe('Agents');
});
