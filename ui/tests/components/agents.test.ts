/** The agents, their levels and their introduction, on the in-memory desk. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { calls, click, desk, eachAlone, host, main, open, pass, press, row } from './stage';

eachAlone();
const agents = async (scene?: string) => {
  await open(scene);
  await press('2', { ctrlKey: true });
};

describe('the list of agents', () => {
  test('stands still while it is open: nobody moves under the pointer', async () => {
    await agents();
    const names = () => [...document.querySelectorAll('[data-testid="agent-row"]')].map((one) => one.getAttribute('data-agent'));
    const before = names();
    expect(before.length).toBeGreaterThan(1);
    const ask = host.agents;
    const reversed = async () => {
      const view = await ask();
      return { ...view, agents: [...view.agents].reverse() };
    };
    Object.assign(host, { agents: reversed });
    await desk.places.roster.load();
    await pass(0);
    expect(names()).toEqual(before);
    await press('1', { ctrlKey: true });
    await press('2', { ctrlKey: true });
    await pass(0);
    expect(names()).toEqual([...before].reverse());
  });
});

describe('the places', () => {
  test('are reached and left by key, and the badge counts who needs the reviewer', async () => {
    await open();
    expect(document.querySelector('[data-part="badge"]')?.textContent).toMatch(/^2/u);
    await press('2', { ctrlKey: true });
    expect(main()).toBe('Agents');
    await press('3', { ctrlKey: true });
    expect(main()).toBe('Rules');
    await press('Escape');
    expect(main()).toBe('Handoff');
    await press('2', { ctrlKey: true });
    await press('1', { ctrlKey: true });
    expect(main()).toBe('Handoff');
  });

  test('away from the card no key answers it', async () => {
    await agents();
    for (const key of ['e', 'i', 'r', 't', '1', 's', 'j']) await press(key);
    await press('Enter', { ctrlKey: true });
    expect(desk.opened?.draft.form).toBeNull();
    expect(main()).toBe('Agents');
    expect(calls('decide')).toEqual([]);
    expect(desk.screen.seen).toBeNull();
  });

  test('coming back, the card takes no answer for half a second', async () => {
    await agents();
    desk.places.go('handoffs');
    expect(desk.opened?.guard.ready).toBe(false);
    desk.answering.submit();
    await pass(400);
    expect(calls('decide')).toEqual([]);
  });

  test('a handoff that is chosen in the queue is shown', async () => {
    await agents();
    await click(document.querySelector<HTMLElement>('[data-handoff-id="h-level"]'));
    await pass(600);
    expect(main()).toBe('Handoff');
    expect(screen.getByTestId('question').textContent).toContain('May it call Edit');
  });

  test('a notice about an agent leads to it', async () => {
    await open();
    host.show('agent:claude-code');
    await pass(300);
    expect(main()).toBe('Agents');
    expect(within(row('claude-code')).getByText('Open tasks')).toBeTruthy();
    host.show('h-level');
    await pass(700);
    expect(main()).toBe('Handoff');
  });
});

describe('the agents', () => {
  test('come with those that need the reviewer first, each with what it may do unasked', async () => {
    await agents();
    expect(screen.getAllByTestId('agent-row').map((one) => one.dataset['agent'])).toEqual(['files-mcp', 'deploy-bot', 'billing-agent', 'claude-code', 'research']);
    expect(row('billing-agent').textContent).toContain('Execute until 14:30, then Suggest');
    expect(row('claude-code').textContent).toContain('You keep them or undo them together at the end.');
    for (const name of ['billing-agent', 'claude-code', 'research']) expect(row(name).textContent).toContain('What cannot be undone, or is unknown, always asks.');
    expect(row('research').textContent).toContain('last heard of 1 h 35 ago');
  });

  test('say through what they are connected, and how far the desk reaches', async () => {
    await agents();
    const line = (name: string, part: string) => row(name).querySelector(`[data-part="${part}"]`)?.textContent;
    expect(line('claude-code', 'through')).toBe('Claude Code hook, MCP server');
    expect(line('claude-code', 'reaches')).toBe('asks before each call that its hook sees');
    expect(line('files-mcp', 'reaches')).toBe('asks for each call through the gateway');
    expect(line('deploy-bot', 'reaches')).toBe('held back as far as it asks');
    expect(line('research', 'reaches')).toBe('held back at its interrupts');
    await click(within(row('claude-code')).getByRole('button', { name: /^Connections, record, tasks and tools/u }));
    const ways = [...row('claude-code').querySelectorAll<HTMLElement>('[data-part="connection"]')];
    expect(ways.map((one) => one.dataset['integration'])).toEqual(['claude_code_hook', 'mcp_server']);
    expect(ways[0]?.textContent).toMatch(/last call 2 min ago · since/u);
    expect(ways[0]?.textContent).toContain('The desk does not see what a program does that was let go on');
    expect(ways[1]?.textContent).toMatch(/connected · since/u);
    expect(ways[1]?.textContent).toContain('A model that does not ask is not held back.');
    expect(row('claude-code').textContent).toContain('What it is connected through is what it says itself.');
  });

  test('between two calls of a hook nobody is called gone', async () => {
    await agents();
    expect(row('deploy-bot').textContent).toContain('Command line');
    expect(row('deploy-bot').textContent).not.toContain('last heard of');
  });

  test('nobody there is told in words', async () => {
    await agents('empty');
    expect(screen.queryAllByTestId('agent-row')).toEqual([]);
    expect(screen.getByRole('main').textContent).toContain('No agent has been here yet');
  });

  test('are given a level, with an end or without', async () => {
    await agents();
    const deploy = within(row('deploy-bot'));
    await click(deploy.getByTestId('autonomy-draft'));
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'deploy-bot', level: 'draft' });
    expect(deploy.getByTestId('autonomy-draft').getAttribute('aria-pressed')).toBe('true');
    expect(row('deploy-bot').textContent).not.toContain('Lowered to Suggest.');
    const code = within(row('claude-code'));
    await fireEvent.change(code.getByLabelText(/How long claude-code/u), { target: { value: '30' } });
    await pass(100);
    // It has a level above Suggest already: the end is given at once.
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'claude-code', level: 'draft', minutes: 30 });
    await click(code.getByTestId('autonomy-suggest'));
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'claude-code', level: 'suggest' });
    const given = calls('setLevel').length;
    await fireEvent.change(code.getByLabelText(/How long claude-code/u), { target: { value: '60' } });
    await pass(100);
    expect(calls('setLevel')).toHaveLength(given);
    await click(code.getByTestId('autonomy-execute'));
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'claude-code', level: 'execute', minutes: 60 });
    expect(row('claude-code').textContent).toContain('Execute until 10:00, then Suggest');
    await pass(61 * 60_000);
    expect(code.getByTestId('autonomy-suggest').getAttribute('aria-pressed')).toBe('true');
    expect(row('claude-code').querySelector('[data-part="until"]')).toBeNull();
  });

  test('can be given a span of one’s own, and no senseless one', async () => {
    await agents();
    const code = within(row('claude-code'));
    await fireEvent.change(code.getByLabelText(/How long claude-code/u), { target: { value: 'own' } });
    await pass(100);
    const given = calls('setLevel').length;
    for (const value of ['0', '-5', '1.5', 'soon', '99999']) {
      await fireEvent.input(code.getByLabelText('Minutes'), { target: { value } });
      expect(code.getByText('1 minute to 31 days')).toBeTruthy();
      await click(code.getByTestId('autonomy-execute'));
    }
    expect(calls('setLevel')).toHaveLength(given);
    await fireEvent.input(code.getByLabelText('Minutes'), { target: { value: '45' } });
    await click(code.getByRole('button', { name: 'Set' }));
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'claude-code', level: 'draft', minutes: 45 });
  });

  test('arrows move along the levels and give none', async () => {
    await agents();
    const deploy = within(row('deploy-bot'));
    deploy.getByTestId('autonomy-suggest').focus();
    await press('ArrowRight');
    await press('ArrowRight');
    expect(document.activeElement).toBe(deploy.getByTestId('autonomy-execute'));
    expect(calls('setLevel')).toEqual([]);
  });

  test('that were lowered say why until the reviewer has looked', async () => {
    await agents();
    expect(row('deploy-bot').textContent).toContain('It called sql.execute and never asked');
    await click(within(row('deploy-bot')).getByRole('button', { name: 'I have looked' }));
    expect(calls('lookedAtAgent')).toEqual(['deploy-bot']);
    expect(row('deploy-bot').textContent).not.toContain('Lowered');
    expect(document.querySelector('[data-part="badge"]')?.textContent).toMatch(/^1/u);
  });

  test('have a record with what had to ask apart from what asked by setting', async () => {
    await agents();
    const record = row('deploy-bot').textContent ?? '';
    expect(record).toMatch(/Had to ask\s*24/u);
    expect(record).toMatch(/By your settings\s*49\s*23 % of its calls/u);
    expect(within(row('files-mcp')).getByTestId('interruption-rate').textContent).toBe('50 % of its calls, too few to judge');
    expect(record).toContain('Nothing else keeps it from acting unasked');
  });

  test('are paused alone, by task and all at once, for everybody to see', async () => {
    await agents();
    await click(within(row('billing-agent')).getByRole('button', { name: 'Pause billing-agent' }));
    expect(calls('pause').at(-1)).toEqual({ agent: 'billing-agent', paused: true });
    expect(within(row('billing-agent')).getByRole('button', { name: 'Resume billing-agent' })).toBeTruthy();
    await click(within(row('claude-code')).getByRole('button', { name: /^Connections, record, tasks and tools/u }));
    await click(within(row('claude-code')).getByRole('button', { name: /^Pause Rename/u }));
    expect(calls('pause').at(-1)).toEqual({ agent: 'claude-code', task: 'rename', paused: true });
    await click(screen.getByTestId('pause-all'));
    expect(calls('pause').at(-1)).toEqual({ paused: true });
    expect(screen.getByRole('region', { name: 'All agents are paused' })).toBeTruthy();
    await press('1', { ctrlKey: true });
    await click(screen.getByRole('button', { name: 'Resume all' }));
    expect(calls('pause').at(-1)).toEqual({ paused: false });
    expect(screen.queryByRole('region', { name: 'All agents are paused' })).toBeNull();
  });

  test('are all paused by one key from anywhere; no key lets them go on', async () => {
    await open();
    await press('.', { ctrlKey: true });
    expect(calls('pause')).toEqual([{ paused: true }]);
    await press('.', { ctrlKey: true });
    expect(calls('pause')).toEqual([{ paused: true }]);
  });

  test('have tasks with a level of their own, and give it back', async () => {
    await agents();
    await click(within(row('billing-agent')).getByRole('button', { name: /^Connections, record/u }));
    const level = within(row('billing-agent')).getByLabelText('Level of the task Refund request from Dana Ortiz');
    expect((level as HTMLSelectElement).value).toBe('suggest');
    await fireEvent.change(level, { target: { value: '' } });
    await pass(100);
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'billing-agent', task: 'ortiz' });
    await fireEvent.change(level, { target: { value: 'execute 15' } });
    await pass(100);
    expect(calls('setLevel').at(-1)).toEqual({ agent: 'billing-agent', task: 'ortiz', level: 'execute', minutes: 15 });
    expect(row('deploy-bot').textContent).toContain('in your hands');
  });

  test('that fail to be changed say so, and show what the desk says', async () => {
    await agents();
    host.failNext('setLevel', { code: 'store', message: 'The level could not be kept: the disk is full.', hint: 'Free some space.' });
    await click(within(row('deploy-bot')).getByTestId('autonomy-execute'));
    expect(screen.getByTestId('error').textContent).toContain('The level could not be kept');
    expect(within(row('deploy-bot')).getByTestId('autonomy-suggest').getAttribute('aria-pressed')).toBe('true');
  });
});

describe('the introduction', () => {
  test('presets the claim, never less, and unknown where there is none', async () => {
    await agents();
    const files = within(row('files-mcp'));
    const values = ['files.read', 'files.write', 'files.remove', 'index.rebuild', 'web.fetch'].map((name) => files.getByLabelText<HTMLSelectElement>(`${name} counts as`).value);
    expect(values).toEqual(['read', 'reversible', 'irreversible', 'unknown', 'read']);
    const write = files.getByLabelText<HTMLSelectElement>('files.write counts as');
    expect([...write.options].filter((option) => option.disabled).map((option) => option.value)).toEqual(['read']);
    expect(row('files-mcp').textContent).toContain('changed since you accepted it');
    expect(row('files-mcp').textContent).toContain('Only these definitions are accepted.');
  });

  test('accepts what was chosen, as it was shown', async () => {
    await agents();
    const files = within(row('files-mcp'));
    await click(files.getByLabelText('Accept files.remove'));
    await fireEvent.change(files.getByLabelText('files.read counts as'), { target: { value: 'reversible' } });
    expect(files.getByTestId('accept-tools').textContent).toBe('Accept 4 of 5');
    await click(files.getByTestId('accept-tools'));
    const [sent] = calls('acceptTools') as [{ agent: string; tools: { name: string; hash: string; effect: string }[] }];
    expect(sent.tools.map((tool) => [tool.name, tool.effect])).toEqual([['files.read', 'reversible'], ['files.write', 'reversible'], ['index.rebuild', 'irreversible'], ['web.fetch', 'read']]);
    expect(sent.tools[0]?.hash).toBe('a'.repeat(64));
    expect(files.getByRole('heading', { name: 'It introduces 1 tool' })).toBeTruthy();
    await click(files.getByLabelText('Accept files.remove'));
    await click(files.getByTestId('accept-tools'));
    expect(row('files-mcp').querySelector('[data-part="introduction"]')).toBeNull();
  });

  test('accepts nothing that has changed since it was shown', async () => {
    await agents();
    host.gate.redefine('files-mcp', 'files.read');
    await click(within(row('files-mcp')).getByTestId('accept-tools'));
    expect(screen.getByTestId('error').textContent).toContain('has changed since it was shown');
    expect(within(row('files-mcp')).getByRole('heading', { name: 'It introduces 5 tools' })).toBeTruthy();
  });

  test('can be taken back tool by tool', async () => {
    await agents();
    await click(within(row('deploy-bot')).getByRole('button', { name: 'Take back sql.query' }));
    expect(calls('acceptTools').at(-1)).toEqual({ agent: 'deploy-bot', tools: [{ name: 'sql.query', hash: '1'.repeat(64) }] });
    expect(within(row('deploy-bot')).getByTestId('accept-tools')).toBeTruthy();
  });
});
