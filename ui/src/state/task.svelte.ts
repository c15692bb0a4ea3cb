/**
 * A task as the window shows it, and what the reviewer is about to do with it.
 * What was typed outlives the form it was typed into; only sending it, or
 * starting over, ends it. It judges no plan: the desk does.
 */
import { untrack } from 'svelte';
import type { BackPreview } from '../gen/BackPreview';
import type { Conversation } from '../gen/Conversation';
import type { GiveBack as GiveBackRequest } from '../gen/GiveBack';
import type { OfTask } from '../gen/OfTask';
import type { Plan } from '../gen/Plan';
import type { TaskView } from '../gen/TaskView';
import type { WindowError } from '../gen/WindowError';
import { windowError } from '../host/host';
import { readValue } from '../lib/json';
import { coalesce } from '../lib/once';
import { differences, isLocked, moved, newId, planOf, rowFaults, rowsOf, without, type Row } from '../lib/replan';
import type { Desk } from './desk.svelte';

/** What can be done with a task in a form. */
export type Control = 'take_over' | 'give_back' | 'tell' | 'edit_plan';

export class OpenedTask {
  readonly of: OfTask;
  view = $state.raw<TaskView | null>(null);
  /** The desk keeps no such task. */
  unknown = $state(false);
  /** The form that is open; one at a time. */
  form = $state<Control | null>(null);
  /** Why the open form was refused. */
  refused = $state.raw<WindowError | null>(null);
  sending = $state(false);
  /** Words for the agent. */
  said = $state('');
  /** Words for the end user. */
  message = $state('');
  /** What the agent should know when it gets the task back. */
  note = $state('');
  /** The steps done by hand, with what came of each, as it was typed. */
  done = $state<Record<string, string>>({});
  facts = $state<{ id: number; name: string; value: string }[]>([]);
  /** What becomes of the plan when it is given back, and of what it is said. */
  back = $state.raw<{ of: GiveBackRequest; preview: BackPreview } | null>(null);
  /** Why the plan is changed. */
  why = $state('');
  rows = $state.raw<Row[]>([]);
  /** The plan the rows began as. */
  began = $state.raw<{ plan: Plan | null; revision: number } | null>(null);
  /** The conversation with an end user, where there is one. */
  conversation = $state.raw<Conversation | null>(null);
  /** The handoff the conversation was read from. */
  #readFrom: string | null = null;
  #count = 0;
  readonly #desk: Desk;

  constructor(desk: Desk, of: OfTask) {
    this.#desk = desk;
    this.of = of;
  }

  readonly differences = $derived.by(() => (this.began === null ? [] : differences(this.began.plan, this.rows)));
  readonly faults = $derived.by(() => rowFaults(this.rows));
  /** Another plan came while this one was being changed. */
  readonly overtaken = $derived(this.began !== null && this.view !== null && this.began.revision !== this.view.revision && this.differences.length > 0);

  /** Whether anything is typed that would be missed. */
  get written(): boolean {
    return this.differences.length > 0 || Object.keys(this.done).length > 0 || this.facts.length > 0 || [this.said, this.message, this.note, this.why].some((words) => words.trim() !== '');
  }

  readonly load = coalesce(async () => {
    await this.#desk.faults.guard(
      'task',
      async () => {
        try {
          this.view = await this.#desk.host.task(this.of);
          this.unknown = false;
        } catch (cause) {
          if (windowError(cause).code !== 'not_found') throw cause;
          this.view = null;
          this.unknown = true;
        }
        await this.#meetEndUser();
        // A plan that nobody has changed yet follows the desk's.
        if (this.form === 'edit_plan' && this.differences.length === 0 && this.why.trim() === '') this.startOver();
      },
      () => void this.load(),
    );
  });

  /** Opens a form in place of the one that is open, or closes it. */
  toggle(form: Control): void {
    this.refused = null;
    this.form = this.form === form ? null : form;
    if (this.form === 'edit_plan' && (this.began === null || this.differences.length === 0)) this.startOver();
  }

  /** Closes the form; what was typed is kept. */
  close(): void {
    this.form = null;
    this.refused = null;
  }

  /** Takes the present plan to be changed. */
  startOver(): void {
    const { view } = this;
    this.rows = rowsOf(view?.plan ?? null);
    this.began = { plan: view?.plan ?? null, revision: view?.revision ?? 0 };
    this.refused = null;
  }

  // Changing the plan.

  add(): string {
    const id = newId(this.rows);
    this.rows = [...this.rows, { id, title: '', depends_on: [], args: '', was: null }];
    return id;
  }

  drop(id: string): void {
    this.rows = without(this.rows, id);
  }

  /** Puts a dropped step back where it was. */
  restore(id: string): void {
    const plan = this.began?.plan ?? null;
    const row = rowsOf(plan).find((one) => one.id === id);
    if (row === undefined || this.rows.some((one) => one.id === id)) return;
    const at = plan?.steps.findIndex((step) => step.id === id) ?? 0;
    const waiting = new Set(plan?.steps.filter((step) => step.depends_on.includes(id)).map((step) => step.id));
    const rows = this.rows.map((one) => (waiting.has(one.id) && !one.depends_on.includes(id) ? { ...one, depends_on: [...one.depends_on, id] } : one));
    this.rows = [...rows.slice(0, at), row, ...rows.slice(at)];
  }

  move(id: string, by: 1 | -1): void {
    this.rows = moved(this.rows, id, by);
    const at = this.rows.findIndex((row) => row.id === id);
    this.#desk.say(`Step ${String(at + 1)} of ${String(this.rows.length)}.`);
  }

  change(id: string, change: Partial<Pick<Row, 'title' | 'depends_on' | 'args'>>): void {
    this.rows = this.rows.map((row) => (row.id === id && !isLocked(row) ? { ...row, ...change } : row));
  }

  // Giving it back.

  tick(step: string, done: boolean): void {
    const others = Object.entries(this.done).filter(([id]) => id !== step);
    this.done = Object.fromEntries(done ? [...others, [step, '']] : others);
  }

  addFact(): void {
    this.facts.push({ id: (this.#count += 1), name: '', value: '' });
  }

  /** What would be given back. */
  readonly giving: GiveBackRequest = $derived.by(() => {
    // Only steps that are still there and not done are reported.
    const open = new Set(this.view?.steps.filter((step) => step.status !== 'done').map((step) => step.id));
    const done = Object.entries(this.done).filter(([step]) => open.has(step)).map(([step, output]) => ({ step, ...(output.trim() === '' ? {} : { output: readValue(output) }) }));
    const facts = Object.fromEntries(this.facts.filter((fact) => fact.name.trim() !== '').map((fact) => [fact.name.trim(), readValue(fact.value)]));
    const text = this.note.trim();
    return { ...this.of, done, facts, text: text === '' ? null : text };
  });

  /** Asks what becomes of the plan if it is given back like this. */
  async askBack(): Promise<void> {
    const { giving } = this;
    const preview = await this.#desk.host.previewGiveBack(giving);
    // What was typed meanwhile makes it an answer to something else.
    if (this.giving !== giving) return;
    this.back = { of: giving, preview };
  }

  // Sending.

  async pause(paused: boolean): Promise<void> {
    await this.#desk.places.roster.pause(paused, this.of);
    await this.load();
  }

  /** Sends the form that is open, or says why not. */
  async send(): Promise<void> {
    const { form } = this;
    if (form === null || this.sending) return;
    const missing = this.#missing(form);
    if (missing !== null) {
      this.refused = { code: 'missing', message: missing, hint: '', faults: [] };
      return;
    }
    this.sending = true;
    try {
      await this.#call(form);
      this.form = null;
      this.refused = null;
    } catch (cause) {
      this.refused = windowError(cause);
    }
    this.sending = false;
    await this.load();
    void this.#desk.places.roster.load();
  }

  /** What is still needed before a form can be sent. */
  #missing(form: Control): string | null {
    switch (form) {
      case 'tell':
        return this.said.trim() === '' ? 'Write something first.' : null;
      case 'give_back': {
        const unnamed = this.facts.some((fact) => fact.name.trim() === '' && fact.value.trim() !== '');
        return unnamed ? 'A fact needs a name.' : null;
      }
      case 'edit_plan':
        if (this.differences.length === 0) return 'Nothing is changed yet.';
        return this.faults.length === 0 ? null : 'Mend what is marked first; nothing was sent.';
      case 'take_over':
        return null;
    }
  }

  async #call(form: Control): Promise<void> {
    const { host } = this.#desk;
    const { of } = this;
    switch (form) {
      case 'take_over': {
        const text = this.message.trim();
        await host.takeOver({ ...of, message: text === '' ? null : { text } });
        this.message = '';
        this.#desk.say('You have taken the task over.');
        break;
      }
      case 'give_back': {
        await host.giveBack(this.giving);
        this.back = null;
        this.done = {};
        this.facts = [];
        this.note = '';
        this.#desk.say('The task is given back.');
        break;
      }
      case 'tell':
        await host.tellAgent({ ...of, text: this.said.trim() });
        this.said = '';
        this.#desk.say('Said.');
        break;
      case 'edit_plan': {
        const why = this.why.trim();
        await host.editPlan({ ...of, revision: this.began?.revision ?? 0, plan: planOf(this.rows), text: why === '' ? null : why });
        this.began = null;
        this.rows = [];
        this.why = '';
        this.#desk.say('The plan is changed.');
        break;
      }
    }
  }

  /** Looks whether there is an end user: its latest handoff has the conversation. */
  async #meetEndUser(): Promise<void> {
    const latest = this.view?.timeline.findLast((entry) => entry.handoff !== null)?.handoff ?? null;
    if (latest === null || latest === this.#readFrom) return;
    const { opened } = this.#desk;
    const view = opened?.view.id === latest ? opened.view : await this.#desk.host.openCase(latest);
    this.#readFrom = latest;
    this.conversation = view.conversation ?? this.conversation;
  }
}

/** The tasks that were looked at, as long as something unsent is on them. */
export class Tasks {
  readonly #known = new Map<string, OpenedTask>();
  /** The one on screen. */
  #shown: OpenedTask | null = null;
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The task of this name; it asks the desk by `load`. */
  open(of: OfTask): OpenedTask {
    const key = JSON.stringify([of.agent, of.task]);
    return untrack(() => {
      const found = this.#known.get(key) ?? new OpenedTask(this.#desk, of);
      for (const [name, task] of this.#known) if (name !== key && !task.written) this.#known.delete(name);
      this.#known.set(key, found);
      return found;
    });
  }

  /** Follows a task while it is on screen; the returned function ends that. */
  follow(task: OpenedTask): () => void {
    this.#shown = task;
    void task.load();
    return () => {
      if (this.#shown === task) this.#shown = null;
    };
  }

  /** Something has changed at the desk. */
  changed(): void {
    void this.#shown?.load();
  }
}
