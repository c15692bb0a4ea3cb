/** The window's states: sound for everyone, honest about hostile text and changes. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test.each(['full', 'empty', 'clear', 'error', 'quiet', 'long', 'hostile'])('in %s', async (scene) => {
    window = await stage.window(scene, { dark });
    await window.sound(scene);
  });

  test('in every form', async () => {
    window = await stage.window('full', { dark });
    await window.show('h-refund');
    await window.sound('card');
    await window.press('e');
    await window.edit('{"charge": "ch_2", "amount": 298}');
    await window.sound('modify');
    await window.press('Escape', 'i');
    await window.page.getByRole('button', { name: 'Add a fact' }).click();
    await window.page.getByRole('button', { name: 'Add a condition' }).click();
    await window.sound('inform');
    await window.press('Escape', 'r');
    await window.sound('reject');
    await window.press('Escape', 't');
    await window.sound('take over');
  });

  test('in the evidence, the dialogs and a hold', async () => {
    window = await stage.window('full', { dark });
    await window.show('h-refund');
    for (const tab of [/History/u, /Thread/u]) {
      await window.page.getByRole('tab', { name: tab }).click();
      await window.sound(String(tab));
    }
    for (const [key, name] of [['Control+K', 'palette'], ['?', 'help'], ['Control+,', 'settings']] as const) {
      await window.press(key);
      await window.sound(name);
      await window.press('Escape');
    }
    await window.holdLong();
    await window.press('2', 'Control+Enter');
    expect(await window.id('undo-decision').count()).toBe(1);
    await window.sound('held');
    await window.page.getByRole('tab', { name: /Sent/u }).click();
    await window.show('h-mail');
    await window.sound('may have run');
  });

  test('in an answer that came too early and a card that was withdrawn', async () => {
    window = await stage.window('full', { dark });
    // Both at once, so that no slow machine lets the half second pass in between.
    await window.page.evaluate(() => {
      globalThis.dispatchEvent(new Event('focus'));
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, bubbles: true }));
    });
    expect(await window.page.getByText('Nothing was sent.').isVisible()).toBe(true);
    await window.sound('too early');
    await window.desk('withdraw', 'h-drop');
    await window.sound('withdrawn');
  });

  test('at 900 and 600 pixels', async () => {
    window = await stage.window('full', { dark, width: 900 });
    await window.page.getByRole('button', { name: 'Evidence' }).click();
    await window.pass(300);
    await window.sound('900');
    await window.press('Escape');
    await window.page.setViewportSize({ width: 600, height: 700 });
    await window.sound('600');
    const wide = await window.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBe(0);
  });
});

describe.each([
  [1320, 840],
  [900, 800],
  [760, 800],
  [600, 700],
])('at %i by %i', (width, height) => {
  /** Whether all of an element is in the window and none of its text is cut. */
  const readable = (locator: ReturnType<Window['id']>) =>
    locator.evaluate((one) => {
      const { left, right, width: own } = one.getBoundingClientRect();
      const parts = [one, ...one.querySelectorAll('*')].filter((part) => getComputedStyle(part).clipPath === 'none');
      return own > 0 && left >= 0 && right <= innerWidth && parts.every((part) => getComputedStyle(part).overflow === 'visible' || (part.scrollWidth <= part.clientWidth + 1 && part.scrollHeight <= part.clientHeight + 1));
    });

  test('who asks, for what, how live and how long, the flags and every key can be read', async () => {
    window = await stage.window('examples', { width, height });
    for (const id of await window.id('queue-item').evaluateAll((all) => all.map((one) => one.dataset['handoffId'] ?? ''))) {
      await window.show(id);
      const header = window.page.locator('main header');
      for (const part of [header.locator('.name'), header.locator('.task'), window.id('liveness'), window.id('deadline'), window.id('snooze'), ...(await header.locator('.mark').all())]) expect(await readable(part), `${id}: ${await part.evaluate((one) => one.className)}`).toBe(true);
      for (const button of await window.page.locator('main footer button').all()) {
        expect(await readable(button)).toBe(true);
        expect(await button.locator('kbd').isVisible()).toBe(true);
      }
    }
    const aside = window.page.getByRole('button', { name: 'Evidence' });
    expect(width > 1080 ? await aside.count() : await readable(aside)).toBe(width > 1080 ? 0 : true);
  });

  test('no list of the queue stands alone on a line', async () => {
    window = await stage.window('full', { width, height });
    const rows = await window.page.getByRole('tablist', { name: 'Lists' }).getByRole('tab').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
    expect([1, 2]).toContain(new Set(rows).size);
    expect(rows[2]).toBe(rows[3]);
  });
});

test('a long label wraps on its button, and is whole in its title', async () => {
  window = await stage.window('long', { width: 760 });
  const words = window.id('decide-approve').locator('.words');
  const label = await words.getAttribute('title');
  expect(label).toBe(await window.page.locator('.option.chosen .name').textContent());
  expect(await words.evaluate((one) => one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight))).toBeLessThanOrEqual(2.1);
});

describe.each([
  [1280, 800],
  [900, 800],
  [900, 700],
])('the first screenful at %i by %i', (width, height) => {
  /** How far the lower edge of an element is above the place where the decision bar begins. */
  const room = (locator: ReturnType<Window['id']>) => locator.evaluate((one) => (document.querySelector('footer[aria-label="Decide"]')?.getBoundingClientRect().top ?? 0) - one.getBoundingClientRect().bottom);

  test('holds the question, the summary, the recommended option with its risk, and the main button', async () => {
    window = await stage.window('examples', { width, height });
    const option = window.page.locator('[data-option-id="duplicate-only"]');
    const action = option.locator('pre');
    for (const part of [window.id('question'), window.id('summary'), option.locator('label'), option.getByTestId('option-risk'), ...(height < 800 ? [] : [action])]) expect(await room(part)).toBeGreaterThanOrEqual(0);
    expect(await window.id('decide-approve').evaluate((one) => one.getBoundingClientRect().bottom <= innerHeight)).toBe(true);
    await window.show('h-tidy');
    for (const part of [window.id('question'), window.id('summary'), window.id('missing-layer').last()]) expect(await room(part)).toBeGreaterThanOrEqual(0);
    expect(await window.id('decide-inform').evaluate((one) => one.getBoundingClientRect().bottom <= innerHeight)).toBe(true);
  });

  test('of the demo holds the recommended option with its risk too, above what is not chosen', async () => {
    window = await stage.window('demo', { width, height });
    const option = window.page.locator('.option.chosen');
    expect(await option.getAttribute('data-option-id')).toBe('trash');
    for (const part of [window.id('question'), window.id('summary'), option.locator('label'), option.getByTestId('option-risk')]) expect(await room(part)).toBeGreaterThanOrEqual(0);
    const other = window.page.locator('[data-option-id="delete"] .action');
    const tall = () => other.evaluate((one) => one.getBoundingClientRect().height);
    const folded = await tall();
    await other.getByRole('button', { name: 'Show arguments of Delete 12 copies: 13 more lines' }).click();
    expect(await tall()).toBeGreaterThan(folded + 150);
    await window.press('2');
    expect(await other.locator('pre').textContent()).toContain('IMG_0042 copy.png');
  });

  test('holds the summary folded where it is far too long, and opens it', async () => {
    window = await stage.window('long', { width, height });
    expect(await room(window.id('summary'))).toBeGreaterThanOrEqual(0);
    expect(await window.id('summary').evaluate((one) => one.scrollHeight - one.clientHeight)).toBeGreaterThan(100);
    await window.page.getByRole('button', { name: 'Show all 416 words' }).click();
    expect(await window.id('summary').evaluate((one) => one.scrollHeight - one.clientHeight)).toBeLessThanOrEqual(1);
  });
});

test('the editor is loaded when an editor opens, not with the first card', async () => {
  window = await stage.window('full');
  const loaded: string[] = [];
  window.page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
  await window.page.reload();
  await window.pass(700);
  await window.show('h-refund');
  const editor = () => loaded.filter((path) => path.includes('editor'));
  expect(loaded.filter((path) => path.endsWith('.js'))).not.toEqual([]);
  expect(editor()).toEqual([]);
  await window.press('e');
  await window.page.waitForSelector('.cm-content');
  expect(editor()).toHaveLength(1);
});

describe('hostile text', () => {
  test('causes no request, no dialog and no markup, and is visible', async () => {
    window = await stage.window('hostile');
    for (const tab of [/History/u, /Thread/u, /Plan/u]) await window.page.getByRole('tab', { name: tab }).click();
    await window.press('e');
    await window.page.waitForSelector('.cm-content');
    expect(await window.page.locator('.cm-content').textContent()).toContain('⟨U+202E⟩');
    expect(await window.id('question').textContent()).toContain('<img src="https://evil.example/x.png"');
    expect(await window.id('question').textContent()).toContain('⟨U+202E⟩gnp.exe');
    expect(await window.page.locator('img:not(.cm-widgetBuffer), iframe, object, a[href], main script, aside script').count()).toBe(0);
    expect(await window.page.title()).toBe('Handoff Desk');
  });

  test('pushes nothing out of the window', async () => {
    window = await stage.window('hostile', { width: 900 });
    const wide = await window.page.evaluate(() => [...document.querySelectorAll('main *')].filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'visible' && getComputedStyle(one).display !== 'inline').map((one) => one.outerHTML.slice(0, 120)));
    expect(wide).toEqual([]);
  });

  test('right-to-left writing runs its own way', async () => {
    window = await stage.window('hostile');
    await window.show('h-rtl');
    expect(await window.id('question').evaluate((one) => getComputedStyle(one).direction)).toBe('rtl');
    expect(await window.id('deadline').evaluate((one) => getComputedStyle(one).direction)).toBe('ltr');
  });
});

describe('live', () => {
  test('a submit appears without a refresh, a withdrawal leaves', async () => {
    window = await stage.window('full');
    await window.desk('submit', { id: 'h-live', agent: 'tidy', title: 'Tidy', question: 'Delete the copies?', dueMs: 60_000 });
    expect(await window.item('h-live').getAttribute('data-state')).toBe('ready');
    expect(await window.page.getByRole('status').filter({ hasText: 'New handoff from tidy' }).count()).toBe(1);
    await window.desk('withdraw', 'h-live');
    expect(await window.item('h-live').count()).toBe(0);
  });

  test('a card withdrawn while it is open says so', async () => {
    window = await stage.window('full');
    await window.press('r');
    await window.id('reject-reason').fill('Not today.');
    await window.desk('withdraw', 'h-drop', 'The table is in use after all.');
    expect(await window.page.getByText('Withdrawn by the agent', { exact: true }).isVisible()).toBe(true);
    expect(await window.page.getByText('The table is in use after all.').isVisible()).toBe(true);
    expect(await window.id('submit-decision').count()).toBe(0);
    expect(await window.page.getByLabel(/^You had not sent this/u).inputValue()).toBe('Not today.');
    await window.press('Escape', 'j');
    await window.pass(600);
    expect(await window.id('question').textContent()).toBe('Refund only the proven duplicate, or both charges?');
  });

  test('a decision elsewhere wins, and is shown', async () => {
    window = await stage.window('ten');
    await window.desk('failNext', 'openCase', { code: 'store', message: 'Busy.', hint: 'Try again.' });
    await window.desk('decideElsewhere', 'h-00001');
    expect(await window.id('error').textContent()).toContain('Busy.');
    await window.press('Control+Enter');
    expect(await window.page.getByText('Rejected', { exact: true }).isVisible()).toBe(true);
    expect(await window.page.getByText('Decided in another window.').isVisible()).toBe(true);
    expect(await window.id('error').allTextContents()).toEqual([expect.stringContaining('already released')]);
  });

  test('the desk shows an item it is asked for', async () => {
    window = await stage.window('full');
    await window.press('Control+K');
    await window.desk('show', 'h-totals');
    expect(await window.id('question').textContent()).toBe('Two sources give different invoice totals');
    expect(await window.page.getByRole('dialog').count()).toBe(0);
  });
});

describe('at size', () => {
  test('three thousand handoffs open at once and move at once', async () => {
    window = await stage.window('many');
    expect(await window.id('queue-item').count()).toBe(50);
    for (let step = 0; step < 120; step += 1) await window.page.keyboard.press('j');
    await window.pass(800);
    expect(await window.id('question').textContent()).toBe('Archive mailbox number 121?');
    expect(await window.item('h-00121').isVisible()).toBe(true);
    const [list, row] = await Promise.all([window.page.locator('nav .scroll').boundingBox(), window.item('h-00121').boundingBox()]);
    if (list === null || row === null) throw new Error('there is no list or no row');
    expect(row.y, 'the list follows').toBeGreaterThanOrEqual(list.y);
    expect(row.y + row.height).toBeLessThan(list.y + list.height + 1);
  });

  test('the lists stay on one line up to two digits each', async () => {
    window = await stage.window('many');
    const title = (name: string) => window.page.getByRole('tablist', { name: 'Lists' }).locator(`[data-tab="${name}"]`);
    await window.page.getByRole('tablist', { name: 'Lists' }).locator('.count').evaluateAll((all) => { for (const one of all) one.textContent = '88'; });
    await window.page.locator('.lists').evaluate((one) => { one.classList.remove('pairs'); });
    const [first, last] = await Promise.all([title('inbox').boundingBox(), title('done').boundingBox()]);
    expect(last?.y).toBe(first?.y);
  });

  test('letters and digits are shown as they are, and drawn into no other sign', async () => {
    window = await stage.window('full');
    const widths = await window.id('question').evaluate((one) => {
      const width = (text: string) => {
        one.textContent = text;
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getBoundingClientRect().width;
      };
      return { together: width('8x8'), apart: width('8') * 2 + width('x') };
    });
    expect(Math.abs(widths.together - widths.apart)).toBeLessThan(1);
  });

  test('lists of many thousands come a hundred at a time, with what is chosen', async () => {
    window = await stage.window('empty');
    const many = <Item>(make: (place: number) => Item) => Array.from({ length: 5000 }, (_, place) => make(place));
    const options = many((place) => ({ id: `o${String(place)}`, label: `Take number ${String(place)}`, recommended: place === 4000 }));
    const [first, ...others] = options;
    const pros = many((place) => `Good of kind ${String(place)}`);
    await window.desk('submit', {
      id: 'h-big', agent: 'big', title: 'Big', question: 'Which of five thousand?',
      options: [{ ...first, pros, cons: pros }, ...others],
      steps: many((place) => ({ id: `s${String(place)}`, title: `Step ${String(place)}` })),
      constraints: many((place) => ({ text: `Condition ${String(place)}`, expr: null })),
      not_included: many((place) => `Left out: ${String(place)}`),
    });
    await window.show('h-big');
    await window.pass(600);
    expect(await window.page.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(12_000);
    expect(await window.page.locator('.option.chosen .name').textContent()).toBe('Take number 4000');
    const conditions = window.id('constraint');
    expect(await conditions.count()).toBe(100);
    await window.page.locator('ul:has([data-testid="constraint"]) > li > [data-part="more"]').click();
    expect(await conditions.count()).toBe(200);
    expect(await window.page.locator('[data-part="more"]').first().textContent()).toBe('Show the next 100 of 5,000');
  });

  test('a search looks everywhere', async () => {
    window = await stage.window('full');
    await window.press('/');
    await window.page.keyboard.type('tag');
    await window.pass(300);
    expect(await window.id('queue-item').evaluateAll((items) => items.map((item) => item.getAttribute('data-handoff-id')))).toContain('h-tags');
    await window.press('Escape');
    expect(await window.id('queue-item').count()).toBe(6);
  });

  test('a value of eight megabytes comes folded and opens', async () => {
    window = await stage.window('long');
    await window.show('h-huge');
    await window.page.getByRole('tab', { name: /History/u }).click();
    await window.id('action').locator('summary').click();
    await window.page.getByRole('button', { name: /more lines/u }).first().click();
    await window.pass(200);
    expect(await window.id('action').textContent()).toContain('line 400 ');
  });

  test('the history shows two hundred and loads on', async () => {
    window = await stage.window('long');
    await window.page.getByRole('tab', { name: /History/u }).click();
    expect(await window.id('action').count()).toBe(200);
    await window.page.getByRole('button', { name: /more actions/u }).click();
    await window.pass(100);
    expect(await window.id('action').count()).toBe(400);
  });
});

test('the palette finds a command and runs it', async () => {
  window = await stage.window('full');
  await window.press('Control+K');
  await window.page.keyboard.type('reject');
  await window.press('Enter');
  expect(await window.id('reject-reason').evaluate((field) => field === document.activeElement)).toBe(true);
});
