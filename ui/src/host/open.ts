/**
 * Chooses the door: the real desk inside Tauri, the in-memory one in builds
 * made for tests and visual work.
 */
import type { Host } from './host';
import { tauriHost } from './tauri';

/** Opens the door of this window. */
export async function openHost(): Promise<Host> {
  if ('__TAURI_INTERNALS__' in window) return tauriHost();
  if (__WITH_FAKE_DESK__) {
    const { FakeDesk } = await import('./fake');
    const desk = new FakeDesk(new URLSearchParams(location.search).get('fake') ?? 'full');
    Object.assign(window, { fakeDesk: desk });
    return desk;
  }
  throw new Error('This page belongs to Handoff Desk and works only inside its window.');
}
