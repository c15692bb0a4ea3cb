/**
 * The tasks of the in-memory desk: their plans, their timelines and who acts.
 * It refuses what the real desk refuses; no agent reads what it is told here.
 */
import type { CaseView } from '../../gen/CaseView';
import type { EditPlan } from '../../gen/EditPlan';
import type { GiveBack } from '../../gen/GiveBack';
import type { InHands } from '../../gen/InHands';
import type { OfTask } from '../../gen/OfTask';
import type { Pause } from '../../gen/Pause';
import type { Plan } from '../../gen/Plan';
import type { Said } from '../../gen/Said';
import type { Step } from '../../gen/Step';
import type { Stop } from '../../gen/Stop';
import type { TakeOver } from '../../gen/TakeOver';
import type { TaskEntry } from '../../gen/TaskEntry';
import type { TaskView } from '../../gen/TaskView';
import type { TellAgent } from '../../gen/TellAgent';
import type { WindowError } from '../../gen/WindowError';
import { iso, MINUTE } from './build';
import type { FakeGate } from './gate';
import type { FakeRollbacks } from './rollback';

/** A task as a scene tells it. */
export interface TaskSpec extends OfTask {
  goal: string;
  plan: Plan | null;
  entries: TaskEntry[];
  earlier?: number;
  closed?: boolean;
}

/** A task as it is kept. */
interface Kept {
  goal: string | null;
  plan: Plan | null;
  revision: number;
  own: TaskEntry[];
  said: Said[];
  earlier: number;
  stopped: Stop | null;
  closed: boolean;
}

/** What the timeline of a task leaves out: how its reviewer was told. */
const NOT_ITS_COURSE = ['ready', 'notified', 'not_notified', 'reminded', 'opened', 'snoozed', 'woken', 'clock_set', 'missed', 'alerted', 'not_alerted'];

export class FakeTasks {
  readonly #kept = new Map<string, Kept>();
  readonly #cases: () => CaseView[];
  readonly #gate: FakeGate;
  readonly #rollbacks: FakeRollbacks;

  constructor(specs: TaskSpec[], cases: () => CaseView[], gate: FakeGate, rollbacks: FakeRollbacks) {
    this.#cases = cases;
    this.#gate = gate;
    this.#rollbacks = rollbacks;
    for (const { agent, task, goal, plan, entries, earlier = 0, closed = false } of specs) {
      this.#kept.set(key({ agent, task }), { goal, plan, revision: plan === null ? 0 : 1, own: entries, said: [], earlier, stopped: null, closed });
    }
  }

  view(of: OfTask): TaskView {
    const kept = this.#find(of);
    const cases = this.#of(of);
    const card = this.#card(of);
    const stopped = this.#stopped(of, kept);
    const pending = cases.filter((view) => view.state === 'ready');
    const steps = kept.plan?.steps ?? [];
    const waiting = new Map(steps.map((step) => [step.id, waitsFor(step, steps, pending)]));
    const free = steps.filter((step) => isFree(step, steps) && waiting.get(step.id)?.length === 0);
    const acts = stopped === 'taken_over' ? 'reviewer' : stopped !== null ? 'paused' : pending.length > 0 && free.length === 0 ? 'reviewer' : kept.closed ? 'over' : 'agent';
    const events = cases.flatMap((view) => view.thread.filter((line) => !NOT_ITS_COURSE.includes(line.event)).map((line) => ({ ...line, handoff: view.id, action: null })));
    const [latest] = cases;
    return {
      agent: of.agent,
      id: of.task,
      title: card?.title ?? latest?.task.title ?? of.task,
      goal: kept.goal ?? latest?.task.goal ?? '',
      acts,
      stopped,
      pending: pending.map((view) => view.id),
      steps: steps.map(({ id, title, status, depends_on }) => ({ id, title, status, depends_on, free: stopped === null && free.some((one) => one.id === id), waits_for: waiting.get(id) ?? [] })),
      plan: kept.plan,
      revision: kept.revision,
      said: [...kept.said, ...cases.flatMap((view) => (view.decision?.message == null ? [] : [{ at: view.decision.at, text: view.decision.message.text, handoff: view.id, known: view.state === 'collected' || view.state === 'reconciled' }]))],
      timeline: [...events, ...calls(cases), ...kept.own].sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
      earlier: kept.earlier,
      actions: this.#rollbacks.actions(of),
      actions_total: this.#rollbacks.actions(of).length,
      rollbacks: this.#rollbacks.of(of),
      closed: kept.closed,
      connected: latest?.agent.connected ?? this.#gate.agents([], Date.now()).agents.find((agent) => agent.name === of.agent)?.connected ?? false,
    };
  }

  /** The tasks in the reviewer's hands. */
  inHands(): InHands[] {
    const cards = this.#gate.agents([], Date.now()).agents.flatMap(({ name, tasks }) => tasks.map(({ id }) => ({ agent: name, task: id })));
    const all = new Map([...cards, ...this.#cases().map((view) => ({ agent: view.agent.name, task: view.task.id }))].map((of) => [key(of), of]));
    const held = [...all.values()].filter((of) => (this.#card(of)?.stopped ?? this.#kept.get(key(of))?.stopped) === 'taken_over');
    return held.map((of) => ({ ...of, title: this.#card(of)?.title ?? this.#of(of)[0]?.task.title ?? of.task, since: this.#card(of)?.changed_at ?? iso(Date.now()) }));
  }

  /** A decision took it over. */
  taken(of: OfTask, tell: () => void): void {
    this.#stop(of, this.#find(of), 'taken_over');
    tell();
  }

  takeOver(take: TakeOver): void {
    refuseWords(take.message?.text ?? null);
    const kept = this.#find(take);
    if (this.#stopped(take, kept) === 'taken_over') return;
    this.#stop(take, kept, 'taken_over');
    log(kept, 'taken_over', 'Took the task over');
    if (take.message !== null) kept.said = [...kept.said, { at: iso(Date.now()), text: take.message.text, handoff: null, known: false }];
  }

  giveBack(back: GiveBack): void {
    refuseWords(back.text);
    const kept = this.#find(back);
    if (this.#stopped(back, kept) !== 'taken_over') throw refusal('conflict', 'The task is not taken over, so there is nothing to give back.', 'Look at it again; nothing was sent.');
    const unknown = back.done.find((done) => kept.plan?.steps.every((step) => step.id !== done.step) ?? true);
    if (unknown !== undefined) throw refusal('invalid_params', `The plan has no step "${unknown.step}".`, 'Name steps of the plan, or add the step to the plan first; nothing was sent.');
    if (kept.plan !== null && back.done.length > 0) {
      const done = new Map(back.done.map((one) => [one.step, one]));
      kept.plan = { steps: kept.plan.steps.map((step) => (done.has(step.id) ? { ...step, status: 'done', ...(done.get(step.id)?.output === undefined ? {} : { output: done.get(step.id)?.output }) } : step)) };
      kept.revision += 1;
    }
    for (const { step } of back.done) log(kept, 'action', `Did ${step} by hand`, `by-hand:${step}`);
    if (Object.keys(back.facts).length > 0) log(kept, 'action', 'Found facts by hand', 'by-hand:facts');
    this.#stop(back, kept, null);
    log(kept, 'given_back', back.text === null ? 'Gave the task back' : `Gave the task back: ${back.text}`);
  }

  editPlan(edit: EditPlan): void {
    refuseWords(edit.text);
    const kept = this.#find(edit);
    const known = new Set(edit.plan.steps.map((step) => step.id));
    const lost = edit.plan.steps.find((step) => step.depends_on.some((need) => !known.has(need)));
    if (lost !== undefined) throw refusal('invalid_params', `There is no step that “${lost.title}” depends on.`, 'Name a step of the plan.');
    if (kept.revision !== edit.revision) throw refusal('conflict', `The plan has changed since: it has revision ${String(kept.revision)} now.`, 'Look at it again, and change the present one; nothing was sent.');
    const undone = kept.plan?.steps.find((step) => step.status === 'done' && !edit.plan.steps.some((one) => one.id === step.id && one.status === 'done'));
    if (undone !== undefined) throw refusal('invalid_params', `The step “${undone.title}” is done, and the plan must not say otherwise.`, 'Leave it in; to have it done again, have it undone first, or add a step.');
    kept.plan = edit.plan;
    kept.revision += 1;
    log(kept, 'plan_edited', edit.text === null ? 'Changed the plan' : `Changed the plan: ${edit.text}`);
  }

  tellAgent(tell: TellAgent): void {
    refuseWords(tell.text);
    log(this.#find(tell), 'told', `Said: ${tell.text}`);
  }

  /** A task is paused, or goes on; what is wider, the gate keeps. */
  pause({ agent, task, paused }: Pause): void {
    if (agent === undefined || task === undefined) return;
    const kept = this.#find({ agent, task });
    this.#stop({ agent, task }, kept, paused ? 'task' : null);
    log(kept, paused ? 'paused' : 'resumed', paused ? 'Paused it' : 'Let it go on');
  }

  /** The agent makes another plan. */
  replan(of: OfTask, plan: Plan): void {
    const kept = this.#find(of);
    kept.plan = plan;
    kept.revision += 1;
  }

  /** The agent ends it. */
  end(of: OfTask): void {
    this.#find(of).closed = true;
  }

  #find(of: OfTask): Kept {
    const found = this.#kept.get(key(of));
    if (found !== undefined) return found;
    const [latest] = this.#of(of);
    if (latest === undefined && this.#card(of) === undefined) throw refusal('not_found', `There is no task "${of.task}" of yours.`, 'Open it first.');
    const steps = latest?.plan.map(({ id, title, status, depends_on }): Step => ({ id, title, status, depends_on, uses: [] })) ?? [];
    const kept: Kept = { goal: null, plan: steps.length === 0 ? null : { steps }, revision: steps.length === 0 ? 0 : 1, own: [], said: [], earlier: 0, stopped: null, closed: false };
    this.#kept.set(key(of), kept);
    return kept;
  }

  /** Its handoffs, the latest first. */
  #of({ agent, task }: OfTask): CaseView[] {
    return this.#cases().filter((view) => view.agent.name === agent && view.task.id === task).sort((a, b) => b.received_at.localeCompare(a.received_at));
  }

  #card({ agent, task }: OfTask) {
    return this.#gate.agents([], Date.now()).agents.find((one) => one.name === agent)?.tasks.find((one) => one.id === task);
  }

  #stopped(of: OfTask, kept: Kept): Stop | null {
    const { paused, agents } = this.#gate.agents([], Date.now());
    const own = this.#card(of)?.stopped ?? kept.stopped;
    return own ?? (paused ? 'everything' : agents.find((agent) => agent.name === of.agent)?.paused === true ? 'agent' : null);
  }

  #stop(of: OfTask, kept: Kept, stop: Stop | null): void {
    kept.stopped = stop;
    const card = this.#card(of);
    if (card !== undefined) card.stopped = stop;
  }
}

function calls(cases: CaseView[]): TaskEntry[] {
  const seen = new Set<string>();
  return cases.flatMap((view) => view.actions).filter((action) => !seen.has(action.id) && seen.add(action.id)).map((action): TaskEntry => ({
    at: action.ended_at ?? action.started_at ?? iso(Date.now()), actor: 'agent', event: 'action', text: action.step === null ? `Ran ${action.tool}` : `Ran ${action.tool} for ${action.step}`, until: null, handoff: null, action: action.id,
  }));
}

/** The handoffs a step waits for, directly or not. */
function waitsFor(step: Step, steps: Step[], pending: CaseView[]): string[] {
  const asked = new Map(pending.map((view) => [view.question_step, view.id]));
  const found = new Set<string>();
  const visited = new Set<string>();
  const visit = (id: string) => {
    if (visited.has(id)) return;
    visited.add(id);
    const handoff = asked.get(id);
    if (handoff !== undefined) found.add(handoff);
    for (const need of steps.find((one) => one.id === id)?.depends_on ?? []) visit(need);
  };
  if (step.status !== 'done') visit(step.id);
  return [...found];
}

function isFree(step: Step, steps: Step[]): boolean {
  return (step.status === 'pending' || step.status === 'running') && step.depends_on.every((need) => steps.find((one) => one.id === need)?.status === 'done');
}

function log(kept: Kept, event: string, text: string, action: string | null = null): void {
  kept.own = [...kept.own, { at: iso(Date.now()), actor: 'reviewer', event, text, until: null, handoff: null, action }];
}

function refuseWords(text: string | null): void {
  if (text !== null && (text.trim() === '' || text.length > 65_536)) throw refusal('invalid_params', 'The words are missing, or longer than 64 KiB.', 'Write a sentence or two; nothing was sent.');
}

function refusal(code: string, message: string, hint: string): WindowError {
  return { code, message, hint, faults: [] };
}

function key({ agent, task }: OfTask): string {
  return JSON.stringify([agent, task]);
}

/** A task with a past, a plan with arguments, and somebody on the other side. */
export function refundTask(now: number): TaskSpec {
  const said = (minutes: number, actor: string, event: string, text: string, action: string | null = null): TaskEntry => ({ at: iso(now - minutes * MINUTE), actor, event, text, until: null, handoff: null, action });
  return {
    agent: 'billing-agent',
    task: 'ortiz',
    goal: 'Settle what Dana Ortiz asks for, within the refund policy.',
    earlier: 12,
    plan: {
      steps: [
        { id: 'find_charges', title: 'Find the charges of the order', status: 'done', depends_on: [], uses: [], tool: 'billing.list_charges', args: { order: 'A-1187' }, output: { duplicate_captured: 149 } },
        { id: 'open_case', title: 'Tag the case', status: 'done', depends_on: ['find_charges'], uses: [] },
        { id: 'refund', title: 'Refund the duplicate', status: 'pending', depends_on: ['find_charges'], uses: ['steps.find_charges.output.duplicate_captured'], tool: 'billing.refund', args: { charge: 'ch_2', amount: 149, currency: 'EUR' } },
        { id: 'notify', title: 'Write to the customer', status: 'pending', depends_on: ['refund'], uses: ['steps.refund.output.receipt'], tool: 'mail.send', args: { template: 'refund-settled' } },
        { id: 'report', title: 'Update the weekly duplicate report', status: 'running', depends_on: ['open_case'], uses: [], tool: 'report.update', args: { week: 47 } },
      ],
    },
    entries: [
      said(41, 'reviewer', 'told', 'Said: Look into the bank’s own record too, not only ours.'),
      said(40, 'agent', 'knows', 'Has read it'),
      said(12, 'reviewer', 'paused', 'Paused it'),
      said(9, 'reviewer', 'resumed', 'Let it go on'),
      said(9, 'agent', 'knows', 'Knows that it may go on'),
    ],
  };
}
