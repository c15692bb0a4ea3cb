/**
 * Until when a handoff can be put off. Pure: it puts nothing off, and the desk
 * cuts what goes beyond the warning whatever is asked for here.
 */
import type { CaseView } from '../gen/CaseView';
import { at, tomorrowAtNine } from './time';

export interface Choice {
  id: 'quarter' | 'hour' | 'tomorrow';
  label: string;
  until: number;
}

/** The moments that are offered at `now`. */
export function choices(now: number): Choice[] {
  return [
    { id: 'quarter', label: '15 minutes', until: now + 15 * 60_000 },
    { id: 'hour', label: '1 hour', until: now + 60 * 60_000 },
    { id: 'tomorrow', label: 'Tomorrow 9:00', until: tomorrowAtNine(now) },
  ];
}

/** What becomes of a wish: until when it is really put off, in words. */
export function outcome(until: number, warnAt: string, now: number): { cut: boolean; words: string } {
  const cut = until > Date.parse(warnAt);
  return { cut, words: cut ? `cut to the warning ${at(warnAt, now)}` : `until ${at(until, now).replace(/^(at|on) /u, '')}` };
}

/** Why it cannot be put off, or `null` where it can. */
export function unable(view: Pick<CaseView, 'state' | 'flags' | 'deadline'>, now: number): string | null {
  const { deadline } = view;
  if (view.state !== 'ready') return 'It is still being prepared.';
  if (view.flags.includes('escalated') || view.flags.includes('manual_review') || now >= Date.parse(deadline.respond_by)) return 'The deadline has passed, so it cannot be put off any more.';
  if (deadline.warned || now >= Date.parse(deadline.warn_at)) return 'The warning is out, so it cannot be put off any more.';
  return deadline.can_snooze ? null : 'The desk does not put it off now.';
}
