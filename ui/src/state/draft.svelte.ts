/**
 * The reviewer's unsent answer to one handoff. It outlives a change of the
 * card, of the selection and of the proposal; only sending or discarding it
 * ends it. It judges nothing: the desk says what is wrong with an answer.
 */
import type { Answer } from '../gen/Answer';
import type { CaseView } from '../gen/CaseView';
import type { OptionView } from '../gen/OptionView';
import type { Then } from '../gen/Then';
import { readObject, readValue } from '../lib/json';

export type Form = 'modify' | 'inform' | 'reject' | 'take_over';

/**
 * What is chosen before anybody has chosen: what the agent recommends, or the
 * only option. Among others none is: the first of a list is no advice, and a
 * chord must not decide by accident.
 */
function first({ options }: CaseView): string | null {
  const chosen = options.find((option) => option.recommended) ?? (options.length === 1 ? options[0] : undefined);
  return chosen?.id ?? null;
}

/** What a choice is of: another label or another call is another option, whatever its id. */
const print = ({ label, action }: OptionView): string => JSON.stringify([label, action?.tool, action?.hash]);

export class Draft {
  /** The option that is chosen. */
  option = $state<string | null>(null);
  /** The form that is open; none means approving. */
  form = $state<Form | null>(null);
  /** The edited arguments as text, by option. */
  args = $state<Record<string, string>>({});
  text = $state('');
  facts = $state<{ id: number; name: string; value: string }[]>([]);
  constraints = $state<{ id: number; text: string }[]>([]);
  reason = $state('');
  then = $state<Then>('stop');
  note = $state('');
  /** Why the reviewer goes against a constraint. */
  why = $state('');
  /** Words for the end user. */
  message = $state('');
  /** The consequence was confirmed in words. */
  confirmed = $state(false);
  /** The proposal changed under unsent words. */
  overtaken = $state(false);
  /** It was sent: its words are the decision, and no longer unsent. */
  sent = $state(false);
  /** The revision it was written against. */
  revision = 0;
  /** What the reviewer chose by hand; empty where nobody has. */
  #chosen = '';
  #rows = 0;

  /** The draft that was begun, unless it was sent and has gone out: while its decision can come back, so can its words. */
  static goesOn(draft: Draft | undefined, { state, revision }: CaseView): Draft | undefined {
    const over = draft?.sent === true && (draft.revision !== revision || (state !== 'decided' && state !== 'ready'));
    return over ? undefined : draft;
  }

  /** Whether anything was written that would be missed. */
  get written(): boolean {
    return (
      Object.keys(this.args).length > 0 ||
      [this.text, this.reason, this.note, this.why, this.message].some((words) => words.trim() !== '') ||
      this.facts.some((fact) => fact.name !== '' || fact.value !== '') ||
      this.constraints.some((constraint) => constraint.text !== '')
    );
  }

  /** What was written for the agent, in words, to be shown where it can no longer be sent. */
  get unsent(): string {
    if (this.sent) return '';
    const facts = this.facts.filter((fact) => fact.name !== '' || fact.value !== '').map((fact) => `${fact.name}: ${fact.value}`);
    const constraints = this.constraints.map((constraint) => constraint.text);
    return [this.text, ...facts, ...constraints, this.reason, this.note, this.why, this.message, ...Object.values(this.args)].filter((words) => words.trim() !== '').join('\n');
  }

  /** Meets the view that is on screen: chooses where nothing is chosen, marks what was overtaken. */
  meet(view: CaseView): void {
    if (view.state === 'ready') this.sent = false;
    // A form cannot be sent once the handoff is closed; its words stay.
    else if (!this.sent && view.state !== 'queued') this.form = null;
    const same = view.options.find((option) => option.id === this.option);
    const revised = this.revision !== 0 && this.revision !== view.revision;
    // Of another proposal, only what was chosen by hand and stands as it did, or is being edited, stays chosen.
    const stays = same !== undefined && (!revised || this.form === 'modify' || this.#chosen === print(same));
    if (!stays) {
      this.option = first(view);
      this.#chosen = '';
      if (this.form === 'modify') this.form = null;
    }
    if (revised) {
      this.overtaken = this.written;
      this.confirmed = false;
    }
    this.revision = view.revision;
  }

  /** The reviewer chooses this one. */
  choose(option: OptionView): void {
    this.option = option.id;
    this.#chosen = print(option);
  }

  addFact(): void {
    this.facts.push({ id: (this.#rows += 1), name: '', value: '' });
  }

  addConstraint(): void {
    this.constraints.push({ id: (this.#rows += 1), text: '' });
  }

  /** The answer as it stands, or why there is none yet. */
  answer(option: OptionView | null): { answer: Answer } | { fault: string; at: number } {
    switch (this.form) {
      case null:
        return option === null ? { fault: 'Choose an option first.', at: 0 } : { answer: { kind: 'approve', option: option.id } };
      case 'modify': {
        if (option === null) return { fault: 'Choose an option first.', at: 0 };
        const read = readObject(this.args[option.id] ?? '');
        return 'fault' in read ? read : { answer: { kind: 'modify', option: option.id, args: read.value } };
      }
      case 'inform': {
        const facts = this.facts.filter((fact) => fact.name.trim() !== '').map((fact) => [fact.name.trim(), readValue(fact.value)]);
        const constraints = this.constraints.filter((one) => one.text.trim() !== '').map((one) => ({ text: one.text.trim() }));
        return { answer: { kind: 'inform', text: this.text.trim(), facts: Object.fromEntries(facts) as Record<string, unknown>, constraints } };
      }
      case 'reject':
        return { answer: { kind: 'reject', reason: this.reason.trim(), then: this.then } };
      case 'take_over':
        return { answer: { kind: 'take_over', note: this.note.trim() } };
    }
  }
}
