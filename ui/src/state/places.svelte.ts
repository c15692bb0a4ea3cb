/**
 * Where in the window the reviewer is: at the handoffs, the agents, one task,
 * the rules or the insights. It answers nothing; away from the handoffs no card can be answered.
 */
import type { Change } from '../gen/Change';
import type { OfTask } from '../gen/OfTask';
import { isTyping } from '../lib/keys';
import { soon } from '../lib/once';
import type { Desk } from './desk.svelte';
import { Insight } from './insight.svelte';
import { Roster } from './roster.svelte';
import { Rulebook } from './rulebook.svelte';
import { Tasks } from './task.svelte';

export type Place = 'handoffs' | 'agents' | 'task' | 'rules' | 'insights';

/** A busy desk tells of many changes, and all agents are much to ask for. */
const REST = 150;

/** How the desk names an agent where it would name a handoff. */
const AGENT = 'agent:';

export class Places {
  readonly roster: Roster;
  readonly rulebook: Rulebook;
  readonly insight: Insight;
  readonly tasks: Tasks;
  at = $state<Place>('handoffs');
  /** The agent that is to be brought into view. */
  agent = $state.raw<{ name: string } | null>(null);
  /** The task whose page is shown. */
  task = $state.raw<OfTask | null>(null);
  readonly #desk: Desk;
  readonly #again = soon(() => { this.load(); }, REST);

  constructor(desk: Desk) {
    this.#desk = desk;
    this.roster = new Roster(desk);
    this.rulebook = new Rulebook(desk);
    this.insight = new Insight(desk);
    this.tasks = new Tasks(desk);
  }

  /** Whether the handoffs are on screen. */
  readonly home: boolean = $derived(this.at === 'handoffs');

  /** Goes there; nothing is decided by the press that leads back to a card. */
  go(place: Place): void {
    if (place === this.at) return;
    this.at = place;
    this.agent = null;
    if (place === 'agents') this.roster.arrange();
    if (place === 'handoffs') this.#desk.focused();
    else this.load();
  }

  /** Esc: leaves a field first, then the place. */
  leave(from: EventTarget | null): void {
    if (isTyping(from)) (from as HTMLElement).blur();
    else if (this.at === 'task' && this.task !== null) this.showAgent(this.task.agent);
    else {
      this.go('handoffs');
      this.#desk.want('case');
    }
  }

  /** Shows one task on a page of its own. */
  showTask(of: OfTask): void {
    this.task = of;
    this.go('task');
  }

  /** Shows a handoff that something else led to. */
  showHandoff(id: string): void {
    this.go('handoffs');
    this.#desk.select(id);
    this.#desk.want('case');
  }

  /** Shows one agent. */
  showAgent(name: string): void {
    this.go('agents');
    this.agent = { name };
  }

  /** Asks for what is on screen. */
  load(): void {
    // A rule names its agent.
    if (this.at === 'agents' || this.at === 'rules') void this.roster.load();
    if (this.at === 'rules') void this.rulebook.load();
    if (this.at === 'insights') void this.insight.load();
  }

  /** Takes up what the desk tells; says whether it was about an agent to be shown. */
  take(change: Change): boolean {
    if (this.at === 'insights' && change.kind === 'handoff') this.insight.soon();
    if ((change.kind === 'status' && this.at !== 'insights') || (change.kind === 'handoff' && this.at === 'agents')) this.#again.ask();
    if (change.kind === 'status' || change.kind === 'handoff') {
      this.tasks.changed();
      this.#desk.rollback.changed();
    }
    if (change.kind !== 'show' || change.id === null) return false;
    if (!change.id.startsWith(AGENT)) {
      this.go('handoffs');
      return false;
    }
    this.#desk.dialog = null;
    this.showAgent(change.id.slice(AGENT.length));
    return true;
  }
}
