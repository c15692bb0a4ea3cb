/**
 * What has come and what waited too long since the queue was last looked at,
 * in words for a screen reader. It says nothing itself.
 */
import type { QueueView } from '../gen/QueueView';
import { inertText } from '../lib/inert';

export class News {
  #known: Set<string> | null = null;
  #missed: number | null = null;

  /** What is new in this look; `whole` where it shows the inbox itself. */
  of(queue: QueueView, whole: boolean): string | null {
    return [this.#overdue(queue.counts.review), whole ? this.#arrived(queue) : null].filter((words) => words !== null).join(' ') || null;
  }

  #overdue(missed: number): string | null {
    const more = this.#missed === null ? 0 : missed - this.#missed;
    this.#missed = missed;
    return more <= 0 ? null : `${more === 1 ? 'One handoff' : `${String(more)} handoffs`} waited too long: see “Missed”.`;
  }

  #arrived(queue: QueueView): string | null {
    const known = this.#known;
    this.#known = new Set([...(known ?? []), ...queue.items.map((item) => item.id)]);
    if (known === null) return null;
    const fresh = queue.items.filter((item) => !known.has(item.id));
    const [only] = fresh;
    if (only === undefined) return null;
    return fresh.length === 1 ? `New handoff from ${inertText(only.agent)}: ${inertText(only.question).slice(0, 200)}` : `${String(fresh.length)} new handoffs.`;
  }
}
