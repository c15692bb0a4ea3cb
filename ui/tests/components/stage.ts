/** The window on the in-memory desk, for tests of components: time is in the test's hands. */
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, vi } from 'vitest';
import { FakeDesk } from '../../src/host/fake';
import { Desk } from '../../src/state/desk.svelte';
import App from '../../src/views/App.svelte';

export let host: FakeDesk;
export let desk: Desk;

/** Gives every test of a file its own time and window. */
export function eachAlone(): void {
  beforeEach(() => {
    vi.useFakeTimers({ now: new Date(2026, 10, 20, 9, 0) });
  });
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
  });
}

export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await tick();
}

export async function open(scene = 'gate'): Promise<void> {
  host = new FakeDesk(scene);
  desk = new Desk(host);
  render(App, { desk });
  await pass(600);
}

export async function press(key: string, held: KeyboardEventInit = {}): Promise<void> {
  await fireEvent.keyDown(document.activeElement ?? document.body, { key, bubbles: true, ...held });
  await pass(200);
}

export async function click(element: HTMLElement | null | undefined): Promise<void> {
  if (!element) throw new Error('nothing to press');
  await fireEvent.click(element);
  await pass(300);
}

export async function show(id: string): Promise<void> {
  desk.select(id);
  await pass(700);
}

/** The arguments of the calls of this name that reached the desk. */
export function calls(name: string): unknown[] {
  return host.calls.filter((call) => call.name === name).map((call) => call.argument);
}

export function row(agent: string): HTMLElement {
  const found = screen.getAllByTestId('agent-row').find((one) => one.dataset['agent'] === agent);
  if (found === undefined) throw new Error(`no row for ${agent}`);
  return found;
}

/** What is on screen beside the queue. */
export function main(): string | null {
  return screen.getByRole('main').getAttribute('aria-label');
}
