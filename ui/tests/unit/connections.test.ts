/** What an agent is connected through, in one line. */
import { describe, expect, test } from 'vitest';
import { builtWith, contact, throughWords } from '../../src/lib/connections';

const NOW = Date.parse('2026-11-23T06:00:00Z');
const at = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

describe('a connection', () => {
  test.each([
    [{ brief: false, connected: true, last_seen: at(9) }, 'connected'],
    [{ brief: false, connected: false, last_seen: at(9) }, 'last heard of 9 min ago'],
    [{ brief: true, connected: false, last_seen: at(9) }, 'last call 9 min ago'],
    // The call itself is under way: that is when it was made, and no standing line.
    [{ brief: true, connected: true, last_seen: at(0) }, 'last call just now'],
  ])('%o was heard of: %s', (one, said) => {
    expect(contact(one, NOW)).toBe(said);
  });

  test.each([
    [{ integration: 'socket', framework: 'my loop', version: '2' }, 'my loop 2'],
    [{ integration: 'socket', framework: null, version: null }, ''],
    [{ integration: 'mcp_server', framework: 'handoff-mcp', version: '0.1.0' }, '0.1.0'],
  ] as const)('%o is built with “%s”', (one, said) => {
    expect(builtWith(one)).toBe(said);
  });

  test('is named once, and many are counted', () => {
    const titles = (...all: string[]) => throughWords(all.map((title) => ({ title })));
    expect(titles()).toBe('');
    expect(titles('Own code', 'Own code')).toBe('Own code');
    expect(titles('a', 'b', 'c')).toBe('a, b, c');
    expect(titles('a', 'b', 'c', 'd', 'e')).toBe('a, b, c and 2 more');
  });
});
