/** Servers in a real browser: sound for everyone, usable by keyboard, whole in a narrow window. */
import { describe, expect, test } from 'vitest';
import { staged, type Window } from './window';

const stage = staged();
let window: Window;

const section = () => window.page.getByRole('region', { name: 'Servers' });

async function servers() {
  await window.press('Control+,');
  await window.page.getByRole('navigation', { name: 'Sections of the settings' }).getByRole('button', { name: 'Servers', exact: true }).click();
  await window.pass(200);
}

describe.each([
  ['light', false],
  ['dark', true],
])('axe finds nothing, %s,', (_, dark) => {
  test('in the servers, in adding, trying and removing one', async () => {
    window = await stage.window('servers', { dark });
    await servers();
    await window.sound('servers');
    await section().getByRole('button', { name: /^Remove… lab/u }).click();
    await window.sound('removing');
    await section().getByRole('button', { name: 'Keep it' }).click();
    await section().getByRole('button', { name: 'Add a server…' }).click();
    await section().getByRole('button', { name: 'Add another header' }).click();
    await section().getByLabel('Address').fill('http://agents.example.com');
    await section().getByRole('button', { name: 'Try the connection' }).click();
    await window.pass(100);
    await window.sound('tried');
    await section().getByLabel('Address').fill('https://off.example.com');
    await section().getByRole('button', { name: 'Try the connection' }).click();
    await window.pass(100);
    await window.sound('refused');
  });

  test('in the cards of a server', async () => {
    window = await stage.window('servers', { dark });
    for (const [list, ids] of [
      [/^Inbox/u, ['h-asked']],
      [/^Sent/u, ['h-waits', 'h-together', 'h-sending', 'h-sent']],
      [/^Done/u, ['h-answered', 'h-elsewhere']],
    ] as const) {
      await window.page.getByRole('tab', { name: list }).click();
      await window.pass(300);
      for (const id of ids) {
        await window.show(id);
        await window.sound(id);
      }
    }
  });
});

test('a server is added by keyboard alone', async () => {
  window = await stage.window('full');
  await servers();
  await section().getByRole('button', { name: 'Add a server…' }).focus();
  await window.press('Enter');
  await window.page.keyboard.insertText('team');
  await window.press('Tab');
  await window.page.keyboard.insertText('https://agents.example.com');
  await window.press('Enter');
  expect(await window.calls('addServer')).toEqual([{ name: 'team', url: 'https://agents.example.com', headers: [], secret: null }]);
  expect(await section().getByRole('listitem').count()).toBe(1);
});

test('what is typed as a secret cannot be read', async () => {
  window = await stage.window('full');
  await servers();
  await section().getByRole('button', { name: 'Add a server…' }).click();
  expect(await section().getByLabel('Secret', { exact: true }).getAttribute('type')).toBe('password');
});

test.each([900, 600])('nothing is cut off at %i pixels', async (width) => {
  window = await stage.window('servers', { width, height: 700 });
  await servers();
  await section().getByRole('button', { name: 'Add a server…' }).click();
  await section().getByRole('button', { name: 'Add another header' }).click();
  const wide = await window.page.evaluate(() => [...document.querySelectorAll('dialog, dialog .sections, dialog form')].map((one) => one.scrollWidth - one.clientWidth));
  expect(wide).toEqual([0, 0, 0]);
  await window.sound(`servers at ${String(width)}`);
});
