/**
 * A rule as it stands in the form, and as the desk takes it. It reads what was
 * typed; whether the rule is a good one, the desk judges.
 */
import type { Effect } from '../gen/Effect';
import type { Rule } from '../gen/Rule';
import type { When } from '../gen/When';
import type { WindowError } from '../gen/WindowError';
import { readWords } from './argv';
import { readValue } from './json';

const DAY = 24 * 3_600_000;

/** What one argument has to be. */
export type Match = 'is' | 'within' | 'any';

export interface Written {
  does: 'hold' | 'counts';
  name: string;
  agent: string;
  tool: string;
  /** For a hold: the condition, and what the card says. */
  expr: string;
  why: string;
  effect: Effect;
  by: 'args' | 'command';
  args: { id: number; name: string; match: Match; value: string }[];
  line: string;
  cwd: string;
  /** In how many days it ends; blank for no end. */
  days: string;
}

/** Something wrong, and with which part of the rule. */
export interface Placed {
  at: string;
  message: string;
}

export function blank(): Written {
  return { does: 'hold', name: '', agent: '', tool: '', expr: '', why: '', effect: 'read', by: 'args', args: [{ id: 0, name: '', match: 'is', value: '' }], line: '', cwd: '', days: '' };
}

/** The rule that was written, or what cannot be read of it. */
export function readRule(form: Written, now: number): { rule: Rule } | { faults: Placed[] } {
  const faults: Placed[] = [];
  const need = (at: string, text: string, message: string) => {
    if (text.trim() === '') faults.push({ at, message });
  };
  need('/name', form.name, 'Give it a name that you will know again.');
  if (form.does === 'hold') need('/why', form.why, 'Say why: you read it on the card.');
  else need('/tool', form.tool, 'Name the tool.');
  const days = form.days.trim();
  if (days !== '' && !(/^\d+$/u.test(days) && Number(days) >= 1 && Number(days) <= 3650)) faults.push({ at: '/until', message: 'A number of days above 0, or nothing for no end.' });
  const when = form.does === 'hold' ? held(form) : counted(form, faults);
  if (faults.length > 0) return { faults };
  const rule = {
    name: form.name.trim(),
    ...(form.agent === '' ? {} : { agent: form.agent }),
    ...(form.tool.trim() === '' ? {} : { tool: form.tool.trim() }),
    when,
    ...(days === '' ? {} : { until: new Date(now + Number(days) * DAY).toISOString() }),
  };
  return { rule: form.does === 'hold' ? { ...rule, does: 'hold', why: form.why.trim() } : { ...rule, does: 'counts', effect: form.effect } };
}

/** Which parts of the rule a refusal is about; blank for all of it. */
export function placed({ message, hint, faults }: Pick<WindowError, 'message' | 'hint' | 'faults'>): Placed[] {
  if (faults.length === 0) return [{ at: '', message: `${message} ${hint}` }];
  return faults.map((fault) => ({ at: fault.pointer.startsWith('/when/args') ? '/when/args' : fault.pointer, message: `${fault.message} ${fault.hint}`.trim() }));
}

function held(form: Written): When {
  return { args: {}, ...(form.expr.trim() === '' ? {} : { expr: form.expr.trim() }) };
}

function counted(form: Written, faults: Placed[]): When {
  if (form.by === 'command') {
    const read = readWords(form.line);
    if ('fault' in read) faults.push({ at: '/when/argv', message: read.fault });
    else if (read.words.length === 0) faults.push({ at: '/when/argv', message: 'Write the command, as it is typed.' });
    if (form.cwd.trim() === '') faults.push({ at: '/when/cwd', message: 'Name the folder: the same words do other things elsewhere.' });
    return { args: {}, argv: 'words' in read ? read.words : [], cwd: form.cwd.trim() };
  }
  const named = form.args.filter((arg) => arg.name.trim() !== '');
  const pattern = ({ match, value }: Written['args'][number]) => (match === 'any' ? 'any' : match === 'within' ? { within: value.trim() } : { is: readValue(value) });
  return { args: Object.fromEntries(named.map((arg) => [arg.name.trim(), pattern(arg)])) };
}
