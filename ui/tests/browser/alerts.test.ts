/** Time in a real browser: sound for everyone, usable by keyboard, whole in a narrow window. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

const section = (name: string) => window.page.getByRole('navigation', { name: 'Sections of the settings' }).getByRole('button', { name, exact: true });

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test('in every card near and past its deadline, and in the snooze', async () => {
    window = await stage.window('late', { dark });
    await window.page.getByRole('tab', { name: /^Missed/u }).click();
    await window.pass(300);
    await window.show('h-review');
    await window.sound('missed');
    await window.page.getByRole('tab', { name: /^Inbox/u }).click();
    await window.pass(300);
    for (const id of ['h-escalated', 'h-slept', 'h-near', 'h-soon', 'h-refund']) {
      await window.show(id);
      await window.sound(id);
    }
    await window.press('s');
    expect(await window.page.getByRole('dialog', { name: 'Snooze' }).isVisible()).toBe(true);
    await window.sound('snooze');
    await window.page.getByLabel('A time of your own').fill('2026-11-21 09:00');
    await window.pass(100);
    await window.sound('cut');
    await window.press('Escape');
    await window.show('h-near');
    await window.press('s');
    await window.sound('no snooze');
  });

  test('in every section of the settings', async () => {
    window = await stage.window('full', { dark });
    await window.press('Control+,');
    for (const name of ['Decisions', 'Notifications', 'Reminders', 'Quiet hours and focus', 'After the deadline', 'Look', 'Keyboard', 'Backups']) {
      await section(name).click();
      await window.pass(200);
      await window.sound(name);
    }
    await window.page.getByRole('button', { name: /^Go back to it/u }).first().click();
    await window.sound('what going back loses');
  });

  test('in the settings with refusals, a command and a focus', async () => {
    window = await stage.window('full', { dark });
    await window.press('Control+,');
    await section('Quiet hours and focus').click();
    await window.page.getByRole('checkbox', { name: /^Quiet hours/u }).check();
    await window.page.getByRole('button', { name: 'For 1 hour' }).click();
    await section('After the deadline').click();
    await window.page.getByLabel('Command of your own').first().fill('mail "two words"');
    await window.page.keyboard.press('Tab');
    await window.page.getByLabel('Stage 2: how often').fill('11');
    await window.page.keyboard.press('Tab');
    await window.pass(200);
    await window.sound('filled');
    await window.press('Escape');
    expect(await window.page.getByText('Focus until 10:00').isVisible()).toBe(true);
    await window.sound('focus');
  });
});

test('the settings are reached and changed by keyboard alone', async () => {
  window = await stage.window('full');
  await window.press('Control+,');
  await section('Reminders').focus();
  await window.press('Enter');
  const inView = await window.page.locator('#set-reminders').evaluate((one) => Math.round(one.getBoundingClientRect().top - (one.parentElement?.getBoundingClientRect().top ?? 0)));
  expect(inView).toBe(20);
  await window.press('Tab', 'Tab');
  expect(await window.page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Remind me, urgent: every');
  await window.page.keyboard.press('Control+A');
  await window.page.keyboard.insertText('25');
  await window.press('Tab');
  const last = (await window.calls('saveSettings')).at(-1) as { alerts: { remind_every_s: { urgent: number } } };
  expect(last.alerts.remind_every_s.urgent).toBe(1500);
});

test('a press beside the snooze closes it and puts nothing off', async () => {
  window = await stage.window('full');
  await window.show('h-refund');
  await window.id('snooze').click();
  expect(await window.page.getByRole('dialog', { name: 'Snooze' }).count()).toBe(1);
  await window.id('summary').click();
  await window.pass(100);
  expect(await window.page.getByRole('dialog', { name: 'Snooze' }).count()).toBe(0);
  expect(await window.calls('snooze')).toEqual([]);
  await window.press('s', 'ArrowDown', 'Enter');
  expect(await window.calls('snooze')).toHaveLength(1);
});

test.each([900, 600])('nothing is cut off at %i pixels', async (width) => {
  window = await stage.window('late', { width, height: 700 });
  await window.show('h-refund');
  await window.press('s');
  const menu = await window.page.getByRole('dialog', { name: 'Snooze' }).evaluate((one) => {
    const { left, right, bottom } = one.getBoundingClientRect();
    return left >= 0 && right <= innerWidth && bottom <= innerHeight;
  });
  expect(menu).toBe(true);
  await window.press('Escape', 'Control+,');
  await section('After the deadline').click();
  await window.pass(200);
  const wide = await window.page.evaluate(() => [...document.querySelectorAll('dialog, dialog .sections')].map((one) => one.scrollWidth - one.clientWidth));
  expect(wide).toEqual([0, 0]);
  expect(await window.page.getByRole('button', { name: 'Close', exact: true }).last().evaluate((one) => one.getBoundingClientRect().bottom <= innerHeight)).toBe(true);
  await window.sound(`settings at ${String(width)}`);
});
