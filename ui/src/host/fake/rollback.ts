/**
 * The way back of the in-memory desk: what would be undone, and undoing it one
 * after the other. What fails, and why, a scene says; no file is touched.
 */
import type { ActionView } from '../../gen/ActionView';
import type { ConfirmRollback } from '../../gen/ConfirmRollback';
import type { DirectiveStep } from '../../gen/DirectiveStep';
import type { ItemState } from '../../gen/ItemState';
import type { OfTask } from '../../gen/OfTask';
import type { RollbackPreview } from '../../gen/RollbackPreview';
import type { RollbackRequest } from '../../gen/RollbackRequest';
import type { RollbackView } from '../../gen/RollbackView';
import type { Stays } from '../../gen/Stays';
import type { TaskAction } from '../../gen/TaskAction';
import type { Undo } from '../../gen/Undo';
import type { UndoItem } from '../../gen/UndoItem';
import type { UndoView } from '../../gen/UndoView';
import { canUndo } from '../../lib/rollback';
import { refusal } from './answers';
import { hashOf, iso, type Entry } from './build';

/** How long one undo takes. */
const TURN_MS = 900;

/** How a scene has the undo of an action go. */
export interface Undoes {
  /** Why its next attempts fail, one after the other. */
  fails?: string[];
  /** Files that were changed since. */
  changed?: string[];
  /** What it says when it is done. */
  output?: string;
  /** Its next attempt is cut short. */
  dies?: boolean;
}

interface Kept {
  of: OfTask;
  view: RollbackView;
}

export class FakeRollbacks {
  readonly #kept: Kept[] = [];
  readonly #entries: () => Entry[];
  readonly #tell: (of: OfTask) => void;
  readonly #allowed = new Set<string>();

  constructor(entries: () => Entry[], tell: (of: OfTask) => void) {
    this.#entries = entries;
    this.#tell = tell;
  }

  /** Whether the desk may run an agent's undo commands. */
  allowed(agent: string): boolean {
    return this.#allowed.has(agent);
  }

  allow(agent: string, allowed: boolean): void {
    if (allowed) this.#allowed.add(agent);
    else this.#allowed.delete(agent);
  }

  /** The next undo of this action is cut short. */
  kill(action: string): void {
    for (const entry of this.#entries()) if (entry.actions.some((one) => one.id === action)) entry.undoes.set(action, { ...entry.undoes.get(action), dies: true });
  }

  /** The rollbacks of a task, the latest first. */
  of({ agent, task }: OfTask): RollbackView[] {
    return this.#kept.filter((one) => one.of.agent === agent && one.of.task === task).map(({ view }) => view).reverse();
  }

  /** What was done in a task, oldest first. */
  actions(of: OfTask): TaskAction[] {
    return this.#actions(of).map(({ id, tool, step, effect, status, ended_at, source, standing }) => ({ id, tool, step, effect, status, at: ended_at, source, standing }));
  }

  preview(request: RollbackRequest): RollbackPreview {
    const { selection } = request;
    const actions = this.#actions(request);
    const faults: RollbackPreview['plan']['faults'] = [];
    const known = (id: string) => actions.some((action) => action.id === id);
    const named = selection.kind === 'actions' ? selection.ids : selection.kind === 'since_action' ? [selection.id] : [];
    for (const id of named) if (!known(id)) faults.push({ pointer: '/ids', message: `There is no action \`${id}\`.`, hint: 'Choose one of those in the history.' });
    const from = selection.kind === 'since_action' ? actions.findIndex((action) => action.id === selection.id) : -1;
    const selected = (action: ActionView, at: number) => {
      if (!changes(action)) return false;
      return selection.kind === 'actions' ? selection.ids.includes(action.id) : selection.kind === 'since_action' ? from >= 0 && at >= from : (action.ended_at ?? '') >= selection.at;
    };
    const chosen = new Set(actions.filter(selected).map((action) => action.id));
    const along = new Map<string, string>();
    for (const action of actions) {
      const with_ = action.depends_on.find((need) => along.has(need) || (chosen.has(need) && undoable(actions.find((one) => one.id === need))));
      if (with_ !== undefined && !chosen.has(action.id) && changes(action)) along.set(action.id, with_);
    }
    const concerned = actions.filter((action) => chosen.has(action.id) || along.has(action.id)).reverse();
    const tool = (id: string | undefined) => actions.find((action) => action.id === id)?.tool ?? '';
    const going = concerned.filter(undoable);
    const steps = going.map((action) => {
      const undo = action.undo as Undo;
      const with_ = along.get(action.id);
      return {
        action: action.id, tool: action.tool, ...(action.step === null ? {} : { step: action.step }), undo, files: undo.kind === 'files' ? action.files : [], how: how(action), compensates: action.effect === 'irreversible',
        ...(with_ === undefined ? {} : { along: { with: with_, why: `It used the result of ${tool(with_)}.` } }),
      };
    });
    const stays = concerned.filter((action) => !undoable(action)).map((action): Stays => {
      const with_ = along.get(action.id);
      return {
        action: action.id, tool: action.tool, ...(action.step === null ? {} : { step: action.step }), why: action.standing.state === 'irreversible' ? action.standing.why : 'It has no way back.', selected: chosen.has(action.id),
        leaves: with_ === undefined ? `What ${action.tool} did stays.` : `What ${action.tool} did stays, though it builds on ${tool(with_)}, which is undone.`,
      };
    });
    const files = going.filter((action) => action.undo?.kind === 'files').flatMap((action) => action.files.map((path) => {
      const conflict = this.#undoes(action.id)?.changed?.includes(path) ?? false;
      return { action: action.id, path, way: conflict ? ('conflict' as const) : ('put_back' as const), says: conflict ? 'Somebody has changed it since. It is left as it is.' : 'The copy takes its place.' };
    }));
    const commands_off = steps.some((step) => step.undo.kind === 'command') && !this.allowed(request.agent);
    const busy = this.of(request).some((view) => !view.over);
    const refused = faults.length > 0 ? 'There is something wrong with what is chosen.' : steps.length === 0 ? 'Nothing of this can be undone.' : busy ? 'Another rollback of this task is not over. See it to its end, or leave out what is left of it.' : commands_off ? 'It would run a program on this machine. Allow the desk to run the undo commands of this agent first.' : null;
    const directive = this.#directive(request, new Set(going.map((action) => action.step)));
    return { fingerprint: hashOf('rollback', [steps, stays, files, commands_off]), plan: { steps, stays, faults }, files, commands_off, refused, directive, conflicts: [] };
  }

  confirm(request: ConfirmRollback): RollbackView {
    const { agent, task, selection, fingerprint } = request;
    const preview = this.preview({ agent, task, selection });
    if (preview.fingerprint !== fingerprint) throw refusal('conflict', 'What would be undone has changed since it was shown.', 'Look at it again, and confirm it then; nothing has run.');
    if (preview.refused !== null) throw refusal('invalid_params', preview.refused, 'Nothing has run.');
    const items = preview.plan.steps.map((step): UndoView => ({
      action: step.action, tool: step.tool, step: step.step ?? null, by: step.undo.kind, undo: step.undo, how: step.how, compensates: step.compensates, state: { state: 'pending' }, says: 'Its turn has not come.', attempts: 0, output: null, files: step.files,
      can: { retry: false, skip: false, hand_over: false, confirm: false },
    }));
    const kept: Kept = { of: { agent, task }, view: { id: `rollback-${String(this.#kept.length + 1)}`, at: iso(Date.now()), items, stays: preview.plan.stays, over: false, stuck: null, says: '' } };
    this.#kept.push(kept);
    this.#go(kept);
    return kept.view;
  }

  retry({ rollback, action }: UndoItem): RollbackView {
    return this.#set(rollback, action, { state: 'pending' });
  }

  skip({ rollback, action }: UndoItem): RollbackView {
    return this.#set(rollback, action, { state: 'skipped' });
  }

  handOver({ rollback, action }: UndoItem): RollbackView {
    const view = this.#set(rollback, action, { state: 'handed_over', at: iso(Date.now()) });
    setTimeout(() => this.#set(rollback, action, { state: 'undone', at: iso(Date.now()) }), 5 * TURN_MS);
    return view;
  }

  confirmUndone({ rollback, action }: UndoItem): RollbackView {
    return this.#set(rollback, action, { state: 'undone', at: iso(Date.now()) });
  }

  #actions({ agent, task }: OfTask): ActionView[] {
    const seen = new Set<string>();
    return this.#entries().filter(({ view }) => view.agent.name === agent && view.task.id === task).flatMap((entry) => entry.actions).filter((action) => !seen.has(action.id) && seen.add(action.id));
  }

  #undoes(id: string): Undoes | undefined {
    return this.#entries().map((entry) => entry.undoes.get(id)).find((one) => one !== undefined);
  }

  #directive({ agent, task }: OfTask, undone: Set<string | null>): DirectiveStep[] {
    const plan = this.#entries().find(({ view }) => view.agent.name === agent && view.task.id === task)?.view.plan ?? [];
    return plan.map((step) => (step.status === 'done' && undone.has(step.title) ? { ...step, verdict: 'rerun', why: 'what it did is undone' } : step));
  }

  #set(rollback: string, action: string, state: ItemState): RollbackView {
    const kept = this.#kept.find(({ view }) => view.id === rollback);
    const item = kept?.view.items.find((one) => one.action === action);
    if (kept === undefined || item === undefined) throw refusal('not_found', 'There is no such rollback.', 'Look at the task again.');
    this.#change(kept, item, state);
    this.#go(kept);
    return kept.view;
  }

  /** Begins the next undo, unless one is under way or waits for the reviewer. */
  #go(kept: Kept): void {
    const waits = kept.view.items.some((item) => !['pending', 'undone', 'skipped'].includes(item.state.state));
    const next = kept.view.items.find((item) => item.state.state === 'pending');
    this.#settle(kept);
    if (waits || next === undefined) return;
    next.attempts += 1;
    this.#change(kept, next, next.by === 'tool' ? { state: 'asked', at: iso(Date.now()) } : { state: 'running', at: iso(Date.now()) });
    setTimeout(() => {
      if (next.state.state === 'asked') this.#change(kept, next, { state: 'running', at: iso(Date.now()) });
      setTimeout(() => { this.#finish(kept, next); }, TURN_MS);
    }, next.by === 'tool' ? TURN_MS : 0);
  }

  #finish(kept: Kept, item: UndoView): void {
    if (item.state.state !== 'running') return;
    const script = this.#undoes(item.action);
    const changed = script?.changed ?? [];
    const why = changed.length > 0 ? `${changed.join(', ')} was changed since. Nothing was put back, and no change of somebody else is lost.` : script?.fails?.shift();
    item.output = why === undefined ? (script?.output ?? null) : item.by === 'command' ? why : null;
    if (script?.dies === true) {
      script.dies = false;
      this.#change(kept, item, { state: 'may_have_run', since: iso(Date.now()) });
    } else this.#change(kept, item, why === undefined ? { state: 'undone', at: iso(Date.now()) } : { state: 'failed', why: item.by === 'command' ? 'The command ended with exit status 1.' : why });
    this.#go(kept);
  }

  #change(kept: Kept, item: UndoView, state: ItemState): void {
    item.state = state;
    item.says = saysOf(item);
    const stuck = state.state === 'failed' || state.state === 'may_have_run';
    item.can = { retry: stuck, skip: stuck || state.state === 'pending' || state.state === 'asked' || state.state === 'handed_over', hand_over: stuck, confirm: state.state === 'may_have_run' };
    for (const action of this.#entries().flatMap((entry) => [...entry.actions, ...entry.view.actions])) {
      if (action.id !== item.action) continue;
      if (state.state === 'undone') Object.assign(action, { standing: { state: 'undone' }, status: 'undone' });
      if (state.state === 'failed') action.standing = { state: 'undo_failed', why: state.why, again: true };
    }
    this.#settle(kept);
    this.#tell(kept.of);
  }

  #settle({ view }: Kept): void {
    const stuck = view.items.find((item) => item.state.state === 'failed' || item.state.state === 'may_have_run');
    const undone = view.items.filter((item) => item.state.state === 'undone').length;
    const left = view.items.filter((item) => item.state.state === 'pending').length;
    view.stuck = stuck?.action ?? null;
    view.over = view.items.every((item) => item.state.state === 'undone' || item.state.state === 'skipped');
    const soFar = undone === view.items.length ? `All ${String(undone)} are undone.` : `${String(undone)} of ${String(view.items.length)} are undone.`;
    view.says = stuck === undefined ? soFar : `${soFar} It has stopped: undoing ${stuck.action} ${stuck.state.state === 'failed' ? 'failed' : 'may have run'}.${left === 0 ? '' : left === 1 ? ' One after it was not touched.' : ` The ${String(left)} after it were not touched.`}`;
  }
}

function changes(action: ActionView): boolean {
  return action.effect !== 'read' && action.status !== 'failed' && action.standing.state !== 'undone';
}

function undoable(action: ActionView | undefined): boolean {
  return action?.undo != null && canUndo(action.standing);
}

function saysOf({ state, by }: UndoView): string {
  switch (state.state) {
    case 'pending':
      return 'Its turn has not come.';
    case 'asked':
      return 'The agent is asked to do it, and has not begun.';
    case 'running':
      return by === 'tool' ? 'The agent does it.' : by === 'command' ? 'The program runs.' : 'The files are being put back.';
    case 'undone':
      return 'It is undone.';
    case 'failed':
      return state.why;
    case 'may_have_run':
      return 'It was under way when it was cut short, and may have run. Look, and then say that it did or have it tried again.';
    case 'skipped':
      return 'It is left out: what was done stays.';
    case 'handed_over':
      return 'It is left to the agent, which does it in its own way.';
  }
}

function how({ undo, files }: ActionView): string {
  switch (undo?.kind) {
    case 'tool':
      return `The agent calls ${undo.tool} with ${JSON.stringify(undo.args)}.`;
    case 'command':
      return `The desk runs ${undo.argv.join(' ')} in ${undo.cwd}.`;
    case 'files':
      return files.length === 1 ? `The desk restores ${files[0] ?? ''} from its copy.` : `The desk restores ${String(files.length)} files from its copies.`;
    case undefined:
      return '';
  }
}
