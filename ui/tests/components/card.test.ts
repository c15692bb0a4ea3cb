/** What a fresh pair of eyes stumbled over on the card and in the queue. */
import { cleanup, fireEvent, render, screen, within } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import { Desk } from '../../src/state/desk.svelte';
import { flagWords, glossary } from '../../src/lib/words';
import App from '../../src/views/App.svelte';

let host: FakeDesk;
let desk: Desk;

const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
  await tick();
};

async function open(scene: string) {
  host = new FakeDesk(scene);
  desk = new Desk(host);
  render(App, { desk });
  await pass(600);
}

const show = async (id: string) => {
  desk.select(id);
  await pass(700);
};

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

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
