/** Agents, levels, drafts and rules in a real browser: sound for everyone, usable by keyboard, whole in a narrow window. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

const row = (agent: string) => window.page.locator(`[data-testid="agent-row"][data-agent="${agent}"]`);
const part = (name: string) => window.page.locator(`[data-part="${name}"]`);

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test('among the agents: introduced, lowered, paused, with a span of one’s own', async () => {
    window = await stage.window('gate', { dark });
    await window.press('Control+2');
    await row('billing-agent').locator('.fold').click();
    await row('claude-code').locator('.fold').click();
    await row('claude-code').locator('[data-part="connection"]').nth(1).waitFor();
    await row('claude-code').locator('select').first().selectOption('own');
    await window.pass(200);
    await window.sound('agents');
    await window.id('pause-all').click();
    await window.pass(300);
    await window.sound('paused');
  });

  test.each(['first', 'empty', 'hostile'])('among the agents of %s', async (scene) => {
    window = await stage.window(scene, { dark });
    await window.press('Control+2');
    await window.sound(scene);
    await window.press('Control+3');
    await window.sound(`rules of ${scene}`);
  });

  test('on the cards of the gate', async () => {
    window = await stage.window('gate', { dark });
    await window.show('h-asked');
    await window.page.getByRole('button', { name: /^Show it in the history/u }).first().click();
    await window.pass(200);
    await window.sound('asked');
    await window.show('h-level');
    await window.page.getByText('Always allow exactly this…').click();
    await window.pass(300);
    await window.sound('allow');
    await window.show('h-limit');
    await window.sound('limit');
    await window.show('h-changes');
    await window.sound('draft');
    await window.page.getByRole('checkbox', { name: 'Undo Edit, change 2' }).check();
    await window.pass(300);
    await window.sound('draft in part');
  });

  test('among the rules, in both forms with their faults, and the triggers', async () => {
    window = await stage.window('gate', { dark });
    await window.press('Control+3');
    await window.page.getByRole('button', { name: /^Take back/u }).first().click();
    await window.pass(300);
    await window.sound('rules');
    await window.page.getByRole('button', { name: 'New rule' }).click();
    await window.page.getByRole('button', { name: 'Keep this rule' }).click();
    await window.pass(200);
    await window.sound('hold');
    await window.page.getByRole('radio', { name: /^Counts as/u }).check();
    await window.sound('counts');
    await window.page.getByRole('radio', { name: /exact command/u }).check();
    await window.page.getByLabel('Command', { exact: true }).fill('npm "test');
    await window.page.getByRole('button', { name: 'Try on the past' }).click();
    await window.pass(200);
    await window.sound('command');
    await window.page.getByRole('tab', { name: 'Triggers' }).click();
    await window.page.getByLabel('Hold after', { exact: true }).fill('0');
    await window.pass(200);
    await window.sound('triggers');
    await window.page.getByRole('checkbox', { name: /^Beyond its task/u }).uncheck();
    await window.page.getByRole('button', { name: 'Try on the past' }).click();
    await window.pass(300);
    await window.sound('triggers on trial');
    await window.page.getByRole('tab', { name: 'Your rules' }).click();
    await window.page.getByRole('button', { name: /^Try without it/u }).first().click();
    await window.pass(300);
    await window.sound('a rule on trial');
    await window.press('Control+2');
    await row('claude-code').locator('.fold').click();
    await row('claude-code').locator('.past .link').last().click();
    await window.pass(300);
    await window.sound('a task on trial');
  });
});

test('an agent is given a level for an hour, and all are paused, by keyboard alone', async () => {
  window = await stage.window('gate');
  await window.press('Control+2');
  expect(await window.page.evaluate(() => document.activeElement?.textContent)).toBe('Agents');
  await row('claude-code').getByTestId('autonomy-draft').focus();
  await window.press('Tab');
  await window.page.keyboard.type('for 1 h');
  await window.pass(300);
  expect((await window.calls('setLevel')).at(-1)).toEqual({ agent: 'claude-code', level: 'draft', minutes: 60 });
  await window.press('Shift+Tab', 'ArrowRight', 'Enter');
  await window.pass(300);
  expect((await window.calls('setLevel')).at(-1)).toEqual({ agent: 'claude-code', level: 'execute', minutes: 60 });
  await window.press('Control+.');
  expect(await part('paused').isVisible()).toBe(true);
  expect(await window.calls('pause')).toEqual([{ paused: true }]);
});

test('triggers are tried and saved by keyboard alone', async () => {
  window = await stage.window('gate');
  await window.press('Control+3');
  await window.page.getByRole('tab', { name: 'Triggers' }).press('Enter');
  await window.page.getByRole('checkbox', { name: /^Beyond its task/u }).press('Space');
  await window.pass(100);
  await window.page.getByRole('button', { name: 'Try on the past' }).press('Enter');
  await window.pass(300);
  expect(await window.id('replay-result').isVisible()).toBe(true);
  await window.page.getByRole('button', { name: 'Save 1 change' }).press('Enter');
  await window.pass(300);
  expect(await window.calls('saveSettings')).toMatchObject([{ triggers: { scope: false } }]);
  expect(await part('unsaved').count()).toBe(0);
});

test('a draft is undone in part by keyboard alone', async () => {
  window = await stage.window('gate');
  await window.holdLong();
  await window.show('h-changes');
  await window.page.getByRole('checkbox', { name: 'Undo Edit, change 2' }).focus();
  await window.press('Space', 'Control+Enter');
  await window.pass(500);
  expect(await window.calls('decide')).toMatchObject([{ answer: { kind: 'modify', option: 'roll_back', args: { actions: ['e2'] } } }]);
  await window.press('z');
  await window.pass(500);
  expect(await window.id('question').textContent()).toBe('Keep the draft of 5 changes?');
});

test('a rule is made from a card by keyboard, found and taken back', async () => {
  window = await stage.window('gate');
  await window.show('h-level');
  await window.page.getByText('Always allow exactly this…').focus();
  await window.press('Enter');
  await window.pass(300);
  expect(await window.page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Days, 1 to 30');
  await window.press('Enter');
  await window.pass(300);
  expect(await window.calls('addRuleFrom')).toEqual([{ source: 'card', id: 'h-level', days: 7, uses: null }]);
  expect(await window.calls('decide')).toEqual([]);
  await window.press('Control+3');
  await window.page.getByLabel('Search the rules').fill('exactly edit');
  await window.pass(100);
  expect(await window.id('rule-row').count()).toBe(1);
  await window.page.getByRole('button', { name: /^Take back Exactly this Edit/u }).press('Enter');
  await window.pass(300);
  expect(await window.id('rule-row').getAttribute('data-active')).toBe('false');
});

test.each([1000, 760, 700])('nothing is cut off at %i pixels', async (width) => {
  window = await stage.window('paused', { width, height: 800 });
  const beyond = () => window.page.evaluate(() => [...document.querySelectorAll('main, main *, .paused')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(one).position !== 'absolute').map((one) => one.outerHTML.slice(0, 80)));
  await window.press('Control+2');
  const folded = window.page.locator('.fold[aria-expanded="false"]');
  while ((await folded.count()) > 0) await folded.first().click();
  expect(await beyond()).toEqual([]);
  await window.press('Control+3');
  await window.page.getByRole('button', { name: 'New rule' }).click();
  await window.page.getByRole('radio', { name: /^Counts as/u }).check();
  expect(await beyond()).toEqual([]);
  await window.page.getByRole('tab', { name: 'Triggers' }).click();
  await window.pass(100);
  expect(await beyond()).toEqual([]);
  for (const id of ['h-asked', 'h-level', 'h-changes']) {
    await window.show(id);
    expect(await beyond()).toEqual([]);
  }
});
