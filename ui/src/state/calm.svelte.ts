/**
 * What the reviewer does about a handoff without answering it: puts it off,
 * leaves it to the declared default, or wants to hear of none for a while. No
 * deadline is moved here.
 */
import type { CaseView } from '../gen/CaseView';
import { at, moment, span, urgency, type Urgency } from '../lib/time';
import { within } from '../lib/words';
import type { Desk } from './desk.svelte';

export class Calm {
  /** The menu that puts the card off is open. */
  menu = $state(false);
  /** How loud each card was when it was last told of. */
  readonly #told = new Map<string, Urgency>();
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Puts the card's reminders off. */
  async snooze(until: number): Promise<void> {
    const view = this.#shown;
    this.menu = false;
    if (view === null) return;
    let cut = '';
    const done = await this.#desk.faults.guard('snooze', async () => {
      cut = await this.#desk.host.snooze(view.id, new Date(until).toISOString());
    });
    await this.#desk.reload();
    if (!done) return;
    const now = Date.now();
    // The desk answers in its own precision: what is a second off was not cut.
    const short = until - Date.parse(cut) > 1000;
    this.#desk.say(short ? `Put off until its warning ${at(cut, now)}, and no longer.` : `Put off until ${moment(cut, now)}.`);
  }

  /** Turns the card's reminders on again. */
  async wake(): Promise<void> {
    const view = this.#shown;
    if (view === null) return;
    const done = await this.#desk.faults.guard('snooze', () => this.#desk.host.wake(view.id));
    await this.#desk.reload();
    if (done) this.#desk.say('Reminders are on again.');
  }

  /** Lets the declared default be taken at the deadline, or no longer. */
  async leave(allowed: boolean): Promise<void> {
    const { opened } = this.#desk;
    const view = this.#shown;
    if (view === null || opened?.guard.ready !== true) return;
    const done = await this.#desk.faults.guard('default', () => this.#desk.host.allowDefault(view.id, view.revision, allowed));
    await this.#desk.reload();
    const then = this.#desk.opened?.view.deadline.then ?? '';
    if (done) this.#desk.say(`Without an answer, ${within(then)}`);
  }

  /** Shows nothing until then; `null` ends it. */
  async focus(until: number | null): Promise<void> {
    const focus_until = until === null ? null : new Date(until).toISOString();
    const error = await this.#desk.saveSettings((settings) => ({ ...settings, alerts: { ...settings.alerts, focus_until } }));
    if (error !== null) this.#desk.faults.add('focus', error);
    else {
      this.#desk.faults.clear('focus');
      this.#desk.say(until === null ? 'Focus is over.' : `Focus until ${moment(until, Date.now())}.`);
    }
  }

  /** Tells once that the card on screen has come near its deadline, or passed it. */
  tell(view: CaseView, now: number): void {
    const loud = urgency(view.deadline.respond_by, view.deadline.warn_at, now);
    if (this.#told.get(view.id) === loud) return;
    this.#told.set(view.id, loud);
    if (loud === 'near') this.#desk.say(`This handoff runs out in ${span(Date.parse(view.deadline.respond_by) - now)}.`);
    else if (loud === 'over') this.#desk.say('The deadline of this handoff has passed. It can still be answered.');
  }

  /** The open card, unless the queue has already moved on to another. */
  get #shown(): CaseView | null {
    const { opened, selected } = this.#desk;
    return opened !== null && opened.view.id === selected ? opened.view : null;
  }
}
