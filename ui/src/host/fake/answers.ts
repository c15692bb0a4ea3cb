/**
 * How the in-memory desk judges an answer, as far as the window can tell. It
 * keeps nothing and moves no handoff.
 */
import type { CaseView } from '../../gen/CaseView';
import type { DecideRequest } from '../../gen/DecideRequest';
import type { Decision } from '../../gen/Decision';
import type { Fault } from '../../gen/Fault';
import type { FoundView } from '../../gen/FoundView';
import type { OptionView } from '../../gen/OptionView';
import type { Preview } from '../../gen/Preview';
import type { Rule } from '../../gen/Rule';
import type { WindowError } from '../../gen/WindowError';
import { directive, hashOf, iso, type Entry } from './build';
import { edits, reconcile } from './reconcile';
import { faults } from './schema';

const DAY = 86_400_000;

/** What an answer would do. */
export function preview(entry: Entry, request: DecideRequest): Preview {
  const { view, check, texts } = entry;
  const { answer } = request;
  const found: Preview = { faults: [], constraints: [], conflicts: [], needs_override: false, needs_confirmation: false, found: null, hash: null, directive: directive(view.plan, answer), undo: [], facts: [], args: [] };
  if (answer.kind === 'reject' && answer.reason.trim() === '') found.faults.push({ pointer: '', message: 'A rejection needs a reason: the agent reads it.' });
  if (answer.kind === 'inform' && answer.text.trim() === '' && Object.keys(answer.facts).length === 0 && answer.constraints.length === 0) found.faults.push({ pointer: '', message: 'Say something, or give a fact or a constraint.' });
  if (answer.kind === 'inform') {
    reconcile(entry, answer.facts, found);
    found.constraints = answer.constraints.map(({ text }) => ({ text, added: true }));
  }
  if (answer.kind !== 'approve' && answer.kind !== 'modify') return found;
  const option = optionOf(view, answer.option);
  found.needs_confirmation = option.confirm;
  if (option.action === null) return found;
  const proposed = JSON.parse(texts.get(option.action.args.pointer) ?? '{}') as Record<string, unknown>;
  const args = answer.kind === 'modify' ? answer.args : proposed;
  if (answer.kind === 'modify') found.faults.push(...faults(option.action.args_schema, args));
  const inWords = view.constraints.filter((one) => one.expr === null).map(({ text }) => ({ text, added: false }));
  found.constraints = [...check(args).map(({ text, holds, error }) => ({ text, holds, added: false, ...(error === null ? {} : { error }) })), ...inWords];
  found.conflicts = found.constraints.filter((stand) => stand.holds === false).map(({ text }) => ({ kind: 'constraint', text: `“${text}” does not hold.`, needs_override: true }));
  if (answer.kind === 'modify') edits(entry, proposed, args, found);
  found.needs_override = found.conflicts.some((conflict) => conflict.needs_override);
  found.hash = hashOf(option.action.tool, args);
  found.found = answer.kind === 'modify' ? weighed(option, args) : option.found;
  found.needs_confirmation ||= found.found?.effect === 'irreversible';
  return found;
}

/** A desk that knows a single command. */
function weighed(option: OptionView, args: Record<string, unknown>): FoundView | null {
  const said = option.found?.said ?? option.effect;
  const deletes = typeof args['command'] === 'string' && args['command'].startsWith('rm ');
  return deletes && said !== 'irreversible' ? { said, effect: 'irreversible', unknown: false, why: `\`${String(args['command'])}\` deletes files.` } : null;
}

/** The decision that an answer makes. */
export function decision({ view, texts }: Entry, request: DecideRequest): Decision {
  const { answer } = request;
  const made: Decision = { ...answer, by: 'reviewer', at: iso(Date.now()), facts: {}, constraints: [] };
  if (answer.kind === 'inform') Object.assign(made, { facts: answer.facts, constraints: answer.constraints });
  if (answer.kind === 'approve' || answer.kind === 'modify') {
    const { action } = optionOf(view, answer.option);
    if (action !== null) {
      made.tool = action.tool;
      if (answer.kind === 'approve') made.args = JSON.parse(texts.get(action.args.pointer) ?? '{}') as Record<string, unknown>;
    }
  }
  if (request.override !== null) made.override = request.override;
  if (request.message !== null) made.message = request.message;
  return made;
}

/** What can be answered now. */
export function allowed(view: CaseView): CaseView['allowed'] {
  const open = view.state === 'ready';
  const { approve, modify, inform } = view.allowed;
  return { approve: open && approve, modify: open && modify, inform: open && inform, reject: open, take_over: open, undo: view.state === 'decided', regrant: view.may_have_run };
}

/** The rule that allows exactly the call behind a card. */
export function exactly({ view, texts }: Entry, days: number, uses: number | null): Rule {
  const action = view.options[0]?.action;
  if (view.asked === null || action == null) throw refusal('not_found', 'This was not asked by the gate, so there is no call to allow.', 'Only a call that an agent asks for can be always allowed.');
  const given = Object.entries(JSON.parse(texts.get(action.args.pointer) ?? '{}') as Record<string, unknown>);
  const until = iso(Date.now() + Math.min(Math.max(days, 1), 30) * DAY);
  const args = Object.fromEntries(given.map(([name, value]) => [name, { is: value }]));
  return { name: `Exactly this ${action.tool} of ${view.agent.name}`, agent: view.agent.name, tool: action.tool, when: { args }, does: 'allow', until, ...(uses === null ? {} : { uses }) };
}

/** What a call is refused with. */
export function refusal(code: string, message: string, hint: string, places: Fault[] = []): WindowError {
  return { code, message, hint, faults: places };
}

function optionOf(view: CaseView, id: string): OptionView {
  const option = view.options.find((one) => one.id === id);
  if (option === undefined) throw refusal('invalid', `The handoff has no option ${id}.`, 'Choose one of those on the card.');
  return option;
}
