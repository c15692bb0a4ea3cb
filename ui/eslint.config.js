import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

/** Imports go downwards only: views, components, state, host, lib, gen. */
const layers = ['views', 'components', 'state', 'host', 'lib', 'gen'];

/** The layers a layer may not know, as import patterns. */
function above(layer) {
  const forbidden = layers.slice(0, layers.indexOf(layer));
  if (layer === 'components') forbidden.push('host');
  if (layer === 'views') forbidden.push('host');
  return forbidden.map((name) => ({
    regex: `^(\\.\\./)+${name}/`,
    message: `${layer} may not import ${name}: imports go downwards only, and host is reached through state.`,
  }));
}

const tauri = { regex: '^@tauri-apps/', message: 'host/tauri.ts is the only door to Tauri.' };

export default ts.config(
  { ignores: ['dist', 'node_modules', 'test-results', 'src/gen'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node, __WITH_FAKE_DESK__: 'readonly' } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      'no-console': 'error',
      'no-eval': 'error',
      'svelte/no-at-html-tags': 'error',
      'svelte/require-each-key': 'error',
      'svelte/no-at-debug-tags': 'error',
      'max-lines': ['error', 500],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Maps and sets are replaced as a whole, under $state.raw, or not reactive at all.
      'svelte/prefer-svelte-reactivity': 'off',
      // A space in braces is the one that survives at the edge of a block.
      'svelte/no-useless-mustaches': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
    },
  },
  ...layers.slice(0, -1).map((layer) => ({
    files: [`src/${layer}/**/*.{ts,svelte}`],
    rules: {
      'no-restricted-imports': ['error', { patterns: layer === 'host' ? above(layer) : [...above(layer), tauri] }],
    },
  })),
  {
    files: ['src/main.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [tauri] }] },
  },
);
