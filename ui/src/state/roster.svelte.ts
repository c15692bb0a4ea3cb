/**
 * The agents, as the reviewer sets how far each may go. It asks the desk again
 * after every change and keeps nothing that the desk does not say. How many call
 * for the reviewer is said with the desk's status: all there is to know of every
 * agent is asked for only where it is shown.
 */
import type { AcceptTool } from '../gen/AcceptTool';
import type { AgentCard } from '../gen/AgentCard';
import type { AgentsView } from '../gen/AgentsView';
import type { Level } from '../gen/Level';
import { levelWords } from '../lib/autonomy';
import { coalesce } from '../lib/once';
import type { Desk } from './desk.svelte';

/** An agent, or one task of it. */
export interface Whose {
  agent: string;
  task?: string;
}

export class Roster {
  view = $state.raw<AgentsView | null>(null);
  readonly agents: AgentCard[] = $derived(this.view?.agents ?? []);
  /** Everything is paused. */
  readonly paused: boolean = $derived.by(() => this.#desk.status?.paused ?? false);
  /** How many agents wait for the reviewer. */
  readonly calling: number = $derived.by(() => this.#desk.status?.calling ?? 0);
  readonly #desk: Desk;
  /** Where each agent stands in the list. */
  readonly #places = new Map<string, number>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  readonly load = coalesce(async () => {
    await this.#desk.faults.guard(
      'agents',
      async () => {
        const view = await this.#desk.host.agents();
        this.view = { ...view, agents: this.#inPlace(view.agents) };
      },
      () => void this.load(),
    );
  });

  /** The list is opened: whoever calls for the reviewer comes first. While it is open nobody moves, lest a press meet another agent. */
  arrange(): void {
    this.#places.clear();
  }

  #inPlace(agents: AgentCard[]): AgentCard[] {
    for (const { name } of agents) if (!this.#places.has(name)) this.#places.set(name, this.#places.size);
    const place = ({ name }: AgentCard) => this.#places.get(name) ?? 0;
    return [...agents].sort((one, other) => place(one) - place(other));
  }

  /** Sets a level, for so many minutes or without an end; none takes a task's own away. */
  async setLevel(whose: Whose, level: Level | null, minutes: number | null): Promise<void> {
    const limit = minutes === null ? {} : { minutes };
    const done = await this.#change('level', () => this.#desk.host.setLevel({ ...whose, ...(level === null ? {} : { level }), ...limit }));
    if (done) this.#desk.say(level === null ? 'The task goes by the level of its agent.' : `${whose.task === undefined ? whose.agent : 'The task'}: ${levelWords[level].word}.`);
  }

  /** Makes the changes that a task has gathered a card now, and shows it. */
  async showDraft(agent: string, task: string): Promise<void> {
    const desk = this.#desk;
    let card: string | null = null;
    const done = await this.#change('draft', async () => {
      card = await desk.host.gatherDraft(agent, task);
    });
    if (!done) return;
    if (card === null) {
      desk.say('Nothing is gathered any more.');
      return;
    }
    desk.places.go('handoffs');
    await desk.refresh();
    await desk.reveal(card);
    desk.want('case');
  }

  /** Lets the desk run the undo commands of an agent, or no longer. */
  async allowCommands(agent: string, allowed: boolean): Promise<void> {
    const done = await this.#change('commands', () => this.#desk.host.allowUndoCommands({ agent, allowed }));
    if (done) this.#desk.say(allowed ? `Undo commands of ${agent} are allowed.` : `Undo commands of ${agent} are not allowed any more.`);
  }

  /** Pauses everything, an agent or a task, or lets it go on. */
  async pause(paused: boolean, whose: Partial<Whose> = {}): Promise<void> {
    const done = await this.#change('pause', () => this.#desk.host.pause({ ...whose, paused }));
    const what = whose.agent === undefined ? 'Everything' : whose.task === undefined ? whose.agent : 'The task';
    if (done) this.#desk.say(`${what} ${paused ? 'is paused' : 'goes on'}.`);
  }

  /** Accepts tools as they were shown. */
  async accept(agent: string, tools: AcceptTool[]): Promise<boolean> {
    const done = await this.#change('tools', () => this.#desk.host.acceptTools({ agent, tools }));
    if (done) this.#desk.say('Recorded.');
    return done;
  }

  /** Takes the note away why an agent was lowered. */
  async looked(agent: string): Promise<void> {
    await this.#change('looked', () => this.#desk.host.lookedAtAgent(agent));
  }

  async #change(source: string, work: () => Promise<void>): Promise<boolean> {
    const done = await this.#desk.faults.guard(source, work);
    await Promise.all([this.load(), this.#desk.loadStatus()]);
    return done;
  }
}
