/**
 * What the record says, and what a change would have done to it. Nothing is
 * set from here: a replay is only looked at.
 */
import type { Insights } from '../gen/Insights';
import type { Replay } from '../gen/Replay';
import type { ReplayRequest } from '../gen/ReplayRequest';
import type { WindowError } from '../gen/WindowError';
import { windowError } from '../host/host';
import { coalesce } from '../lib/once';
import type { Desk } from './desk.svelte';

/** The whole record is counted each time, so a busy desk is not asked at every change. */
const REST = 2000;

export class Insight {
  view = $state.raw<Insights | null>(null);
  readonly #desk: Desk;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  readonly load = coalesce(async () => {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    await this.#desk.faults.guard(
      'insights',
      async () => {
        this.view = await this.#desk.host.insights();
      },
      () => void this.load(),
    );
  });

  /** Asks again in a while, if that is not to come anyway. */
  soon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      if (this.#desk.places.at === 'insights') void this.load();
    }, REST);
  }

  /** What a change would have done, or why that cannot be said. */
  async replay(change: ReplayRequest): Promise<{ replay: Replay | null; fault: WindowError | null }> {
    try {
      return { replay: await this.#desk.host.replay(change), fault: null };
    } catch (cause) {
      return { replay: null, fault: windowError(cause) };
    }
  }
}
