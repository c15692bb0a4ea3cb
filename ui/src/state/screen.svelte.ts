/**
 * Tells the desk which card is really seen, so that it sends no notification
 * for what the reviewer looks at. It claims nothing in doubt: a hidden window,
 * one without the focus and a card under a dialog are not seen.
 */
import { coalesce } from '../lib/once';
import type { Desk } from './desk.svelte';

export class Screen {
  #focused = $state(document.hasFocus());
  #visible = $state(document.visibilityState === 'visible');
  /** What the desk was told last; nothing yet. */
  #told: string | null | undefined = undefined;
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The card that can be seen now. */
  readonly seen: string | null = $derived.by(() => {
    const { opened, selected, dialog, places } = this.#desk;
    if (!this.#focused || !this.#visible || dialog !== null || !places.home || opened === null) return null;
    return opened.view.id === selected ? selected : null;
  });

  /** Looks at the window again; the focus is named where an event says it. */
  look(focused = document.hasFocus()): void {
    this.#focused = focused;
    this.#visible = document.visibilityState === 'visible';
  }

  /** Tells the desk, in order, and only what it does not know. */
  readonly tell = coalesce(async () => {
    const { seen } = this;
    if (seen === this.#told) return;
    const told = await this.#desk.faults.guard('screen', () => this.#desk.host.onScreen(seen));
    this.#told = told ? seen : undefined;
  });
}
