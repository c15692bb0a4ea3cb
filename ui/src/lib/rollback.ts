/**
 * Where a completed action stands, what is chosen to be undone and how far a
 * rollback is, in the window's words. Pure: what can be undone, and in which
 * order, the desk says.
 */
import type { RollbackView } from '../gen/RollbackView';
import type { Selection } from '../gen/Selection';
import type { Standing } from '../gen/Standing';
import type { UndoKind } from '../gen/UndoKind';
import type { UndoView } from '../gen/UndoView';
import { at, moment } from './time';
import { count } from './words';

/** A sign, its tone and its words: never by colour alone. */
export interface Sign {
  shape: 'back' | 'around' | 'stuck' | 'done' | 'failed' | 'waiting' | 'running' | 'left' | 'agent';
  tone: 'low' | 'mid' | 'high' | 'quiet' | 'accent';
  word: string;
  /** More of it, where there is more. */
  says: string;
}

/** Where an action stands; `null` where it changed nothing, so that there is nothing to say. */
export function standingSign(standing: Standing, now: number): Sign | null {
  const until = 'until' in standing && standing.until !== undefined ? ` until ${moment(standing.until, now)}` : '';
  switch (standing.state) {
    case 'nothing':
      return null;
    case 'reversible':
      return { shape: 'back', tone: 'low', word: `Can be undone${until}`, says: standing.how };
    case 'compensating':
      return { shape: 'around', tone: 'mid', word: `Can only be made up for${until}`, says: standing.how };
    case 'irreversible':
      return { shape: 'stuck', tone: 'high', word: 'Cannot be undone', says: standing.why };
    case 'undone':
      return { shape: 'done', tone: 'quiet', word: 'Undone', says: '' };
    case 'undo_failed':
      return { shape: 'failed', tone: 'high', word: 'Undo failed', says: standing.again ? standing.why : `${standing.why} It cannot be tried again.` };
  }
}

/** Whether the desk has a way to take it back now. */
export function canUndo(standing: Standing): boolean {
  return standing.state === 'reversible' || standing.state === 'compensating' || (standing.state === 'undo_failed' && standing.again);
}

/** Whether a rollback since then would have something to say of it. */
export function changed(standing: Standing): boolean {
  return standing.state !== 'nothing' && standing.state !== 'undone';
}

/** The last of these actions, oldest first, that changed something: to undo all since an action says nothing of one after it. */
export function lastChange(actions: { standing: Standing }[]): number {
  return actions.findLastIndex((action) => changed(action.standing));
}

/** How far an undo is. */
export function itemSign({ state, by, attempts, compensates }: Pick<UndoView, 'state' | 'by' | 'attempts' | 'compensates'>, now: number): Sign {
  switch (state.state) {
    case 'pending':
      return { shape: 'waiting', tone: 'quiet', word: 'waits for its turn', says: '' };
    case 'asked':
      return { shape: 'waiting', tone: 'accent', word: 'the agent was asked', says: '' };
    case 'running':
      return { shape: 'running', tone: 'accent', word: by === 'tool' ? 'the agent undoes it' : 'the desk undoes it', says: '' };
    case 'undone':
      return { shape: 'done', tone: 'low', word: `${compensates ? 'made up for' : 'undone'} ${at(state.at, now)}${attempts > 1 ? `, at attempt ${String(attempts)}` : ''}`, says: '' };
    case 'failed':
      return { shape: 'failed', tone: 'high', word: 'failed', says: '' };
    case 'may_have_run':
      return { shape: 'failed', tone: 'mid', word: 'may have run', says: '' };
    case 'skipped':
      return { shape: 'left', tone: 'quiet', word: 'left as it is', says: '' };
    case 'handed_over':
      return { shape: 'agent', tone: 'accent', word: 'left to the agent', says: '' };
  }
}

/** What a rollback is of, for its title; `tool` is what the one action named called. */
export function selectionWords(selection: Selection, tool: string, now: number): string {
  switch (selection.kind) {
    case 'actions':
      return selection.ids.length === 1 ? `Undo ${tool}` : `Undo ${count(selection.ids.length, 'action')}`;
    case 'since_action':
      return `Undo everything since ${tool}`;
    case 'since_time':
      return `Undo everything since ${moment(selection.at, now)}`;
  }
}

/** How far a rollback is, for its title. */
export function progressWords({ items, over, stuck }: Pick<RollbackView, 'items' | 'over' | 'stuck'>): string {
  const undone = items.filter((item) => item.state.state === 'undone').length;
  const of = `${String(undone)} of ${count(items.length, 'action')} undone`;
  if (stuck !== null) return `Stopped: ${of}`;
  if (!over) return `Undoing: ${of}`;
  return undone === items.length ? `${count(undone, 'action')} undone` : of;
}

/** Who does an undo. */
export const byWords: Record<UndoKind, string> = {
  tool: 'The agent calls',
  command: 'The desk runs',
  files: 'The desk puts back its copies',
};
