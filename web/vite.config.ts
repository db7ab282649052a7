import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// The page is embedded in the binary and may be served under a route prefix,
// so every address in it is relative.
export default defineConfig({
  base: './',
  plugins: [react()],
  build: { outDir: '../api/ui/dist', emptyOutDir: true, chunkSizeWarningLimit: 1000 },
  server: { proxy: { '/api': 'http://127.0.0.1:9595' } },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'jsdom', setupFiles: ['src/setup.test-env.ts'], testTimeout: 60_000 },
})
