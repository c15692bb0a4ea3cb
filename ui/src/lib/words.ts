/**
 * The words, shapes and colours the window uses for the desk's own terms.
 * Only fixed vocabulary: it never touches agent text.
 */
import type { DecisionKind } from '../gen/DecisionKind';
import type { Effect } from '../gen/Effect';
import type { Flag } from '../gen/Flag';
import type { OptionView } from '../gen/OptionView';
import type { Priority } from '../gen/Priority';
import type { ReasonCode } from '../gen/ReasonCode';
import type { RiskLevel } from '../gen/RiskLevel';
import type { State } from '../gen/State';
import type { StepStatus } from '../gen/StepStatus';
import type { Then } from '../gen/Then';
import type { Undo } from '../gen/Undo';
import type { Verdict } from '../gen/Verdict';

/** How a risk looks: never by colour alone. */
export interface Mark {
  shape: 'circle' | 'triangle' | 'diamond';
  tone: 'low' | 'mid' | 'high';
  word: string;
}

/** The mark of an effect; `null` is a question that runs nothing. */
export function effectMark(effect: Effect | null): Mark {
  switch (effect) {
    case null:
      return { shape: 'circle', tone: 'low', word: 'asks only' };
    case 'read':
      return { shape: 'circle', tone: 'low', word: 'reads only' };
    case 'reversible':
      return { shape: 'triangle', tone: 'mid', word: 'reversible' };
    case 'irreversible':
      return { shape: 'diamond', tone: 'high', word: 'irreversible' };
  }
}

/** The mark of an option: the shape of its effect, the colour of its risk. */
export function optionMark(option: Pick<OptionView, 'effect' | 'risk'>): Mark {
  const mark = effectMark(option.effect);
  const tones: Record<RiskLevel, Mark['tone']> = { low: 'low', medium: 'mid', high: 'high' };
  const tone = option.effect === 'irreversible' ? mark.tone : tones[option.risk];
  return { ...mark, tone, word: `${mark.word}, ${option.risk} risk` };
}

export const reasonWords: Record<ReasonCode, string> = {
  approval_required: 'it needs your approval',
  ambiguous_request: 'the request can be read in several ways',
  missing_information: 'it lacks information',
  conflicting_evidence: 'its sources contradict each other',
  policy: 'a policy asks for a person',
  loop_detected: 'it noticed that it goes in circles',
  scope_exceeded: 'this goes beyond its task',
  chain_too_long: 'it has worked for long without a check',
  context_churn: 'it reads the same things again and again',
  repeated_error: 'the same error came back',
  failure: 'something failed',
  other: 'it asks for a person',
};

export const priorityWords: Record<Priority, string> = {
  low: 'low priority',
  normal: 'normal priority',
  high: 'high priority',
  urgent: 'urgent',
};

export const flagWords: Record<Flag, string> = {
  escalated: 'escalated',
  manual_review: 'manual review',
  snoozed: 'snoozed',
  acknowledged: 'seen',
  cold: 'came cold',
  diverged: 'diverged',
};

export const stateWords: Record<State, string> = {
  queued: 'being prepared',
  ready: 'waits for you',
  decided: 'decided, held',
  released: 'released, not yet collected',
  collected: 'collected by the agent',
  reconciled: 'carried out',
  withdrawn: 'withdrawn',
  superseded: 'superseded',
};

export const kindWords: Record<DecisionKind, string> = {
  approve: 'Approved',
  modify: 'Approved with edits',
  inform: 'Informed',
  reject: 'Rejected',
  take_over: 'Taken over',
};

export const thenWords: Record<Then, { label: string; text: string }> = {
  stop: { label: 'Stop', text: 'the task ends here' },
  skip: { label: 'Skip', text: 'leave out this step and what depends on it' },
  revise: { label: 'Revise', text: 'ask for another proposal' },
};

export const verdictWords: Record<Verdict, string> = {
  run: 'run',
  keep: 'keep',
  rerun: 'run again',
  undo_then_rerun: 'undo, run again',
  blocked: 'blocked',
  skip: 'skip',
};

export const statusWords: Record<StepStatus, string> = {
  pending: 'not begun',
  running: 'running',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
};

/** How an action is undone, with the exact call. */
export function undoWords(undo: Undo): string {
  switch (undo.kind) {
    case 'tool':
      return `by ${undo.tool} ${JSON.stringify(undo.args)}`;
    case 'command':
      return `by ${undo.argv.map((part) => (/^[\w./:=@-]+$/u.test(part) ? part : JSON.stringify(part))).join(' ')} in ${undo.cwd}`;
    case 'files':
      return 'from the copies the desk keeps of its files';
  }
}

/** `1 line`, `2 lines`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** What will be done and cannot be undone, for the deliberate extra act. */
export function consequence(option: Pick<OptionView, 'effect' | 'action' | 'label'>, edited: boolean): string {
  const what = option.action === null ? `“${option.label}”` : `${option.action.tool} with ${edited ? 'my edited' : 'exactly these'} arguments`;
  return option.effect === 'irreversible'
    ? `I let it run ${what}, knowing that this cannot be undone.`
    : `I let it run ${what}, knowing that the risk is high.`;
}
