/** The window's state on the in-memory desk, with time moved by hand. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import type { Pace } from '../../src/state/clock.svelte';
import { Desk, PAGE } from '../../src/state/desk.svelte';
import { GUARD_MS } from '../../src/state/guard.svelte';
import { commands } from '../../src/state/commands';
import { pace } from '../../src/state/pace';

let host: FakeDesk;
let desk: Desk;
let stop: () => void;

const settle = () => vi.advanceTimersByTimeAsync(0);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function open(scene: string) {
  host = new FakeDesk(scene);
  desk = new Desk(host);
  stop = desk.start();
  await settle();
}

async function opened() {
  await pass(GUARD_MS);
  if (desk.opened === null) throw new Error('no handoff is open');
  return desk.opened;
}

const decisions = () => host.calls.filter((call) => call.name === 'decide');

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('the queue', () => {
  test('opens on the most urgent handoff, in groups', async () => {
    await open('full');
    expect(desk.selected).toBe('h-drop');
    expect(desk.opened?.view.id).toBe('h-drop');
    expect(desk.groups.map((part) => part.name)).toEqual(['Runs out soon', 'Due today', 'Due later']);
    expect(desk.queue?.counts).toEqual({ inbox: 6, review: 0, waiting: 1, done: 2, queued: 0 });
  });

  test('shows a new handoff without being asked, and says so', async () => {
    await open('ten');
    host.submit({ id: 'h-new', agent: 'tidy', title: 'Tidy', question: 'Delete \u202E7 files?' });
    await settle();
    expect(desk.order.some((item) => item.id === 'h-new')).toBe(true);
    expect(desk.announcement).toBe('New handoff from tidy: Delete ⟨U+202E⟩7 files?');
  });

  test('asks for another page at its end', async () => {
    await open('many');
    expect(desk.order).toHaveLength(PAGE);
    for (let count = 1; count < PAGE; count += 1) desk.move(1);
    await settle();
    expect(desk.order).toHaveLength(2 * PAGE);
  });

  test('refetches once for a burst of changes', async () => {
    await open('ten');
    const before = host.calls.filter((call) => call.name === 'queue').length;
    for (let count = 0; count < 50; count += 1) host.show(null);
    for (let count = 0; count < 50; count += 1) host.submit({ id: `h-b${String(count)}`, agent: 'a', title: 't', question: 'q' });
    await settle();
    expect(host.calls.filter((call) => call.name === 'queue').length - before).toBeLessThanOrEqual(2);
    expect(desk.queue?.counts.inbox).toBe(60);
  });

  test('selects what the desk asks to show', async () => {
    await open('full');
    host.show('h-totals');
    await settle();
    expect(desk.opened?.view.id).toBe('h-totals');
  });

  test('shows a failure and recovers when tried again', async () => {
    await open('error');
    expect(desk.queue).toBeNull();
    const [fault] = desk.faults.all;
    expect(fault?.error.hint).not.toBe('');
    fault?.retry?.();
    await settle();
    expect(desk.faults.all).toEqual([]);
    expect(desk.order).not.toHaveLength(0);
  });
});

describe('the clock', () => {
  test('ticks no more often than what is shown can change', async () => {
    await open('full');
    const ticks = async (pace: Pace, ms: number) => {
      desk.clock.keep(pace);
      const seen = new Set<number>();
      for (let passed = 0; passed < ms; passed += 100) {
        await pass(100);
        seen.add(desk.clock.now);
      }
      return seen.size;
    };
    expect(await ticks('ring', 2000)).toBeGreaterThanOrEqual(10);
    expect(await ticks('seconds', 10_000)).toBeLessThanOrEqual(11);
    expect(await ticks('minutes', 60_000)).toBeLessThanOrEqual(6);
    expect(desk.clock.now % 15_000).toBe(0);
  });

  test('counts seconds only for what runs out soon', async () => {
    await open('full');
    const moves = (left: number) => {
      const deadline = { respond_by: new Date(Date.now() + left).toISOString(), warn_at: new Date(Date.now() + left / 2).toISOString() };
      const queue = desk.queue;
      if (queue !== null) desk.queue = { ...queue, items: queue.items.map((item) => ({ ...item, ...deadline })) };
      return pace(desk);
    };
    desk.opened = null;
    desk.holds = [];
    expect(moves(86_400_000)).toBe('minutes');
    expect(moves(30_000)).toBe('seconds');
    desk.holds = [{ id: 'h-1', question: '', outcome: '', ends: Date.now() + 5000, total: 5000 }];
    expect(moves(86_400_000)).toBe('ring');
  });
});

describe('deciding', () => {
  test('is shut for half a second after the card changes', async () => {
    await open('ten');
    desk.answering.submit();
    await pass(GUARD_MS - 1);
    desk.answering.submit();
    await settle();
    expect(decisions()).toEqual([]);
    await pass(1);
    desk.answering.submit();
    await settle();
    expect(decisions()).toHaveLength(1);
  });

  test('says that it is shut, once for each try, and forgets it', async () => {
    await open('ten');
    desk.answering.submit();
    expect(desk.opened?.guard.early).toBe(true);
    expect(desk.announcement).toBe('One moment: the card has just changed.');
    const first = desk.announcement;
    await desk.answering.begin('reject');
    expect(desk.announcement).not.toBe(first);
    expect(desk.announcement.trim()).toBe(first);
    expect(desk.opened?.draft.form).toBeNull();
    await pass(3000);
    expect(desk.opened?.guard.early).toBe(false);
    expect(decisions()).toEqual([]);
  });

  test('is shut, and says so, while the next card is still opening', async () => {
    await open('ten');
    await opened();
    desk.select('h-00002');
    commands(desk).find((command) => command.available && command.id === 'submit')?.run();
    expect(desk.announcement).toBe('One moment: the card has just changed.');
    await settle();
    expect(decisions()).toEqual([]);
  });

  test('is shut again when the window gets the focus back', async () => {
    await open('ten');
    await opened();
    desk.focused();
    desk.answering.submit();
    await settle();
    expect(decisions()).toEqual([]);
  });

  test('binds to what was shown, advances, and can be undone', async () => {
    await open('ten');
    const first = await opened();
    const { hash } = first.option?.action ?? {};
    desk.answering.submit();
    await settle();
    expect(decisions()[0]?.argument).toMatchObject({ id: 'h-00001', revision: 1, shown_hash: hash, answer: { kind: 'approve', option: 'archive' } });
    expect(desk.opened?.view.id).toBe('h-00002');
    expect(desk.holds.map((held) => held.id)).toEqual(['h-00001']);
    await desk.undo();
    await settle();
    expect(desk.holds).toEqual([]);
    expect(desk.opened?.view).toMatchObject({ id: 'h-00001', state: 'ready' });
  });

  test('lets several holds run, and undoes the latest first', async () => {
    await open('ten');
    for (let count = 0; count < 3; count += 1) {
      await opened();
      desk.answering.submit();
      await settle();
    }
    expect(desk.holds.map((held) => held.id)).toEqual(['h-00001', 'h-00002', 'h-00003']);
    await desk.undo();
    expect(desk.holds.map((held) => held.id)).toEqual(['h-00001', 'h-00002']);
    await pass(30_000);
    expect(desk.holds).toEqual([]);
    expect(desk.queue?.counts).toEqual({ inbox: 8, review: 0, waiting: 0, done: 2, queued: 0 });
  });

  test('takes a second act where the risk is high', async () => {
    await open('full');
    const card = await opened();
    desk.answering.submit();
    await settle();
    expect(decisions()).toEqual([]);
    expect(desk.wanted).toEqual({ part: 'confirm' });
    card.draft.confirmed = true;
    desk.answering.submit();
    await settle();
    expect(decisions()[0]?.argument).toMatchObject({ confirmed: true });
  });

  test('forgets a confirmation when another option is chosen', async () => {
    await open('full');
    const card = await opened();
    card.draft.confirmed = true;
    card.choose('rename');
    card.choose('drop');
    expect(card.draft.confirmed).toBe(false);
  });

  test('is locked while a high-risk action has an unseen part', async () => {
    await open('long');
    desk.select('h-folded');
    await settle();
    const card = await opened();
    card.draft.confirmed = true;
    expect(card.obstacle?.kind).toBe('folded');
    desk.answering.submit();
    await settle();
    expect(decisions()).toEqual([]);
    const args = card.option?.action?.args;
    if (args === undefined) throw new Error('the option has no action');
    expect(await card.unfold(args)).toHaveLength(args.chars);
    expect(card.obstacle).toBeNull();
  });

  test('needs a stated reason against a constraint', async () => {
    await open('full');
    desk.select('h-refund');
    await settle();
    const card = await opened();
    await desk.answering.begin('modify');
    card.draft.args['duplicate-only'] = '{"charge": "ch_2", "amount": 298, "currency": "EUR"}';
    card.draft.confirmed = true;
    await card.ask();
    expect(card.obstacle?.kind).toBe('override');
    card.draft.why = 'The manager agreed.';
    await card.ask();
    desk.answering.submit();
    await settle();
    expect(decisions()[0]?.argument).toMatchObject({ override: { why: 'The manager agreed.' }, answer: { kind: 'modify', args: { amount: 298 } } });
  });

  test('sends no edit the desk has not checked', async () => {
    await open('full');
    desk.select('h-refund');
    await settle();
    const card = await opened();
    await desk.answering.begin('modify');
    card.draft.confirmed = true;
    await card.ask();
    expect(card.obstacle).toBeNull();
    card.draft.args['duplicate-only'] = '{"charge": 7, "amount": 1, "currency": "EUR"}';
    card.draft.confirmed = true;
    expect(card.obstacle?.kind).toBe('checking');
    await card.ask();
    expect(card.obstacle).toMatchObject({ kind: 'fault', text: 'Mend the arguments first.' });
  });

  test('asks for no reason while the arguments are faulty, where none would help', async () => {
    await open('full');
    desk.select('h-refund');
    await settle();
    const card = await opened();
    await desk.answering.begin('modify');
    card.draft.args['duplicate-only'] = '{"charge": 7, "amount": 298, "currency": "EUR"}';
    await card.ask();
    expect(card.preview).toMatchObject({ needs_override: true });
    expect(card.needsOverride).toBe(false);
    card.draft.args['duplicate-only'] = '{"charge": "ch_2", "amount": 298, "currency"';
    expect(card.needsOverride).toBe(false);
    expect(card.obstacle?.text).toBe('Mend the arguments first.');
    card.draft.args['duplicate-only'] = '{"charge": "ch_2", "amount": 298, "currency": "EUR"}';
    await card.ask();
    expect(card.needsOverride).toBe(true);
  });

  test('waits for the check and sends the very answer that was checked', async () => {
    await open('ten');
    const card = await opened();
    await desk.answering.begin('reject');
    card.draft.reason = 'No.';
    desk.answering.submit();
    await settle();
    expect(decisions()).toMatchObject([{ argument: { answer: { kind: 'reject', reason: 'No.' } } }]);
  });

  test('sends nothing when the answer changes while it is checked', async () => {
    await open('ten');
    const card = await opened();
    await desk.answering.begin('reject');
    card.draft.reason = 'No.';
    desk.answering.submit();
    card.draft.reason = 'No, and';
    await settle();
    expect(decisions()).toEqual([]);
  });

  test('shows the winner where another window was first', async () => {
    await open('ten');
    await opened();
    host.failNext('decide', { code: 'conflict', message: 'Already decided.', hint: 'Look at the card.' });
    host.decideElsewhere('h-00001');
    desk.answering.submit();
    await settle();
    expect(desk.faults.all.map((fault) => fault.source)).toEqual(['decide']);
    expect(desk.opened?.view.decision).toMatchObject({ kind: 'reject', reason: 'Decided in another window.' });
  });

  test('is recorded only when the desk says so', async () => {
    await open('ten');
    await opened();
    host.failNext('decide', { code: 'store', message: 'The disk is full.', hint: 'Free some space.' });
    desk.answering.submit();
    await settle();
    expect(desk.holds).toEqual([]);
    expect(desk.opened?.view.id).toBe('h-00001');
    expect(desk.announcement).not.toContain('Recorded');
    expect(desk.faults.all[0]?.error.message).toBe('The disk is full.');
  });
});

describe('a card that changes', () => {
  test('keeps unsent words when it is revised, and marks them', async () => {
    await open('full');
    const card = await opened();
    await desk.answering.begin('reject');
    card.draft.reason = 'Not on a Friday.';
    host.revise('h-drop', { question: 'Drop it on Monday?' });
    await settle();
    expect(card.view.revision).toBe(2);
    expect(card.draft).toMatchObject({ reason: 'Not on a Friday.', form: 'reject', overtaken: true });
    expect(card.guard.ready).toBe(false);
  });

  test('compares an edit with all of the new proposal when it is revised', async () => {
    await open('long');
    desk.select('h-folded');
    await settle();
    const card = await opened();
    await desk.answering.begin('modify');
    const pointer = card.option?.action?.args.pointer ?? '';
    expect(card.unfolded.has(pointer)).toBe(true);
    host.revise('h-folded', { summary: 'Now fewer of them.' });
    await settle();
    expect(card.view.revision).toBe(2);
    expect(card.unfolded.has(pointer)).toBe(true);
  });

  test('withdraws a confirmation when it is revised', async () => {
    await open('full');
    const card = await opened();
    card.draft.confirmed = true;
    host.revise('h-drop', {});
    await settle();
    expect(card.draft.confirmed).toBe(false);
  });

  test('stays on screen when it is withdrawn, and can no longer be decided', async () => {
    await open('full');
    await opened();
    host.withdraw('h-drop');
    await settle();
    expect(desk.opened?.view).toMatchObject({ id: 'h-drop', state: 'withdrawn' });
    expect(desk.order.some((item) => item.id === 'h-drop')).toBe(false);
    expect(commands(desk).filter((command) => command.group === 'Decide' && command.available)).toEqual([]);
  });

  test('offers the one that took its place when it is withdrawn', async () => {
    await open('ten');
    desk.select('h-00004');
    await settle();
    await opened();
    host.withdraw('h-00004');
    await settle();
    expect(desk.following?.id).toBe('h-00005');
    expect(desk.announcement).toBe('This handoff is closed: withdrawn by the agent.');
    desk.move(1);
    await settle();
    expect(desk.opened?.view.id).toBe('h-00005');
    expect(desk.following).toBeNull();
    desk.move(-1);
    await settle();
    expect(desk.opened?.view.id).toBe('h-00003');
  });

  test('goes back to the one before it when it is withdrawn', async () => {
    await open('ten');
    desk.select('h-00010');
    await settle();
    host.withdraw('h-00010');
    await settle();
    expect(desk.following?.id).toBe('h-00009');
    desk.move(-1);
    await settle();
    expect(desk.selected).toBe('h-00009');
  });

  test('keeps what was being written when it is decided elsewhere, and says so', async () => {
    await open('full');
    const card = await opened();
    await desk.answering.begin('inform');
    card.draft.text = 'The backup is from Monday.';
    card.draft.facts.push({ id: 1, name: 'rows', value: '7' });
    host.decideElsewhere('h-drop');
    await settle();
    expect(card.draft.unsent).toBe('The backup is from Monday.\nrows: 7');
    expect(card.draft.form).toBeNull();
    expect(desk.announcement).toBe('This handoff is closed: decided elsewhere. What you had written is kept on the card.');
    expect(desk.wanted).toEqual({ part: 'unsent' });
  });

  test('is not called unsent what was sent', async () => {
    await open('full');
    const card = await opened();
    await desk.answering.begin('inform');
    card.draft.text = 'The backup is from Monday.';
    await card.ask();
    desk.answering.submit();
    await settle();
    expect(card.draft.unsent).toBe('');
    expect(desk.announcement).toBe('Recorded. It can be undone until it goes out.');
  });

  test('keeps words written for one card away from another', async () => {
    await open('full');
    const card = await opened();
    await desk.answering.begin('reject');
    card.draft.reason = 'No.';
    desk.move(1);
    await settle();
    expect(desk.opened?.draft.reason).toBe('');
    desk.move(-1);
    await settle();
    expect(desk.opened?.draft.reason).toBe('No.');
  });
});

test('a card counts as seen only while the window can be seen', async () => {
  const visible = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
  await open('ten');
  expect(host.calls.filter((call) => call.name === 'seen')).toEqual([]);
  visible.mockReturnValue('visible');
  desk.see();
  desk.see();
  expect(host.calls.filter((call) => call.name === 'seen')).toEqual([{ name: 'seen', argument: 'h-00001' }]);
  visible.mockRestore();
});

test('the history loads on', async () => {
  await open('long');
  const card = await opened();
  expect(card.actions).toHaveLength(200);
  await card.more();
  await card.more();
  expect(card.actions.map((action) => action.id)).toHaveLength(450);
  expect(new Set(card.actions.map((action) => action.id)).size).toBe(450);
});
