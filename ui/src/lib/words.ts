/**
 * The words, shapes and colours the window uses for the desk's own terms.
 * Only fixed vocabulary: it never touches agent text.
 */
import { writeWords } from './argv';
import { at } from './time';
import type { Decision } from '../gen/Decision';
import type { DecisionKind } from '../gen/DecisionKind';
import type { DivergenceKind } from '../gen/DivergenceKind';
import type { Effect } from '../gen/Effect';
import type { FoundView } from '../gen/FoundView';
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

/** How an effect looks, everywhere alike: never by colour alone. */
export interface Mark {
  shape: 'circle' | 'triangle' | 'diamond';
  tone: 'low' | 'mid' | 'high';
  word: string;
  /** The word in a sentence, for those who meet it for the first time. */
  help: string;
}

/** The mark of an effect; `null` is a question that runs nothing. */
export function effectMark(effect: Effect | null): Mark {
  switch (effect) {
    case null:
      return { shape: 'circle', tone: 'low', word: 'asks only', help: 'The agent only asks; nothing is run.' };
    case 'read':
      return { shape: 'circle', tone: 'low', word: 'reads only', help: 'It only looks something up and changes nothing.' };
    case 'reversible':
      return { shape: 'triangle', tone: 'mid', word: 'reversible', help: 'It changes something, and the change can be undone.' };
    case 'irreversible':
      return { shape: 'diamond', tone: 'high', word: 'irreversible', help: 'It cannot be undone, or nobody knows whether it can.' };
  }
}

export const riskWords: Record<RiskLevel, string> = { low: 'low risk', medium: 'medium risk', high: 'high risk' };

export const reasonWords: Record<ReasonCode, string> = {
  approval_required: 'It needs your approval.',
  ambiguous_request: 'The request can be read in several ways.',
  missing_information: 'It lacks information.',
  conflicting_evidence: 'Its sources contradict each other.',
  policy: 'A policy asks for a person.',
  loop_detected: 'It noticed that it goes in circles.',
  scope_exceeded: 'This goes beyond its task.',
  chain_too_long: 'It has worked for long without a check.',
  context_churn: 'It reads the same things again and again.',
  repeated_error: 'The same error came back.',
  failure: 'Something failed.',
  other: 'It asks for a person.',
};

export const priorityWords: Record<Priority, string> = {
  low: 'low priority',
  normal: 'normal priority',
  high: 'high priority',
  urgent: 'urgent',
};

/** A term in plain words, and what it means. */
export interface Term {
  word: string;
  help: string;
}

export const flagWords: Record<Flag, Term> = {
  escalated: { word: 'overdue, you were alerted', help: 'Its deadline passed without an answer, so you were alerted again. It stays open.' },
  manual_review: { word: 'waited too long', help: 'Its deadline passed without an answer. Nothing was done, and it stays open until you decide.' },
  snoozed: { word: 'snoozed', help: 'Its reminders are put off, to its warning at the latest. Its deadline stays.' },
  acknowledged: { word: 'seen', help: 'You have opened it.' },
  cold: { word: 'incomplete briefing', help: 'The briefing does not say all that you need: what the agent did, what the person wants, or which conditions hold. The card names what is missing.' },
  diverged: { word: 'did something else', help: 'The agent did not do exactly what was decided. The card says why.' },
  unreported: { word: 'no report', help: 'The agent has the decision and did not report in time what it did with it.' },
};

/** Where a handoff stands. */
export const stateWords: Record<State, Term> = {
  queued: { word: 'waits behind others', help: 'Its agent asks more than you want to see in an hour, so it waits behind its other questions. Nothing of it runs.' },
  ready: { word: 'waits for you', help: 'It waits for your answer.' },
  decided: { word: 'can still be undone', help: 'You have decided. It goes to the agent when the hold is over.' },
  released: { word: 'sent, not fetched yet', help: 'Your answer is ready for the agent, which has not fetched it yet.' },
  collected: { word: 'fetched by the agent', help: 'The agent has fetched your answer and has not reported back yet.' },
  reconciled: { word: 'confirmed by the agent', help: 'The agent has reported what it did with your answer.' },
  withdrawn: { word: 'withdrawn by the agent', help: 'The agent took it back. It needs no answer any more.' },
  superseded: { word: 'replaced by a newer one', help: 'The agent replaced it. Only the newer handoff needs an answer.' },
};

/** What the agent, once it has the decision, still has to do. */
export function collectedWords(decision: Pick<Decision, 'kind' | 'then'>): string {
  switch (decision.kind) {
    case 'approve':
    case 'modify':
      return 'The agent has your answer and is carrying it out.';
    case 'inform':
      return 'The agent has your information. It goes on with it, or asks again.';
    case 'take_over':
      return 'The agent knows that this is in your hands. It has not confirmed yet that it stopped.';
    case 'reject':
      return decision.then === 'revise' ? 'The agent knows and is to make another proposal.' : 'The agent knows your answer. It has not confirmed yet that it follows it.';
  }
}

/** What it means that the agent did as decided. */
export function appliedWords(decision: Pick<Decision, 'kind'>): string {
  switch (decision.kind) {
    case 'approve':
    case 'modify':
      return 'The agent has carried it out.';
    case 'inform':
      return 'The agent has taken your information into account.';
    case 'take_over':
      return 'The agent has stopped and left it to you.';
    case 'reject':
      return 'The agent has followed your answer.';
  }
}

export const kindWords: Record<DecisionKind, string> = {
  approve: 'Approved',
  modify: 'Approved with edits',
  inform: 'Informed',
  reject: 'Rejected',
  take_over: 'Taken over',
};

/** When a closed handoff was answered and by whom; its deadline says nothing any more. */
export function settledWords({ decision, received_at }: { decision: Decision | null; received_at: string }, now: number): string {
  const asked = `asked ${at(received_at, now)}`;
  if (decision === null) return `${asked}, never answered`;
  return decision.by === 'System' ? `${asked}, not answered by its deadline, ${at(decision.at, now)}` : `${asked}, answered by you ${at(decision.at, now)}`;
}

export const thenWords: Record<Then, { label: string; text: string }> = {
  stop: { label: 'Stop', text: 'the task ends here' },
  skip: { label: 'Skip', text: 'leave out this step and what depends on it' },
  revise: { label: 'Revise', text: 'ask for another proposal' },
};

/** The same for a card; the gate asks about one call, and a no to it is none to its step. */
export function thenText(then: Then, oneCall: boolean): string {
  return oneCall && then === 'skip' ? 'leave out this call; its step goes on' : thenWords[then].text;
}

/** What becomes of a step; `brief` where there is little room. */
export const verdictWords: Record<Verdict, Term & { brief: string }> = {
  run: { word: 'run', brief: 'run', help: 'The agent does this step.' },
  keep: { word: 'keep', brief: 'keep', help: 'It is done and stays as it is.' },
  rerun: { word: 'run again', brief: 'again', help: 'It used a value that changes, so the agent does it again.' },
  undo_then_rerun: { word: 'undo, run again', brief: 'undo', help: 'It is undone first and then done again with the new value.' },
  blocked: { word: 'blocked', brief: 'blocked', help: 'It cannot go on before something else is settled.' },
  skip: { word: 'skip', brief: 'skip', help: 'The agent leaves it out.' },
};

/** What an agent did that is not what was decided. */
export const divergenceWords: Record<DivergenceKind, string> = {
  said: 'The agent says so itself',
  old_args: 'It ran with the old arguments',
  other_args: 'It ran with other arguments',
  skipped_run: 'A step ran that was to be left out',
  kept_repeated: 'A step was repeated that was to stay as it was',
  blocked_run: 'A step ran that was to wait',
  not_undone: 'Something was not undone that was to be',
};

export const statusWords: Record<StepStatus, string> = {
  pending: 'not begun',
  running: 'running',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
};

/** How the desk undoes an action itself, with the exact command. */
export function undoWords(undo: Exclude<Undo, { kind: 'tool' }>): string {
  switch (undo.kind) {
    case 'command':
      return `by ${writeWords(undo.argv)} in ${undo.cwd}`;
    case 'files':
      return 'from the copies the desk keeps of its files';
  }
}

/** A sentence of the desk as the second part of another one. */
export function within(sentence: string): string {
  return sentence.replace(/^[A-Z]/u, (first) => first.toLowerCase());
}

/** `1 line`, `2 lines`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** A size as files have it: `812 KB`, `2.4 MB`. */
export function sizeWords(bytes: number): string {
  if (bytes < 1_000_000) return `${String(Math.max(1, Math.round(bytes / 1000)))} KB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** What will be done and cannot be undone, for the deliberate extra act; of what is `unknown` it cannot be said. */
export function consequence(option: Pick<OptionView, 'action' | 'label'>, effect: Effect, edited: boolean, unknown = false): string {
  const what = option.action === null ? `Choose “${option.label}”` : `Run ${option.action.tool} with ${edited ? 'my edited' : 'exactly these'} arguments`;
  const known = effect !== 'irreversible' ? 'the risk is high' : unknown ? 'it may be impossible to undo' : 'this cannot be undone';
  return `${what}. I know that ${known}.`;
}

/** Where the desk found another effect than the agent says. */
export function foundWords(found: FoundView): string {
  return `The agent says that this ${{ read: 'only reads', reversible: 'can be undone', irreversible: 'cannot be undone' }[found.said]}. ${found.why}`;
}

/** What approving an option without an action does. */
export function noActionWords(option: Pick<OptionView, 'effect'>): string {
  return `Runs no tool: the agent is told that you chose this option, and goes on with it. The agent says that what it does then ${{ read: 'only reads', reversible: 'can be undone', irreversible: 'cannot be undone' }[option.effect]}.`;
}

/** The words of the desk, for the help and the tooltips. */
export const glossary: Term[] = [
  { word: 'Handoff', help: 'A case that an agent hands to you because it must not or cannot go on alone.' },
  { word: 'Briefing', help: 'What you need to decide: the summary, the facts and the conditions. An incomplete briefing lacks what the agent did, what the person wants, or the conditions.' },
  { word: 'Option', help: 'An answer the agent prepared, with its risk and the exact tool call it leads to.' },
  { word: 'Inform', help: 'You give new facts or conditions instead of a yes or a no. The agent plans again.' },
  { word: 'Take over', help: 'You do this step by hand. The agent stops there.' },
  { word: 'Give back', help: 'You end what you do by hand and say what is done. The agent goes on from there.' },
  { word: 'Thread', help: 'All that happened in a task, by the agent, by you and by the desk, and who acts now.' },
  { word: 'Hold', help: 'The seconds after a decision in which you can still undo it.' },
  { word: 'Release', help: 'The hold is over, and the decision is sent to the agent. It can no longer be undone here.' },
  { word: 'Collect', help: 'The agent fetches the decision. An agent that is away collects it later.' },
  { word: 'Reconcile', help: 'The agent fits its plan to your decision and reports what it did.' },
  { word: 'May have run', help: 'One agent alone may act on a decision, for ten minutes. If it is never heard of again, the action may have run, and only you can hand the decision out once more.' },
  { word: 'Version', help: 'An agent can change its proposal. Each change is a new version, and you approve only the one you see.' },
  { word: 'Warning', help: 'The last call before the deadline. Nothing follows a deadline without an earlier warning.' },
  { word: 'Snooze', help: 'The reminders of one handoff are put off, to its warning at the latest. The deadline does not move.' },
  { word: 'Focus', help: 'No notification is shown for a while. Deadlines and warnings are kept all the same.' },
  { word: 'Alert', help: 'You are called again because a deadline passed. It approves nothing, and the handoff stays open.' },
  { word: 'Default', help: 'The answer that the desk takes for you at the deadline, if the agent declared one. It must only read, or you must have allowed it on its card.' },
  { word: 'Missed', help: 'A deadline passed and nothing was done (manual review). The handoff waits in a list of its own until you answer.' },
  { word: 'Level', help: 'How far an agent may go unasked: Suggest, Draft or Execute. You set it for each agent and each task. What cannot be undone always asks.' },
  { word: 'Draft', help: 'The changes of one task, made at the level Draft. You keep them or undo them together.' },
  { word: 'Trigger', help: 'Something in the work itself that makes an agent stop and ask. The card shows what was found.' },
  { word: 'Rule', help: 'What you have laid down for calls to come: asked always, allowed for a while, or counted as something else.' },
  { word: 'Effect', help: 'What an action does to the world: ● reads only, ▲ reversible, ◆ irreversible. Unknown counts as irreversible.' },
];

/** A sentence cut at its backticks: what stands between two of them is the name of something. */
export function coded(text: string): { text: string; code: boolean }[] {
  return text
    .split(/`([^`\n]+)`/u)
    .map((part, index) => ({ text: part, code: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}
