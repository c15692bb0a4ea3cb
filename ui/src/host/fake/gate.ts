/**
 * What the in-memory desk holds of autonomy: agents with their levels, tools
 * and tasks, and the rules. It refuses what the real desk refuses; nothing is
 * checked against any of it here.
 */
import type { AcceptTools } from '../../gen/AcceptTools';
import type { AgentCard } from '../../gen/AgentCard';
import type { AgentsView } from '../../gen/AgentsView';
import type { AgentView } from '../../gen/AgentView';
import type { LevelSet } from '../../gen/LevelSet';
import type { Pause } from '../../gen/Pause';
import type { Rule } from '../../gen/Rule';
import type { RuleRow } from '../../gen/RuleRow';
import type { SetLevel } from '../../gen/SetLevel';
import type { Track } from '../../gen/Track';
import type { Triggers } from '../../gen/Triggers';
import { endsAt, levelAt, LONGEST, needsYou } from '../../lib/autonomy';
import { refusal } from './answers';
import { iso } from './build';
import { connectedAs } from './connections';
import { covers, ruleFault } from './rules';

const NOTHING: Track = { handoffs: 0, cold: 0, decisions: 0, overridden: 0, reversals: 0, divergences: 0, calls: 0, mandatory: 0, discretionary: 0 };

export class FakeGate {
  #paused: boolean;
  readonly #agents: AgentCard[];
  #rules: RuleRow[];
  #last: number;

  constructor(paused: boolean, agents: AgentCard[], rules: RuleRow[]) {
    this.#paused = paused;
    this.#agents = agents;
    this.#rules = rules;
    this.#last = Math.max(0, ...rules.map((row) => row.id));
  }

  /** The agents; those that only handed over are among them. */
  agents(known: AgentView[], now: number): AgentsView {
    for (const agent of known) if (!this.#agents.some((one) => one.name === agent.name)) this.#agents.push(plainCard(agent));
    for (const agent of this.#agents) {
      agent.level = levelAt(agent.set, now);
      for (const task of agent.tasks) {
        task.level = levelAt(task.set ?? agent.set, now);
        if (task.stopped === 'everything' || task.stopped === null) task.stopped = this.#paused ? 'everything' : null;
        if (task.stopped === 'agent' || task.stopped === null) task.stopped = agent.paused ? 'agent' : task.stopped === 'agent' ? null : task.stopped;
      }
    }
    const order = (agent: AgentCard) => (needsYou(agent) ? 0 : agent.connected ? 1 : 2);
    const agents = [...this.#agents].sort((a, b) => order(a) - order(b) || b.last_seen.localeCompare(a.last_seen));
    return { paused: this.#paused, agents };
  }

  /** Whether everything is paused, and how many agents wait for the reviewer. */
  calls(): { paused: boolean; calling: number } {
    return { paused: this.#paused, calling: this.#agents.filter(needsYou).length };
  }

  setLevel({ agent: name, task: id, level, minutes }: SetLevel, now: number): void {
    const agent = this.#agent(name);
    if (minutes !== undefined && (minutes < 1 || minutes > LONGEST)) throw refusal('invalid', `A level cannot be set for ${String(minutes)} minutes.`, 'Choose 1 minute to 31 days, or no end.');
    const task = id === undefined ? undefined : agent.tasks.find((one) => one.id === id);
    const changed = (before: LevelSet): LevelSet => {
      const to = level ?? 'suggest';
      const lasting = endsAt(before, now) === null ? levelAt(before, now) : before.then;
      const then = lower(lasting, to) === to ? 'suggest' : lasting;
      return minutes === undefined ? { level: to, then: 'suggest' } : { level: to, until: iso(now + minutes * 60_000), then };
    };
    if (task !== undefined) task.set = level === undefined ? null : changed(task.set ?? agent.set);
    else {
      agent.set = changed(agent.set);
      agent.lowered = null;
      for (const one of agent.tasks) if (one.set !== null) one.set = { ...one.set, level: lower(one.set.level, agent.set.level) };
    }
  }

  pause({ agent: name, task: id, paused }: Pause): void {
    if (name === undefined) this.#paused = paused;
    else if (id === undefined) this.#agent(name).paused = paused;
    else {
      const task = this.#agent(name).tasks.find((one) => one.id === id);
      if (task !== undefined) task.stopped = paused ? 'task' : null;
    }
  }

  acceptTools({ agent: name, tools }: AcceptTools): void {
    const agent = this.#agent(name);
    const meant = tools.map((one) => ({ one, tool: agent.tools.find((tool) => tool.name === one.name) }));
    const stale = meant.find(({ one, tool }) => tool?.hash !== one.hash);
    if (stale !== undefined) throw refusal('conflict', `“${stale.one.name}” has changed since it was shown.`, 'Look at it again; nothing was accepted.');
    for (const { one, tool } of meant) if (tool !== undefined) Object.assign(tool, { accepted: one.effect ?? null, changed: false });
    agent.waiting = agent.tools.filter((tool) => tool.accepted === null).length;
  }

  looked(name: string): void {
    this.#agent(name).lowered = null;
  }

  rules(): RuleRow[] {
    return [...this.#rules].reverse();
  }

  addRule(rule: Rule, now: number): number {
    const fault = ruleFault(rule, now);
    if (fault !== null) throw refusal('invalid', fault.pointer === '' ? fault.message : `${fault.pointer}: ${fault.message}`, 'Change the rule; nothing was kept.', [{ ...fault, hint: '' }]);
    this.#last += 1;
    this.#rules = [...this.#rules, { id: this.#last, rule, covers: covers(rule), used: 0, last_used: null, made_at: iso(now), revoked_at: null, active: true }];
    return this.#last;
  }

  revoke(id: number, now: number): void {
    this.#rules = this.#rules.map((row) => (row.id === id ? { ...row, revoked_at: iso(now), active: false } : row));
  }

  /** A rule as it was when it was taken back; what was used up stays used up. */
  takenBack(id: number): Rule {
    const row = this.#rules.find((one) => one.id === id);
    if (row?.revoked_at == null) throw refusal('conflict', 'This rule is not one that was taken back.', 'Look at the rules again; nothing was kept.');
    const { uses } = row.rule;
    return uses === undefined ? row.rule : { ...row.rule, uses: Math.max(1, uses - row.used) };
  }

  /** The agent calls a tool that is defined anew. */
  redefine(name: string, tool: string): void {
    const agent = this.#agent(name);
    const known = agent.tools.find((one) => one.name === tool);
    if (known === undefined) return;
    Object.assign(known, { hash: 'f'.repeat(64), changed: known.accepted !== null, accepted: null });
    agent.waiting = agent.tools.filter((one) => one.accepted === null).length;
  }

  #agent(name: string): AgentCard {
    const agent = this.#agents.find((one) => one.name === name);
    if (agent === undefined) throw refusal('not_found', `There is no agent “${name}”.`, 'It appears with its first hello.');
    return agent;
  }
}

/** An agent that never asked and named no tools. */
export function plainCard(agent: AgentView): AgentCard {
  const { name, framework, version, connected, last_seen, handoffs, cold } = agent;
  return {
    name, framework, version, connected, last_seen,
    set: { level: 'suggest', then: 'suggest' }, level: 'suggest', lowered: null, paused: false, tools: [], waiting: 0, tasks: [],
    track: { ...NOTHING, handoffs, cold, decisions: handoffs },
    undo_commands: false,
    ...connectedAs(agent),
  };
}

/** The triggers nobody has set yet. */
export function firstTriggers(): Triggers {
  return {
    missing_argument: true, contradiction: true, fact_mismatch: true, compliance: true,
    words: ['lawsuit', 'subpoena*', 'court order', 'legal hold', 'GDPR', 'HIPAA', 'chargeback', 'money laundering', 'wire transfer', 'sanctions list', 'medical record', 'data breach', 'ransomware', 'social security number'],
    rephrased: true, rephrased_retries: 2, rephrased_alike: 80, scope: true, chain_length: true, chain_bound: 50, context_churn: true, churn_reads: 3, repeated_error: true, error_times: 3,
  };
}

/** Why these cannot be set. */
export function triggersFault(triggers: Triggers): string | null {
  if (triggers.words.length > 500) return 'There can be 500 words and phrases to be asked about.';
  const odd = triggers.words.find((word) => word.length > 100 || !/^[\p{L}\p{N}]/u.test(word));
  if (odd !== undefined) return `“${odd}” cannot be looked for: a word or phrase begins with a letter or a number, and has at most 100 characters.`;
  const within = (value: number, least: number, most: number) => Number.isInteger(value) && value >= least && value <= most;
  if (!within(triggers.rephrased_retries, 1, 20)) return 'Between 1 and 20 retries in other words are let pass.';
  if (!within(triggers.rephrased_alike, 50, 100)) return 'Questions are the same from 50 to 100 percent on.';
  if (!within(triggers.chain_bound, 1, 10_000)) return 'A chain is held after 1 to 10,000 calls.';
  if (!within(triggers.churn_reads, 2, 100)) return 'The same read is held at its 2nd to 100th time.';
  return within(triggers.error_times, 1, 100) ? null : 'The same error holds after 1 to 100 times.';
}

function lower(a: LevelSet['level'], b: LevelSet['level']): LevelSet['level'] {
  const order = ['suggest', 'draft', 'execute'] as const;
  return order[Math.min(order.indexOf(a), order.indexOf(b))] ?? 'suggest';
}
