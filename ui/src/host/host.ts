/**
 * The only door out of the window: everything it can ask of the desk. It
 * holds no state and makes no decision; a call that fails rejects with a
 * `WindowError`.
 */
import type { AcceptTools } from '../gen/AcceptTools';
import type { ActionView } from '../gen/ActionView';
import type { AgentsView } from '../gen/AgentsView';
import type { AllowUndoCommands } from '../gen/AllowUndoCommands';
import type { BackPreview } from '../gen/BackPreview';
import type { BackupView } from '../gen/BackupView';
import type { CaseView } from '../gen/CaseView';
import type { Change } from '../gen/Change';
import type { ConfirmRollback } from '../gen/ConfirmRollback';
import type { DecideRequest } from '../gen/DecideRequest';
import type { DeskStatus } from '../gen/DeskStatus';
import type { EditPlan } from '../gen/EditPlan';
import type { GiveBack } from '../gen/GiveBack';
import type { Insights } from '../gen/Insights';
import type { NewServer } from '../gen/NewServer';
import type { OfTask } from '../gen/OfTask';
import type { Pause } from '../gen/Pause';
import type { Preview } from '../gen/Preview';
import type { QueueQuery } from '../gen/QueueQuery';
import type { QueueView } from '../gen/QueueView';
import type { Receipt } from '../gen/Receipt';
import type { Replay } from '../gen/Replay';
import type { ReplayRequest } from '../gen/ReplayRequest';
import type { RollbackPreview } from '../gen/RollbackPreview';
import type { RollbackRequest } from '../gen/RollbackRequest';
import type { RollbackView } from '../gen/RollbackView';
import type { Rule } from '../gen/Rule';
import type { RuleFrom } from '../gen/RuleFrom';
import type { RuleRow } from '../gen/RuleRow';
import type { ServerTried } from '../gen/ServerTried';
import type { ServerView } from '../gen/ServerView';
import type { SetLevel } from '../gen/SetLevel';
import type { Settings } from '../gen/Settings';
import type { TakeOver } from '../gen/TakeOver';
import type { TaskView } from '../gen/TaskView';
import type { TellAgent } from '../gen/TellAgent';
import type { UndoItem } from '../gen/UndoItem';
import type { WindowError } from '../gen/WindowError';

export interface Host {
  /** What the desk says of itself. */
  status(): Promise<DeskStatus>;
  /** A part of the queue. */
  queue(query: QueueQuery): Promise<QueueView>;
  /** Shows all questions of an agent that wait behind its other ones; answers how many. */
  showQueued(agent: string): Promise<number>;
  /** Everything about one handoff. */
  openCase(id: string): Promise<CaseView>;
  /** The next 200 tool calls from `offset` on. */
  actions(id: string, offset: number): Promise<ActionView[]>;
  /** The full text of a folded value. */
  unfold(id: string, revision: number, pointer: string): Promise<string>;
  /** What an answer would do. */
  preview(request: DecideRequest): Promise<Preview>;
  /** Records an answer; the hold begins. */
  decide(request: DecideRequest): Promise<Receipt>;
  /** Takes a held decision back. */
  undo(id: string): Promise<Receipt>;
  /** Hands a decision out again whose lease lapsed. */
  regrant(id: string): Promise<Receipt>;
  /** The reviewer has the card on screen. */
  seen(id: string): Promise<void>;
  /** Puts its reminders off; answers until when, which is the warning at the latest (RFC 3339). */
  /** Notes that a notice of the desk's own was read. */
  dismiss(notice: string): Promise<void>;
  snooze(id: string, until: string): Promise<string>;
  /** Turns its reminders on again. */
  wake(id: string): Promise<void>;
  /** Lets the default that this revision declares be taken at the deadline, or no longer. */
  allowDefault(id: string, revision: number, allowed: boolean): Promise<void>;
  /** The card that can really be seen now, if any. */
  onScreen(id: string | null): Promise<void>;
  /** Every agent with its level, tools, tasks and record. */
  agents(): Promise<AgentsView>;
  setLevel(set: SetLevel): Promise<void>;
  /** Stops everything, an agent or a task, or lets it go on. */
  pause(pause: Pause): Promise<void>;
  /** A task with all that happened in it. */
  task(of: OfTask): Promise<TaskView>;
  /** The reviewer does the task from now on. */
  takeOver(take: TakeOver): Promise<void>;
  /** Gives it back with what was done by hand. */
  giveBack(back: GiveBack): Promise<void>;
  /** What becomes of the plan if a task is given back like this. */
  previewGiveBack(back: GiveBack): Promise<BackPreview>;
  /** Puts another plan in the place of the one that was shown. */
  editPlan(edit: EditPlan): Promise<void>;
  /** Says something to the agent; nothing is asked. */
  tellAgent(tell: TellAgent): Promise<void>;
  /** What taking actions back would do; nothing has run. */
  previewRollback(request: RollbackRequest): Promise<RollbackPreview>;
  /** Takes back exactly what was shown. */
  confirmRollback(confirm: ConfirmRollback): Promise<RollbackView>;
  /** Has an undo tried again that failed, or may have run. */
  retryUndo(item: UndoItem): Promise<RollbackView>;
  /** Leaves an undo out; the rest goes on. */
  skipUndo(item: UndoItem): Promise<RollbackView>;
  /** Leaves an undo to the agent, which does it in its own way. */
  handOverUndo(item: UndoItem): Promise<RollbackView>;
  /** Says that an undo did run, which nobody heard the end of. */
  confirmUndone(item: UndoItem): Promise<RollbackView>;
  /** Lets the desk run the undo commands of an agent, or no longer. */
  allowUndoCommands(allow: AllowUndoCommands): Promise<void>;
  /** Asks for a task's draft now: answers the handoff that lists its changes, or null where there are none. */
  gatherDraft(agent: string, task: string): Promise<string | null>;
  /** Accepts tools exactly as they were shown. */
  acceptTools(accept: AcceptTools): Promise<void>;
  /** The reviewer has looked at why an agent was lowered. */
  lookedAtAgent(agent: string): Promise<void>;
  /** All rules, the latest first. */
  rules(): Promise<RuleRow[]>;
  /** Keeps a rule; answers what names it. */
  addRule(rule: Rule): Promise<number>;
  /** Keeps the rule from this source; the rule itself never comes from here. */
  addRuleFrom(from: RuleFrom): Promise<number>;
  revokeRule(id: number): Promise<void>;
  /** The rule that would allow exactly the call behind a card; it is not kept yet. */
  ruleFrom(id: string, days: number, uses: number | null): Promise<RuleRow>;
  /** What the record says of asking and answering. */
  insights(): Promise<Insights>;
  /** What a change would have done to the recorded past; nothing is changed. */
  replay(change: ReplayRequest): Promise<Replay>;
  /** The same for the rule from this source. */
  replayFrom(from: RuleFrom): Promise<Replay>;
  settings(): Promise<Settings>;
  saveSettings(settings: Settings): Promise<Settings>;
  /** The servers of others that are asked for work. */
  servers(): Promise<ServerView[]>;
  /** Adds a server and begins to ask it. */
  addServer(server: NewServer): Promise<void>;
  /** Asks a server once; nothing is added. */
  testServer(server: NewServer): Promise<ServerTried>;
  /** Asks a server now instead of later. */
  lookAtServer(name: string): Promise<void>;
  /** Takes back what it asks, and forgets it. */
  removeServer(name: string): Promise<void>;
  /** The backups there are, the newest first. */
  backups(): Promise<BackupView[]>;
  /** Goes back to this backup: the desk starts again, so it answers only where it cannot. */
  restore(name: string): Promise<void>;
  /** Starts the demo agent. */
  runDemo(): Promise<void>;
  /** Ends the desk; agents find none until it is started again. */
  quit(): Promise<void>;
  /** Tells from then on what has changed, until the function it answers is called. */
  onChange(listener: (change: Change) => void): Promise<() => void>;
}

/** Reads whatever a call rejected with as a `WindowError`. */
export function windowError(cause: unknown): WindowError {
  if (typeof cause === 'object' && cause !== null && 'message' in cause) {
    const { code, message, hint, faults } = cause as Partial<WindowError>;
    return { code: code ?? 'internal', message: String(message), hint: hint ?? 'Try again.', faults: faults ?? [] };
  }
  return {
    code: 'internal',
    message: typeof cause === 'string' ? cause : 'The desk did not say what failed.',
    hint: 'Try again; if it stays, restart Handoff Desk.',
    faults: [],
  };
}
