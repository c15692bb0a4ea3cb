/** What a fresh pair of eyes stumbled over on the card and in the queue. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import { flagWords, glossary } from '../../src/lib/words';
import { desk, eachAlone, host, open, pass, show } from './stage';

eachAlone();

const NAME = 'photos/a.jpg\nnotes/keep.md\tx\u001b';
const SHOWN = 'photos/a.jpg⟨U+000A⟩notes/keep.md⟨U+0009⟩x⟨U+001B⟩';

describe('a name with a line end in it', () => {
  beforeEach(async () => {
    await open('ten');
    host.submit({
      id: 'h-names', agent: 'tidy\n2', title: 'Tidy\nup', question: 'Delete it?',
      entities: [{ kind: 'file', label: 'File\n2', value: NAME }],
      options: [{ id: 'delete', label: 'Delete', effect: 'irreversible', recommended: true, action: { tool: 'files.delete', args: { paths: [NAME] }, files: [NAME, 'b.jpg'] } }],
      actions: [{ id: 'a1', tool: 'fs.list', files: [NAME] }],
    });
    await pass(300);
    await show('h-names');
  });

  test('is one name among the facts', () => {
    expect(screen.getByTestId('entity').textContent).toBe(`File⟨U+000A⟩2${SHOWN}`);
  });

  test('is one name among the files of an option', () => {
    const names = within(screen.getByTestId('option')).getAllByRole('listitem').map((name) => name.textContent);
    expect(names).toEqual([SHOWN, 'b.jpg']);
  });

  test('is one name in the history', async () => {
    desk.evidence = 'history';
    await pass(0);
    expect(within(screen.getByTestId('action')).getByRole('list').textContent).toBe(SHOWN);
  });

  test('is one name among the targets of the task', async () => {
    const view = desk.opened?.view;
    if (view === undefined) throw new Error('no card');
    desk.opened?.take({ ...view, task: { ...view.task, targets: [NAME, 'out/'], tools: ['files\ndelete'] } });
    await pass(0);
    const plan = within(screen.getByRole('region', { name: 'Plan' }));
    expect(plan.getAllByRole('listitem').map((name) => name.textContent)).toEqual([SHOWN, 'out/', 'files⟨U+000A⟩delete']);
  });

  test('is one name in the queue', () => {
    const row = document.querySelector('[data-handoff-id="h-names"] .origin');
    expect(row?.textContent).toBe('tidy⟨U+000A⟩2Tidy⟨U+000A⟩up');
  });
});

test('each row of the queue names its task', async () => {
  await open('full');
  const titles = [...document.querySelectorAll('[data-part="title"]')].map((title) => title.textContent);
  expect(titles).toEqual(['Clean up staging', 'Refund request from Dana Ortiz', 'Sort the scans', 'Rename the API', 'Market study', 'Close November']);
});

describe('what the agent says of its arguments', () => {
  const told = () => screen.queryAllByRole('note').map((note) => note.textContent);

  test('is said to be of the original ones while they are edited', async () => {
    await open('full');
    await show('h-refund');
    await desk.answering.begin('modify');
    await pass(300);
    expect(told(), 'nothing is edited yet').toEqual([]);
    const { draft } = desk.opened ?? {};
    if (draft === undefined) throw new Error('no card');
    draft.args['duplicate-only'] = '{"charge": "ch_2", "amount": 10, "currency": "EUR"}';
    await pass(300);
    expect(told()).toEqual(['These are as the agent handed them over; they do not follow your edit.', 'The agent wrote the lines below for its own arguments, not for your edit.']);
    desk.answering.close();
    await pass(0);
    expect(told(), 'without the form the original is approved').toEqual([]);
  });

  test('is said to be of the original ones after they were edited', async () => {
    await open('full');
    await show('h-refund');
    await desk.answering.begin('modify');
    const { draft } = desk.opened ?? {};
    if (draft === undefined) throw new Error('no card');
    draft.args['duplicate-only'] = '{"charge": "ch_2", "amount": 10, "currency": "EUR"}';
    draft.confirmed = true;
    await pass(300);
    await desk.answering.send();
    desk.show('waiting');
    await pass(300);
    await show('h-refund');
    expect(told()).toEqual(['The agent wrote the lines below for its own arguments, not for the edited ones.']);
  });
});

test('a card that came back by an undo takes no answer for a moment', async () => {
  await open('full');
  await show('h-draft');
  await desk.answering.send();
  await pass(0);
  desk.show('waiting');
  await pass(100);
  await show('h-draft');
  expect(desk.opened?.view.state).toBe('decided');
  expect(desk.opened?.guard.ready, 'it was on screen for long').toBe(true);
  void desk.undo('h-draft');
  await pass(20);
  expect(desk.opened?.view.state).toBe('ready');
  expect(desk.opened?.guard.ready).toBe(false);
  const sent = host.calls.filter((call) => call.name === 'decide').length;
  await fireEvent.keyDown(document.body, { key: 'Enter', ctrlKey: true, bubbles: true });
  await pass(100);
  expect(host.calls.filter((call) => call.name === 'decide')).toHaveLength(sent);
  await pass(600);
  expect(desk.opened?.guard.ready).toBe(true);
});

describe('the words on screen', () => {
  const JARGON = /\b(cold|escalat\w*|revision\w*|lease\w*)\b/iu;

  test.each(['full', 'late', 'long', 'clear', 'error', 'quiet', 'empty', 'gate'])('hold no jargon in %s', async (scene) => {
    await open(scene);
    const seen = () => [document.body.textContent, ...[...document.querySelectorAll('[title], [aria-label]')].map((one) => `${one.getAttribute('title') ?? ''} ${one.getAttribute('aria-label') ?? ''}`)].join(' ');
    const look = (what: string) => {
      expect(JARGON.exec(seen())?.[0], what).toBeUndefined();
    };
    look('first');
    for (const item of desk.order.slice(0, 8)) {
      await show(item.id);
      for (const tab of ['plan', 'history', 'thread'] as const) {
        desk.evidence = tab;
        await pass(0);
        look(`${item.id} ${tab}`);
      }
    }
    for (const place of ['agents', 'rules'] as const) {
      desk.places.go(place);
      await pass(100);
      look(place);
    }
    for (const dialog of ['help', 'settings', 'palette'] as const) {
      desk.dialog = dialog;
      await pass(100);
      look(dialog);
    }
  });

  test('hold none in the terms either', () => {
    for (const { word, help } of [...Object.values(flagWords), ...glossary]) expect(`${word} ${help}`).not.toMatch(JARGON);
  });

  test('promise nothing of time that is not so', async () => {
    await open('empty');
    expect(document.body.textContent).toContain('nothing runs, except a default that only reads or that you allowed');
    expect(document.body.textContent).not.toMatch(/because time passed|time never/iu);
    desk.dialog = 'help';
    await pass(0);
    expect(document.body.textContent).not.toMatch(/time never|time alone/iu);
  });
});

test('an action says who tells of it, and whether the desk found out what it did', async () => {
  await open('ten');
  host.submit({
    id: 'h-seen', agent: 'tidy', title: 'Tidy up', question: 'Look?',
    actions: [
      { id: 'a1', tool: 'bash', found: true, source: 'observed by hook; agent says: failed' },
      { id: 'a2', tool: 'crm.find' },
    ],
  });
  await pass(300);
  await show('h-seen');
  desk.evidence = 'history';
  await pass(0);
  const [seen, said] = screen.getAllByTestId('action').map((action) => action.textContent);
  expect(seen).toContain('found by the desk');
  expect(seen).toContain('observed by hook; agent says: failed');
  expect(said).not.toContain('found by the desk');
  expect(said).toContain('agent says');
});

describe('an option of which the desk found another effect than its agent says', () => {
  beforeEach(async () => {
    await open('ten');
    host.submit({
      id: 'h-said', agent: 'tidy', title: 'Tidy up', question: 'Look?',
      options: [
        { id: 'go', label: 'Look around', said: 'read', effect: 'irreversible', found: '`rm -rf /home/me` deletes files.', why: 'It only looks.', recommended: true, action: { tool: 'bash', args: { command: 'rm -rf /home/me' } } },
        { id: 'list', label: 'List', effect: 'read', action: { tool: 'bash', args: { command: 'ls' } } },
      ],
    });
    await pass(300);
    await show('h-said');
  });

  test('says what its agent says, and what was found', () => {
    const [go, list] = screen.getAllByTestId('option');
    expect(go?.textContent).toContain('The agent says that this only reads. `rm -rf /home/me` deletes files.');
    expect(list?.textContent).not.toContain('The agent says');
    expect(screen.getAllByTestId('option-risk').map((mark) => mark.dataset['effect'])).toEqual(['irreversible', 'read']);
    expect(screen.getByTestId('confirm-high-risk').closest('label')?.textContent).toContain('this cannot be undone');
  });

  test('is read anew when its arguments are edited', async () => {
    desk.opened?.choose('list');
    await pass(300);
    expect(screen.queryByTestId('confirm-high-risk')).toBeNull();
    await desk.answering.begin('modify');
    await pass(300);
    if (desk.opened !== null) desk.opened.draft.args['list'] = '{"command": "rm -rf ."}';
    await pass(600);
    expect(screen.getByTestId('confirm-high-risk').closest('label')?.textContent).toContain('this cannot be undone');
    expect(screen.getAllByTestId('option')[1]?.textContent).toContain('`rm -rf .` deletes files.');
    expect(desk.opened?.obstacle?.kind).toBe('confirm');
  });
});

test('a condition that is only in words is marked neither as kept nor as broken', async () => {
  await open('long');
  await show('h-long');
  await pass(300);
  const stands = new Map(desk.opened?.preview?.constraints.map((one) => [one.text, one.holds]));
  const inWords = desk.opened?.view.constraints.filter((one) => one.expr === null).map((one) => one.text) ?? [];
  expect(inWords.length).toBeGreaterThan(0);
  for (const row of screen.getAllByTestId('constraint')) {
    const text = inWords.find((words) => row.textContent?.includes(words));
    if (text === undefined) continue;
    expect(stands.has(text), 'the desk has a row for it').toBe(true);
    expect(row.querySelector('.sign')?.textContent).toBe('•');
  }
});
