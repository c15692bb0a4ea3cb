/**
 * Keeps a decision from being made by accident: shut for half a second after
 * the card changes or the window gets the focus, so that a click or key meant
 * for something else decides nothing.
 */

export const GUARD_MS = 500;
/** How long it is told that an answer came too early: long enough to read. */
const TOLD_MS = 2500;

export class Guard {
  /** Whether decide controls may act. */
  ready = $state(false);
  /** An answer was tried while it was shut, and nothing was done. */
  early = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told: ReturnType<typeof setTimeout> | undefined;

  /** Shuts it for half a second from now. */
  arm(): void {
    clearTimeout(this.#timer);
    this.ready = false;
    this.#timer = setTimeout(() => {
      this.ready = true;
    }, GUARD_MS);
  }

  /** Notes an answer that came too early, so that it can be shown. */
  knock(): void {
    clearTimeout(this.#told);
    this.early = true;
    this.#told = setTimeout(() => {
      this.early = false;
    }, TOLD_MS);
  }
}
