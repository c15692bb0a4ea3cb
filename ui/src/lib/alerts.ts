/**
 * The reviewer's settings for time in words and numbers. It judges none of
 * them: the desk says what cannot be set.
 */
import type { Alerts } from '../gen/Alerts';
import type { Quiet } from '../gen/Quiet';
import { span } from './time';

export interface Unit {
  one: string;
  many: string;
  seconds: number;
}

export const UNITS: Unit[] = [
  { one: 'second', many: 'seconds', seconds: 1 },
  { one: 'minute', many: 'minutes', seconds: 60 },
  { one: 'hour', many: 'hours', seconds: 3600 },
];

/** The largest unit in which a span is a whole number. */
export function unitOf(seconds: number): Unit {
  return UNITS.findLast((unit) => seconds > 0 && seconds % unit.seconds === 0) ?? { one: 'minute', many: 'minutes', seconds: 60 };
}

/** When focus ends, if it is on at `now`. */
export function focusEnds(alerts: Alerts, now: number): number | null {
  const until = alerts.focus_until === null ? 0 : Date.parse(alerts.focus_until);
  return until > now ? until : null;
}

/** Whether `now` lies in the quiet hours, by the clock on the wall. */
export function isQuiet(quiet: Quiet | null, now: number): boolean {
  if (quiet === null) return false;
  const date = new Date(now);
  const minute = date.getHours() * 60 + date.getMinutes();
  return quiet.from_min < quiet.to_min ? minute >= quiet.from_min && minute < quiet.to_min : minute >= quiet.from_min || minute < quiet.to_min;
}

/** What follows a deadline that escalates, moment by moment. */
export function ladder(alerts: Pick<Alerts, 'stages' | 'give_up_after_s'>): { after_s: number; stage: number | null }[] {
  let after_s = 0;
  const steps = alerts.stages.flatMap((stage, index) =>
    Array.from({ length: Math.min(Math.max(stage.times, 0), 10) }, () => {
      after_s += stage.after_s;
      return { after_s, stage: index as number | null };
    }),
  );
  return [...steps, { after_s: after_s + alerts.give_up_after_s, stage: null }];
}

/** How long after the deadline: `at the deadline`, `10 min after it`. */
export function afterWords(seconds: number): string {
  return seconds === 0 ? 'at the deadline' : `${span(seconds * 1000)} after it`;
}
