import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  define: { __WITH_FAKE_DESK__: 'true' },
  test: {
    environment: 'jsdom',
    include: ['tests/{unit,components}/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    // The machine may be shared: a slow test is no wrong one.
    testTimeout: 20_000,
  },
});
