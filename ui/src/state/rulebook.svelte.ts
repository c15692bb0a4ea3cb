/**
 * The rules of the reviewer. It judges none of them: what is wrong with a rule,
 * the desk says.
 */
import type { Rule } from '../gen/Rule';
import type { RuleFrom } from '../gen/RuleFrom';
import type { RuleRow } from '../gen/RuleRow';
import type { Triggers } from '../gen/Triggers';
import type { WindowError } from '../gen/WindowError';
import { windowError } from '../host/host';
import { inertText } from '../lib/inert';
import { coalesce } from '../lib/once';
import type { Desk } from './desk.svelte';

export class Rulebook {
  rows = $state.raw<RuleRow[] | null>(null);
  /** The rule that was taken back last, and can be made again. */
  gone = $state.raw<RuleRow | null>(null);
  /** Triggers that are changed and not saved. */
  triggers = $state.raw<Triggers | null>(null);
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  readonly load = coalesce(async () => {
    await this.#desk.faults.guard(
      'rules',
      async () => {
        this.rows = await this.#desk.host.rules();
      },
      () => void this.load(),
    );
  });

  /** Keeps a rule; says why where the desk refuses it. */
  async add(rule: Rule): Promise<WindowError | null> {
    return this.#keep(() => this.#desk.host.addRule(rule));
  }

  /** Keeps the rule from this source, as the desk itself has it; says why where it refuses. */
  async keep(from: RuleFrom): Promise<WindowError | null> {
    return this.#keep(() => this.#desk.host.addRuleFrom(from));
  }

  /** The rule that would allow exactly the call behind a card, or why there is none. */
  async from(card: string, days: number, uses: number | null): Promise<{ draft: RuleRow | null; fault: WindowError | null }> {
    try {
      return { draft: await this.#desk.host.ruleFrom(card, days, uses), fault: null };
    } catch (cause) {
      return { draft: null, fault: windowError(cause) };
    }
  }

  /** Takes a rule back; it counts no longer from the next call on. */
  async revoke(row: RuleRow): Promise<void> {
    const done = await this.#desk.faults.guard('revoke', () => this.#desk.host.revokeRule(row.id));
    if (done) {
      this.gone = row;
      this.#desk.say(`Taken back: ${inertText(row.rule.name)}.`);
    }
    await this.load();
  }

  /** Makes the rule again that was taken back last. It is a new one: its uses begin anew. */
  async restore(): Promise<void> {
    const { gone } = this;
    if (gone === null) return;
    const fault = await this.keep({ source: 'taken_back', id: gone.id });
    if (fault === null) this.gone = null;
    else this.#desk.faults.add('restore', fault);
  }

  async #keep(work: () => Promise<number>): Promise<WindowError | null> {
    try {
      await work();
    } catch (cause) {
      return windowError(cause);
    }
    this.#desk.say('The rule is kept.');
    await this.load();
    return null;
  }
}
