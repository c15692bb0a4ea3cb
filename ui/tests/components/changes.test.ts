/** What the window hears of the desk, and when. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import { Desk } from '../../src/state/desk.svelte';

let desk: Desk;
let stop: () => void;

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

function open(host: FakeDesk) {
  desk = new Desk(host);
  stop = desk.start();
  return settle();
}

describe('changes', () => {
  test('are heard before anything is read', async () => {
    const host = new FakeDesk('ten');
    await open(host);
    expect(host.calls[0]?.name).toBe('onChange');
  });

  test('that cannot be heard are a fault on screen, until they can', async () => {
    const host = new FakeDesk('ten');
    host.failNext('onChange', { code: 'internal', message: 'The window is not told of changes.', hint: 'Try again.' });
    await open(host);
    expect(desk.order.length).toBeGreaterThan(0);
    const fault = desk.faults.all.find((one) => one.source === 'changes');
    expect(fault?.error.message).toContain('not told');
    fault?.retry?.();
    await settle();
    expect(desk.faults.all).toEqual([]);
    host.submit({ id: 'h-new', agent: 'tidy', title: 'Tidy', question: 'Delete 7 files?' });
    await settle();
    expect(desk.order.some((item) => item.id === 'h-new')).toBe(true);
  });
});
