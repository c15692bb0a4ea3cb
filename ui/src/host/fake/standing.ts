/** Where a fake handoff stands: its list, and what became of it in a few words. */
import type { CaseView } from '../../gen/CaseView';
import type { Decision } from '../../gen/Decision';
import type { List } from '../../gen/List';

export function listOf({ state, flags }: Pick<CaseView, 'state' | 'flags'>): List {
  if (state === 'ready' && flags.includes('manual_review')) return 'review';
  if (state === 'queued' || state === 'ready') return 'inbox';
  return state === 'decided' || state === 'released' || state === 'collected' ? 'waiting' : 'done';
}

export function outcome(view: CaseView, decision: Decision): string {
  const label = view.options.find((option) => option.id === decision.option)?.label;
  switch (decision.kind) {
    case 'approve':
      return label ?? 'approved';
    case 'modify':
      return `${label ?? 'approved'}, edited`;
    case 'inform':
      return 'informed';
    case 'reject':
      return `rejected: ${decision.reason ?? ''}`;
    case 'take_over':
      return 'taken over';
  }
}
