/** A task, its thread and its control in a real browser: sound for everyone, usable by keyboard, whole in a narrow pane. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

const control = (name: string) => window.page.locator(`[data-control="${name}"]`);
const send = () => window.page.locator('[data-part="send"]');

/** Opens the refund case with the thread of its task beside it. */
async function thread(options: { dark?: boolean; width?: number; height?: number } = {}) {
  window = await stage.window('task', options);
  await window.show('h-refund');
  if ((options.width ?? 1320) <= 1080) await window.page.getByRole('button', { name: /evidence/iu }).first().click();
  await window.page.getByRole('tab', { name: 'Thread' }).click();
  await window.pass(300);
}

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test('in the thread of a task and in each of its forms', async () => {
    await thread({ dark });
    await window.sound('thread');
    await control('take_over').click();
    await window.pass(200);
    await window.sound('take over');
    await control('tell').click();
    await send().click();
    await window.pass(200);
    await window.sound('say nothing');
    await control('edit_plan').click();
    await window.page.getByRole('button', { name: 'Add a step' }).click();
    await window.page.locator('[data-step-id="refund"] [data-part="drop"]').click();
    await window.page.locator('[data-step-id="notify"] [data-part="toggle"]').click();
    await window.pass(200);
    await window.sound('edit the plan');
    await window.page.getByRole('button', { name: 'Undo all changes' }).click();
    await control('take_over').click();
    await send().click();
    await window.pass(300);
    await window.id('give-back').click();
    await window.page.getByLabel('Refund the duplicate', { exact: true }).check();
    await window.page.getByRole('form').getByRole('button', { name: 'Add a fact' }).click();
    await window.sound('give back');
  });

  test('on the page of a task, paused and over', async () => {
    window = await stage.window('task', { dark });
    await window.press('Control+2');
    await window.page.locator('[data-agent="billing-agent"] .fold').click();
    await window.page.getByRole('button', { name: 'Open Refund request from Dana Ortiz' }).click();
    await window.pass(300);
    await window.sound('page');
    await control('pause').click();
    await window.pass(300);
    await window.sound('paused');
  });
});

test('a task is taken over and given back by keyboard alone, and the card is not answered', async () => {
  await thread();
  await control('take_over').focus();
  await window.press('Enter', 'Control+Enter');
  await window.pass(300);
  expect(await window.calls('takeOver')).toHaveLength(1);
  expect(await window.page.evaluate(() => document.activeElement?.textContent)).toBe('Give back');
  await window.press('Enter', 'Tab', 'Shift+Tab', 'Space', 'Tab');
  await window.page.keyboard.type('{"receipt": "R-9"}');
  await window.press('Control+Enter');
  await window.pass(300);
  expect(await window.calls('giveBack')).toEqual([{ agent: 'billing-agent', task: 'ortiz', done: [{ step: 'refund', output: { receipt: 'R-9' } }], facts: {}, text: null }]);
  expect(await window.calls('decide')).toEqual([]);
});

test('the plan is changed by keyboard alone, and Esc closes only the form', async () => {
  await thread();
  await control('edit_plan').focus();
  await window.press('Enter');
  await window.page.locator('[data-step-id="report"] [data-part="toggle"]').focus();
  await window.press('Alt+ArrowUp', 'Alt+ArrowUp', 'Escape');
  expect(await window.page.getByRole('form', { name: 'Edit the plan' }).count()).toBe(0);
  expect(await window.page.evaluate(() => document.activeElement?.textContent)).toBe('Edit the plan');
  await window.press('Enter');
  expect(await window.page.locator('[data-part="plan-changes"] li').allTextContents()).toEqual(['Move “Update the weekly duplicate report” after “Tag the case”']);
  await window.press('Control+Enter');
  await window.pass(300);
  expect(await window.calls('editPlan')).toHaveLength(1);
  expect(await window.calls('decide')).toEqual([]);
});

test.each([1320, 1000, 700])('nothing is cut off at %i pixels', async (width) => {
  await thread({ width, height: 800 });
  const beyond = () => window.page.evaluate(() => [...document.querySelectorAll('aside *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(one).position !== 'absolute').map((one) => one.outerHTML.slice(0, 80)));
  expect(await beyond()).toEqual([]);
  await control('edit_plan').click();
  await window.page.locator('[data-step-id="refund"] [data-part="toggle"]').click();
  expect(await beyond()).toEqual([]);
  await control('take_over').click();
  await send().click();
  await window.pass(300);
  await window.id('give-back').click();
  await window.page.getByRole('form').getByRole('button', { name: 'Add a fact' }).click();
  expect(await beyond()).toEqual([]);
});
