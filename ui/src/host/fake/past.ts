/**
 * The recorded past of the in-memory desk: insights, and replays that come out
 * in every way a real one can. The numbers are made up; nothing is judged anew.
 */
import type { Afterwards } from '../../gen/Afterwards';
import type { AgentAsking } from '../../gen/AgentAsking';
import type { Asking } from '../../gen/Asking';
import type { Band } from '../../gen/Band';
import type { Day } from '../../gen/Day';
import type { Deciding } from '../../gen/Deciding';
import type { Insights } from '../../gen/Insights';
import type { Interruptions } from '../../gen/Interruptions';
import type { Point } from '../../gen/Point';
import type { Replay } from '../../gen/Replay';
import type { ReplayRequest } from '../../gen/ReplayRequest';
import type { Rule } from '../../gen/Rule';
import type { RuleRow } from '../../gen/RuleRow';
import type { Shift } from '../../gen/Shift';
import type { Shifted } from '../../gen/Shifted';
import type { Suggestion } from '../../gen/Suggestion';
import { refusal } from './answers';
import { HOUR, iso } from './build';

/** How much has happened. */
export type PastKind = 'none' | 'young' | 'rich';

const DAY = 24 * HOUR;
const NONE: Asking = { questions: 0, mandatory: 0, discretionary: 0, rate: 0, band: 'too_few', submitted: 0, recorded: 0, days: [] };
const UNSHIFTED: Shift = { count: 0, approved: 0, informed: 0, modified: 0, taken_over: 0, rejected: 0, rolled_back: 0, unknown: 0, listed: [] };

export class FakePast {
  readonly #kind: PastKind;
  readonly #now: number;

  constructor(kind: PastKind, now: number) {
    this.#kind = kind;
    this.#now = now;
  }

  /** What the record says; what there is a rule for already is not suggested. */
  insights(rules: RuleRow[]): Insights {
    if (this.#kind === 'none') return { all: NONE, agents: [], reasons: [], submitted: [], deciding: deciding([]), suggestions: [] };
    if (this.#kind === 'young') return this.#young();
    const agents = [
      this.#agent('billing-agent', 42, 1240, 149, 86, [18, 420], 1),
      this.#agent('claude-code', 42, 38, 5, 3, [2, 12], 2),
      this.#agent('deploy-bot', 42, 212, 49, 24, [0, 0], 3),
      this.#agent('files-mcp', 42, 4, 2, 1, [0, 0], 4),
      this.#agent('notes-sync', 42, 934, 14, 6, [0, 0], 5),
      this.#agent('research', 42, 0, 0, 0, [3, 64], 6),
    ];
    const known = rules.filter((row) => row.active).map((row) => row.rule.name);
    return {
      all: together(agents),
      agents,
      reasons: [
        { reason: { by: 'irreversible' }, count: 120 },
        { reason: { by: 'level' }, count: 97 },
        { reason: { by: 'trigger', trigger: 'limit' }, count: 48 },
        { reason: { by: 'trigger', trigger: 'contradiction' }, count: 31 },
        { reason: { by: 'trigger', trigger: 'scope' }, count: 22 },
        { reason: { by: 'trigger', trigger: 'rephrased' }, count: 14 },
        { reason: { by: 'trigger', trigger: 'compliance' }, count: 9 },
        { reason: { by: 'trigger', trigger: 'missing_argument' }, count: 3 },
      ],
      submitted: [{ reason: 'approval_required', count: 11 }, { reason: 'conflicting_evidence', count: 7 }, { reason: 'missing_information', count: 4 }, { reason: 'loop_detected', count: 1 }],
      deciding: deciding(this.#points(164)),
      suggestions: this.#suggestions().filter((one) => !known.includes(one.rule.name)),
    };
  }

  /** What a change would have done. */
  replay(change: ReplayRequest): Replay {
    if (this.#kind === 'none') return { checks: 0, left_out: 0, before: rate(0, 0, 0), after: rate(0, 0, 0), let_through: UNSHIFTED, newly_held: UNSHIFTED, caveats: ['Nothing is recorded yet, so nothing can be said.'] };
    const tried = (let_through: Shift, newly_held: Shift, caveats: string[] = []): Replay => ({
      checks: 2428, left_out: 41, before: rate(339, 120, 2428), after: rate(339 - let_through.count + newly_held.count, 120, 2428), let_through, newly_held, caveats,
    });
    const rule = change.with_rule;
    const agent = rule?.agent ?? change.level?.agent ?? 'billing-agent';
    if (rule?.does === 'allow') {
      const tool = rule.tool ?? 'crm.tag_case';
      return tried({ ...UNSHIFTED, count: 40, approved: 40, listed: this.#listed(40, { agent, tool, args: { case: '48213', tag: 'duplicate-charge' }, held: 'level', ran: 'allowed' }, ['approved']) }, UNSHIFTED);
    }
    if (rule !== undefined) {
      const tool = rule.tool ?? 'notes.merge';
      return tried(UNSHIFTED, { ...UNSHIFTED, count: 17, rolled_back: 3, unknown: 14, listed: this.#listed(17, { agent, tool, args: { into: 'Plans', from: ['Plans (2)', 'Plans (copy)'] }, held: 'trigger', ran: 'executed' }, ['rolled_back', 'rolled_back', 'rolled_back', undefined]) });
    }
    if (change.level?.level === 'suggest') return tried(UNSHIFTED, { ...UNSHIFTED, count: 206, rolled_back: 1, unknown: 205, listed: this.#listed(50, { agent, tool: 'crm.tag_case', args: { case: '7', tag: 'late' }, held: 'level', ran: 'executed' }, ['rolled_back', undefined]) });
    if (change.level !== undefined) {
      return tried({ ...UNSHIFTED, count: 97, approved: 81, modified: 5, rejected: 2, unknown: 9, listed: this.#listed(50, { agent, tool: 'files.write', args: { path: 'src/cart/total.ts', text: 'export const total = 0;' }, held: 'level', ran: change.level.level === 'draft' ? 'drafted' : 'executed' }, ['rejected', 'rejected', 'modified', 'modified', 'modified', 'modified', 'modified', 'approved']) }, UNSHIFTED);
    }
    return tried(UNSHIFTED, UNSHIFTED, ['The record keeps what was found under the old setting, not the whole trace: the longest chain from 50 to 80 is not replayed. It was found 12 times.']);
  }

  #young(): Insights {
    const agents = [this.#agent('demo', 3, 12, 2, 1, [1, 4], 7)];
    return { all: together(agents), agents, reasons: [{ reason: { by: 'level' }, count: 2 }, { reason: { by: 'irreversible' }, count: 1 }], submitted: [{ reason: 'approval_required', count: 1 }], deciding: deciding(this.#points(4).map((point) => ({ ...point, agent: 'demo' }))), suggestions: [] };
  }

  #agent(agent: string, many: number, questions: number, discretionary: number, mandatory: number, [submitted, recorded]: [number, number], seed: number): AgentAsking {
    const next = dice(seed);
    const days: Day[] = Array.from({ length: many }, (_, index) => ({ day: localDay(this.#now - (many - 1 - index) * DAY), questions: 0, mandatory: 0, discretionary: 0, submitted: 0, recorded: 0 }));
    // Weekends are quiet, and the later weeks hold less.
    const weights = days.map(({ day }) => (0.6 + next() * 0.8) * ([0, 6].includes(new Date(`${day}T12:00`).getDay()) ? 0.1 : 1));
    const spread = (part: Exclude<keyof Day, 'day'>, total: number, lean: (index: number) => number) => {
      const shares = weights.map((weight, index) => weight * lean(index));
      const sum = shares.reduce((all, one) => all + one, 0);
      let given = 0;
      let due = 0;
      days.forEach((day, index) => {
        due += (total * (shares[index] ?? 0)) / sum;
        const now = Math.min(Math.round(due) - given, part === 'questions' || part === 'submitted' || part === 'recorded' ? Infinity : day.questions - (part === 'mandatory' ? 0 : day.mandatory));
        day[part] = now;
        given += now;
      });
    };
    spread('questions', questions, () => 1);
    spread('mandatory', mandatory, () => 0.7 + next() * 0.6);
    spread('discretionary', discretionary, (index) => (0.5 + next()) * (1.6 - index / many));
    spread('submitted', submitted, () => 1);
    spread('recorded', recorded, () => 1);
    const sum = (part: Exclude<keyof Day, 'day'>) => days.reduce((all, day) => all + day[part], 0);
    return { agent, asking: judged({ questions: sum('questions'), discretionary: sum('discretionary'), mandatory: sum('mandatory'), submitted, recorded, days }) };
  }

  #points(many: number): Point[] {
    const next = dice(11);
    return Array.from({ length: many }, (_, index) => {
      const last = index >= many - 20;
      const reading_s = Math.round(6 + 150 * next() ** 2);
      const kind = last && index !== many - 7 ? 'approve' : next() < 0.74 ? 'approve' : (['modify', 'inform', 'reject', 'take_over'] as const)[Math.floor(next() * 4)] ?? 'reject';
      const pace = last && many > 20 ? 0.04 + next() * 0.18 : kind === 'approve' ? 0.3 + next() * 1.8 : 0.9 + next() * 6;
      return { handoff: `h-${String(index)}`, agent: ['billing-agent', 'deploy-bot', 'claude-code'][Math.floor(next() * 3)] ?? 'billing-agent', kind, risk: (['low', 'low', 'medium', 'medium', 'high'] as const)[Math.floor(next() * 5)] ?? 'low', looked_s: Math.round(reading_s * pace * 10) / 10, reading_s, at: iso(this.#now - (many - index) * 5 * HOUR) };
    });
  }

  /** The rule of a suggestion. */
  suggested(id: string): Rule {
    const found = this.#suggestions().find((one) => one.id === id);
    if (found === undefined) throw refusal('conflict', 'The record does not speak for this rule any more.', 'Look at what it suggests now; nothing was kept.');
    return found.rule;
  }

  #suggestions(): Suggestion[] {
    return [
      {
        id: 'allow-tag-case',
        text: '40 of 40 approved, never reversed: allow exactly this crm.tag_case of billing-agent?', calls: 40,
        rule: { name: 'Exactly this crm.tag_case of billing-agent, always', agent: 'billing-agent', tool: 'crm.tag_case', when: { args: { case: { is: '48213' }, tag: { is: 'duplicate-charge' } } }, does: 'allow', until: iso(this.#now + 30 * DAY) },
      },
      {
        id: 'hold-merge',
        text: 'notes.merge of notes-sync: never held, yet 3 rolled back: hold these?', calls: 3,
        rule: { name: 'Ask before notes.merge of notes-sync', agent: 'notes-sync', tool: 'notes.merge', when: { args: {} }, does: 'hold', why: '3 of 17 such calls were taken back.' },
      },
    ];
  }

  #listed(many: number, one: Omit<Shifted, 'id' | 'task' | 'at' | 'afterwards'>, after: (Afterwards | undefined)[]): Shifted[] {
    return Array.from({ length: Math.min(many, 50) }, (_, index) => {
      const became = after[Math.min(index, after.length - 1)];
      return { ...one, id: index + 1, task: 'weekly', at: iso(this.#now - (60 - index) * 9 * HOUR), ...(became === undefined ? {} : { afterwards: became }) };
    });
  }
}

function rate(held: number, mandatory: number, of: number): Interruptions {
  return { held, mandatory, rate: held / Math.max(1, of), discretionary_rate: (held - mandatory) / Math.max(1, of) };
}

function judged(asking: Omit<Asking, 'rate' | 'band'>): Asking {
  const { discretionary, questions, submitted, recorded } = asking;
  const share = discretionary / Math.max(1, questions);
  const band: Band = questions < 50 ? 'too_few' : share < 0.05 ? 'far_below' : share < 0.1 ? 'below' : share <= 0.15 ? 'within' : share <= 0.2 ? 'above' : 'far_above';
  const told = `${String(discretionary)} of ${String(questions)} questions reached you that did not have to.`;
  const warning = band === 'far_below' ? { warning: `Only ${told} Look at what was taken back, and hold more of it.` } : band === 'far_above' ? { warning: `${told} Allow what you always approve, so that you can read the rest.` } : {};
  return { ...asking, rate: share, band, ...warning, ...(recorded > 0 ? { submitted_rate: submitted / recorded } : {}) };
}

function together(agents: AgentAsking[]): Asking {
  const sum = (part: Exclude<keyof Day, 'day'>, of: (agent: AgentAsking) => Day | Asking | undefined) => agents.reduce((all, agent) => all + (of(agent)?.[part] ?? 0), 0);
  const parts = (of: (agent: AgentAsking) => Day | Asking | undefined) => ({ questions: sum('questions', of), mandatory: sum('mandatory', of), discretionary: sum('discretionary', of), submitted: sum('submitted', of), recorded: sum('recorded', of) });
  const days = (agents[0]?.asking.days ?? []).map(({ day }, index) => ({ day, ...parts((agent) => agent.asking.days[index]) }));
  return judged({ ...parts((agent) => agent.asking), days });
}

function deciding(points: Point[]): Deciding {
  const middle = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const looked = middle(points.map((point) => point.looked_s));
  const reading = middle(points.map((point) => point.reading_s));
  const last = points.slice(-20);
  const unread = last.filter((point) => point.kind === 'approve' && point.looked_s * 4 < point.reading_s).length;
  return {
    decisions: points.length,
    by_risk: (['low', 'medium', 'high'] as const).map((risk) => {
      const of = points.filter((point) => point.risk === risk);
      const approved = of.filter((point) => point.kind === 'approve').length;
      return { risk, decisions: of.length, approved, ...(of.length > 0 ? { share: approved / of.length } : {}) };
    }),
    ...(looked === undefined ? {} : { median_looked_s: looked }),
    ...(reading === undefined ? {} : { median_reading_s: reading }),
    points,
    ...(last.length === 20 && unread >= 19 ? { stamping: { unread, of: 20, notice: `${String(unread)} of your last 20 decisions were approvals made in under a quarter of the time it takes to read them. Would a rule do as well?` } } : {}),
  };
}

/** Numbers from 0 to 1 that look thrown and are the same each time. */
function dice(seed: number): () => number {
  let state = seed * 7919;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function localDay(at: number): string {
  const day = new Date(at);
  return `${String(day.getFullYear())}-${String(day.getMonth() + 1).padStart(2, '0')}-${String(day.getDate()).padStart(2, '0')}`;
}
