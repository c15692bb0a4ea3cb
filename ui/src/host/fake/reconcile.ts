/**
 * What the in-memory desk makes of a plan where a value changes: who used the
 * old one, and what cannot be undone. The real desk knows far more.
 */
import type { BackPreview } from '../../gen/BackPreview';
import type { DirectiveStep } from '../../gen/DirectiveStep';
import type { FactSource } from '../../gen/FactSource';
import type { GiveBack } from '../../gen/GiveBack';
import type { Preview } from '../../gen/Preview';
import type { Entry, Spec } from './build';

/** What is known of a plan beside its steps. */
export interface Known {
  /** The facts, with the action and the step that found each. */
  facts: Map<string, { value: unknown; action: string; step: string | null }>;
  /** The facts that each step used. */
  uses: Map<string, string[]>;
  /** The arguments that are taken from a fact. */
  from: Record<string, string>;
}

type Way = Pick<Preview, 'directive' | 'conflicts' | 'undo' | 'facts'>;

export function knownOf({ actions = [], steps = [], from = {} }: Spec): Known {
  const facts = new Map(actions.flatMap(({ id, step, facts: found = {} }) => Object.entries(found).map(([name, value]) => [name, { value, action: id, step: step ?? null }] as const)));
  return { facts, uses: new Map(steps.map((step) => [step.id, step.uses ?? []])), from };
}

/** What edited arguments contradict and change. */
export function edits(entry: Entry, proposed: Record<string, unknown>, args: Record<string, unknown>, found: Preview): void {
  const { known, view } = entry;
  const changed: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(proposed), ...Object.keys(args)])) {
    const [old, now] = [proposed[name], args[name]];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    found.args.push({ pointer: `/${name}`, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) });
    const fact = known.facts.get(known.from[name] ?? '');
    if (fact === undefined || now === undefined) continue;
    const step = view.plan.find((one) => one.title === fact.step);
    if (typeof now === 'number' && typeof fact.value === 'number' && now > fact.value) {
      found.conflicts.push({ kind: 'contradicts', ...(step === undefined ? {} : { step: step.id }), action: fact.action, pointer: `/${name}`, text: `${name} is ${String(now)} here, but “${step?.title ?? ''}” found ${known.from[name] ?? ''} as ${String(fact.value)}.`, needs_override: true });
    }
    if (found.conflicts.length === 0) changed[known.from[name] ?? ''] = now;
  }
  follow(entry, changed, found, 'edited_args');
}

/** What new facts make stale. */
export function reconcile(entry: Entry, facts: Record<string, unknown>, found: Preview): void {
  follow(entry, facts, found, 'reviewer');
  found.needs_override = found.conflicts.some((conflict) => conflict.needs_override);
}

/** What becomes of a plan that is given back. */
export function returned(entry: Entry | undefined, back: GiveBack): BackPreview {
  const done = new Set(back.done.map(({ step }) => step));
  const directive = (entry?.view.plan ?? []).map((step): DirectiveStep => (step.status === 'done' || done.has(step.id) ? { ...step, verdict: 'keep', why: done.has(step.id) ? 'It was done by hand and stays.' : 'It is done and stays.' } : { ...step, verdict: 'run', why: 'It goes on.' }));
  const found: BackPreview = { faults: [], directive, conflicts: [], undo: [], facts: [] };
  if (entry !== undefined) follow(entry, back.facts, found, 'by_hand');
  return found;
}

/** Follows changed values through a plan. */
function follow({ known, view, actions }: Entry, facts: Record<string, unknown>, found: Way, source: FactSource): void {
  const stale = new Map<string, string>();
  const title = (id: string) => view.plan.find((step) => step.id === id)?.title ?? id;
  for (const [name, value] of Object.entries(facts)) {
    const before = known.facts.get(name);
    if (JSON.stringify(before?.value) === JSON.stringify(value)) continue;
    const users = view.plan.filter((step) => step.status === 'done' && known.uses.get(step.id)?.includes(name)).map((step) => step.id);
    found.facts.push({ name, ...(before === undefined ? {} : { old: before.value, found_by: before.action }), new: value, source, used_by: users });
    for (const id of users) stale.set(id, `It used ${name} as ${JSON.stringify(before?.value)}; it is ${JSON.stringify(value)} now.`);
  }
  for (const step of view.plan) {
    const need = step.needs.find((one) => stale.has(one));
    if (need !== undefined && step.status === 'done' && !stale.has(step.id)) stale.set(step.id, `It builds on “${title(need)}”, which is not right any more.`);
  }
  found.directive = found.directive.map((step): DirectiveStep => {
    const why = stale.get(step.id);
    if (why === undefined) {
      const need = step.needs.find((one) => stale.has(one));
      if (step.status !== 'done') return need === undefined ? step : { ...step, free: false, why: `It runs after “${title(need)}” is put right.` };
      return stale.size === 0 ? step : { ...step, why: 'It is done and stays: it used nothing that changed.' };
    }
    const did = actions.filter((action) => action.step === step.title && action.effect !== 'read');
    if (did.some((action) => action.undo === null)) {
      found.conflicts.push({ kind: 'irreversible', step: step.id, action: did[0]?.id ?? '', text: `“${step.title}” is done and stays, though it is not right any more. ${why} What ${did[0]?.tool ?? ''} did cannot be undone.`, needs_override: true });
      return { ...step, verdict: 'keep', why: `It stays, since it cannot be undone. ${why}` };
    }
    found.undo.push(...did.map((action) => ({ action: action.id, tool: action.tool, step: action.step, undo: action.undo, files: action.files, commands_off: false })));
    return { ...step, verdict: did.length > 0 ? 'undo_then_rerun' : 'rerun', undo: did.map((action) => action.id), why };
  });
}
