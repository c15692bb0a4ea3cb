/** The window's components on the in-memory desk. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { HOSTILE } from '../../src/host/fake/hostile';
import { inertText } from '../../src/lib/inert';
import { desk, eachAlone, host, open, pass, press, show } from './stage';

const item = (id: string) => document.querySelector<HTMLElement>(`[data-handoff-id="${id}"]`);

eachAlone();

describe('the card', () => {
  test('keeps the options near the question where there are many details, and says how many more there are', async () => {
    await open('long');
    await show('h-long');
    expect(screen.getAllByTestId('entity')).toHaveLength(6);
    await fireEvent.click(screen.getByRole('button', { name: '8 more details' }));
    expect(screen.getAllByTestId('entity')).toHaveLength(14);
  });

  test('an answer is never to the card before the one that the queue marks', async () => {
    await open('full');
    await show('h-loop');
    expect(desk.opened?.obstacle).toBeNull();
    desk.select('h-draft');
    desk.answering.submit();
    void desk.answering.send();
    await pass(2000);
    expect(host.calls.filter((call) => call.name === 'decide')).toEqual([]);
    expect(desk.opened?.view.id).toBe('h-draft');
  });

  test('has every layer under its test id', async () => {
    await open('full');
    await show('h-refund');
    expect(screen.getByTestId('question').tagName).toBe('H1');
    expect(screen.getByTestId('question').textContent).toBe('Refund only the proven duplicate, or both charges?');
    expect(screen.getByTestId('summary').textContent).toContain('charged twice');
    expect(screen.getByTestId('reading-time').textContent).toBe('8 s to read');
    expect(screen.getAllByTestId('entity')).toHaveLength(4);
    expect(screen.getAllByTestId('constraint')).toHaveLength(2);
    expect(screen.getAllByTestId('missing-layer').map((layer) => layer.textContent)).toEqual(['○Full chat transcript (34 messages)']);
    expect(screen.getByTestId('deadline').textContent).toContain('left');
    expect(screen.getByTestId('liveness').textContent).toBe('listening now');
    expect(screen.getAllByTestId('option').map((option) => option.dataset['optionId'])).toEqual(['duplicate-only', 'send-to-billing']);
    expect(screen.getAllByTestId('option-risk').map((risk) => risk.textContent?.trim())).toEqual(['irreversible, high risk', 'reversible, low risk']);
    expect(screen.getAllByTestId('directive-step').map((step) => [step.dataset['stepId'], step.dataset['verdict']])).toEqual([
      ['find_charges', 'keep'],
      ['open_case', 'keep'],
      ['refund', 'run'],
      ['notify', 'run'],
      ['report', 'run'],
    ]);
    expect(screen.getByTestId('end-user-message')).toBeTruthy();
    expect(screen.getByTestId('decide-approve').textContent).toContain('Refund the duplicate (149.00 EUR)');
  });

  test('shows the exact action, whole', async () => {
    await open('full');
    await show('h-refund');
    const [first] = screen.getAllByTestId('option');
    expect(first?.querySelector('pre')?.textContent).toBe('{ "charge": "ch_2", "amount": 149, "currency": "EUR" }');
  });

  test('flags a long summary with its words', async () => {
    await open('long');
    expect(screen.getByTestId('reading-time').textContent).toMatch(/^105 s to read · 416 words, more than the 90/u);
  });

  test('says how much is folded, and opens it', async () => {
    await open('long');
    await show('h-folded');
    const [option] = screen.getAllByTestId('option');
    if (option === undefined) throw new Error('no option');
    expect(screen.getByTestId('decide-approve').getAttribute('aria-disabled')).toBe('true');
    await fireEvent.click(within(option).getByText('… 392 more lines'));
    await pass(200);
    expect(option.querySelector('pre')?.textContent).toContain('scan-0400 copy.pdf');
    expect(host.calls.filter((call) => call.name === 'unfold')).toHaveLength(1);
  });

  test('offers what an agent asks for where it prepared nothing', async () => {
    await open('full');
    await show('h-invoices');
    expect(screen.queryByTestId('decide-approve')).toBeNull();
    expect(screen.queryByTestId('decide-modify')).toBeNull();
    expect(screen.getByTestId('decide-inform')).toBeTruthy();
    expect(screen.getByTestId('liveness').textContent).toMatch(/^not seen since/u);
  });

  test('lists the actions, the thread and the agents', async () => {
    await open('full');
    await show('h-refund');
    await fireEvent.click(screen.getByRole('tab', { name: /History/u }));
    expect(screen.getAllByTestId('action').map((action) => action.dataset['actionId'])).toEqual(['a1', 'a2']);
    await fireEvent.click(screen.getByRole('tab', { name: 'Thread' }));
    expect(screen.getByTestId('task-thread').textContent).toContain('handed off this case');
    await fireEvent.click(screen.getByTestId('connection-state'));
    expect(screen.getAllByTestId('agent-row').map((row) => row.dataset['agent'])).toContain('billing-agent');
  });
});

describe('hostile text', () => {
  test('is text everywhere, visible and whole', async () => {
    await open('hostile');
    expect(document.querySelector('main img, main a, main script, main iframe, aside a, nav a')).toBeNull();
    expect(screen.getByTestId('question').textContent).toBe(`Approve? ${inertText(HOSTILE)}`);
    expect(screen.getAllByTestId('constraint')[0]?.textContent).toContain(inertText(HOSTILE));
    expect(document.title).not.toBe('owned');
  });

  test.each(['plan', 'history', 'thread', 'agents'])('reaches no attribute and no name for the ear unseen: %s', async (place) => {
    await open('hostile');
    if (place === 'agents') {
      desk.places.go('agents');
      await pass(600);
      for (const button of document.querySelectorAll<HTMLElement>('main [aria-expanded="false"]')) await fireEvent.click(button);
    } else desk.evidence = place as 'plan' | 'history' | 'thread';
    await pass(600);
    const unseen = /[\u202E\u200B\u2060\u{E0041}]/u;
    for (const element of document.querySelectorAll('*')) {
      for (const attribute of element.attributes) {
        if (attribute.name === 'value' || attribute.name.startsWith('data-')) continue;
        expect(attribute.value, `${element.tagName} ${attribute.name}`).not.toMatch(unseen);
      }
      if (element.classList.contains('unseen')) expect(element.textContent, element.parentElement?.outerHTML).not.toMatch(unseen);
    }
    expect(document.body.textContent).not.toMatch(unseen);
  });
});

describe('keys', () => {
  test('move, choose and open forms', async () => {
    await open('full');
    await press('j');
    expect(desk.selected).toBe('h-refund');
    await pass(600);
    await press('2');
    expect(desk.opened?.draft.option).toBe('send-to-billing');
    await press('r');
    expect(document.activeElement).toBe(screen.getByTestId('reject-reason'));
    await press('Escape');
    expect(screen.queryByTestId('reject-reason')).toBeNull();
    await press('i');
    expect(document.activeElement).toBe(screen.getByTestId('inform-text'));
    expect(screen.getByTestId('fact-editor')).toBeTruthy();
  });

  test('are silent when single keys are switched off', async () => {
    await open('full');
    await desk.saveSettings((settings) => ({ ...settings, shortcuts: false }));
    await press('j');
    expect(desk.selected).toBe('h-drop');
    await press('k', { ctrlKey: true });
    expect(desk.dialog).toBe('palette');
  });

  test('go into a text while one is written', async () => {
    await open('full');
    await press('/');
    expect(document.activeElement).toBe(screen.getByTestId('search'));
    await press('j');
    expect(desk.selected).toBe('h-drop');
  });

  test('a held key answers nothing twice', async () => {
    await open('ten');
    await press('Enter', { ctrlKey: true, repeat: true });
    expect(host.calls.some((call) => call.name === 'decide')).toBe(false);
  });

  test('the palette names every command and its key, and approves nothing by Enter', async () => {
    await open('ten');
    await press('k', { ctrlKey: true });
    const commands = screen.getAllByRole('option').map((option) => option.textContent?.trim());
    expect(commands).toEqual(expect.arrayContaining([expect.stringMatching(/^Approve: Archive it.*Ctrl ⏎$/u), expect.stringMatching(/^Reject.*r$/u), 'Run the demo agent']));
    await fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Enter' });
    await pass(200);
    expect(desk.dialog).toBeNull();
    expect(host.calls.some((call) => call.name === 'decide')).toBe(false);
    expect(document.activeElement).toBe(screen.getByTestId('decide-approve'));
  });
});

test.each([
  ['dark', ['Theme: dark', 'Settings']],
  ['missed', ['Show what waited too long']],
  ['quiet', ['Settings', 'Focus for 1 hour: no reminders', 'Focus until tomorrow 9:00']],
])('the palette finds a command by “%s”', async (words, found) => {
  await open('ten');
  await press('k', { ctrlKey: true });
  await fireEvent.input(screen.getByRole('combobox'), { target: { value: words } });
  await pass(0);
  const titles = within(screen.getByRole('listbox', { name: 'Commands' })).getAllByRole('option').map((option) => option.querySelector('.title')?.textContent);
  expect(titles).toEqual(found);
});

test('the palette changes the theme', async () => {
  await open('ten');
  await press('k', { ctrlKey: true });
  await fireEvent.input(screen.getByRole('combobox'), { target: { value: 'dark theme' } });
  await pass(0);
  await fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Enter' });
  await pass(300);
  expect(document.documentElement.dataset['theme']).toBe('dark');
});

test('a form left open does not catch the keys of one who comes back', async () => {
  await open('full');
  await press('r');
  const field = screen.getByTestId('reject-reason');
  field.blur();
  await press('j');
  await pass(600);
  await press('k');
  await pass(600);
  expect(screen.getByTestId('reject-reason')).toBeTruthy();
  expect(document.activeElement).not.toBe(screen.getByTestId('reject-reason'));
  await press('j');
  expect(desk.selected).toBe('h-refund');
});

describe('states', () => {
  test('an empty desk explains itself and starts the demo agent', async () => {
    await open('empty');
    await fireEvent.click(screen.getByTestId('run-demo'));
    await pass(1500);
    expect(screen.queryByTestId('run-demo')).toBeNull();
    expect(screen.getByTestId('question').textContent).toBe('What shall I do with the 12 extra copies?');
  });

  test('a hold counts down with its undo, then goes out', async () => {
    await open('ten');
    await press('Enter', { ctrlKey: true });
    expect(screen.getByTestId('undo-decision')).toBeTruthy();
    expect(document.body.textContent).toContain('goes out in 5 s');
    await pass(3000);
    expect(document.body.textContent).toContain('goes out in 2 s');
    await pass(3000);
    expect(screen.queryByTestId('undo-decision')).toBeNull();
    await press('j');
    await fireEvent.click(screen.getByRole('tab', { name: /Done/u }));
    await pass(5000);
    expect(item('h-00001')?.dataset['state']).toBe('reconciled');
  });

  test('a revision is marked where words were written', async () => {
    await open('full');
    await press('r');
    await fireEvent.input(screen.getByTestId('reject-reason'), { target: { value: 'Wait.' } });
    host.revise('h-drop', { summary: 'Now with a backup.' });
    await pass(200);
    expect(screen.getByText(/revised its proposal while you were writing/u)).toBeTruthy();
    expect(screen.getByTestId<HTMLTextAreaElement>('reject-reason').value).toBe('Wait.');
    expect(screen.getByTestId('summary').textContent).toBe('Now with a backup.');
  });

  test('an answer in the first half second is refused where it can be seen and heard', async () => {
    await open('ten');
    desk.select('h-00002');
    await pass(100);
    expect(screen.getByTestId('decide-approve').className).toContain('arming');
    await fireEvent.keyDown(document.body, { key: 'Enter', ctrlKey: true });
    await pass(0);
    expect(screen.getByText('One moment: the card has just changed. Nothing was sent.')).toBeTruthy();
    expect(document.querySelector('[aria-live="polite"]')?.textContent).toBe('One moment: the card has just changed.');
    await pass(3500);
    expect(screen.queryByText(/One moment: the card has just changed. Nothing/u)).toBeNull();
    expect(screen.getByTestId('decide-approve').className).not.toContain('arming');
    expect(host.calls.some((call) => call.name === 'decide')).toBe(false);
  });

  test('a withdrawn card says so in its header, promises nothing and leads on', async () => {
    await open('full');
    await show('h-drop');
    host.withdraw('h-drop', 'The table is in use after all.');
    await pass(200);
    expect(screen.getByTestId('liveness').textContent).toBe('withdrawn by the agent');
    expect(document.querySelector('main')?.textContent).not.toMatch(/listening|will collect/u);
    expect(screen.getByText('The table is in use after all.')).toBeTruthy();
    expect(screen.getAllByTestId('directive-step')[0]?.querySelector('.verdict')).toBeNull();
    await fireEvent.click(screen.getByRole('button', { name: 'Next handoff' }));
    await pass(700);
    expect(screen.getByTestId('question').textContent).toBe('Refund only the proven duplicate, or both charges?');
    expect(item('h-refund')?.getAttribute('aria-selected')).toBe('true');
  });

  test('words that were not sent stay on a card that was closed', async () => {
    await open('full');
    await press('r');
    await fireEvent.input(screen.getByTestId('reject-reason'), { target: { value: 'Not today.' } });
    host.withdraw('h-drop');
    await pass(200);
    const kept = screen.getByLabelText<HTMLTextAreaElement>(/^You had not sent this/u);
    expect(kept.value).toBe('Not today.');
    expect(kept.readOnly).toBe(true);
    expect(document.activeElement).toBe(kept);
  });

  test('the last card that is withdrawn says that nothing else waits', async () => {
    await open('empty');
    host.submit({ id: 'h-only', agent: 'tidy', title: 'Tidy', question: 'Delete the copies?' });
    await pass(700);
    host.withdraw('h-only');
    await pass(200);
    expect(screen.getByText('Nothing else waits for you.')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Next handoff' })).toBeNull();
  });

  test.each([
    ['inform', 'has your information'],
    ['take_over', 'in your hands'],
    ['reject', 'has not confirmed yet that it follows it'],
    ['approve', 'is carrying it out'],
  ] as const)('what the agent has fetched of %s is told in its own words', async (kind, words) => {
    await open('empty');
    const at = new Date().toISOString();
    host.submit({ id: 'h-kind', agent: 'tidy', title: 'Tidy', question: 'Which folder?', state: 'collected', liveness: { kind: 'collected', at }, decision: { kind, by: 'reviewer', at, facts: {}, constraints: [] } });
    await pass(700);
    await fireEvent.click(screen.getByRole('tab', { name: /Sent/u }));
    await pass(100);
    expect(item('h-kind')?.textContent).toContain('fetched by the agent');
    await show('h-kind');
    expect(document.querySelector('main')?.textContent).toContain(words);
    const back = document.querySelector<HTMLElement>('[data-part="give-back"]');
    expect(back !== null).toBe(kind === 'take_over');
    back?.click();
    await pass(100);
    if (back !== null) expect(screen.getByRole('tab', { name: /Thread/u }).getAttribute('aria-selected')).toBe('true');
  });

  test('an agent that did something else is not said to have confirmed', async () => {
    await open('empty');
    const at = new Date().toISOString();
    host.submit({ id: 'h-other', agent: 'tidy', title: 'Tidy', question: 'Which folder?', state: 'reconciled', flags: ['diverged'], report: { outcome: 'diverged', steps: [] }, decision: { kind: 'approve', by: 'reviewer', at, facts: {}, constraints: [] } });
    await pass(700);
    await fireEvent.click(screen.getByRole('tab', { name: /Done/u }));
    await pass(100);
    await show('h-other');
    expect(item('h-other')?.textContent).toContain('did something else');
    expect(screen.getByTestId('liveness').textContent).toBe('did something else');
    expect(document.body.textContent).not.toMatch(/confirmed by the agent|has carried it out/u);
    expect(screen.getByText('The agent did something else.')).toBeTruthy();
  });

  test('an effect looks alike in the queue and on the card', async () => {
    await open('full');
    await show('h-draft');
    const look = (mark: Element | null | undefined) => [mark?.querySelector('path')?.getAttribute('d'), [...(mark?.classList ?? [])].find((name) => ['low', 'mid', 'high'].includes(name))];
    const row = look(item('h-draft')?.querySelector('[data-effect="reversible"]'));
    const risks = screen.getAllByTestId('option-risk');
    expect(risks.map((risk) => risk.textContent?.trim())).toEqual(['reversible, medium risk', 'reversible, low risk']);
    for (const risk of risks) expect(look(risk)).toEqual(row);
  });

  test('an option without an action says what a yes to it does', async () => {
    await open('full');
    await show('h-loop');
    const [, second] = screen.getAllByTestId('option');
    expect(second?.textContent).toContain('Runs no tool: the agent is told that you chose this option');
    expect(second?.textContent).toContain('reads only, low risk');
  });

  test('the help explains the words of the window', async () => {
    await open('full');
    desk.dialog = 'help';
    await pass(50);
    const words = document.querySelector('[data-part="glossary"]')?.textContent;
    for (const word of ['Hold', 'Collect', 'Reconcile', 'May have run', 'Version', 'Missed']) expect(words).toContain(word);
  });

  test('a term that is met for the first time has a tooltip', async () => {
    await open('full');
    await show('h-invoices');
    expect(screen.getByTestId('liveness').title).not.toBe('');
    expect(screen.getAllByText('incomplete briefing').map((mark) => mark.title)).toEqual([expect.stringContaining('what is missing')]);
    for (const id of ['decide-inform', 'decide-reject', 'decide-takeover']) expect(screen.getByTestId(id).title).not.toBe('');
  });

  test('what failed is shown with what to do', async () => {
    await open('error');
    expect(screen.getByRole('heading', { name: 'The queue could not be opened' })).toBeTruthy();
    expect(screen.getAllByRole('tab').map((tab) => tab.textContent?.trim())).toEqual(expect.arrayContaining(['Inbox', 'Sent', 'Done']));
    expect(screen.getAllByTestId('error').map((error) => error.textContent)).toEqual(expect.arrayContaining([expect.stringContaining('disk that holds the desk is full'), expect.stringContaining('Close the other program')]));
    expect(screen.getByText(/was set aside/u)).toBeTruthy();
    await fireEvent.click(screen.getByText('Try again'));
    await pass(700);
    expect(screen.getAllByTestId('error')).toHaveLength(1);
    expect(screen.getByText(/No notifications/u)).toBeTruthy();
  });

  test('what may have run is handed out again only on a second act', async () => {
    await open('full');
    await fireEvent.click(screen.getByRole('tab', { name: /Sent/u }));
    await pass(100);
    await show('h-mail');
    await fireEvent.click(screen.getByText('Hand it out again…'));
    expect(host.calls.some((call) => call.name === 'regrant')).toBe(false);
    await fireEvent.click(screen.getByText('Yes, hand it out again'));
    await pass(100);
    expect(host.calls.some((call) => call.name === 'regrant')).toBe(true);
  });

  test('the deadline turns loud at its warning', async () => {
    await open('ten');
    const timer = () => screen.getByTestId('deadline').querySelector('[role="timer"]');
    expect(timer()?.className).toContain('quiet');
    await pass(16 * 60_000);
    expect(timer()?.className).toContain('near');
    await pass(5 * 60_000);
    expect(timer()?.className).toContain('over');
  });

  test('settings are saved and a refusal is shown in place', async () => {
    await open('full');
    desk.dialog = 'settings';
    await pass(50);
    await fireEvent.click(screen.getByLabelText('Dark'));
    await pass(50);
    expect(document.documentElement.dataset['theme']).toBe('dark');
    await fireEvent.change(screen.getByLabelText(/^Hold/u), { target: { value: '' } });
    expect(host.calls.filter((call) => call.name === 'saveSettings')).toHaveLength(1);
    await fireEvent.change(screen.getByLabelText(/^Hold/u), { target: { value: '31' } });
    await pass(50);
    expect(screen.getAllByText(/between 0 and 30 seconds/u).length).toBeGreaterThan(0);
    expect(desk.settings.hold_s).toBe(5);
  });
});
