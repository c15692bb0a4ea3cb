/** The way back in a real browser: undoing, and the plan that follows an answer; sound for everyone, usable by keyboard, whole in a narrow window. */
import { describe, expect, test } from 'vitest';
import { staged, type Options, type Window } from './window';

const stage = staged();
let window: Window;

const action = (id: string) => window.page.locator(`[data-testid="action"][data-action-id="${id}"]`);
const part = (name: string) => window.page.locator(`[data-part="${name}"]`);
const focused = () => window.page.evaluate(() => document.activeElement?.textContent.trim());

/** Opens a card with one of the tabs beside it. */
async function open(scene: string, id: string, tab: string, options: Options = {}) {
  window = await stage.window(scene, options);
  await window.show(id);
  if ((options.width ?? 1320) <= 1080) await window.page.getByRole('button', { name: /evidence/iu }).first().click();
  await window.page.getByRole('tab', { name: tab }).click();
  await window.pass(300);
}

/** What sticks out of the window or of a pane that does not scroll sideways. */
const cut = () => window.page.evaluate(() => [...document.querySelectorAll<HTMLElement>('dialog, dialog .body, dialog .middle, aside .panel, main .scroll, footer')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => `${one.tagName}.${one.className} ${String(one.scrollWidth - one.clientWidth)}`));

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test('in how actions stand, in a preview, under way, where it stops and at its end', async () => {
    await open('back', 'h-release', 'History', { dark });
    await action('r7').getByRole('checkbox').check();
    await window.sound('history');
    await action('r2').locator('[data-part="undo-since"]').click();
    await window.pass(300);
    await window.sound('preview');
    await window.press('Escape');
    await action('r2').locator('[data-part="undo"]').click();
    await window.pass(300);
    await part('allow-commands').check();
    await window.pass(300);
    await window.id('rollback-confirm').click();
    await window.pass(1000);
    await window.sound('under way');
    await window.pass(12_000);
    await window.sound('stopped');
    await window.press('Escape');
    await window.sound('stopped, on the card');
    await part('rollback').first().getByRole('button').click();
    await part('undo-retry').click();
    await window.pass(5000);
    await window.sound('over');
  });

  test('on the page of a task and among the agents', async () => {
    await open('back', 'h-release', 'Plan', { dark });
    await window.press('Control+K');
    await window.page.keyboard.type('task on a page');
    await window.press('Enter');
    await window.pass(300);
    expect(await action('r3').count()).toBe(1);
    await window.sound('task');
    await window.press('Control+2');
    await window.page.locator('[data-testid="agent-row"][data-agent="release-bot"] .fold').click();
    await window.sound('agents');
  });

  test('in the plan as it follows an answer', async () => {
    await open('plan', 'h-plan', 'Plan', { dark });
    await window.sound('plan');
    await window.press('e');
    await window.edit('{"charge": "ch_2", "amount": 200, "currency": "EUR"}');
    await window.sound('contradicted');
    await window.edit('{"charge": "ch_2", "amount": 74.5, "currency": "EUR"}');
    await window.sound('run again');
    await window.page.getByRole('button', { name: 'Larger graph' }).click();
    await window.pass(200);
    await window.sound('graph');
    await window.press('Escape', 'Escape', 'i');
    await window.page.getByRole('button', { name: 'Add a fact' }).click();
    await window.page.getByLabel('Name of fact 1').fill('email');
    await window.page.getByLabel('Value of fact 1, JSON or text').fill('d@example.com');
    await window.pass(300);
    expect(await window.id('override').count()).toBe(1);
    await window.sound('inform');
  });

  test('where an agent did not do what was decided', async () => {
    window = await stage.window('plan', { dark });
    await window.show('h-again');
    await window.sound('asked again');
    for (const [list, id] of [[/^Sent/u, 'h-unreported'], [/^Done/u, 'h-diverged']] as const) {
      await window.page.getByRole('tab', { name: list }).click();
      await window.pass(200);
      await window.show(id);
      await window.sound(id);
    }
  });
});

test('words that try to deceive stay words, and stay within', async () => {
  await open('hostile', 'h-hostile', 'History');
  expect(await cut()).toEqual([]);
  await action('a2').locator('[data-part="undo"]').click();
  await window.pass(300);
  const seen = async () => (await window.page.getByRole('dialog').innerText()) + (await window.page.getByRole('dialog').getAttribute('aria-label') ?? '');
  expect(await cut()).toEqual([]);
  expect(await seen()).not.toMatch(/\u202E|\u200B|\u2060/u);
  await window.sound('preview');
  await part('allow-commands').check();
  await window.pass(300);
  await window.id('rollback-confirm').click();
  await window.pass(6000);
  expect(await window.page.getByRole('dialog').getByRole('status').textContent()).toContain('It has stopped');
  expect(await cut()).toEqual([]);
  expect(await seen()).not.toMatch(/\u202E|\u200B|\u2060/u);
  expect(await window.page.getByRole('dialog').locator('img, script, a').count()).toBe(0);
  await window.press('Escape');
  await window.page.getByRole('tab', { name: 'Plan' }).click();
  await window.pass(200);
  await window.page.getByRole('button', { name: 'Larger graph' }).click();
  await window.pass(200);
  expect(await cut()).toEqual([]);
  expect(await seen()).not.toMatch(/\u202E|\u200B|\u2060/u);
});

test('actions are taken back by keyboard alone', async () => {
  await open('back', 'h-release', 'History');
  await action('r3').locator('[data-part="undo"]').focus();
  await window.press('Enter');
  expect(await focused()).toBe('Undo git.tag');
  await window.id('rollback-confirm').focus();
  await window.press('Enter');
  expect(await window.calls('confirmRollback')).toEqual([]);
  expect(await part('allow-commands').evaluate((box) => box === document.activeElement)).toBe(true);
  await window.press('Space', 'Tab', 'Enter');
  expect(await window.calls('confirmRollback')).toMatchObject([{ selection: { kind: 'actions', ids: ['r3'] } }]);
  expect(await focused()).toMatch(/^Undoing: 0 of 3 actions undone/u);
  await window.pass(12_000);
  expect(await window.page.getByRole('dialog').getByRole('status').textContent()).toContain('It has stopped: undoing r3 failed.');
  await part('undo-skip').focus();
  await window.press('Enter');
  await window.pass(400);
  expect(await focused()).toBe('2 of 3 actions undone');
  await window.press('Escape');
  expect(await window.page.getByRole('dialog').count()).toBe(0);
  expect(await action('r3').locator('[data-part="undo"]').evaluate((one) => one === document.activeElement), 'the focus is where it was').toBe(true);
});

test('a conflict leads to the step it names', async () => {
  await open('plan', 'h-plan', 'History');
  await window.press('e');
  await window.edit('{"charge": "ch_2", "amount": 200, "currency": "EUR"}');
  await window.page.getByRole('tab', { name: 'History' }).click();
  await window.page.getByRole('button', { name: 'Show the step “Find the charges”' }).first().focus();
  await window.press('Enter');
  expect(await window.page.locator('[data-testid="directive-step"][data-step-id="find"]').evaluate((one) => one === document.activeElement)).toBe(true);
});

test('the plan follows the typing, and the last keystroke has the last word', async () => {
  await open('plan', 'h-plan', 'Plan');
  await window.press('i');
  await window.page.getByRole('button', { name: 'Add a fact' }).click();
  await window.page.getByLabel('Name of fact 1').fill('captured');
  await window.pass(100);
  const before = (await window.calls('preview')).length;
  await window.page.getByLabel('Value of fact 1, JSON or text').pressSequentially('74.5');
  await window.pass(40);
  const asked = (await window.calls('preview')).slice(before);
  expect(asked.length).toBeLessThanOrEqual('74.5'.length);
  expect(asked.at(-1)).toMatchObject({ answer: { facts: { captured: 74.5 } } });
  expect(await window.page.locator('[data-testid="directive-step"][data-step-id="tag"]').getAttribute('data-verdict')).toBe('undo_then_rerun');
});

test.each([1320, 1000, 760])('nothing is cut off at %d pixels', async (width) => {
  await open('back', 'h-release', 'History', { width });
  expect(await cut()).toEqual([]);
  await action('r2').locator('[data-part="undo-since"]').click();
  await window.pass(300);
  expect(await cut()).toEqual([]);
  await part('allow-commands').check();
  await window.pass(300);
  await window.id('rollback-confirm').click();
  await window.pass(12_000);
  expect(await cut()).toEqual([]);
  await stage.clear();
  await open('plan', 'h-plan', 'Plan', { width });
  expect(await cut()).toEqual([]);
});
