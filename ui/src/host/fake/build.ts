/**
 * Builds the cases of the in-memory desk from short descriptions, folded the
 * way the real desk folds them.
 */
import type { ActionView } from '../../gen/ActionView';
import type { AgentView } from '../../gen/AgentView';
import type { CaseView } from '../../gen/CaseView';
import type { ConstraintResult } from '../../gen/ConstraintResult';
import type { DirectiveStep } from '../../gen/DirectiveStep';
import type { Effect } from '../../gen/Effect';
import type { Folded } from '../../gen/Folded';
import type { OptionView } from '../../gen/OptionView';
import type { RiskLevel } from '../../gen/RiskLevel';
import type { Standing } from '../../gen/Standing';
import type { StepStatus } from '../../gen/StepStatus';
import type { TimeoutKind } from '../../gen/TimeoutKind';
import type { Undo } from '../../gen/Undo';
import { atTheDeadline, firstSettings } from './alerts';
import { knownOf, type Known } from './reconcile';
import type { Undoes } from './rollback';

const HEAD_LINES = 12;
const HEAD_CHARS = 2000;
/** How far the desk can hold an agent back: one that asks first, and one that does not. */
export const ASKS = 'It asks the desk before it acts. Nothing else keeps it from acting unasked; what it then reports is compared with what was decided.';
export const HANDS = 'It only hands over cases. The desk sees what it submits and reports, and cannot hold back anything else.';
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** A handoff with what the desk keeps beside its view. */
export interface Entry {
  view: CaseView;
  /** All tool calls; the view holds the first 200. */
  actions: ActionView[];
  /** The full texts of the folded values, by pointer. */
  texts: Map<string, string>;
  /** What the constraints say of arguments. */
  check: Check;
  /** The declared default. */
  fallback: string | null;
  /** How the agent's client behaves after the release. */
  listens: boolean;
  /** How undoing its actions goes. */
  undoes: Map<string, Undoes>;
  known: Known;
}

export type Check = (args: Record<string, unknown> | null) => ConstraintResult[];

export interface OptionSpec {
  id: string;
  label: string;
  description?: string;
  pros?: string[];
  cons?: string[];
  risk?: RiskLevel;
  effect?: Effect;
  /** What the agent says of the effect, and why the desk found another. */
  said?: Effect;
  found?: string;
  why?: string;
  recommended?: boolean;
  action?: { tool: string; args: Record<string, unknown>; schema?: unknown; undo?: Undo; files?: string[]; preconditions?: string[] };
}

export interface ActionSpec {
  id: string;
  tool: string;
  effect?: Effect;
  /** The desk found the effect. */
  found?: boolean;
  source?: string;
  step?: string;
  input?: unknown;
  output?: unknown;
  reasoning?: string;
  confidence?: number;
  status?: ActionView['status'];
  undo?: Undo;
  /** Where it stands; else as its effect and its undo say. */
  standing?: Standing;
  undoes?: Undoes;
  facts?: Record<string, unknown>;
  files?: string[];
  dependsOn?: string[];
  agoMs?: number;
}

export interface StepSpec {
  id: string;
  title: string;
  status?: StepStatus;
  dependsOn?: string[];
  /** The facts it used. */
  uses?: string[];
}

export interface Spec extends Partial<Omit<CaseView, 'options' | 'actions' | 'plan' | 'agent' | 'task' | 'deadline'>> {
  id: string;
  agent: string;
  /** The id of its task, where it is one that the agent works on. */
  task?: string;
  title: string;
  question: string;
  dueMs?: number;
  warnBeforeMs?: number;
  then?: string;
  /** What follows its deadline. */
  onTimeout?: TimeoutKind;
  /** The option that is the declared default. */
  fallback?: string;
  /** Where it changes something: whether the reviewer has allowed it. */
  leave?: boolean;
  /** Why its default was not taken. */
  refused?: string;
  /** The declared default cannot be undone: it is not taken, whatever the reviewer says. */
  forGood?: boolean;
  snoozedMs?: number;
  options?: OptionSpec[];
  actions?: ActionSpec[];
  steps?: StepSpec[];
  check?: Check;
  listens?: boolean;
  /** The arguments that are taken from a fact. */
  from?: Record<string, string>;
}

/** Builds the entry a spec describes, received and due relative to `now`. */
export function entry(spec: Spec, agent: AgentView, now: number): Entry {
  const texts = new Map<string, string>();
  const fold = (value: unknown, pointer: string): Folded => folded(typeof value === 'string' ? value : pretty(value), pointer, texts);
  const check = spec.check ?? (() => []);
  const { dueMs = 4 * HOUR, warnBeforeMs = 30 * MINUTE } = spec;
  const options = (spec.options ?? []).map((option, index) => optionView(option, index, fold, check));
  const actions = (spec.actions ?? []).map((action, index) => actionView(action, index, fold, now));
  const summary = spec.summary ?? 'The agent stopped here and asks how to go on.';
  const words = summary.split(/\s+/u).filter((word) => word !== '').length;
  const asks = options.length === 0;
  const view: CaseView = {
    id: spec.id,
    revision: spec.revision ?? 1,
    agent,
    task: { id: spec.task ?? `task-${spec.id}`, title: spec.title, goal: spec.title },
    state: spec.state ?? 'ready',
    flags: spec.flags ?? [],
    level: spec.level ?? 'suggest',
    level_set: spec.level_set ?? { level: spec.level ?? 'suggest', then: 'suggest' },
    reach: spec.reach ?? (spec.asked === undefined ? HANDS : ASKS),
    asked: spec.asked ?? null,
    is_draft: spec.is_draft ?? false,
    reason: spec.reason ?? { code: 'approval_required' },
    priority: spec.priority ?? 'normal',
    question: spec.question,
    question_step: spec.question_step ?? null,
    summary,
    reading_s: Math.round((words / 238) * 60),
    summary_words: words,
    intent: spec.intent ?? null,
    entities: spec.entities ?? [],
    constraints: spec.constraints ?? [],
    sentiment: spec.sentiment ?? null,
    not_included: spec.not_included ?? [],
    missing_layers: spec.missing_layers ?? [],
    options,
    allowed: spec.allowed ?? { approve: !asks, modify: !asks, inform: true, reject: true, take_over: true, undo: false, regrant: false },
    deadline: {
      respond_by: iso(now + dueMs),
      warn_at: iso(now + dueMs - warnBeforeMs),
      warned: dueMs < warnBeforeMs,
      on_timeout: spec.onTimeout ?? 'manual_review',
      then: spec.then ?? '',
      default_option: options.find((option) => option.id === spec.fallback)?.label ?? null,
      snoozed_until: spec.snoozedMs === undefined ? null : iso(now + spec.snoozedMs),
      can_snooze: dueMs > warnBeforeMs,
      default_allowed: spec.leave ?? null,
      takes_default: spec.onTimeout === 'safe_default' && spec.leave !== false && spec.forGood !== true,
      refused: spec.refused ?? null,
    },
    actions: actions.slice(0, 200),
    actions_total: actions.length,
    rollbacks: [],
    plan: (spec.steps ?? []).map((step) => ({
      needs: step.dependsOn ?? [],
      undo: [],
      id: step.id,
      title: step.title,
      status: step.status ?? 'pending',
      verdict: 'run',
      why: '',
      depends_on: step.dependsOn ?? [],
      asked: step.id === spec.question_step,
      free: false,
    })),
    conversation: spec.conversation ?? null,
    resume: { mode: 'checkpoint' },
    meta: spec.meta ?? null,
    liveness: spec.liveness ?? (spec.listens === false ? { kind: 'not_seen', since: iso(now - 42 * MINUTE) } : { kind: 'listening' }),
    outbox: spec.outbox ?? null,
    hold: null,
    decision: spec.decision ?? null,
    report: spec.report ?? null,
    divergences: spec.divergences ?? [],
    report_by: spec.report_by ?? null,
    changed: spec.changed ?? [],
    may_have_run: spec.may_have_run ?? false,
    closed_because: spec.closed_because ?? null,
    thread: spec.thread ?? [{ at: iso(now - 3 * MINUTE), actor: 'agent', event: 'submitted', text: 'handed off this case', until: null }],
    received_at: spec.received_at ?? iso(now - 3 * MINUTE),
  };
  view.plan = directive(view.plan, { kind: 'approve' });
  const fallback = spec.fallback ?? null;
  if (spec.then === undefined) view.deadline.then = atTheDeadline(view, options.find((option) => option.id === fallback), firstSettings().alerts);
  const undoes = new Map((spec.actions ?? []).flatMap((action) => (action.undoes === undefined ? [] : [[action.id, action.undoes]])));
  return { view, actions, texts, check, fallback, listens: spec.listens ?? true, undoes, known: knownOf(spec) };
}

/** What a kind of answer makes of the plan. */
export function directive(steps: DirectiveStep[], answer: { kind: string; then?: string }): DirectiveStep[] {
  const asked = steps.find((step) => step.asked)?.id;
  const after = new Set<string>(asked === undefined ? [] : [asked]);
  for (let before = -1; before !== after.size;) {
    before = after.size;
    for (const step of steps) if (step.depends_on.some((need) => after.has(need))) after.add(step.id);
  }
  return steps.map((step) => {
    const free = asked !== undefined && !after.has(step.id) && step.status !== 'done';
    const line = (verdict: DirectiveStep['verdict'], why: string) => ({ ...step, free, verdict, why });
    if (step.status === 'done') return line('keep', 'done and not touched by the answer');
    if (answer.kind === 'reject' && answer.then === 'stop') return line('skip', 'the task ends here');
    if (free) return line('run', 'does not depend on the question');
    if (answer.kind === 'reject' && answer.then === 'skip') return line('skip', 'left out with the step that was asked about');
    if (answer.kind === 'reject') return line('blocked', 'waits for another proposal');
    if (answer.kind === 'inform') return line('blocked', 'waits for a proposal with the new information');
    if (answer.kind === 'take_over') return line('blocked', 'is in your hands');
    return line('run', step.asked ? 'is what you approve' : 'follows the step you approve');
  });
}

/** The folded form of a text; remembers the whole of it. */
export function folded(text: string, pointer: string, texts: Map<string, string>): Folded {
  const lines = text.split('\n');
  const head = lines.slice(0, HEAD_LINES).join('\n').slice(0, HEAD_CHARS);
  texts.set(pointer, text);
  const whole = lines.length <= HEAD_LINES + 2 && text.length <= HEAD_CHARS;
  return { head: whole ? text : head, lines: lines.length, chars: text.length, whole, pointer };
}

/** A stand-in for the hash of an action: equal for equal actions only. */
export function hashOf(tool: string, args: unknown): string {
  let hash = 0n;
  for (const char of JSON.stringify({ args, tool })) hash = (hash * 131n + BigInt(char.codePointAt(0) ?? 0)) % (1n << 256n);
  return hash.toString(16).padStart(64, '0');
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

function optionView(spec: OptionSpec, index: number, fold: (value: unknown, pointer: string) => Folded, check: Check): OptionView {
  const effect = spec.effect ?? 'reversible';
  const risk = spec.risk ?? (effect === 'irreversible' ? 'high' : effect === 'read' ? 'low' : 'medium');
  const { action } = spec;
  return {
    id: spec.id,
    label: spec.label,
    description: spec.description ?? null,
    pros: spec.pros ?? [],
    cons: spec.cons ?? [],
    risk,
    effect,
    found: spec.said === undefined ? null : { said: spec.said, effect, unknown: false, why: spec.found ?? '' },
    risk_why: spec.why ?? '',
    recommended: spec.recommended ?? false,
    action:
      action === undefined
        ? null
        : {
            tool: action.tool,
            args: fold(action.args, `/options/${String(index)}/action/args`),
            hash: hashOf(action.tool, action.args),
            args_schema: action.schema ?? null,
            undo: action.undo ?? null,
            files: action.files ?? [],
            preconditions: action.preconditions ?? [],
          },
    broken: action === undefined ? [] : check(action.args).filter((result) => !result.holds),
    confirm: risk === 'high',
  };
}

function actionView(spec: ActionSpec, index: number, fold: (value: unknown, pointer: string) => Folded, now: number): ActionView {
  const at = `/actions_taken/${String(index)}`;
  const began = now - (spec.agoMs ?? 5 * MINUTE) + index * 1500;
  return {
    id: spec.id,
    step: spec.step ?? null,
    tool: spec.tool,
    input: spec.input === undefined ? null : fold(spec.input, `${at}/input`),
    output: spec.output === undefined ? null : fold(spec.output, `${at}/output`),
    reasoning: spec.reasoning ?? null,
    confidence: spec.confidence ?? null,
    effect: spec.effect ?? 'read',
    found: spec.found ?? false,
    status: spec.status ?? 'done',
    started_at: iso(began),
    ended_at: iso(began + 900),
    undo: spec.undo ?? null,
    facts: spec.facts === undefined ? null : fold(spec.facts, `${at}/facts`),
    files: spec.files ?? [],
    depends_on: spec.dependsOn ?? [],
    source: spec.source ?? 'agent says',
    standing: spec.standing ?? standing(spec),
  };
}

function standing({ effect = 'read', status = 'done', undo }: ActionSpec): Standing {
  if (status === 'undone') return { state: 'undone' };
  if (effect === 'read') return { state: 'nothing', why: 'It only reads.' };
  if (status !== 'done') return { state: 'nothing', why: status === 'failed' ? 'It failed.' : 'It is still running.' };
  if (undo === undefined) return { state: 'irreversible', why: 'The agent named no way to undo it.' };
  const until = undo.until === undefined ? {} : { until: undo.until };
  const how = undo.kind === 'tool' ? `The agent calls ${undo.tool}.` : undo.kind === 'command' ? `The desk runs ${undo.argv.join(' ')}.` : 'The desk restores its files from its copies.';
  return { state: effect === 'irreversible' ? 'compensating' : 'reversible', ...until, how };
}
