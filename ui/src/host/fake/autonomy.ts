/**
 * The scenes of autonomy: agents at every level and in every trouble, rules,
 * cards that the gate asks, and a draft. All of it is made up.
 */
import type { AgentCard } from '../../gen/AgentCard';
import type { Effect } from '../../gen/Effect';
import type { Rule } from '../../gen/Rule';
import type { RuleRow } from '../../gen/RuleRow';
import type { ToolView } from '../../gen/ToolView';
import { HOUR, iso, MINUTE, type Spec } from './build';
import { through } from './connections';
import { covers } from './rules';

const DAY = 24 * HOUR;
/** Agents in every state. */
export function agentCards(now: number): AgentCard[] {
  return [
    {
      name: 'files-mcp', framework: 'MCP', version: '0.9.2', connected: true, last_seen: iso(now - 20_000),
      set: { level: 'suggest', then: 'suggest' }, level: 'suggest', lowered: null, paused: false, waiting: 5, undo_commands: false, tasks: [], ...through(now, true, { integration: 'mcp_gate', days: 4, minutes: 0, connected: true, version: '0.1.0' }),
      tools: [
        tool('files.read', 'Read a file of the project.', 'read', null, 'a'),
        tool('files.write', 'Write a file. The former content is kept for a day.', 'reversible', null, 'b', true),
        tool('files.remove', 'Remove a file for good.', 'irreversible', null, 'c'),
        tool('index.rebuild', null, null, null, 'd'),
        tool('web.fetch', 'Fetch a page from the network with GET and give its text. Follows up to five redirects.', 'read', null, 'e'),
      ],
      track: { handoffs: 1, cold: 0, decisions: 1, overridden: 0, reversals: 0, divergences: 0, calls: 4, mandatory: 1, discretionary: 2 },
    },
    {
      name: 'deploy-bot', framework: 'shell', version: null, connected: true, last_seen: iso(now - MINUTE),
      set: { level: 'suggest', then: 'suggest' }, level: 'suggest', lowered: 'It called sql.execute and never asked, though that cannot be undone.', paused: false, waiting: 0, undo_commands: false, ...through(now, true, { integration: 'command_line', days: 60, minutes: 1, version: '0.1.0' }),
      tools: [tool('sql.query', 'Run a query that only reads.', 'read', 'read', '1'), tool('sql.execute', 'Run any statement.', 'irreversible', 'irreversible', '2')],
      tasks: [{ id: 'staging', title: 'Clean up staging', set: null, level: 'suggest', stopped: 'taken_over', drafted: 0, changed_at: iso(now - 4 * MINUTE) }],
      track: { handoffs: 31, cold: 4, decisions: 30, overridden: 3, reversals: 2, divergences: 1, calls: 212, mandatory: 24, discretionary: 49 },
    },
    {
      name: 'billing-agent', framework: 'LangGraph', version: '1.4', connected: true, last_seen: iso(now),
      set: { level: 'execute', until: iso(now + 5.5 * HOUR), then: 'suggest' }, level: 'execute', lowered: null, paused: false, waiting: 0, undo_commands: false, ...through(now, true, { integration: 'lang_graph', days: 90, minutes: 0, connected: true, version: '1.4' }, { integration: 'socket', framework: 'refund-cron', days: 40, minutes: 26 * 60 }),
      tools: [tool('billing.list_charges', 'List the charges of an order.', 'read', 'read', '3'), tool('crm.tag_case', 'Tag a case.', 'reversible', 'reversible', '4'), tool('billing.refund', 'Refund a charge.', 'irreversible', 'irreversible', '5')],
      tasks: [
        { id: 'weekly', title: 'Weekly duplicate report', set: null, level: 'execute', stopped: null, drafted: 0, changed_at: iso(now - 30_000) },
        { id: 'ortiz', title: 'Refund request from Dana Ortiz', set: { level: 'suggest', then: 'suggest' }, level: 'suggest', stopped: null, drafted: 0, changed_at: iso(now - 3 * MINUTE) },
      ],
      track: { handoffs: 118, cold: 0, decisions: 117, overridden: 9, reversals: 3, divergences: 0, calls: 1240, mandatory: 86, discretionary: 149 },
    },
    {
      name: 'claude-code', framework: 'Claude Code', version: '2.1', connected: true, last_seen: iso(now - 2 * MINUTE),
      set: { level: 'draft', then: 'suggest' }, level: 'draft', lowered: null, paused: false, waiting: 0, undo_commands: false, ...through(now, true, { integration: 'claude_code_hook', days: 12, minutes: 2, version: '0.1.0' }, { integration: 'mcp_server', days: 12, minutes: 9, connected: true, version: '0.1.0' }),
      tools: [tool('Edit', 'Change a file.', 'reversible', 'reversible', '6'), tool('Bash', 'Run a command.', null, 'irreversible', '7')],
      tasks: [{ id: 'rename', title: 'Rename load_user to fetch_user in the API and everywhere it is called, with the tests and the changelog', set: null, level: 'draft', stopped: null, drafted: 14, changed_at: iso(now - 2 * MINUTE) }],
      track: { handoffs: 12, cold: 0, decisions: 12, overridden: 0, reversals: 0, divergences: 0, calls: 38, mandatory: 3, discretionary: 5 },
    },
    {
      name: 'research', framework: 'OpenAI Agents', version: '0.3', connected: false, last_seen: iso(now - 95 * MINUTE),
      set: { level: 'suggest', then: 'suggest' }, level: 'suggest', lowered: null, paused: true, waiting: 0, undo_commands: false, ...through(now, false, { integration: 'open_ai_agents', days: 3, minutes: 95, version: '0.3' }), tools: [], tasks: [],
      track: { handoffs: 3, cold: 2, decisions: 2, overridden: 0, reversals: 0, divergences: 0, calls: 0, mandatory: 0, discretionary: 0 },
    },
  ];
}

/** One agent that has just said hello. */
export function firstAgent(now: number): AgentCard[] {
  return [{
    name: 'demo', framework: 'shell', version: null, connected: true, last_seen: iso(now), set: { level: 'suggest', then: 'suggest' }, level: 'suggest', lowered: null, paused: false, waiting: 0, undo_commands: false, ...through(now, false, { integration: 'command_line', days: 0, minutes: 0 }), tools: [], tasks: [],
    track: { handoffs: 1, cold: 0, decisions: 0, overridden: 0, reversals: 0, divergences: 0, calls: 0, mandatory: 0, discretionary: 0 },
  }];
}

export function ruleRows(now: number): RuleRow[] {
  const row = (id: number, made: number, rule: Rule, rest: Partial<RuleRow> = {}): RuleRow => ({ id, rule, covers: covers(rule), used: 0, last_used: null, made_at: iso(now - made), revoked_at: null, active: true, ...rest });
  return [
    row(1, 40 * DAY, { name: 'Exactly this crm.tag_case of billing-agent', agent: 'billing-agent', tool: 'crm.tag_case', when: { args: { tag: { is: 'duplicate' } } }, does: 'allow', until: iso(now - 10 * DAY) }, { used: 61, last_used: iso(now - 11 * DAY), active: false }),
    row(2, 20 * DAY, { name: 'Large refunds', tool: 'billing.refund', when: { args: {}, expr: 'args.amount > 100.0' }, does: 'hold', why: 'Refunds above 100 EUR are mine to decide.' }, { used: 14, last_used: iso(now - 3 * HOUR) }),
    row(3, 12 * DAY, { name: 'The tests only read', agent: 'claude-code', tool: 'Bash', when: { args: {}, argv: ['npm', 'test'], cwd: '/home/me/shop' }, does: 'counts', effect: 'read' }, { used: 203, last_used: iso(now - 8 * MINUTE) }),
    row(4, 6 * DAY, { name: 'Nothing in the vendor folder', agent: 'claude-code', when: { args: {}, expr: 'has(args.path) && args.path.startsWith("vendor/")' }, does: 'hold', why: 'Vendored files are not edited by hand.' }, { revoked_at: iso(now - DAY), active: false }),
    row(5, DAY, { name: 'Exactly this crm.tag_case of billing-agent', agent: 'billing-agent', tool: 'crm.tag_case', when: { args: { case: { is: '48213' }, tag: { is: 'duplicate-charge' } } }, does: 'allow', until: iso(now + 13 * DAY), uses: 20 }, { used: 7, last_used: iso(now - 40 * MINUTE) }),
  ];
}

/** Cards that the gate asks, and a draft. */
export function gateSpecs(now: number): Spec[] {
  return [
    {
      id: 'h-asked', agent: 'billing-agent', title: 'Refund request from Dana Ortiz', question: 'May it call crm.set_credit (account “D-2201”, amount 194.0)?', dueMs: 50 * MINUTE, warnBeforeMs: 10 * MINUTE, level: 'execute', level_set: { level: 'execute', until: iso(now + 5.5 * HOUR), then: 'suggest' },
      reason: { code: 'conflicting_evidence', detail: 'The balance is 149 by billing.list_charges but 194 by crm.account. crm.search was asked the same for the 4th time in other words.' },
      summary: 'billing-agent works on “Refund request from Dana Ortiz” and asks before it calls crm.set_credit. It changes something, and the change can be undone.',
      entities: [{ kind: 'amount', label: 'amount', value: '194.0' }, { kind: 'id', label: 'account', value: 'D-2201' }],
      actions: [
        { id: 'a1', tool: 'billing.list_charges', input: { order: 'A-1187' }, output: { balance: 149 }, facts: { balance: 149 } },
        { id: 'a2', tool: 'crm.account', input: { account: 'D-2201' }, output: { balance: 194 }, facts: { balance: 194 } },
        { id: 'a3', tool: 'crm.search', input: { query: 'open credits of Dana Ortiz' }, output: [] },
      ],
      options: [{ id: 'run', label: 'Run crm.set_credit', effect: 'reversible', why: 'A credit can be taken away again.', action: { tool: 'crm.set_credit', args: { account: 'D-2201', amount: 194.0 }, undo: { kind: 'tool', tool: 'crm.clear_credit', args: { account: 'D-2201' } } } }],
      asked: {
        tool: 'crm.set_credit', level: 'execute', can_allow: true,
        evidence: [
          { trigger: 'contradiction', headline: 'The balance is 149 by billing.list_charges but 194 by crm.account.', exhibits: [{ action: 'a1', label: 'balance by billing.list_charges', text: '149 from {"order":"A-1187"}' }, { action: 'a2', label: 'balance by crm.account', text: '194 from {"account":"D-2201"}' }] },
          { trigger: 'rephrased', headline: 'crm.search was asked the same for the 4th time in other words.', exhibits: [{ action: 'a3', label: 'asked first', text: 'open credits of Dana Ortiz' }, { action: 'gone-1', label: 'retry 1', text: 'credits open for Dana Ortiz' }, { action: 'gone-2', label: 'retry 2', text: 'Dana Ortiz open credit notes' }, { label: 'retry 3, proposed', text: 'which credits of Dana Ortiz are open' }] },
        ],
      },
    },
    {
      id: 'h-level', agent: 'claude-code', title: 'Rename the API', question: 'May it call Edit (path “api/user.py”, new “fetch_user”, …)?', dueMs: 55 * MINUTE, warnBeforeMs: 10 * MINUTE, level: 'draft',
      reason: { code: 'approval_required', detail: 'At its level this agent asks before every change.' },
      summary: 'claude-code works on “Rename the API” and asks before it calls Edit. It changes a file, and the former content is kept.',
      options: [{ id: 'run', label: 'Run Edit', effect: 'reversible', risk: 'low', why: 'The desk keeps a copy of the file.', action: { tool: 'Edit', args: { path: '/home/me/shop/api/user.py', old: 'load_user', new: 'fetch_user' }, undo: { kind: 'files' }, files: ['/home/me/shop/api/user.py'] } }],
      asked: { tool: 'Edit', level: 'suggest', can_allow: true, evidence: [] },
    },
    {
      id: 'h-limit', agent: 'deploy-bot', title: 'Clean up staging', question: 'May it run “rm -rf build/cache && git push --force”?', priority: 'high', dueMs: 52 * MINUTE, warnBeforeMs: 10 * MINUTE,
      reason: { code: 'approval_required', detail: 'git push --force can replace the work of others.' },
      summary: 'deploy-bot works on “Clean up staging” and asks before it calls bash. git push --force can replace the work of others.',
      options: [{ id: 'run', label: 'Run bash', effect: 'irreversible', why: 'git push --force can replace the work of others.', action: { tool: 'bash', args: { command: 'rm -rf build/cache && git push --force' } } }],
      asked: { tool: 'bash', level: 'suggest', can_allow: false, evidence: [{ trigger: 'scope', headline: 'bash is no tool that the task declared.', exhibits: [{ label: 'proposed', text: 'bash' }, { label: 'declared by the task', text: 'sql.query, sql.execute' }] }] },
    },
    draftSpec(),
  ];
}

function draftSpec(): Spec {
  const files = ['api/user.py', 'api/session.py', 'api/admin.py', 'tests/test_user.py'];
  const ids = [...files.map((_, index) => `e${String(index + 1)}`), 'e5'];
  return {
    id: 'h-changes', agent: 'claude-code', task: 'rename', title: 'Rename load_user to fetch_user', question: 'Keep the draft of 5 changes?', dueMs: 24 * HOUR, level: 'draft', is_draft: true,
    reason: { code: 'approval_required', detail: 'It worked at the level Draft: its changes wait for you to look through.' },
    summary: 'The work on “Rename load_user to fetch_user” is done as a draft of 5 changes. Every one of them can be undone.',
    intent: 'One name for the function everywhere.',
    options: [
      { id: 'accept', label: 'Keep all', effect: 'read', risk: 'low', why: 'It is done already; nothing more changes.', recommended: true },
      {
        id: 'roll_back', label: 'Undo all', description: 'Edit the list to have only some of it undone.', effect: 'reversible', risk: 'medium', why: 'Each change is undone as it was declared, the last one first.',
        action: { tool: 'undo', args: { actions: ids }, schema: { type: 'object', required: ['actions'], additionalProperties: false, properties: { actions: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: ids } } } } },
      },
    ],
    actions: [
      ...files.map((file, index) => ({ id: ids[index] ?? '', tool: 'Edit', effect: 'reversible' as const, input: { path: file, old: 'load_user', new: 'fetch_user' }, reasoning: `The name is used in ${file}.`, undo: { kind: 'files' as const }, files: [file] })),
      { id: 'e5', tool: 'tracker.comment', effect: 'reversible' as const, input: { issue: 212, text: 'Renamed in four files; the tests pass.' }, output: { comment: 9001 }, undo: { kind: 'tool' as const, tool: 'tracker.delete_comment', args: { comment: 9001 } } },
    ],
  };
}

/** A draft of 43 moves, of which one went to the Trash since. */
export function longDraft(now: number): Spec {
  const folders = ['Documents', 'Pictures', 'Music', 'Archives', 'Data'];
  const moves = Array.from({ length: 43 }, (_, index) => {
    const from = `file-${String(index + 1)}${index % 7 === 0 ? ' with a longer name, as scanners and phones give' : ''}.pdf`;
    return { from, to: `${folders[index % folders.length] ?? ''}/${from}` };
  });
  const ids = moves.map((_, index) => `a${String(index + 1)}`);
  return {
    id: 'h-sorted', agent: 'demo', task: 'tidy-1', title: 'Tidy the folder sample', question: 'Keep the draft of 43 changes?', dueMs: 24 * HOUR, level: 'draft', is_draft: true,
    reason: { code: 'approval_required', detail: 'It worked at the level Draft: its changes wait for you to look through.' },
    summary: 'The work on “Tidy the folder sample” is done as a draft of 43 changes. 42 of them can be undone. 1 cannot as things are: “Pictures/file-2.pdf”. The list says why. Rejecting it undoes nothing: all of it stays as it is.',
    options: [
      { id: 'accept', label: 'Keep all', effect: 'read', risk: 'low', why: 'It is done already; nothing more changes.', recommended: true },
      { id: 'roll_back', label: 'Undo all', effect: 'reversible', risk: 'medium', action: { tool: 'undo', args: { actions: ids } } },
    ],
    actions: moves.map((move, index) => ({
      id: ids[index] ?? '', tool: 'files.move', effect: 'reversible' as const, input: { moves: [move] }, output: { moved: 1 }, reasoning: 'Its type has a folder of its own.',
      undo: { kind: 'tool' as const, tool: 'files.move', args: { moves: [{ from: move.to, to: move.from }] }, until: iso(now + 24 * HOUR) },
      ...(index === 1 ? { standing: { state: 'irreversible' as const, why: 'files.trash has changed or moved Pictures/file-2.pdf since. Undo that first.' } } : {}),
    })),
  };
}

function tool(name: string, description: string | null, claimed: Effect | null, accepted: Effect | null, seed: string, changed = false): ToolView {
  return { name, description, claimed, accepted, changed, hash: seed.repeat(64).slice(0, 64) };
}
