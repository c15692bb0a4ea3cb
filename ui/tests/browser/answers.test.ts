/** Every kind of answer, as a reviewer gives it. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

describe('approve', () => {
  test('a high-risk option takes Ctrl+Enter, a confirmation, and Ctrl+Enter again', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toEqual([]);
    expect(await window.id('confirm-high-risk').evaluate((box) => box === document.activeElement)).toBe(true);
    await window.press('Space', 'Control+Enter');
    expect(await window.calls('decide')).toMatchObject([{ id: 'h-refund', confirmed: true, answer: { kind: 'approve', option: 'duplicate-only' } }]);
    await expect.poll(() => window.item('h-refund').count()).toBe(0);
  });

  test('Enter or Space on the focused button approves nothing', async () => {
    window = await stage.window('ten');
    await window.id('decide-approve').focus();
    await window.press('Enter', 'Space');
    expect(await window.calls('decide')).toEqual([]);
    await window.id('decide-approve').click();
    expect(await window.calls('decide')).toHaveLength(1);
  });

  test('the click that comes with the focus of the window decides nothing', async () => {
    window = await stage.window('ten');
    await window.page.evaluate(() => globalThis.dispatchEvent(new Event('focus')));
    await window.id('decide-approve').click({ force: true });
    expect(await window.calls('decide')).toEqual([]);
    await window.pass(600);
    await window.id('decide-approve').click();
    expect(await window.calls('decide')).toHaveLength(1);
  });

  test('a message for the end user goes with the decision', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.id('end-user-message').fill('Your money is on its way.');
    await window.page.locator('[data-option-id="send-to-billing"]').click();
    await window.pass(300);
    await window.press('Escape', 'Control+Enter');
    expect(await window.calls('decide')).toMatchObject([{ message: { text: 'Your money is on its way.' }, answer: { option: 'send-to-billing' } }]);
  });

  test('what is folded must be opened first', async () => {
    window = await stage.window('long');
    await window.show('h-folded');
    expect(await window.page.getByText('Locked until you have opened').isVisible()).toBe(true);
    expect(await window.id('confirm-high-risk').isDisabled()).toBe(true);
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toEqual([]);
    await window.page.getByRole('button', { name: /392 more lines/u }).click();
    await window.pass(200);
    await window.id('confirm-high-risk').check();
    await window.id('decide-approve').click();
    await window.pass(100);
    expect(await window.calls('decide')).toHaveLength(1);
  });
});

describe('modify', () => {
  test('shows a schema fault in its place, and takes the mended arguments', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('e');
    await window.edit('{"charge": "ch_2", "amount": -5, "currency": "EUR"}');
    expect(await window.id('args-editor').textContent()).toContain('amount: must be more than 0');
    await expect.poll(() => window.page.locator('.cm-lintRange-error').allTextContents()).toEqual(['-5']);
    expect(await window.page.locator('.cm-deletedChunk').count()).toBeGreaterThan(0);
    await window.id('confirm-high-risk').check();
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toEqual([]);
    await window.edit('{"charge": "ch_2", "amount": 100, "currency": "EUR"}');
    expect(await window.id('confirm-high-risk').isChecked()).toBe(false);
    await window.id('confirm-high-risk').check();
    await window.pass(400);
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toMatchObject([{ answer: { kind: 'modify', option: 'duplicate-only', args: { charge: 'ch_2', amount: 100, currency: 'EUR' } } }]);
  });

  test('compares what is typed in another layout value by value', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('e');
    const pane = window.page.locator('[data-part="comparison"]');
    const own = window.page.locator('[data-testid="args-editor"] .frame').first();
    await window.edit('{"currency":"EUR","amount":100,"charge":"ch_2"}');
    expect(await pane.locator('.cm-changedLine').allTextContents()).toEqual(['  "amount": 100,']);
    expect((await pane.locator('.cm-deletedChunk').allTextContents()).map((line) => line.trim())).toEqual(['"amount": 149,']);
    expect(await own.locator('.cm-changedLine, .cm-deletedChunk').count()).toBe(0);
    await window.sound('compared');
    await window.edit('{"currency":"EUR","amount":149,"charge":"ch_2"}');
    expect(await pane.count()).toBe(0);
    expect(await window.page.getByText('The same as proposed').isVisible()).toBe(true);
    await window.edit('{\n  "charge": "ch_2",\n  "amount": 100,\n  "currency": "EUR"\n}');
    expect(await pane.count()).toBe(0);
    expect(await own.locator('.cm-changedLine').count()).toBe(1);
  });

  test('says once what is wrong with the arguments, and asks for no reason before they are mended', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('e');
    await window.edit('{"charge": 7, "amount": 298, "currency": "EUR"}');
    expect(await window.page.getByText('must be of type string').count()).toBe(1);
    expect(await window.page.getByText('Mend the arguments first.').isVisible()).toBe(true);
    expect(await window.id('override').count()).toBe(0);
  });

  test('says where text is no JSON yet', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.id('decide-modify').click();
    await window.edit('{"charge": ');
    expect(await window.id('args-editor').textContent()).toContain('This is not JSON yet');
    expect(await window.id('submit-decision').getAttribute('aria-disabled')).toBe('true');
  });

  test('asks for a reason against a condition', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('e');
    await window.edit('{"charge": "ch_2", "amount": 298, "currency": "EUR"}');
    expect(await window.page.getByText('does not hold', { exact: false }).count()).toBeGreaterThan(0);
    await window.id('confirm-high-risk').check();
    await window.pass(400);
    await window.press('Control+Enter');
    expect(await window.id('override').evaluate((field) => field === document.activeElement)).toBe(true);
    await window.id('override').fill('Agreed with the team lead.');
    await window.pass(400);
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toMatchObject([{ override: { why: 'Agreed with the team lead.' } }]);
  });

  test('Escape keeps the edit for later', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('e');
    await window.edit('{"charge": "ch_1"}');
    await window.press('Escape');
    expect(await window.id('args-editor').count()).toBe(0);
    await window.press('e');
    await window.page.waitForSelector('.cm-content');
    expect(await window.page.locator('[data-testid="args-editor"] .frame').first().locator('.cm-line').allTextContents()).toEqual(['{"charge": "ch_1"}']);
  });
});

describe('the other answers', () => {
  test('inform sends words, facts and conditions', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('i');
    await window.page.keyboard.insertText('She called this morning.');
    await window.page.getByRole('button', { name: 'Add a fact' }).click();
    await window.page.getByLabel('Name of fact 1').fill('captured');
    await window.page.getByLabel('Value of fact 1, JSON or text').fill('149.5');
    await window.page.getByRole('button', { name: 'Add a fact' }).click();
    await window.page.getByLabel('Name of fact 2').fill('channel');
    await window.page.getByLabel('Value of fact 2, JSON or text').fill('by phone');
    await window.page.getByRole('button', { name: 'Add a condition' }).click();
    await window.page.getByLabel('Condition 1 that must hold').fill('No credit.');
    await window.pass(400);
    expect(await window.page.locator('[data-step-id="refund"]').getAttribute('data-verdict')).toBe('blocked');
    await window.id('submit-decision').click();
    expect(await window.calls('decide')).toMatchObject([{ answer: { kind: 'inform', text: 'She called this morning.', facts: { captured: 149.5, channel: 'by phone' }, constraints: [{ text: 'No credit.' }] } }]);
  });

  test('reject needs a reason and says what follows', async () => {
    window = await stage.window('full');
    await window.show('h-refund');
    await window.press('r', 'Control+Enter');
    expect(await window.calls('decide')).toEqual([]);
    expect(await window.page.getByText('A rejection needs a reason').isVisible()).toBe(true);
    await window.id('reject-reason').fill('Ask the bank first.');
    await window.id('reject-then').locator('[value="revise"]').check();
    await window.pass(400);
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toMatchObject([{ answer: { kind: 'reject', reason: 'Ask the bank first.', then: 'revise' }, confirmed: false }]);
  });

  test('take over sends a note', async () => {
    window = await stage.window('full');
    await window.press('t');
    await window.page.keyboard.insertText('I do it from the console.');
    await window.pass(400);
    await window.press('Control+Enter');
    expect(await window.calls('decide')).toMatchObject([{ answer: { kind: 'take_over', note: 'I do it from the console.' } }]);
  });
});

describe('the hold', () => {
  test('z takes the latest decision back, and the card returns', async () => {
    window = await stage.window('ten');
    await window.holdLong();
    await window.press('Control+Enter');
    await window.pass(600);
    await window.press('Control+Enter');
    expect(await window.id('undo-decision').count()).toBe(2);
    await window.press('z');
    expect(await window.calls('undo')).toEqual(['h-00002']);
    expect(await window.item('h-00002').getAttribute('data-state')).toBe('ready');
    expect(await window.id('question').textContent()).toBe('Archive mailbox number 2?');
    await window.id('undo-decision').click();
    await window.pass(200);
    expect(await window.id('undo-decision').count()).toBe(0);
    expect(await window.item('h-00001').count()).toBe(1);
  });

  test('runs out, and the card shows that the agent collected', async () => {
    window = await stage.window('ten');
    await window.press('Control+Enter');
    await window.pass(5100);
    expect(await window.id('undo-decision').count()).toBe(0);
    await window.page.getByRole('tab', { name: /Sent/u }).click();
    await window.pass(100);
    expect(await window.item('h-00001').getAttribute('data-state')).toMatch(/^(released|collected)$/u);
    await window.show('h-00001');
    await window.pass(800);
    expect(await window.id('liveness').textContent()).toMatch(/^(fetched your answer|confirmed by the agent)/u);
  });

  test('ten cards are cleared without the mouse', async () => {
    window = await stage.window('ten');
    for (let card = 0; card < 10; card += 1) {
      await window.press('Control+Enter');
      await window.pass(600);
    }
    expect(await window.calls('decide')).toHaveLength(10);
    expect(await window.page.getByRole('heading', { name: 'All clear' }).isVisible()).toBe(true);
  });
});
