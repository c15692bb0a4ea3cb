/**
 * The window's sense of time: one reactive `now` for every countdown. It stands
 * still while the window is hidden, so a hidden window wakes nothing, and ticks
 * no more often than what is shown can change.
 */

/** Between two ticks: while a ring closes, while seconds are told, while minutes are. */
const PACES = { ring: 200, seconds: 1000, minutes: 15_000 } as const;
export type Pace = keyof typeof PACES;

export class Clock {
  now = $state(Date.now());
  /** The same to the minute, for what need not move with every tick. */
  readonly minute = $derived(Math.floor(this.now / 60_000) * 60_000);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pace: Pace = 'seconds';

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

  /** Ticks as often as this from now on. */
  keep(pace: Pace): void {
    if (pace === this.#pace) return;
    this.#pace = pace;
    if (this.#timer === undefined) return;
    this.#stop();
    this.#run();
  }

  #run(): void {
    const ms = PACES[this.#pace];
    this.now = Date.now();
    // On the full minute too: that is when quiet hours begin.
    const wait = this.#pace === 'minutes' ? ms - (this.now % ms) : ms;
    this.#timer = setTimeout(() => {
      this.#run();
    }, wait);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
