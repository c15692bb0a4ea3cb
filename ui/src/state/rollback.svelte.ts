/**
 * Taking actions back: which are chosen, what that would do, and how far it
 * is. What runs is what was shown, by its fingerprint; nothing is undone
 * before that is confirmed, and no order is made up here.
 */
import type { OfTask } from '../gen/OfTask';
import type { RollbackPreview } from '../gen/RollbackPreview';
import type { RollbackView } from '../gen/RollbackView';
import type { Selection } from '../gen/Selection';
import type { UndoChoices } from '../gen/UndoChoices';
import type { WindowError } from '../gen/WindowError';
import { windowError } from '../host/host';
import { coalesce } from '../lib/once';
import { count } from '../lib/words';
import type { Desk } from './desk.svelte';

export class Rollback {
  /** The task whose actions are taken back; none while nothing is open. */
  of = $state.raw<OfTask | null>(null);
  selection = $state.raw<Selection | null>(null);
  /** The tool of the action that it begins with. */
  tool = $state('');
  preview = $state.raw<RollbackPreview | null>(null);
  /** The one that was confirmed, or is looked at again. */
  running = $state.raw<RollbackView | null>(null);
  /** Why the last thing asked for was refused. */
  refused = $state.raw<WindowError | null>(null);
  /** Something was asked of the desk, and it has not answered. */
  sending = $state(false);
  /** The actions that are marked, all of one task. */
  #marked = $state.raw<{ key: string; ids: ReadonlySet<string> }>({ key: '', ids: new Set() });
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The actions of this task that are marked. */
  marked(of: OfTask): ReadonlySet<string> {
    return this.#marked.key === key(of) ? this.#marked.ids : new Set();
  }

  /** Marks an action, or no longer. */
  mark(of: OfTask, id: string, on: boolean): void {
    const others = [...this.marked(of)].filter((one) => one !== id);
    this.#marked = { key: key(of), ids: new Set(on ? [...others, id] : others) };
  }

  unmark(): void {
    this.#marked = { key: '', ids: new Set() };
  }

  /** Shows what taking these back would do. */
  open(of: OfTask, selection: Selection, tool = ''): void {
    this.#show(of, selection, null);
    this.tool = tool;
    void this.#look();
  }

  /** Shows one that was confirmed. */
  watch(of: OfTask, view: RollbackView): void {
    this.#show(of, null, view);
  }

  close(): void {
    this.of = null;
    if (this.#desk.dialog === 'rollback') this.#desk.dialog = null;
  }

  /** The desk tells that something has changed. */
  changed(): void {
    if (this.of !== null) void this.#look();
  }

  /** Takes back exactly what is shown. */
  async confirm(): Promise<void> {
    const { of, selection, preview } = this;
    if (of === null || selection === null || preview === null || preview.refused !== null) return;
    const begun = await this.#ask(async () => {
      this.running = await this.#desk.host.confirmRollback({ ...of, selection, fingerprint: preview.fingerprint });
      this.unmark();
    });
    // It is not what was shown any more: the reviewer reads it again.
    if (!begun) await this.#look();
    else this.#desk.say(`Undoing ${count(preview.plan.steps.length, 'action')}.`);
  }

  /** Says what becomes of an undo that failed, or may have run. */
  async answer(choice: keyof UndoChoices, action: string): Promise<void> {
    const { running } = this;
    if (running === null) return;
    const { host } = this.#desk;
    const item = { rollback: running.id, action };
    const calls = { retry: () => host.retryUndo(item), skip: () => host.skipUndo(item), hand_over: () => host.handOverUndo(item), confirm: () => host.confirmUndone(item) };
    await this.#ask(async () => {
      this.running = await calls[choice]();
    });
  }

  /** Lets the desk run the undo commands of the agent, or no longer. */
  async allowCommands(agent: string, allowed: boolean): Promise<void> {
    await this.#ask(() => this.#desk.host.allowUndoCommands({ agent, allowed }));
    await this.#look();
  }

  #show(of: OfTask, selection: Selection | null, running: RollbackView | null): void {
    this.of = of;
    this.selection = selection;
    this.running = running;
    this.preview = null;
    this.refused = null;
    this.#desk.dialog = 'rollback';
  }

  /** Asks the desk how what is shown stands now. */
  readonly #look = coalesce(async () => {
    const { of, selection, running } = this;
    if (of === null) return;
    try {
      if (running !== null) {
        const { rollbacks } = await this.#desk.host.task(of);
        const now = rollbacks.find((one) => one.id === running.id);
        if (this.running?.id === running.id && now !== undefined) this.running = now;
      } else if (selection !== null) {
        const preview = await this.#desk.host.previewRollback({ ...of, selection });
        if (this.selection === selection && this.running === null) this.preview = preview;
      }
    } catch (cause) {
      this.refused = windowError(cause);
    }
  });

  async #ask(work: () => Promise<void>): Promise<boolean> {
    if (this.sending) return false;
    this.sending = true;
    this.refused = null;
    try {
      await work();
      return true;
    } catch (cause) {
      this.refused = windowError(cause);
      return false;
    } finally {
      this.sending = false;
    }
  }
}

function key({ agent, task }: OfTask): string {
  return JSON.stringify([agent, task]);
}
