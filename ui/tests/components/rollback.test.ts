/** Taking actions back: how each stands, what that would do, and how far it is. */
import { screen, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ConfirmRollback } from '../../src/gen/ConfirmRollback';
import type { RollbackRequest } from '../../src/gen/RollbackRequest';
import { calls, click, desk, eachAlone, host, open, pass, press, show } from './stage';

eachAlone();

const OF = { agent: 'release-bot', task: 'release-2.4' };
const action = (id: string) => {
  const found = screen.getAllByTestId('action').find((one) => one.dataset['actionId'] === id);
  if (found === undefined) throw new Error(`no action ${id}`);
  return found;
};
const standing = (id: string) => action(id).querySelector<HTMLElement>('[data-part="standing"]');
const part = (inside: Element, name: string) => inside.querySelector<HTMLElement>(`[data-part="${name}"]`);
const steps = () => screen.getAllByTestId('rollback-step');
const step = (id: string) => steps().find((one) => one.dataset['actionId'] === id);
const dialog = () => screen.getByRole('dialog');
const title = () => within(dialog()).getByRole('heading', { level: 2 }).textContent;
const confirm = () => screen.getByTestId('rollback-confirm');

beforeEach(async () => {
  await open('back');
  await show('h-release');
  desk.evidence = 'history';
  await pass(50);
});

/** Takes back the changelog and what builds on it, with the leave to run commands. */
async function undoAll() {
  await click(part(action('r2'), 'undo'));
  await click(part(dialog(), 'allow-commands'));
  await click(confirm());
}

describe('an action', () => {
  test('says by a sign and in words how it stands', () => {
    expect(standing('r1')).toBeNull();
    expect(standing('r2')?.textContent).toContain('Can be undone');
    expect(standing('r3')?.textContent).toContain('by git tag --delete v2.4.0 in /srv/release/checkout');
    expect(standing('r4')?.textContent).toContain('Can only be made up for');
    expect(standing('r5')?.textContent).toContain('Cannot be undone The agent named no way to undo it.');
    expect(standing('r7')?.textContent).toContain('Can be undone until 09:40');
    expect(standing('r8')?.firstElementChild?.textContent.trim()).toBe('Undone');
    expect(standing('r9')?.textContent).toContain('Undo failed The agent reported: no snapshot of /downloads is left. It cannot be tried again.');
    expect(['r2', 'r4', 'r5', 'r8', 'r9'].map((id) => standing(id)?.dataset['standing'])).toEqual(['reversible', 'compensating', 'irreversible', 'undone', 'undo_failed']);
    expect(document.querySelectorAll('[data-part="standing"] svg')).toHaveLength(9);
  });

  test('offers no way back where there is none', () => {
    expect(part(action('r5'), 'undo')).toBeNull();
    expect(part(action('r9'), 'undo')).toBeNull();
    expect(within(action('r5')).queryByRole('checkbox')).toBeNull();
    expect(part(action('r8'), 'undo')).toBeNull();
  });

  test('is a place to go back to, whatever it did itself', async () => {
    for (const id of ['r1', 'r5', 'r8']) expect(part(action(id), 'undo-since')).not.toBeNull();
    await click(part(action('r1'), 'undo-since'));
    expect(calls('previewRollback')).toEqual([{ ...OF, selection: { kind: 'since_action', id: 'r1' } }]);
    await click(within(dialog()).getByRole('button', { name: 'Cancel' }));
    desk.evidence = 'thread';
    await pass(300);
    const lines = [...screen.getByTestId('task-thread').querySelectorAll<HTMLElement>('li')];
    const mail = lines.find((line) => line.textContent.includes('Ran mail.send'));
    await click(part(mail ?? document.body, 'undo-since'));
    expect(calls('previewRollback').at(-1)).toMatchObject({ selection: { kind: 'since_action', id: 'r5' } });
    expect(title()).toBe('Undo everything since here');
    await click(within(dialog()).getByRole('button', { name: 'Cancel' }));
    // Nothing was done after it was handed over.
    expect(part(lines[0] ?? document.body, 'undo-since')).toBeNull();
  });
});

describe('the preview', () => {
  test('of one action takes what depends on it along, in its order, and says why', async () => {
    await click(part(action('r3'), 'undo'));
    expect(title()).toBe('Undo git.tag');
    expect((calls('previewRollback')[0] as RollbackRequest).selection).toEqual({ kind: 'actions', ids: ['r3'] });
    expect(steps().map((one) => one.dataset['actionId'])).toEqual(['r7', 'r4', 'r3']);
    expect(step('r4')?.textContent).toContain('Goes along with git.tag. It used the result of git.tag.');
    expect(step('r4')?.textContent).toContain('Only makes up for it. What was done stays done.');
    expect(step('r3')?.textContent).not.toContain('Goes along');
    const stays = [...dialog().querySelectorAll('[data-part="stays"]')];
    expect(stays.map((one) => one.textContent)).toEqual([expect.stringMatching(/mail\.send.*Cannot be undone\. The agent named no way to undo it\. What mail\.send did stays, though it builds on registry\.publish/u)]);
    expect(calls('confirmRollback')).toEqual([]);
  });

  test('shows a command exactly, and runs none before it is allowed', async () => {
    await click(part(action('r3'), 'undo'));
    expect(step('r3')?.textContent).toContain('git tag --delete v2.4.0');
    expect(step('r3')?.textContent).toContain('in /srv/release/checkout, for 20 s at most, without a shell');
    const leave = within(dialog()).getByRole<HTMLInputElement>('checkbox', { name: /^Let the desk run undo commands of this agent/u });
    expect(leave.checked).toBe(false);
    expect(confirm().getAttribute('aria-disabled')).toBe('true');
    await click(confirm());
    expect(calls('confirmRollback')).toEqual([]);
    expect(document.activeElement).toBe(leave);
    await click(leave);
    expect(calls('allowUndoCommands')).toEqual([{ agent: 'release-bot', allowed: true }]);
    expect(confirm().getAttribute('aria-disabled')).toBe('false');
    expect(confirm().textContent).toBe('Undo 3 actions');
    await click(confirm());
    expect((calls('confirmRollback')[0] as ConfirmRollback).selection).toEqual({ kind: 'actions', ids: ['r3'] });
  });

  test('names each file, and that one was changed since', async () => {
    await click(part(action('r6'), 'undo'));
    expect(step('r6')?.textContent).toMatch(/It will stop here\..*docs\/guide\.md\s*Conflict\. Somebody has changed it since\. It is left as it is\..*docs\/archive\/guide-2\.3\.md\s*Not put back, as long as another one is in conflict\./u);
    expect(within(dialog()).queryByRole('checkbox')).toBeNull();
  });

  test('of marked actions is of just these', async () => {
    await click(within(action('r6')).getByRole('checkbox'));
    await click(within(action('r7')).getByRole('checkbox'));
    await click(part(document.body, 'undo-marked'));
    expect(title()).toBe('Undo 2 actions');
    expect(steps().map((one) => one.dataset['actionId'])).toEqual(['r7', 'r6']);
    await click(within(dialog()).getByRole('button', { name: 'Cancel' }));
    expect(screen.queryByRole('dialog')).toBeNull();
    await click(screen.getByRole('button', { name: 'Clear' }));
    expect(part(document.body, 'undo-marked')).toBeNull();
  });

  test('that is not true any more is shown anew, and nothing has run', async () => {
    await click(part(action('r6'), 'undo'));
    host.failNext('confirmRollback', { code: 'conflict', message: 'What would be undone has changed since it was shown.', hint: 'Look at it again; nothing has run.' });
    await click(confirm());
    expect(within(dialog()).getByRole('alert').textContent).toBe('What would be undone has changed since it was shown. Look at it again; nothing has run.');
    expect(calls('previewRollback')).toHaveLength(2);
    expect(confirm().textContent).toBe('Undo 1 action');
  });

  test('that cannot be had says why', async () => {
    host.failNext('previewRollback', { code: 'store', message: 'The record could not be read.', hint: 'Try again.' });
    await click(part(action('r6'), 'undo'));
    expect(within(dialog()).getByRole('alert').textContent).toBe('The record could not be read. Try again.');
    expect(confirm().hasAttribute('disabled')).toBe(true);
  });
});

describe('a rollback', () => {
  test('goes on one by one, and stops where one fails', async () => {
    await undoAll();
    expect(title()).toBe('Undoing: 0 of 4 actions undone');
    expect(document.activeElement).toBe(within(dialog()).getByRole('heading', { level: 2 }));
    await pass(12_000);
    expect(title()).toBe('Stopped: 2 of 4 actions undone');
    expect(steps().map((one) => one.dataset['state'])).toEqual(['undone', 'undone', 'failed', 'pending']);
    expect(step('r3')?.textContent).toContain('The command ended with exit status 1.');
    expect(step('r3')?.textContent).toContain('error: tag v2.4.0 is protected');
    expect(within(dialog()).getByRole('status').textContent).toBe('2 of 4 are undone. It has stopped: undoing r3 failed. One after it was not touched.');
    expect(standing('r3')?.dataset['standing']).toBe('undo_failed');
    expect(standing('r4')?.firstElementChild?.textContent.trim()).toBe('Undone');
  });

  test('is tried again to its end', async () => {
    await undoAll();
    await pass(12_000);
    await click(part(dialog(), 'undo-retry'));
    expect(document.activeElement).toBe(within(dialog()).getByRole('heading', { level: 2 }));
    await pass(4000);
    expect(title()).toBe('4 actions undone');
    expect(step('r3')?.textContent).toContain('undone at 09:00, at attempt 2');
    expect(step('r3')?.textContent).toContain("Deleted tag 'v2.4.0'");
  });

  test.each([
    ['skip', 'left as it is', '3 of 4 actions undone'],
    ['hand_over', 'left to the agent', 'Undoing: 2 of 4 actions undone'],
  ])('goes on after %s', async (choice, word, then) => {
    await undoAll();
    await pass(12_000);
    await click(part(dialog(), `undo-${choice}`));
    expect(step('r3')?.textContent).toContain(word);
    await pass(2500);
    expect(title()).toBe(then);
  });

  test('that may have run asks, and takes a word for it', async () => {
    host.rollbacks.kill('r6');
    await click(part(action('r6'), 'undo'));
    await click(confirm());
    await pass(2000);
    expect(step('r6')?.textContent).toContain('may have run');
    await click(part(dialog(), 'undo-confirm'));
    expect(calls('confirmUndone')).toHaveLength(1);
    expect(title()).toBe('1 action undone');
  });

  test('stops at a file that somebody has changed, and overwrites nothing', async () => {
    await click(part(action('r6'), 'undo'));
    await click(confirm());
    await pass(2000);
    expect(step('r6')?.textContent).toContain('docs/guide.md was changed since. Nothing was put back, and no change of somebody else is lost.');
    expect(standing('r6')?.dataset['standing']).toBe('undo_failed');
  });

  test('tells that the agent was asked', async () => {
    await click(part(action('r7'), 'undo'));
    await click(confirm());
    expect(step('r7')?.textContent).toContain('The agent is asked to do it, and has not begun.');
    expect(part(step('r7') as HTMLElement, 'undo-skip')).not.toBeNull();
  });

  test('goes on without its window, and calls for the reviewer on the card', async () => {
    await undoAll();
    await click(within(dialog()).getByRole('button', { name: 'Close' }));
    const line = () => part(screen.getByRole('main'), 'rollback');
    expect(line()?.textContent).toContain('Undoing');
    await pass(12_000);
    expect(line()?.textContent).toContain('Stopped: 2 of 4 actions undone');
    await click(within(line() as HTMLElement).getByRole('button'));
    expect(title()).toBe('Stopped: 2 of 4 actions undone');
    await click(part(dialog(), 'undo-skip'));
    await pass(4000);
    await click(within(dialog()).getByRole('button', { name: 'Close' }));
    expect(line()).toBeNull();
    expect(part(screen.getByRole('complementary', { name: 'Evidence' }), 'rollback')?.textContent).toContain('3 of 4 actions undone');
  });
});

describe('the page of the task', () => {
  beforeEach(async () => {
    desk.places.showTask(OF);
    await pass(300);
  });

  test('lists what was done, the latest first, with the ways back', async () => {
    const done = () => screen.getAllByTestId('action').map((one) => one.dataset['actionId']);
    expect(done()).toEqual(['r10', 'r9', 'r8', 'r7', 'r6', 'r5', 'r4', 'r3', 'r2']);
    await click(screen.getByRole('button', { name: 'Show 1 action that only read' }));
    expect(done().at(-1)).toBe('r1');
    await click(part(action('r6'), 'undo'));
    expect(title()).toBe('Undo files.move');
  });

  test('keeps the rollbacks', async () => {
    await click(part(action('r7'), 'undo'));
    await click(confirm());
    await pass(2500);
    await click(within(dialog()).getByRole('button', { name: 'Close' }));
    expect(part(screen.getByRole('main'), 'rollback')?.textContent).toContain('1 action undone');
    expect(standing('r7')?.firstElementChild?.textContent.trim()).toBe('Undone');
  });
});

test('the leave to run commands stands among the agents too', async () => {
  await press('2', { ctrlKey: true });
  const row = screen.getAllByTestId('agent-row').find((one) => one.dataset['agent'] === 'release-bot') as HTMLElement;
  await click(within(row).getByRole('button', { name: /^Connections, record/u }));
  const leave = () => within(row).getByRole<HTMLInputElement>('checkbox', { name: /^Let the desk run undo commands/u });
  expect(leave().checked).toBe(false);
  await click(leave());
  await pass(400);
  expect(calls('allowUndoCommands')).toEqual([{ agent: 'release-bot', allowed: true }]);
  expect(leave().checked).toBe(true);
});
