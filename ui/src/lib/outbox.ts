/** How far an answer is that goes to a server, in words: what is known, and nothing hoped for. */
import type { OutboxView } from '../gen/OutboxView';
import type { State } from '../gen/State';
import { count } from './words';

export interface Words {
  /** A few words. */
  text: string;
  /** The same in whole sentences. */
  help: string;
}

export function outboxWords({ server, reached, standing, undecided }: OutboxView, state: State): Words {
  const out = state === 'released' || state === 'collected';
  if (standing.kind === 'over') return { text: 'nothing more is sent', help: `The question on ${server} is over. Nothing more is sent.` };
  if (!out && reached) return { text: `waits on ${server}`, help: `The thread waits on ${server}, which answers. It goes on with your answer.` };
  if (!out) return { text: `waits on ${server}, which does not answer now`, help: `${server} does not answer now. You can answer all the same: your answer is kept, and sent once when the server is back, if the question still stands there.` };
  if (undecided > 0) return { text: `waits for ${count(undecided, 'other answer')}`, help: `This is answered together with ${count(undecided, 'other card')} of the same thread. Nothing is sent before ${undecided === 1 ? 'that one is' : 'those are'} decided.` };
  if (standing.kind === 'asked' && reached) return { text: `goes to ${server} next`, help: `It goes to ${server} as soon as its thread can take it and its agent is not paused.` };
  if (standing.kind === 'asked') return { text: `waits for the server`, help: `Your answer waits for ${server}, which does not answer now. It is sent once when the server is back. If somebody else has answered by then, it is not sent, and this card says so.` };
  if (standing.kind === 'sending') return { text: `sent to ${server}, not heard of`, help: `It was sent to ${server}, and whether it arrived is not known. The thread is looked at before anything is sent again.` };
  return { text: `sent to ${server}, not confirmed yet`, help: `${server} has taken it. It counts as answered when its thread says so.` };
}
