/**
 * Keeps a decision from being made by accident: shut for half a second after
 * the card changes or the window gets the focus, so that a click or key meant
 * for something else decides nothing.
 */

export const GUARD_MS = 500;

export class Guard {
  /** Whether decide controls may act. */
  ready = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Shuts it for half a second from now. */
  arm(): void {
    clearTimeout(this.#timer);
    this.ready = false;
    this.#timer = setTimeout(() => {
      this.ready = true;
    }, GUARD_MS);
  }
}
