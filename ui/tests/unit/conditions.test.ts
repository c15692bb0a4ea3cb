import { expect, test } from 'vitest';
import { conditions } from '../../src/lib/conditions';

test('a rule says where its calls run, and that they name no folder', () => {
  const folder = (cwd?: string) => conditions({ args: {}, ...(cwd === undefined ? {} : { cwd }) }).map(({ how, value }) => `${how} ${value}`.trim());
  expect(folder('/work')).toEqual(['is /work']);
  expect(folder('')).toEqual(['is not named']);
  expect(folder()).toEqual([]);
});
