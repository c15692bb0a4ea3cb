/** A decision that is held: its words, and how long it can still come back. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import { Desk } from '../../src/state/desk.svelte';
import { GUARD_MS } from '../../src/state/guard.svelte';

let host: FakeDesk;
let desk: Desk;
let stop: () => void;

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const settle = () => pass(0);

beforeEach(async () => {
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
  host = new FakeDesk('full');
  desk = new Desk(host);
  stop = desk.start();
  await settle();
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

async function opened() {
  await pass(GUARD_MS);
  if (desk.opened === null) throw new Error('no handoff is open');
  return desk.opened;
}

/** Rejects what is on screen, for this reason. */
async function reject(reason: string) {
  const card = await opened();
  await desk.answering.begin('reject');
  card.draft.reason = reason;
  await card.ask();
  const { id, revision } = card.view;
  desk.answering.submit();
  return { id, revision };
}

test('keeps the words of a decision while it can come back', async () => {
  const card = await opened();
  await desk.answering.begin('inform');
  card.draft.text = 'The backup is from Monday.';
  await card.ask();
  desk.answering.submit();
  await settle();
  await desk.undo();
  await settle();
  expect(desk.opened?.draft).toMatchObject({ form: 'inform', text: 'The backup is from Monday.' });
});

test('keeps the words of a decision that the desk hands back, and not those of one that went out', async () => {
  const { id } = (await opened()).view;
  const send = async () => {
    await reject('Not this week.');
    await settle();
    expect(desk.selected).not.toBe(id);
  };
  await send();
  await host.undo(id);
  await settle();
  await desk.reveal(id);
  await settle();
  expect(desk.opened?.draft).toMatchObject({ form: 'reject', reason: 'Not this week.', sent: false });
  await send();
  await pass(5000);
  host.revise(id, {});
  await settle();
  await desk.reveal(id);
  await settle();
  expect(desk.opened?.draft).toMatchObject({ form: null, reason: '' });
});

test('keeps a sent answer from being one to the proposal that came for it, though its card stays open', async () => {
  const { id, revision } = await reject('Propose something else.');
  await settle();
  await desk.reveal(id);
  await pass(5000);
  host.revise(id, {});
  await settle();
  expect(desk.opened?.view).toMatchObject({ id, state: 'ready', revision: revision + 1 });
  expect(desk.opened?.draft).toMatchObject({ form: null, reason: '', overtaken: false });
});

test('counts a hold down that begins anew', async () => {
  const { id } = await reject('No.');
  await pass(4000);
  const before = desk.holds.find((held) => held.id === id)?.ends ?? 0;
  // As the desk does where it was stopped meanwhile.
  const queue = host.queue.bind(host);
  vi.spyOn(host, 'queue').mockImplementation(async (query) => {
    const found = await queue(query);
    return { ...found, items: found.items.map((item) => ({ ...item, hold: item.hold === null ? null : { ...item.hold, left_ms: item.hold.total_ms } })) };
  });
  await desk.refresh();
  expect(desk.holds.find((held) => held.id === id)?.ends).toBe(before + 4000);
});
