/** Backups in the settings: what there is, and that nothing is lost without a word. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { sizeWords } from '../../src/lib/words';
import { desk, eachAlone, host, open, pass } from './stage';

async function settings() {
  desk.dialog = 'settings';
  await pass(100);
}
const section = () => within(screen.getByRole('region', { name: 'Backups' }));
const restored = () => host.calls.filter((call) => call.name === 'restore').map((call) => call.argument);
const choose = async (at: number) => {
  await fireEvent.click(section().getAllByRole('button', { name: /^Go back to it/u })[at] as HTMLElement);
  await pass(50);
};

eachAlone();

describe('the backups', () => {
  test('are listed with when, how much and why', async () => {
    await open('full');
    await settings();
    const lines = section().getAllByRole('listitem').map((line) => line.querySelector('span')?.textContent);
    expect(lines).toEqual([
      'Fri 20 Nov, 03:006 h ago · 7 handoffs · 1.5 MB',
      'Thu 19 Nov, 03:001 d 6 h ago · 6 handoffs · 1.5 MB',
      'Wed 18 Nov, 03:002 d 6 h ago · 4 handoffs · 1.5 MB',
      'Tue 17 Nov, 01:003 d ago · 1.4 MB · before an update',
    ]);
  });

  test('are restored only after it was said what that loses', async () => {
    await open('full');
    await settings();
    await choose(1);
    expect(restored()).toEqual([]);
    const asked = within(section().getByRole('group', { name: 'Go back to Thu 19 Nov, 03:00' }));
    expect(section().getByRole('group').textContent).toContain('Everything since Thu 19 Nov, 03:00 is lost from the desk (3 handoffs at least)');
    expect(document.activeElement, 'Enter pressed once more loses nothing').toBe(asked.getByRole('button', { name: 'Keep everything as it is' }));
    await fireEvent.click(asked.getByRole('button', { name: 'Lose that and go back' }));
    await pass(50);
    expect(restored()).toEqual(['desk-30.db']);
    expect(section().getByRole<HTMLButtonElement>('button', { name: 'The desk starts again…' }).disabled).toBe(true);
  });

  test('are left alone by a no', async () => {
    await open('full');
    await settings();
    await choose(0);
    await fireEvent.click(section().getByRole('button', { name: 'Keep everything as it is' }));
    await pass(50);
    expect(section().queryByRole('group')).toBeNull();
    expect(document.activeElement?.textContent).toContain('Go back to it… Fri 20 Nov, 03:00');
    expect(restored()).toEqual([]);
  });

  test('say nothing of how many are lost where that is not known', async () => {
    await open('full');
    await settings();
    await choose(3);
    expect(section().getByRole('group').textContent).toContain('is lost from the desk: what agents');
  });

  test('tell why going back failed, and what there is now', async () => {
    await open('full');
    await settings();
    host.failNext('restore', { code: 'unavailable', message: 'The desk could not start itself again.', hint: 'Nothing was changed.' });
    await choose(0);
    await fireEvent.click(section().getByRole('button', { name: 'Lose that and go back' }));
    await pass(50);
    expect(section().getByRole('alert').textContent).toBe('The desk could not start itself again. Nothing was changed.');
    expect(host.calls.filter((call) => call.name === 'backups')).toHaveLength(2);
  });

  test('tell that there is none, and why they cannot be listed', async () => {
    await open('empty');
    await settings();
    expect(section().getByText('There is no backup yet. The first is made within a day.')).toBeTruthy();
    desk.dialog = null;
    await pass(50);
    host.failNext('backups', { code: 'store', message: 'The folder cannot be read.', hint: 'Look at its rights.' });
    await settings();
    expect(section().getByRole('alert').textContent).toBe('The folder cannot be read. Look at its rights.');
    await fireEvent.click(section().getByRole('button', { name: 'Try again' }));
    await pass(50);
    expect(section().queryByRole('alert')).toBeNull();
  });

  test('have sizes as files have them', () => {
    expect([0, 999, 812_345, 2_400_000, 12_340_000_000].map(sizeWords)).toEqual(['1 KB', '1 KB', '812 KB', '2.4 MB', '12.3 GB']);
  });
});
