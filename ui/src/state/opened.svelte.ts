/**
 * The handoff on screen: its view, the reviewer's draft of an answer, what the
 * desk says of that answer, and the long values that were opened. It sends
 * nothing by itself.
 */
import type { ActionView } from '../gen/ActionView';
import type { CaseView } from '../gen/CaseView';
import type { Conflict } from '../gen/Conflict';
import type { DecideRequest } from '../gen/DecideRequest';
import type { Effect } from '../gen/Effect';
import type { Folded } from '../gen/Folded';
import type { FoundView } from '../gen/FoundView';
import type { OptionView } from '../gen/OptionView';
import type { Preview } from '../gen/Preview';
import type { Host } from '../host/host';
import { pick, UNDO } from '../lib/drafted';
import { count } from '../lib/words';
import type { Draft } from './draft.svelte';
import { Guard } from './guard.svelte';

/** Why the answer cannot be sent now, and what would help. */
export interface Obstacle {
  kind: 'choose' | 'folded' | 'confirm' | 'override' | 'fault' | 'checking';
  text: string;
}

const MEND = 'Mend the arguments first.';

export class Opened {
  view = $state.raw() as CaseView;
  preview = $state.raw<Preview | null>(null);
  /** The request the preview belongs to. */
  #previewed = $state.raw<DecideRequest | null>(null);
  actions = $state.raw<ActionView[]>([]);
  /** The full texts of values that were opened, by pointer. */
  unfolded = $state.raw<ReadonlyMap<string, string>>(new Map());
  /** An answer is on its way to the desk. */
  sending = $state(false);
  /** The desk was told that it is on screen. */
  seen = false;
  /** The action that is to be brought into view in the history. */
  traced = $state.raw<{ id: string } | null>(null);
  /** The step that is to be brought into view in the plan. */
  pointed = $state.raw<{ step: string } | null>(null);
  readonly guard = new Guard();
  readonly draft: Draft;
  readonly #host: Host;
  #turn = 0;

  constructor(host: Host, view: CaseView, draft: Draft) {
    this.#host = host;
    this.draft = draft;
    draft.confirmed = false;
    this.view = view;
    this.actions = view.actions;
    draft.meet(view);
    this.guard.arm();
  }

  readonly option: OptionView | null = $derived.by(() => this.view.options.find((option) => option.id === this.draft.option) ?? null);

  /** What would be sent, or why nothing could be. */
  readonly attempt = $derived.by(() => {
    const made = this.draft.answer(this.option);
    return 'fault' in made ? { request: null, ...made } : { request: this.#request(made.answer), fault: null, at: 0 };
  });

  /** Whether it still waits for the reviewer. */
  readonly open = $derived(this.view.state === 'ready' || this.view.state === 'queued');

  /** Whether the preview on screen is of the answer as it stands. */
  readonly fresh = $derived(this.attempt.request !== null && this.#previewed === this.attempt.request);

  /** The arguments on screen are edited: what the agent says of them is of others. */
  readonly edited = $derived.by(() => {
    const args = this.option?.action?.args;
    const text = this.draft.args[this.option?.id ?? ''];
    if (!this.open || this.draft.form !== 'modify' || args === undefined || text === undefined) return false;
    return text !== (args.whole ? args.head : this.unfolded.get(args.pointer));
  });

  readonly needsConfirmation = $derived.by(() => (this.draft.form === null || this.draft.form === 'modify') && this.option !== null && (this.option.confirm || (this.preview?.needs_confirmation ?? false)));

  /** What the call was found to do, of edited arguments as of those that are proposed, where the agent says otherwise. */
  readonly found: FoundView | null = $derived.by(() => {
    const proposed = this.option?.found ?? null;
    return this.draft.form === 'modify' && this.fresh ? (this.preview?.found ?? null) : proposed;
  });

  /** What the answer as it stands does, at worst. */
  readonly effect: Effect = $derived.by(() => {
    const { effect } = this.option ?? { effect: 'read' };
    return this.found?.effect === 'irreversible' ? 'irreversible' : effect;
  });

  /** What the answer contradicts, as far as the desk has said. */
  readonly conflicts: Conflict[] = $derived(this.open ? (this.preview?.conflicts ?? []) : []);

  readonly needsOverride = $derived.by(() => {
    // While the arguments are faulty no reason helps.
    if (this.draft.form !== null) return this.attempt.fault === null && this.preview?.faults.length === 0 && this.preview.needs_override;
    return this.option !== null && (this.option.broken.length > 0 || (this.fresh && (this.preview?.needs_override ?? false)));
  });

  /** A high-risk action part of which nobody has seen yet. */
  readonly unseen: Folded | null = $derived.by(() => {
    const args = this.option?.action?.args;
    if (args === undefined || args.whole || !this.needsConfirmation || this.draft.form === 'modify') return null;
    return this.unfolded.has(args.pointer) ? null : args;
  });

  /** What stands in the way of sending, the first thing first. */
  readonly obstacle: Obstacle | null = $derived.by(() => {
    if (this.draft.form === null && this.option === null) return { kind: 'choose', text: 'Choose an option first.' };
    if (this.unseen !== null) {
      const rest = this.unseen.lines - this.unseen.head.split('\n').length;
      return { kind: 'folded', text: `Locked until you have opened all of its arguments: ${rest > 0 ? count(rest, 'line is', 'lines are') : 'a part is'} still folded.` };
    }
    // What is wrong with arguments stands at their editor.
    const shown = this.draft.form === 'modify' && !this.view.is_draft;
    if (this.attempt.fault !== null) return { kind: 'fault', text: shown ? MEND : this.attempt.fault };
    if (this.draft.form !== null && !this.fresh) return { kind: 'checking', text: 'The desk is checking this answer.' };
    const [fault] = this.draft.form === null ? [] : (this.preview?.faults ?? []);
    if (fault !== undefined) return { kind: 'fault', text: shown ? MEND : fault.pointer === '' ? fault.message : `${fault.pointer.slice(1)}: ${fault.message}` };
    if (this.needsOverride && this.draft.why.trim() === '') return { kind: 'override', text: 'Something is in the way: state why you do it all the same.' };
    if (this.needsConfirmation && !this.draft.confirmed) return { kind: 'confirm', text: 'High risk: confirm the consequence first.' };
    return null;
  });

  /** Takes the newest view of the same handoff. */
  take(view: CaseView): void {
    const before = this.view;
    this.view = view;
    if (before.state !== view.state) {
      this.draft.meet(view);
      // A decision that was taken back makes its buttons live again.
      if (view.state === 'ready') this.guard.arm();
    }
    if (before.revision === view.revision) {
      // What was undone since stands differently now.
      this.actions = view.actions_total < this.actions.length ? view.actions : [...view.actions, ...this.actions.slice(view.actions.length)];
      return;
    }
    this.actions = view.actions;
    this.unfolded = new Map();
    // What the desk said was of the proposal before.
    this.preview = null;
    this.#previewed = null;
    this.draft.meet(view);
    this.guard.arm();
  }

  /** Asks the desk what the answer as it stands would do. */
  async ask(): Promise<void> {
    const { request } = this.attempt;
    const turn = (this.#turn += 1);
    if (request === null || this.view.state !== 'ready') return;
    const preview = await this.#host.preview(request);
    // What was typed meanwhile makes it an answer to something else.
    if (turn !== this.#turn || this.attempt.request !== request) return;
    this.preview = preview;
    this.#previewed = request;
  }

  /** Opens a folded value. */
  async unfold(folded: Folded): Promise<string> {
    const known = folded.whole ? folded.head : this.unfolded.get(folded.pointer);
    if (known !== undefined) return known;
    const { id, revision } = this.view;
    const text = await this.#host.unfold(id, revision, folded.pointer);
    if (this.view.revision === revision) this.unfolded = new Map(this.unfolded).set(folded.pointer, text);
    return text;
  }

  /** Opens what is being edited: the difference is to all of what is proposed, also after a revision. */
  async unfoldEdited(): Promise<void> {
    const args = this.option?.action?.args;
    if (this.draft.form === 'modify' && args !== undefined) await this.unfold(args);
  }

  /** Loads the next tool calls of the history. */
  async more(): Promise<void> {
    const { id } = this.view;
    const next = await this.#host.actions(id, this.actions.length);
    this.actions = [...this.actions, ...next];
  }

  /** Loads what was loaded by `more` again: after a rollback it stands differently. */
  async again(): Promise<void> {
    const { id, rollbacks } = this.view;
    if (rollbacks.length === 0) return;
    for (let at = this.view.actions.length; at < this.actions.length;) {
      const page = await this.#host.actions(id, at);
      if (page.length === 0) return;
      this.actions = [...this.actions.slice(0, at), ...page, ...this.actions.slice(at + page.length)];
      at += page.length;
    }
  }

  /** The changes that a draft is about. */
  readonly drafted: string[] = $derived(this.view.is_draft ? this.actions.map((action) => action.id) : []);

  /** Of a draft, chooses the changes that are to be undone. */
  pick(chosen: ReadonlySet<string>): void {
    const { option, form, args } = pick(chosen, this.drafted, this.view.actions_total);
    this.choose(option);
    this.draft.form = form;
    const others = Object.entries(this.draft.args).filter(([id]) => id !== UNDO);
    this.draft.args = Object.fromEntries(args === null ? others : [...others, [UNDO, args]]);
  }

  /** Of a draft, chooses to undo all of it, also what is not loaded yet. */
  pickAll(): void {
    this.pick(new Set());
    this.choose(UNDO);
  }

  /**
   * Closes the form. Of a draft, marks that another form was opened over are there
   * again, and with no other form they are let go of: what is left is to keep all.
   */
  leaveForm(): void {
    const { draft, view } = this;
    const marked = view.is_draft && draft.option === UNDO && draft.args[UNDO] !== undefined;
    if (view.is_draft && draft.form === 'modify') this.pick(new Set());
    else draft.form = marked ? 'modify' : null;
  }

  /** Chooses an option; a confirmation belongs to the option it was given for. */
  choose(id: string): void {
    if (this.draft.option === id || this.sending) return;
    const option = this.view.options.find((option) => option.id === id);
    if (option === undefined) return;
    this.draft.choose(option);
    this.draft.confirmed = false;
    this.preview = null;
    if (this.draft.form === 'modify') this.draft.form = null;
  }

  #request(answer: DecideRequest['answer']): DecideRequest {
    const binds = answer.kind === 'approve' || answer.kind === 'modify';
    const why = this.draft.why.trim();
    const words = this.draft.message.trim();
    return {
      id: this.view.id,
      revision: this.view.revision,
      answer,
      shown_hash: binds ? (this.option?.action?.hash ?? null) : null,
      confirmed: binds && this.draft.confirmed,
      // Where nothing needs one, the desk records none.
      override: why === '' ? null : { why },
      message: words === '' ? null : { text: words },
    };
  }
}
