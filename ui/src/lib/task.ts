/**
 * Who acts in a task and what happened in it, in the window's words. Pure: it
 * asks nothing of the desk and changes no agent's text.
 */
import type { Said } from '../gen/Said';
import type { TaskEntry } from '../gen/TaskEntry';
import type { TaskView } from '../gen/TaskView';
import type { ThreadEntry } from '../gen/ThreadEntry';
import { stopWords } from './autonomy';
import { count } from './words';

/** Who acts now: by shape and words, never by colour alone. */
export interface Standing {
  shape: 'agent' | 'you' | 'paused' | 'over';
  word: string;
  /** What that means, in one sentence. */
  says: string;
}

/** Who acts now. */
export function standing({ acts, stopped, pending, connected }: Pick<TaskView, 'acts' | 'stopped' | 'pending' | 'connected'>): Standing {
  const asks = pending.length === 0 ? '' : count(pending.length, 'question waits for you', 'questions wait for you');
  switch (acts) {
    case 'agent':
      return { shape: 'agent', word: 'The agent works', says: asks !== '' ? `${asks[0]?.toUpperCase() ?? ''}${asks.slice(1)}; what does not depend on it goes on.` : connected ? 'Nothing waits for you.' : 'It is not connected now; it may still be at work.' };
    case 'reviewer':
      return stopped === 'taken_over'
        ? { shape: 'you', word: 'You do it by hand', says: 'The agent may not even read until you give it back.' }
        : { shape: 'you', word: 'You: all of it waits for your answer', says: `${asks}.` };
    case 'paused':
      return { shape: 'paused', word: 'Paused', says: stopped === 'everything' || stopped === 'agent' ? `It is ${stopWords[stopped]}. The agent may read.` : 'The agent may read. Everything else it asks for waits.' };
    case 'over':
      return { shape: 'over', word: 'Over', says: 'The agent has ended it.' };
  }
}

/** How the window names who did something. */
export const actorWords: Record<string, string> = { agent: 'Agent', reviewer: 'You', System: 'The desk' };

/**
 * The task's timeline, the latest first, with all that is known of one of its
 * handoffs in the place of what the task says of that, and with what was said
 * to its end user.
 */
export function withThread(timeline: TaskEntry[], handoff: string | null, thread: ThreadEntry[], said: Said[]): TaskEntry[] {
  const others = timeline.filter((entry) => handoff === null || entry.handoff !== handoff);
  const own = thread.map((entry) => ({ ...entry, handoff, action: null }));
  // What happened in one moment stays in the order it was told in.
  return [...others, ...own, ...said.map(saidEntry)]
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => Date.parse(b.entry.at) - Date.parse(a.entry.at) || b.index - a.index)
    .map(({ entry }) => entry);
}

/** What is offered to be said to an end user on taking over: nothing is asked twice. */
export const ALREADY_READ = 'I’ve read your conversation with our assistant and am taking over from here. You don’t need to repeat anything.';

/** The same where a person has only decided. */
export const ALSO_READ = 'I’ve read your conversation with our assistant, so you don’t need to repeat anything.';

/** What was said to the end user, as an entry of the timeline. */
function saidEntry({ at, text, handoff, known }: Said): TaskEntry {
  return { at, actor: 'reviewer', event: 'said', text: `To the end user${known ? '' : ' (the agent has not fetched it yet)'}: ${text}`, until: null, handoff, action: null };
}
