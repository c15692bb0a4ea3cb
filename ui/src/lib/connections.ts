/**
 * What an agent is connected through, in words. How far the desk reaches through
 * it is the desk's to say; here is only what fits into one line.
 */
import type { ConnectionView } from '../gen/ConnectionView';
import type { Reach } from '../gen/Reach';
import { ago } from './time';

/** How far the desk can hold it back, in a few words. */
export const reachWords: Record<Reach, string> = {
  hands_over: 'only hands over cases so far',
  as_it_asks: 'held back as far as it asks',
  at_interrupts: 'held back at its interrupts',
  hooked_calls: 'asks before each call that its hook sees',
  gated_calls: 'asks for each call through the gateway',
};

/** How many of them one line names. */
const SHOWN = 3;

/** When it was last heard of: one that connects for each call is not gone between two. */
export function contact(one: Pick<ConnectionView, 'brief' | 'connected' | 'last_seen'>, now: number): string {
  if (one.connected && !one.brief) return 'connected';
  return `${one.brief ? 'last call' : 'last heard of'} ${ago(one.last_seen, now)}`;
}

/** What the agent says it is built with, where that is more than the integration's name. */
export function builtWith(one: Pick<ConnectionView, 'integration' | 'framework' | 'version'>): string {
  const own = one.integration === 'socket' ? one.framework : null;
  return [own, one.version].filter((part) => part !== null).join(' ');
}

/** Through what an agent is connected, the last heard of first. */
export function throughWords(connections: readonly Pick<ConnectionView, 'title'>[]): string {
  const named = [...new Set(connections.map((one) => one.title))];
  const shown = named.slice(0, SHOWN).join(', ');
  return named.length > SHOWN ? `${shown} and ${String(named.length - SHOWN)} more` : shown;
}
