/** Time in the window: snooze, countdown, the end of a deadline, leave, focus and the settings. */
import { cleanup, fireEvent, render, screen, within } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import { Desk } from '../../src/state/desk.svelte';
import { commands } from '../../src/state/commands';
import App from '../../src/views/App.svelte';
import type { Settings } from '../../src/gen/Settings';

let host: FakeDesk;
let desk: Desk;
let visible = true;
const MINUTE = 60_000;

const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
  await tick();
};
async function open(scene: string) {
  host = new FakeDesk(scene);
  desk = new Desk(host);
  render(App, { desk });
  window.dispatchEvent(new Event('focus'));
  await pass(600);
}
/** Much later, without every tick between. */
const jump = async (ms: number) => {
  vi.setSystemTime(Date.now() + ms);
  await pass(1100);
};
const show = async (id: string) => {
  desk.select(id);
  await pass(700);
};
const press = async (key: string, held: KeyboardEventInit = {}) => {
  await fireEvent.keyDown(document.activeElement ?? document.body, { key, bubbles: true, ...held });
  await pass(200);
};
const calls = (name: string) => host.calls.filter((call) => call.name === name).map((call) => call.argument);
const part = (name: string) => document.querySelector<HTMLElement>(`[data-part="${name}"]`);
const row = (id: string) => document.querySelector<HTMLElement>(`[data-handoff-id="${id}"]`);
const clock = (hour: number, minute = 0, day = 20) => new Date(2026, 10, day, hour, minute).toISOString();
/** Opens the settings and waits for them. */
async function settings() {
  desk.dialog = 'settings';
  await pass(50);
}
const saved = () => calls('saveSettings').at(-1) as Settings;
const set = async (label: string | RegExp, value: string) => {
  const field = screen.getByLabelText(label, { selector: 'input' });
  await fireEvent.input(field, { target: { value } });
  await fireEvent.change(field, { target: { value } });
  await pass(50);
};

beforeEach(() => {
  visible = true;
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => (visible ? 'visible' : 'hidden'));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('the card on screen', () => {
  test('is told to the desk only when it changes, and never in doubt', async () => {
    await open('full');
    expect(calls('onScreen').at(-1)).toBe('h-drop');
    const before = calls('onScreen').length;
    host.revise('h-drop', { summary: 'Other words.' });
    await pass(2000);
    expect(calls('onScreen')).toHaveLength(before);
    await show('h-loop');
    expect(calls('onScreen').at(-1)).toBe('h-loop');
    window.dispatchEvent(new Event('blur'));
    await pass(50);
    expect(calls('onScreen').at(-1)).toBeNull();
    window.dispatchEvent(new Event('focus'));
    await pass(50);
    expect(calls('onScreen').at(-1)).toBe('h-loop');
    vi.spyOn(document, 'hasFocus').mockReturnValue(true);
    visible = false;
    document.dispatchEvent(new Event('visibilitychange'));
    await pass(50);
    expect(calls('onScreen').at(-1)).toBeNull();
    visible = true;
    document.dispatchEvent(new Event('visibilitychange'));
    await pass(50);
    expect(calls('onScreen').at(-1)).toBe('h-loop');
    desk.dialog = 'help';
    await pass(50);
    expect(calls('onScreen').at(-1)).toBeNull();
  });

  test('is not the one before, while the next is still loading', async () => {
    await open('full');
    let answer: () => void = () => undefined;
    const real = host.openCase.bind(host);
    vi.spyOn(host, 'openCase').mockImplementation((id) => new Promise((done) => { answer = () => { done(real(id)); }; }));
    desk.select('h-loop');
    await pass(100);
    expect(calls('onScreen').at(-1)).toBeNull();
    answer();
    await pass(100);
    expect(calls('onScreen').at(-1)).toBe('h-loop');
  });

  test('is not told again where it was left and come back to while the desk was still being told', async () => {
    await open('full');
    await show('h-loop');
    let answer: () => void = () => undefined;
    const told = vi.spyOn(host, 'onScreen').mockImplementation(() => new Promise((done) => { answer = done; }));
    for (const event of ['blur', 'focus', 'blur']) {
      window.dispatchEvent(new Event(event));
      await pass(50);
    }
    answer();
    await pass(50);
    expect(told.mock.calls).toEqual([[null]]);
  });

  test('does not choke when the window asks for attention', async () => {
    await open('late');
    host.lapse('h-near', 'escalated');
    await pass(100);
    expect(screen.queryByTestId('error')).toBeNull();
    expect(row('h-near')?.dataset['flags']).toContain('escalated');
  });
});

describe('snooze', () => {
  test('opens by key, says what is cut before, and puts off', async () => {
    await open('full');
    await show('h-refund');
    await press('s');
    const menu = screen.getByRole('dialog', { name: 'Snooze' });
    expect([...menu.querySelectorAll('[data-snooze]')].map((choice) => choice.textContent?.trim())).toEqual(['15 minutes until 09:15', '1 hour until 10:00', 'Tomorrow 9:00 cut to the warning at 12:12']);
    expect(document.activeElement?.textContent).toContain('15 minutes');
    await press('ArrowDown');
    expect(document.activeElement?.textContent).toContain('1 hour');
    await fireEvent.click(document.activeElement as HTMLElement);
    await pass(300);
    expect(screen.queryByRole('dialog', { name: 'Snooze' })).toBeNull();
    expect(Date.parse((calls('snooze')[0] as { until: string }).until) - Date.now()).toBeGreaterThan(59 * MINUTE - 5000);
    expect(part('snoozed')?.textContent).toMatch(/Snoozed until 10:00\. No reminders until then; the deadline stays\./u);
    expect(row('h-refund')?.querySelector('.tag svg')).not.toBeNull();
    expect(row('h-refund')?.textContent).toContain('snoozed until 10:00');
    expect(desk.announcement).toBe('Put off until 10:00.');
    await fireEvent.click(screen.getByRole('button', { name: 'End the snooze' }));
    await pass(300);
    expect(calls('wake')).toEqual(['h-refund']);
    expect(part('snoozed')).toBeNull();
  });

  test('beyond the warning says afterwards that it was cut', async () => {
    await open('full');
    await show('h-refund');
    commands(desk).find((command) => command.id === 'snooze-tomorrow')?.run();
    await pass(300);
    expect(calls('snooze')[0]).toEqual({ id: 'h-refund', until: clock(9, 0, 21) });
    expect(part('snoozed')?.textContent).toContain('Snoozed until its warning, 12:12. It cannot be put off beyond that.');
    expect(desk.announcement).toBe('Put off until its warning at 12:12, and no longer.');
  });

  test('takes a time of one’s own and no time that is past', async () => {
    await open('full');
    await show('h-refund');
    await press('s');
    const put = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Put off' });
    expect(screen.getByLabelText<HTMLInputElement>('A time of your own')).toMatchObject({ type: 'text', value: '2026-11-20 11:00' });
    await set('A time of your own', '2026-11-20 08:00');
    expect(screen.getByText('This is in the past.')).toBeTruthy();
    expect(put().disabled).toBe(true);
    await set('A time of your own', '2026-11-20 14:00');
    expect(screen.getByText('Beyond the warning: cut to the warning at 12:12.')).toBeTruthy();
    await set('A time of your own', '2026-11-20 11:30');
    expect(screen.getByText('Reminders come back at 11:30.')).toBeTruthy();
    await fireEvent.click(put());
    await pass(300);
    expect(calls('snooze')).toEqual([{ id: 'h-refund', until: clock(11, 30) }]);
  });

  test('explains where there is none, and leaves the keys of the card alone', async () => {
    await open('late');
    await show('h-near');
    await press('s');
    expect(screen.getByRole('dialog', { name: 'Snooze' }).textContent).toContain('The warning is out, so it cannot be put off any more.');
    expect(screen.queryByText('15 minutes')).toBeNull();
    await press('Enter', { ctrlKey: true });
    await press('r');
    expect(screen.queryByTestId('reject-reason')).toBeNull();
    expect(calls('decide')).toEqual([]);
    await press('Escape');
    expect(screen.queryByRole('dialog', { name: 'Snooze' })).toBeNull();
    expect(document.activeElement).toBe(screen.getByTestId('snooze'));
    expect(commands(desk).find((command) => command.id === 'snooze-hour')?.available).toBe(false);
  });

  test('that fails is shown, and the card stays as it was', async () => {
    await open('full');
    await show('h-refund');
    host.failNext('snooze', { code: 'store', message: 'The disk is full.', hint: 'Free some space.' });
    await desk.calm.snooze(Date.now() + MINUTE);
    await pass(50);
    expect(screen.getByTestId('error').textContent).toContain('The disk is full.');
    expect(part('snoozed')).toBeNull();
  });
});

describe('the countdown', () => {
  test('turns loud by shape and words, and is announced once a stage', async () => {
    await open('full');
    await show('h-refund');
    const timer = () => screen.getByTestId('deadline').querySelector('[role="timer"]');
    const said: string[] = [];
    vi.spyOn(desk, 'say').mockImplementation((words) => { said.push(words); });
    expect(timer()?.querySelector('svg')).toBeNull();
    await jump(3 * 60 * MINUTE + 3 * MINUTE);
    expect(timer()?.className).toContain('soon');
    await jump(10 * MINUTE);
    await pass(3000);
    expect(timer()?.className).toContain('near');
    expect(timer()?.querySelector('svg')).not.toBeNull();
    expect(row('h-refund')?.className).toContain('loud');
    await jump(31 * MINUTE);
    await pass(3000);
    expect(timer()?.className).toContain('over');
    expect(said.filter((words) => words.includes('runs out in'))).toEqual(['This handoff runs out in 28 min.']);
    expect(said.filter((words) => words.includes('has passed'))).toHaveLength(1);
  });

  test('past the deadline it says what happened, that it can be answered, and what a late answer does', async () => {
    await open('late');
    await show('h-review');
    expect(part('overdue')?.textContent).toContain('It waited too long and was left for you at 07:00. The deadline passed at 07:00 without an answer. The default was not taken. At its level this agent may not change anything unasked. It stays here');
    expect(part('overdue')?.textContent).toContain('You can still answer. Your answer is kept. The agent has not been seen since');
    expect(screen.queryByText('No answer')).toBeNull();
    await show('h-escalated');
    expect(part('overdue')?.textContent).toContain('The deadline passed at 08:48. You were alerted 2 times since. Nothing was done.');
    expect(part('overdue')?.textContent).toContain('The agent still listens');
    await show('h-slept');
    expect(part('overdue')?.textContent).toContain('You are warned first.');
    await press('Enter', { ctrlKey: true });
    expect(calls('decide')).toHaveLength(1);
    await show('h-later');
    expect(part('overdue')).toBeNull();
  });

  test('past the deadline of another proposal, alerts of the one before do not count', async () => {
    await open('late');
    host.revise('h-escalated', { summary: 'Other words.' });
    host.lapse('h-escalated', 'escalated');
    await show('h-escalated');
    expect(part('overdue')?.textContent).toContain('You are alerted as your settings say. Nothing was done.');
  });
});

describe('leave for the default', () => {
  const box = () => part('leave') as HTMLInputElement;

  test('names the option and its consequence, and changes the sentence', async () => {
    await open('full');
    expect(part('leave')).toBeNull();
    await show('h-refund');
    const label = box().closest('label')?.textContent ?? '';
    expect(label).toContain('If I do not answer at 12:42, take “Leave it to the billing team”');
    expect(label).toContain('Runs crm.assign_case, as shown, after a warning.');
    await fireEvent.click(box());
    await pass(100);
    expect(calls('allowDefault')).toEqual([{ id: 'h-refund', revision: 1, allowed: true }]);
    expect(screen.getByText('“Leave it to the billing team” is taken. It is recorded as done by the desk, not by you.')).toBeTruthy();
    expect(box().checked).toBe(true);
    host.revise('h-refund', {});
    await pass(50);
    expect(box().checked).toBe(false);
  });

  test('is not given in the first half second, nor kept where the desk refuses', async () => {
    await open('full');
    desk.select('h-refund');
    await pass(50);
    expect(box().disabled).toBe(true);
    await desk.calm.leave(true);
    expect(calls('allowDefault')).toEqual([]);
    await pass(700);
    host.failNext('allowDefault', { code: 'conflict', message: 'Too late.', hint: 'Answer it.' });
    await fireEvent.click(box());
    await pass(100);
    expect(box().checked).toBe(false);
    expect(screen.getByTestId('error').textContent).toContain('Too late.');
  });
});

describe('focus', () => {
  test('is one press away, is seen until when, and ends', async () => {
    await open('full');
    await fireEvent.click(screen.getByRole('button', { name: 'Focus' }));
    await pass(50);
    expect(part('calm')?.textContent).toContain('Focus until 10:00');
    expect(saved().alerts.focus_until).not.toBeNull();
    await fireEvent.click(screen.getByRole('button', { name: 'End the focus' }));
    await pass(50);
    expect(part('calm')).toBeNull();
    commands(desk).find((command) => command.id === 'focus-tomorrow')?.run();
    await pass(50);
    expect(saved().alerts.focus_until).toBe(clock(9, 0, 21));
    await jump(24 * 60 * MINUTE);
    expect(part('calm')).toBeNull();
  });
});

describe('the settings', () => {
  test('set reminders by priority with their unit, and off', async () => {
    await open('full');
    await settings();
    await set('Remind me, normal: every', '2');
    expect(saved().alerts.remind_every_s).toEqual({ low: 0, normal: 7200, high: 1800, urgent: 600 });
    await fireEvent.change(screen.getByLabelText('Remind me, urgent'), { target: { value: 'none' } });
    await pass(50);
    expect(saved().alerts.remind_every_s.urgent).toBe(0);
    expect(screen.queryByLabelText('Remind me, urgent: every')).toBeNull();
    await fireEvent.change(screen.getByLabelText('Warn me, high'), { target: { value: 'some' } });
    await pass(50);
    expect(saved().alerts.warn_before_s).toEqual({ low: 0, normal: 0, high: 1800, urgent: 0 });
    await set('Pause after opening', '20');
    expect(saved().alerts.pause_s).toBe(1200);
    await set('Time to answer, high: within', '2');
    expect(saved().alerts.respond_within_s).toEqual({ low: 3600, normal: 3600, high: 7200, urgent: 3600 });
    await fireEvent.change(screen.getByLabelText('Then, normal'), { target: { value: 'manual_review' } });
    await pass(50);
    expect(saved().alerts.on_timeout).toEqual({ low: 'escalate', normal: 'manual_review', high: 'escalate', urgent: 'escalate' });
    await set('Grace, low: grace', '7');
    expect(saved().alerts.grace_s.low).toBe(420);
    await set('Give up after', '45');
    expect(saved().alerts.give_up_after_s).toBe(2700);
  });

  test('show what was refused in its place, keep what was typed, and take what is mended', async () => {
    await open('full');
    await settings();
    const field = screen.getByLabelText<HTMLInputElement>('Remind me, normal: every');
    await set('Remind me, normal: every', '200');
    expect(part('remind_every_s-normal')?.nextElementSibling?.textContent).toContain('once a week at least');
    expect(field.value).toBe('200');
    expect(field.getAttribute('aria-invalid')).toBe('true');
    expect(screen.queryAllByRole('alert')).toHaveLength(1);
    expect(desk.settings.alerts.remind_every_s.normal).toBe(3600);
    await set('Remind me, normal: every', '3');
    expect(screen.queryAllByRole('alert')).toHaveLength(0);
    expect(desk.settings.alerts.remind_every_s.normal).toBe(10_800);
    const before = calls('saveSettings').length;
    await set('Remind me, normal: every', 'often');
    expect(calls('saveSettings')).toHaveLength(before);
    expect(screen.getByRole('alert').textContent).toContain('a number above 0');
  });

  test('keep quiet hours, also over midnight, and refuse an empty span', async () => {
    await open('full');
    await settings();
    await fireEvent.click(screen.getByLabelText(/^Quiet hours/u, { selector: 'input' }));
    await pass(50);
    expect(saved().alerts.quiet).toEqual({ from_min: 1320, to_min: 420 });
    expect(screen.getByText('the next day')).toBeTruthy();
    await set('From', '22.30');
    expect(screen.getByRole('alert').textContent).toBe('Not saved. Write it as 22:30.');
    expect(saved().alerts.quiet).toEqual({ from_min: 1320, to_min: 420 });
    await set('From', '12:30');
    await set('to', '12:30');
    expect(screen.getByRole('alert').textContent).toContain('Quiet hours need a start and another end');
    await set('to', '13:30');
    expect(saved().alerts.quiet).toEqual({ from_min: 750, to_min: 810 });
    await fireEvent.click(screen.getByLabelText(/^Urgent may pierce/u, { selector: 'input' }));
    await pass(50);
    expect(saved().alerts.urgent_pierces).toBe(false);
  });

  test('build stages, read a command into words, and tell what follows when', async () => {
    await open('full');
    await settings();
    const ladder = () => within(screen.getByRole('list', { name: 'What happens, moment by moment' })).getAllByRole('listitem').map((line) => line.textContent?.replaceAll(/\s+/gu, ' ').trim());
    expect(ladder().at(-1)).toContain('50 min after it moved to “Missed”');
    await fireEvent.click(screen.getByRole('button', { name: 'Add a stage' }));
    await pass(50);
    expect(saved().alerts.stages).toHaveLength(3);
    expect(ladder()).toContain('30 min after it alert 4, by stage 3');
    const third = within(part('stage-2') as HTMLElement);
    await fireEvent.click(third.getByLabelText('Sound'));
    await pass(50);
    expect(saved().alerts.stages[2]?.sound).toBe(true);
    const command = third.getByLabelText(/^Command of your own/u);
    const before = calls('saveSettings').length;
    await fireEvent.input(command, { target: { value: 'mail -s "An agent' } });
    await fireEvent.change(command);
    await pass(50);
    expect(third.getByRole('alert').textContent).toContain('A quote is not closed');
    expect(calls('saveSettings')).toHaveLength(before);
    await fireEvent.input(command, { target: { value: 'mail -s "An agent waits" $HOME' } });
    await fireEvent.change(command);
    await pass(50);
    expect(saved().alerts.stages[2]?.command).toEqual(['mail', '-s', 'An agent waits', '$HOME']);
    expect(within(third.getByRole('list', { name: 'The words of the command' })).getAllByRole('listitem').map((word) => word.textContent)).toEqual(['runsmail', '-s', 'An agent waits', '$HOME']);
    expect(third.getByText(/without a shell/u).textContent).toContain('the handoff as JSON on standard input');
    await fireEvent.click(screen.getByRole('button', { name: 'Remove stage 1' }));
    await pass(50);
    expect(saved().alerts.stages.map((stage) => stage.command.length)).toEqual([0, 4]);
  });

  test('keep a refused stage to be mended in its place', async () => {
    await open('full');
    await settings();
    const second = () => within(part('stage-1') as HTMLElement);
    await set('Stage 2: how often', '11');
    expect(second().getByRole('alert').textContent).toContain('once to 10 times');
    expect(screen.getByLabelText<HTMLInputElement>('Stage 2: how often').value).toBe('11');
    expect(desk.settings.alerts.stages[1]?.times).toBe(2);
    // Something else is set from outside meanwhile.
    await host.saveSettings({ ...desk.settings, theme: 'dark' });
    await pass(50);
    expect(desk.settings.theme).toBe('dark');
    expect(screen.getByLabelText<HTMLInputElement>('Stage 2: how often').value).toBe('11');
    await set('Stage 2: how often', '3');
    expect(second().queryByRole('alert')).toBeNull();
    expect(saved().alerts.stages[1]?.times).toBe(3);
  });

  test('lose no change that comes quickly after another, and never save what is not known', async () => {
    await open('full');
    void desk.saveSettings((settings) => ({ ...settings, hold_s: 9 }));
    void desk.saveSettings((settings) => ({ ...settings, theme: 'dark' }));
    await pass(50);
    expect(desk.settings).toMatchObject({ hold_s: 9, theme: 'dark' });
    const other = new FakeDesk('full');
    const blind = new Desk(other);
    for (let times = 0; times < 3; times += 1) other.failNext('settings', { code: 'store', message: 'It is locked.', hint: 'Wait.' });
    expect(await blind.saveSettings((settings) => ({ ...settings, hold_s: 1 }))).toMatchObject({ message: 'The settings could not be read, so nothing was saved.' });
    expect(other.calls.filter((call) => call.name === 'saveSettings')).toEqual([]);
  });
});
