import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // The desk's content security policy knows no data: URLs.
  build: { target: 'es2022', assetsInlineLimit: 0, outDir: 'dist', chunkSizeWarningLimit: 600 },
  // The in-memory desk is for tests and visual work: no other build holds it.
  define: { __WITH_FAKE_DESK__: JSON.stringify(mode !== 'production') },
  server: { port: 1420, strictPort: true },
  clearScreen: false,
}));
