import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// Addresses are relative, so that the page works below any --base-path.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: { target: 'es2022', modulePreload: false, assetsInlineLimit: 0, reportCompressedSize: true },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});
