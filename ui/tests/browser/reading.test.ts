/** Reading a card with the keyboard, and a main button that can be read in every state. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

const top = () => window.page.locator('main > .scroll').evaluate((one) => Math.round(one.scrollTop));
const bottom = () => window.page.locator('main > .scroll').evaluate((one) => Math.round(one.scrollHeight - one.clientHeight));

describe('the keys that scroll a page', () => {
  test.each(['body', 'the question', 'the queue'])('scroll the card from %s', async (from) => {
    window = await stage.window('full', { height: 500 });
    await window.show('h-refund');
    if (from === 'body') await window.page.evaluate(() => { (document.activeElement as HTMLElement).blur(); });
    if (from === 'the question') await window.id('question').focus();
    if (from === 'the queue') await window.id('queue').focus();
    const page = await window.page.locator('main > .scroll').evaluate((one) => one.clientHeight);
    await window.press('PageDown');
    const once = await top();
    expect(once).toBeGreaterThan(page / 3);
    expect(once).toBeLessThan(page);
    await window.press('PageUp');
    expect(await top()).toBe(0);
    await window.press(' ');
    expect(await top()).toBe(once);
    await window.press('Shift+ ');
    expect(await top()).toBe(0);
    await window.press('End');
    expect(await top()).toBe(await bottom());
    await window.press('Home');
    expect(await top()).toBe(0);
    expect(await window.calls('decide')).toEqual([]);
    expect(await window.id('question').textContent(), 'it is the same card').toBe('Refund only the proven duplicate, or both charges?');
  });

  test('belong to the control that has the focus', async () => {
    window = await stage.window('full', { height: 500 });
    await window.show('h-refund');
    await window.id('search').focus();
    for (const key of [' ', 'Home', 'End', 'PageDown']) await window.press(key);
    expect(await window.id('search').inputValue()).toBe(' ');
    expect(await top()).toBe(0);
    await window.press('Escape');
    await window.id('decide-reject').focus();
    await window.press(' ');
    expect(await window.id('reject-reason').isVisible()).toBe(true);
    await window.press('Control+K', 'End', 'PageDown');
    expect(await top()).toBe(0);
  });
});

describe.each([
  ['light', false],
  ['dark', true],
])('the main button can be read, %s,', (_, dark) => {
  /** The contrast of its words, and how much of them there is to see. */
  const words = () =>
    window.id('decide-approve').evaluate((button) => {
      const light = (colour: string) => {
        const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/gu) ?? []).map(Number).map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const label = button.querySelector('bdi');
      if (label === null) return { contrast: 0, width: 0 };
      const [one, two] = [light(getComputedStyle(label).color), light(getComputedStyle(button).backgroundColor)].sort((a, b) => b - a);
      return { contrast: ((one ?? 0) + 0.05) / ((two ?? 0) + 0.05), width: label.getBoundingClientRect().width };
    });
  const readable = async (what: string) => {
    const { contrast, width } = await words();
    expect(contrast, what).toBeGreaterThan(4.5);
    expect(width, what).toBeGreaterThan(60);
  };

  test.each([1320, 700])('at %i pixels in every state', async (width) => {
    window = await stage.window('late', { dark, width });
    await window.show('h-escalated');
    await readable('ready');
    await window.id('decide-approve').hover();
    await readable('under the pointer');
    await window.id('decide-approve').focus();
    await readable('with the focus');
    await window.page.evaluate(() => globalThis.dispatchEvent(new Event('focus')));
    await window.page.waitForSelector('[data-testid="decide-approve"].arming');
    await readable('for the first half second');
    await window.pass(600);
    await readable('again');
    await window.show('h-refund');
    await readable('with something in its way');
  });

  test('and passes no colour on a frame late where less motion is asked for', async () => {
    window = await stage.window('late', { dark });
    const moving = await window.page.evaluate(() => [...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionProperty !== 'none').map((one) => one.tagName));
    expect(moving).toEqual([]);
  });
});
