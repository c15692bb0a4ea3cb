/**
 * The answer to the card on screen, from its form to the next card. It sends
 * nothing but what is on screen, and nothing before that could be read.
 */
import type { QueueItem } from '../gen/QueueItem';
import type { Form } from './draft.svelte';
import { isReady, type Desk, type Part } from './desk.svelte';
import type { Obstacle, Opened } from './opened.svelte';

export class Answering {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Opens a form for an answer other than a plain yes. */
  async begin(form: Form): Promise<void> {
    const desk = this.#desk;
    const opened = desk.shown;
    if (!opened?.guard.ready) {
      this.#tooEarly();
      return;
    }
    if (opened.sending || !opened.view.allowed[form]) return;
    const { draft, option } = opened;
    if (form === 'modify') {
      const args = option?.action?.args;
      if (option === null || args === undefined) return;
      const ready = await desk.faults.guard('unfold', async () => {
        const text = await opened.unfold(args);
        draft.args[option.id] ??= text;
      }, () => void this.begin(form));
      if (!ready) return;
    }
    draft.confirmed = false;
    opened.preview = null;
    draft.form = form;
    desk.evidence = 'plan';
    desk.want('form');
  }

  /** Closes the form; what was written stays in the draft. */
  close(): void {
    const { opened } = this.#desk;
    if (opened === null || opened.draft.form === null) return;
    opened.leaveForm();
    opened.draft.confirmed = false;
    opened.preview = null;
    this.#desk.want('case');
  }

  /** Sends the answer, or leads to what stands in its way. */
  submit(): void {
    const desk = this.#desk;
    const opened = desk.shown;
    if (!opened?.guard.ready) {
      this.#tooEarly();
      return;
    }
    if (opened.sending) return;
    const leads: Record<Obstacle['kind'], Part | null> = { choose: 'option', folded: 'folded', confirm: 'confirm', override: 'override', fault: 'form', checking: null };
    const { obstacle } = opened;
    if (obstacle === null) void this.send();
    else if (obstacle.kind === 'checking') void this.#check(opened);
    else {
      const part = leads[obstacle.kind];
      if (part !== null) desk.want(part);
      if (obstacle.kind === 'choose') desk.say(obstacle.text);
    }
  }

  /** Sends the answer on screen; the next card follows once it is recorded. */
  async send(): Promise<void> {
    const desk = this.#desk;
    const opened = desk.shown;
    const request = opened?.attempt.request;
    if (!opened || !request || opened.sending || !opened.guard.ready || opened.obstacle !== null) return;
    opened.sending = true;
    // What the desk tells of it may come before its answer does.
    opened.draft.sent = true;
    const next = following(desk.order, request.id);
    const recorded = await desk.faults.guard('decide', async () => {
      await desk.host.decide(request);
    });
    opened.sending = false;
    if (!recorded) {
      opened.draft.sent = false;
      await desk.reload();
      if (!opened.open) opened.draft.form = null;
      return;
    }
    desk.say(desk.settings.hold_s > 0 ? 'Recorded. It can be undone until it goes out.' : 'Recorded.');
    if ((desk.asks || desk.search !== '') && desk.selected === request.id) {
      desk.leave(next?.id ?? null);
      desk.want('case');
      await desk.refresh();
    } else await desk.reload();
  }

  /** Waits for the desk's word on the answer, and goes on with the very same answer. */
  async #check(opened: Opened): Promise<void> {
    const { request } = opened.attempt;
    const checked = await this.#desk.faults.guard('preview', () => opened.ask());
    if (checked && opened.fresh && opened.attempt.request === request && this.#desk.opened === opened) this.submit();
  }

  /** Says that an answer came before the card could be read, and does nothing else. */
  #tooEarly(): void {
    this.#desk.opened?.guard.knock();
    this.#desk.say('One moment: the card has just changed.');
  }
}

/** The next one that can be answered, or the last before it: a search finds finished ones too, and such as wait in line. */
function following(order: QueueItem[], id: string): QueueItem | undefined {
  const at = order.findIndex((item) => item.id === id);
  return order.slice(at + 1).find(isReady) ?? order.slice(0, Math.max(at, 0)).findLast(isReady);
}
