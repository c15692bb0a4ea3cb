/**
 * The window's sense of time: one reactive `now` for every countdown. It stands
 * still while the window is hidden, so a hidden window wakes nothing.
 */

const SLOW_MS = 1000;
const FAST_MS = 200;

export class Clock {
  now = $state(Date.now());
  /** The same to the minute, for what need not move with every tick. */
  readonly minute = $derived(Math.floor(this.now / 60_000) * 60_000);
  #timer: ReturnType<typeof setInterval> | undefined;
  #ms = SLOW_MS;

  /** Starts to tick; the returned function stops it for good. */
  start(): () => void {
    const shown = () => {
      this.#stop();
      if (document.visibilityState === 'visible') this.#run();
    };
    document.addEventListener('visibilitychange', shown);
    shown();
    return () => {
      document.removeEventListener('visibilitychange', shown);
      this.#stop();
    };
  }

  /** Ticks fast while something counts down in seconds. */
  hurry(fast: boolean): void {
    const ms = fast ? FAST_MS : SLOW_MS;
    if (ms === this.#ms) return;
    this.#ms = ms;
    if (this.#timer === undefined) return;
    this.#stop();
    this.#run();
  }

  #run(): void {
    this.now = Date.now();
    this.#timer = setInterval(() => {
      this.now = Date.now();
    }, this.#ms);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
