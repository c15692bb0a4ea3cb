/** The insights and replays in a real browser: sound for everyone, usable by keyboard, whole in a narrow window. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test('in the insights, with their numbers and a replay', async () => {
    window = await stage.window('gate', { dark });
    await window.press('Control+4');
    for (const numbers of ['Questions by day', 'Decisions with']) await window.page.getByRole('button', { name: `Show the numbers of ${numbers}` }).click();
    await window.page.getByRole('button', { name: 'Look at it' }).first().click();
    await window.pass(300);
    await window.id('replay-result').locator('summary').first().click();
    await window.sound('insights');
  });

  test.each(['young', 'empty'])('in the insights of %s, narrow', async (scene) => {
    window = await stage.window(scene, { dark, width: 700 });
    await window.press('Control+4');
    await window.sound(scene);
  });

  test('in a level that is tried on the past', async () => {
    window = await stage.window('gate', { dark });
    await window.press('Control+2');
    await window.page.getByRole('button', { name: /^Try another level/u }).first().click();
    await window.pass(300);
    expect(await window.id('replay-result').count()).toBe(1);
    await window.sound('level');
  });
});

test('the charts are drawn within a narrow window', async () => {
  window = await stage.window('gate', { width: 700 });
  await window.press('Control+4');
  await window.page.getByRole('button', { name: 'Look at it' }).first().click();
  await window.pass(300);
  const wide = await window.page.evaluate(() => [...document.querySelectorAll('main .scroll, main section, main figure, main table')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 120)));
  expect(wide).toEqual([]);
  const out = await window.page.evaluate(() => [...document.querySelectorAll('main figure svg > *')].filter((one) => one.getBoundingClientRect().right > innerWidth).length);
  expect(out).toBe(0);
});

test('a day is read under the pointer and with the arrow keys', async () => {
  window = await stage.window('gate');
  await window.press('Control+4');
  const days = window.page.getByRole('slider', { name: 'Days of all agents' });
  const read = window.id('interruption-rate').locator('[data-part="read"]');
  const box = await days.boundingBox();
  if (box === null) throw new Error('no chart');
  await window.page.mouse.move(box.x + box.width - 20, box.y + 40);
  await window.pass(50);
  expect(await read.textContent()).toMatch(/^20 Nov: /u);
  await window.page.mouse.move(5, 5);
  await days.focus();
  await window.press('ArrowLeft');
  expect(await read.textContent()).toMatch(/^19 Nov: /u);
  expect(await window.page.locator('main [data-testid="interruption-rate"] line.cursor').count()).toBe(1);
});
