/**
 * What the made-up agents are connected through. The words are shorter than the
 * desk's own, and say as little as they may.
 */
import type { AgentCard } from '../../gen/AgentCard';
import type { AgentView } from '../../gen/AgentView';
import type { ConnectionView } from '../../gen/ConnectionView';
import type { Integration } from '../../gen/Integration';
import type { Reach } from '../../gen/Reach';
import { ASKS, HANDS, HOUR, iso, MINUTE } from './build';

type Way = { integration: Integration; days: number; minutes: number; connected?: boolean; framework?: string; version?: string };
type Known = { title: string; reach: Reach; held: string; unseen: string };

const UNASKED = 'Everything else in that program runs unasked, unless its code asks the desk.';
const hooked = (client: string): Known => ({
  title: `${client} hook`, reach: 'hooked_calls', held: `${client} asks before every tool call that it shows the hook.`,
  unseen: 'The desk does not see what a program does that was let go on, or sessions started without this hook.',
});
const [asksHeld = '', asksUnseen = ''] = ASKS.split(/(?<=\.) /u, 2);
const [handsHeld = '', handsUnseen = ''] = HANDS.split(/(?<=\.) /u, 2);

function known(integration: Integration, asks: boolean): Known {
  const own: Omit<Known, 'title'> = asks ? { reach: 'as_it_asks', held: asksHeld, unseen: asksUnseen } : { reach: 'hands_over', held: handsHeld, unseen: handsUnseen };
  switch (integration) {
    case 'socket': return { title: 'Own code on the socket', ...own };
    case 'command_line': return { title: 'Command line', ...own };
    case 'python': return { title: 'Python client', ...own };
    case 'claude_code_hook': return hooked('Claude Code');
    case 'codex_hook': return hooked('Codex');
    case 'gemini_hook': return hooked('Gemini CLI');
    case 'mcp_server': return { title: 'MCP server', reach: own.reach, held: 'Its model asks the desk, with the tools it was given for that.', unseen: 'A model that does not ask is not held back.' };
    case 'mcp_gate': return { title: 'MCP gateway', reach: 'gated_calls', held: 'Every call that passes the gateway is asked for, and none reaches the server without a yes.', unseen: 'The desk does not see other tools of the same client, other ways to the same server, or what the server does by itself.' };
    case 'lang_graph': return { title: 'LangGraph, in process', reach: 'at_interrupts', held: 'The graph stops at its interrupts and goes on with your answer.', unseen: UNASKED };
    case 'open_ai_agents': return { title: 'OpenAI Agents SDK', reach: 'at_interrupts', held: 'Tools that need approval wait for your answer.', unseen: UNASKED };
    case 'lang_graph_server': return { title: 'LangGraph Server', reach: 'at_interrupts', held: 'Runs on the server stop at their interrupts and go on with your answer.', unseen: 'The desk does not see what a run does between two interrupts.' };
  }
}

/** An agent that speaks through these, the last heard of first; the first one counts. */
export function through(now: number, asks: boolean, first: Way, ...rest: Way[]): Pick<AgentCard, 'connections' | 'reaches' | 'reach'> {
  const connections = [first, ...rest].map((way): ConnectionView => ({
    ...known(way.integration, asks), integration: way.integration, framework: way.framework ?? null, version: way.version ?? null,
    connected: way.connected ?? false, brief: way.integration === 'command_line' || way.integration.endsWith('_hook'),
    since: iso(now - way.days * 24 * HOUR - way.minutes * MINUTE), last_seen: iso(now - way.minutes * MINUTE),
  }));
  const { reach, held, unseen } = known(first.integration, asks);
  return { connections, reaches: reach, reach: `${held} ${unseen}` };
}

/** One that never asked, on the socket. */
export function connectedAs({ framework, version, connected, last_seen }: AgentView): Pick<AgentCard, 'connections' | 'reaches' | 'reach'> {
  return through(Date.parse(last_seen), false, { integration: 'socket', days: 0, minutes: 0, connected, ...(framework === null ? {} : { framework }), ...(version === null ? {} : { version }) });
}
