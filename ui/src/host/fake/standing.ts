/** Where a fake handoff stands: its list, and what became of it in a few words. */
import type { CaseView } from '../../gen/CaseView';
import type { Decision } from '../../gen/Decision';
import type { List } from '../../gen/List';
import type { QueueQuery } from '../../gen/QueueQuery';
import type { QueueView } from '../../gen/QueueView';

function listOf({ state, flags }: Pick<CaseView, 'state' | 'flags'>): List {
  if (state === 'ready' && flags.includes('manual_review')) return 'review';
  if (state === 'queued' || state === 'ready') return 'inbox';
  return state === 'decided' || state === 'released' || state === 'collected' ? 'waiting' : 'done';
}

/** Whether it is in the list, or has all the words that are searched for. */
export function isFound(view: CaseView, { list, search }: QueueQuery): boolean {
  const words = search.toLowerCase().split(/\s+/u).filter((word) => word !== '');
  if (words.length === 0) return view.state !== 'queued' && listOf(view) === list;
  const text = `${view.question} ${view.task.title} ${view.agent.name} ${view.summary}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** How many there are in each list, and what waits behind others. */
export function counted(all: CaseView[]): Pick<QueueView, 'counts' | 'backlogs'> {
  const counts = { inbox: 0, review: 0, waiting: 0, done: 0, queued: 0 };
  for (const view of all) counts[view.state === 'queued' ? 'queued' : listOf(view)] += 1;
  const behind = all.filter((view) => view.state === 'queued').map((view) => view.agent.name);
  const next = new Date(Date.now() + 3_600_000).toISOString();
  const backlogs = [...new Set(behind)].map((agent) => ({ agent, count: behind.filter((name) => name === agent).length, next_at: next }));
  return { counts, backlogs };
}

export function outcome(view: CaseView, decision: Decision): string {
  const label = view.options.find((option) => option.id === decision.option)?.label;
  switch (decision.kind) {
    case 'approve':
      return label ?? 'approved';
    case 'modify':
      return view.is_draft ? `Undo ${String((decision.args?.['actions'] as unknown[] | undefined)?.length ?? 0)} of ${String(view.actions_total)} changes` : `${label ?? 'approved'}, edited`;
    case 'inform':
      return 'informed';
    case 'reject':
      return `rejected: ${decision.reason ?? ''}`;
    case 'take_over':
      return 'taken over';
  }
}
