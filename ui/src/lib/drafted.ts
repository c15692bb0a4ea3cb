/**
 * Which changes of a draft are to be undone, as the answer that says so. The
 * desk's own options name them: `accept` keeps all, `roll_back` undoes those
 * in its list. Pure: it decides nothing.
 */
import type { Decision } from '../gen/Decision';
import { readObject } from './json';
import { count } from './words';

export const KEEP = 'accept';
export const UNDO = 'roll_back';

/** What an unsent answer says of a draft's changes. */
export interface Unsent {
  option: string | null;
  form: string | null;
  args: Record<string, string>;
}

/** The changes that the unsent answer undoes. */
export function picked(unsent: Unsent, ids: string[]): Set<string> {
  if (unsent.option !== UNDO) return new Set();
  if (unsent.form !== 'modify') return new Set(ids);
  const read = readObject(unsent.args[UNDO] ?? '');
  const actions = 'fault' in read ? [] : read.value['actions'];
  const named = new Set(Array.isArray(actions) ? actions : []);
  return new Set(ids.filter((id) => named.has(id)));
}

/** The changes that a decision undoes; `null` where it decided nothing of them. */
export function undoneBy(decision: Pick<Decision, 'kind' | 'option' | 'args'> | null, ids: string[]): Set<string> | null {
  if (decision === null || (decision.kind !== 'approve' && decision.kind !== 'modify')) return null;
  if (decision.option !== UNDO) return new Set();
  const named = decision.args?.['actions'];
  return new Set(Array.isArray(named) ? (named as string[]) : ids);
}

/** What was decided of a draft, in a few words. */
export function decidedWords(undone: ReadonlySet<string>, total: number): string {
  if (undone.size === 0) return 'All is kept';
  return undone.size >= total ? 'All to be undone' : `${count(undone.size, 'change')} to be undone, ${String(total - undone.size)} kept`;
}

/** The unsent answer that undoes exactly these of so many; nothing of an edit stays where none is needed. */
export function pick(chosen: ReadonlySet<string>, ids: string[], total: number): { option: string; form: 'modify' | null; args: string | null } {
  const actions = ids.filter((id) => chosen.has(id));
  if (actions.length === 0) return { option: KEEP, form: null, args: null };
  if (actions.length === total) return { option: UNDO, form: null, args: null };
  return { option: UNDO, form: 'modify', args: JSON.stringify({ actions }) };
}
