/**
 * Why a notification could not be shown, in words for whoever only wants to know
 * what does not work and what helps. What the system itself said is kept apart.
 */

export interface Cause {
  /** What does not work. */
  says: string;
  /** What helps. */
  helps: string;
  /** What the system said, where that is no sentence of the desk. */
  raw: string | null;
}

const LATER = 'Until then watch this window; notifications come again by themselves.';

/** The causes that the desk says itself, and what helps. */
const KNOWN: Record<string, { says: string; helps: string }> = {
  'No notification service runs on this desktop.': { says: 'No notification service runs on this desktop.', helps: `Start the one of your desktop, or one such as dunst. ${LATER}` },
  'The notification service does not answer.': { says: 'The notification service does not answer.', helps: `Restart it, or log in again. ${LATER}` },
  'The session bus was lost.': { says: 'The desktop’s session has ended under the desk.', helps: `Log in again, or start the desk from your session. ${LATER}` },
  'the handoff was answered before it could be shown': { says: 'It was answered before it could be shown.', helps: '' },
};

/** A cause as the desk records it. */
export function cause(why: string): Cause {
  const known = KNOWN[why];
  if (known !== undefined) return { ...known, raw: null };
  return { says: 'The desktop’s notification service could not be used.', helps: `See that one runs in your session. ${LATER}`, raw: why };
}

/** The events of a thread whose text ends in such a cause. */
const EVENTS = new Set(['not_notified', 'reminded', 'warned', 'alerted']);
const LINE = /^(?:No notification|(?<what>.+?), but it could not be shown): (?<why>.+?)(?<more>; your command waits for the end of that)?$/su;

/** An entry of a thread that tells of a notification which could not be shown: what was tried, and why it failed. */
export function unshown({ event, text }: { event: string; text: string }): { what: string; cause: Cause } | null {
  const found = EVENTS.has(event) ? LINE.exec(text)?.groups : undefined;
  if (found === undefined) return null;
  const { what, why = '', more = '' } = found;
  return { what: `${what === undefined ? 'No notification' : `${what}, but it could not be shown`}${more}`, cause: cause(why) };
}
