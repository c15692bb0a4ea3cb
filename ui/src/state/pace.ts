/**
 * How often the time must be looked at for all that is shown to be right. A
 * window in which only minutes are told must not wake the machine every second.
 */
import { atAnEdge, countsSeconds } from '../lib/time';
import type { Pace } from './clock.svelte';
import type { Desk } from './desk.svelte';

/** The pace of what is on screen now. */
export function pace(desk: Desk): Pace {
  if (desk.holds.length > 0) return 'ring';
  const { opened } = desk;
  const { now } = desk.clock;
  const { focus_until } = desk.settings.alerts;
  const waits = desk.order.filter((item) => item.state === 'ready' || item.state === 'queued');
  const seconds =
    (opened?.open === true && countsSeconds(opened.view.deadline.respond_by, now)) ||
    (focus_until !== null && atAnEdge(focus_until, focus_until, now)) ||
    [...waits, ...(opened === null ? [] : [opened.view.deadline])].some((one) => atAnEdge(one.respond_by, one.warn_at, now));
  return seconds ? 'seconds' : 'minutes';
}
