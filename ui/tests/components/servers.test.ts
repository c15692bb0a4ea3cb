/** Servers in the settings, and how far an answer to one is on its card. */
import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { outboxWords } from '../../src/lib/outbox';
import { calls, click, desk, eachAlone, host, open, pass, show } from './stage';

async function settings(scene = 'servers') {
  await open(scene);
  desk.dialog = 'settings';
  await pass(100);
}
const section = () => within(screen.getByRole('region', { name: 'Servers' }));
const line = (name: string) => {
  const found = section().getAllByRole('listitem').find((one) => one.dataset['server'] === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
};
const button = (name: RegExp | string) => section().getByRole<HTMLButtonElement>('button', { name });
const type = async (label: RegExp | string, value: string) => {
  await fireEvent.input(section().getByLabelText(label), { target: { value } });
};

eachAlone();

describe('the servers', () => {
  test('are listed with whether they answer, what is sent to them and what waits', async () => {
    await settings();
    const billing = line('billing').textContent;
    expect(billing).toContain('Connected · version 0.16.7 · last contact');
    expect(billing).toContain('Sends x-team: billing and the secret x-api-key, kept in the key store of this system.');
    expect(billing).toContain('4 questions for you');
    const lab = line('lab').textContent;
    expect(lab).toContain('Offline since 08:20 · last contact 1 h ago');
    expect(lab).toContain('Nothing listens at http://lab.example.net:2024.');
    expect(lab).toContain('not encrypted');
    expect(lab).toContain('kept in a file only you can read');
    expect(lab).toContain('1 question for you · 1 answer on the way');
    expect(lab).toContain('cannot be understood: a request is no object');
  });

  test('are shown anew when one comes back', async () => {
    await settings();
    host.others.change('lab', { contact: { kind: 'connected', version: null, at: new Date().toISOString() } });
    await pass(300);
    expect(line('lab').textContent).toContain('Connected · last contact');
  });

  test('what one says is never markup', async () => {
    await settings();
    host.others.change('lab', { problems: ['<img src=x onerror=alert(1)>\u202Egnp.exe'] });
    await pass(300);
    expect(line('lab').querySelector('img')).toBeNull();
    expect(line('lab').textContent).toContain('<img src=x');
    expect(line('lab').textContent).not.toContain('\u202E');
  });

  test('there is none at first, and one is added', async () => {
    await settings('full');
    expect(section().getByText('There is none.')).toBeTruthy();
    await click(button('Add a server…'));
    expect(document.activeElement).toBe(section().getByLabelText('Name'));
    await type('Name', ' team ');
    await type('Address', 'https://agents.example.com');
    await type('Secret', 's3cret');
    await click(button('Add another header'));
    await type('Name of header 1', 'x-team');
    await type('Value of header 1', 'billing');
    await click(button('Add it'));
    expect(calls('addServer')).toEqual([{ name: 'team', url: 'https://agents.example.com', headers: [{ name: 'x-team', value: 'billing' }], secret: { name: 'x-api-key', value: 's3cret' } }]);
    expect(line('team').textContent).toContain('Not asked yet');
    expect(screen.queryByDisplayValue('s3cret'), 'the secret is nowhere on the page').toBeNull();
    expect(document.activeElement).toBe(button('Add a server…'));
  });

  test('one is tried before it is added, and nothing is added by that', async () => {
    await settings('full');
    await click(button('Add a server…'));
    expect(button('Try the connection').disabled).toBe(true);
    await type('Address', 'http://agents.example.com');
    await click(button('Try the connection'));
    expect(section().getByRole('status').textContent).toContain('It answers (version 0.16.7): 3 threads wait or failed there at least.');
    expect(section().getByRole('status').textContent).toContain('anyone on the way can read your answers');
    await type('Address', 'https://off.example.com');
    expect(section().getByRole('status').textContent).not.toContain('It answers');
    await click(button('Try the connection'));
    expect(section().getByRole('alert').textContent).toBe('Nothing listens at https://off.example.com. Nothing was added.');
    expect(calls('addServer')).toEqual([]);
    await click(button('Cancel'));
    expect(section().queryByRole('alert')).toBeNull();
  });

  test('a refusal keeps what was typed', async () => {
    await settings();
    await click(button('Add a server…'));
    await type('Name', 'lab');
    await type('Address', 'https://agents.example.com');
    await click(button('Add it'));
    expect(section().getByRole('alert').textContent).toContain('There is a server "lab" already.');
    expect(section().getByLabelText<HTMLInputElement>('Address').value).toBe('https://agents.example.com');
  });

  test('one is removed only after it was said what that loses', async () => {
    await settings();
    await click(button('Remove… lab'));
    expect(calls('removeServer')).toEqual([]);
    const asked = within(section().getByRole('group', { name: 'Remove lab' }));
    expect(section().getByRole('group').textContent).toContain('1 answer of yours is not sent');
    expect(document.activeElement).toBe(asked.getByRole('button', { name: 'Keep it' }));
    await click(asked.getByRole('button', { name: 'Keep it' }));
    expect(document.activeElement).toBe(button('Remove… lab'));
    await click(button('Remove… lab'));
    await click(button('Remove it'));
    expect(calls('removeServer')).toEqual(['lab']);
    expect(section().getAllByRole('listitem')).toHaveLength(1);
  });

  test('one that cannot be removed yet says why', async () => {
    await settings();
    host.failNext('removeServer', { code: 'conflict', message: 'A decision for this server can still be undone.', hint: 'Wait a moment, and remove it then.', faults: [] });
    await click(button('Remove… lab'));
    await click(button('Remove it'));
    expect(section().getByRole('alert').textContent).toBe('A decision for this server can still be undone. Wait a moment, and remove it then.');
    expect(section().getAllByRole('listitem')).toHaveLength(2);
  });

  test('are looked at on request', async () => {
    await settings();
    await click(button('Look now at lab'));
    expect(calls('lookAtServer')).toEqual(['lab']);
  });
});

describe('the card of a server', () => {
  test.each([
    ['h-asked', 'waits on lab, which does not answer now'],
    ['h-waits', 'waits for the server'],
    ['h-together', 'waits for 1 other answer'],
    ['h-sending', 'sent to lab, not heard of'],
    ['h-sent', 'sent to lab, not confirmed yet'],
  ])('%s says how far the answer is', async (id, words) => {
    await open('servers');
    await show(id);
    expect(screen.getByTestId('liveness').textContent).toBe(words);
  });

  test('says that an answer waits, and what happens to it', async () => {
    await open('servers');
    await show('h-waits');
    expect(screen.getByText(/Your answer waits for lab, which does not answer now\. It is sent once when the server is back\./u)).toBeTruthy();
  });

  test('says that it was answered elsewhere', async () => {
    await open('servers');
    await show('h-elsewhere');
    expect(screen.getByText(/It was answered elsewhere before your decision could be sent/u)).toBeTruthy();
  });

  test('promises nothing once it is over', () => {
    const over = { server: 'lab', reached: true, standing: { kind: 'over', how: { kind: 'left' } }, undecided: 0 } as const;
    expect(outboxWords(over, 'collected').text).toBe('nothing more is sent');
  });
});
