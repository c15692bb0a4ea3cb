/**
 * What the record says, and what a change would have done to it. Nothing is
 * set from here: a replay is only looked at.
 */
import type { Insights } from '../gen/Insights';
import type { Replay } from '../gen/Replay';
import type { ReplayRequest } from '../gen/ReplayRequest';
import type { RuleFrom } from '../gen/RuleFrom';
import type { WindowError } from '../gen/WindowError';
import { windowError } from '../host/host';
import { coalesce, soon } from '../lib/once';
import type { Desk } from './desk.svelte';

/** What is tried: a change, or a rule by where it comes from. */
export type Tried = ReplayRequest | { from: RuleFrom };

/** The whole record is counted each time, so a busy desk is not asked at every change. */
const REST = 2000;

export class Insight {
  view = $state.raw<Insights | null>(null);
  readonly #desk: Desk;
  readonly #again = soon(() => {
    if (this.#desk.places.at === 'insights') void this.load();
  }, REST);

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  readonly load = coalesce(async () => {
    this.#again.stop();
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
    this.#again.ask();
  }

  /** What a change would have done, or why that cannot be said. */
  async replay(change: Tried): Promise<{ replay: Replay | null; fault: WindowError | null }> {
    const { host } = this.#desk;
    try {
      return { replay: 'from' in change ? await host.replayFrom(change.from) : await host.replay(change), fault: null };
    } catch (cause) {
      return { replay: null, fault: windowError(cause) };
    }
  }
}
