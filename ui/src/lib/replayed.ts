/**
 * What a replay says, in sentences. It weighs nothing: the numbers are the
 * desk's, and so are the caveats.
 */
import type { Afterwards } from '../gen/Afterwards';
import type { Held } from '../gen/Held';
import type { Interruptions } from '../gen/Interruptions';
import type { Ran } from '../gen/Ran';
import type { Replay } from '../gen/Replay';
import type { Shift } from '../gen/Shift';
import { stopWords } from './autonomy';
import { share } from './chart';
import { count } from './words';

/** What became of a call at the time; those in which somebody stepped in are `against`. */
export const afterWords: Record<Afterwards, { word: string; against: boolean }> = {
  approved: { word: 'approved', against: false },
  informed: { word: 'answered with information', against: true },
  modified: { word: 'changed by you', against: true },
  taken_over: { word: 'taken over', against: true },
  rejected: { word: 'rejected', against: true },
  rolled_back: { word: 'rolled back', against: true },
};

/** The outcomes of a shift that are not zero, those that speak against it first. */
export function outcomes(shift: Shift): { after: Afterwards | null; word: string; count: number; against: boolean }[] {
  const parts = (['rejected', 'rolled_back', 'modified', 'taken_over', 'informed', 'approved'] as const).map((after) => ({ after, count: shift[after], ...afterWords[after] }));
  return [...parts, { after: null, word: 'nothing known', count: shift.unknown, against: false }].filter((part) => part.count > 0);
}

/** How many of a shift the reviewer stepped in at. */
export function steppedIn(shift: Shift): number {
  return shift.rejected + shift.rolled_back + shift.modified + shift.taken_over + shift.informed;
}

/** Whether any of what would run had been rejected, changed or taken back; the sentence that decides. */
export function letThroughWords(shift: Shift): { text: string; tone: 'low' | 'high' | 'mid' } {
  const against = steppedIn(shift);
  if (against > 0) return { text: `You stepped in at ${count(against, 'call')} of these. ${against === 1 ? 'It' : 'They'} would have run as ${against === 1 ? 'it was' : 'they were'}.`, tone: 'high' };
  if (shift.unknown === shift.count) return { text: `What became of ${shift.count === 1 ? 'it' : 'them'} is not known.`, tone: 'mid' };
  const known = shift.count - shift.unknown;
  return { text: `Of the ${count(known, 'call')} whose outcome is known you rejected, changed or took back none.`, tone: 'low' };
}

/** What holding more would have caught. */
export function newlyHeldWords(shift: Shift): { text: string; tone: 'low' | 'mid' } {
  const caught = steppedIn(shift);
  if (caught === 0) return { text: 'As far as the record tells, none of these had to be put right.', tone: 'mid' };
  return { text: `${count(caught, 'call')} of these had to be put right: you would have seen ${caught === 1 ? 'it' : 'them'} first.`, tone: 'low' };
}

/** The change of the rate in one sentence, for those who do not see it. */
export function rateWords({ before, after, checks }: Replay): string {
  const held = (one: Interruptions) => `${share(one.rate)} (${share(one.discretionary_rate)} by your settings)`;
  return `Of ${count(checks, 'recorded question')}, ${held(before)} were held; with the change it would be ${held(after)}.`;
}

/** Why a call waits, in a few words. */
export function heldWords(held: Held): string {
  if (typeof held === 'object') return stopWords[held.stopped];
  return { waits: 'it waited for another', irreversible: 'it cannot be undone', trigger: 'a trigger or a rule asks', level: 'its level asks' }[held];
}

/** Why a call runs unasked, in a few words. */
export const ranWords: Record<Ran, string> = {
  permit: 'you had decided it',
  read: 'it only reads',
  allowed: 'a rule allows it',
  drafted: 'it goes into the draft',
  executed: 'its level lets it run',
};
