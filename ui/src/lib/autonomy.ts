/**
 * The words of levels, stops, triggers and tools, and what follows from them
 * at a moment. Pure: it asks nothing of the desk and changes nothing there.
 */
import type { AgentCard } from '../gen/AgentCard';
import type { Effect } from '../gen/Effect';
import type { Level } from '../gen/Level';
import type { LevelSet } from '../gen/LevelSet';
import type { Stop } from '../gen/Stop';
import type { ToolView } from '../gen/ToolView';
import type { Track } from '../gen/Track';
import type { TriggerKind } from '../gen/TriggerKind';
import { moment } from './time';

export const LEVELS: readonly Level[] = ['suggest', 'draft', 'execute'];

/** A level in one word, and what it lets an agent do unasked. */
export const levelWords: Record<Level, { word: string; says: string }> = {
  suggest: { word: 'Suggest', says: 'It may read. Every change waits for your answer.' },
  draft: { word: 'Draft', says: 'It reads and makes changes that can be undone. You keep them or undo them together at the end.' },
  execute: { word: 'Execute', says: 'It reads and makes changes that can be undone. Each is listed with its undo.' },
};

/** What no level changes. */
export const ALWAYS = 'What cannot be undone, or is unknown, always asks.';

/** How long a level can be given for, in minutes. */
export const SPANS: readonly { minutes: number; word: string }[] = [
  { minutes: 15, word: 'for 15 min' },
  { minutes: 30, word: 'for 30 min' },
  { minutes: 60, word: 'for 1 h' },
  { minutes: 240, word: 'for 4 h' },
];

/** The longest a level can be given for, in minutes. */
export const LONGEST = 31 * 24 * 60;

/** The level that a setting means at a moment. */
export function levelAt(set: LevelSet, now: number): Level {
  return set.until !== undefined && now >= Date.parse(set.until) ? set.then : set.level;
}

/** When the level that is in force ends, if it does. */
export function endsAt(set: LevelSet, now: number): string | null {
  return set.until !== undefined && now < Date.parse(set.until) ? set.until : null;
}

/** `Execute until 14:30, then Suggest`; `null` where it has no end. */
export function untilWords(set: LevelSet, now: number): string | null {
  const ends = endsAt(set, now);
  return ends === null ? null : `${levelWords[set.level].word} until ${moment(ends, now)}, then ${levelWords[set.then].word}`;
}

/** What has stopped a task. */
export const stopWords: Record<Stop, string> = {
  everything: 'paused with everything',
  agent: 'paused with its agent',
  task: 'paused',
  taken_over: 'in your hands',
};

/** Why a trigger asks, in a few words. */
export const triggerWords: Record<TriggerKind, string> = {
  missing_argument: 'Arguments are wrong',
  contradiction: 'Its sources contradict each other',
  fact_mismatch: 'It differs from what it found',
  compliance: 'A word you want to be asked about',
  limit: 'A rule of yours',
  overruled: 'Against your last word',
  rephrased: 'The same question in other words',
  scope: 'Beyond what the task declared',
  chain_length: 'Long without a person',
  context_churn: 'It goes in circles',
  repeated_error: 'The same error again',
};

/** What a tool can count as. */
export type Counts = Effect | 'unknown';

export const COUNTS: readonly { as: Counts; word: string }[] = [
  { as: 'unknown', word: 'unknown: always asks' },
  { as: 'read', word: 'reads only' },
  { as: 'reversible', word: 'reversible' },
  { as: 'irreversible', word: 'irreversible: always asks' },
];

const ORDER: readonly Effect[] = ['read', 'reversible', 'irreversible'];

/** What a tool is offered to count as at first: what it claims, and nothing better. */
export function offered(tool: Pick<ToolView, 'claimed'>): Counts {
  return tool.claimed ?? 'unknown';
}

/** Whether a tool may count as that: never as less than it claims itself. */
export function mayCount(tool: Pick<ToolView, 'claimed'>, as: Counts): boolean {
  return as === 'unknown' || tool.claimed === null || ORDER.indexOf(as) >= ORDER.indexOf(tool.claimed);
}

/** What is told to the desk: nobody knows the unknown, so it counts as the worst. */
export function countsAs(as: Counts): Effect {
  return as === 'unknown' ? 'irreversible' : as;
}

/** Whether an agent waits for the reviewer to look at it. */
export function needsYou(agent: Pick<AgentCard, 'lowered' | 'waiting'>): boolean {
  return agent.lowered !== null || agent.waiting > 0;
}

/** From how many calls on a share says anything. */
export const ENOUGH = 50;

/** The share of calls that asked although they could have gone without, in percent. */
export function interruptionRate(track: Pick<Track, 'calls' | 'discretionary'>): number | null {
  return track.calls === 0 ? null : (track.discretionary / track.calls) * 100;
}

/** A share for reading: `0 %`, `0.4 %`, `13 %`. */
export function percent(share: number): string {
  return `${share > 0 && share < 1 ? share.toFixed(1) : String(Math.round(share))} %`;
}
