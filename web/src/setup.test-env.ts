import '@testing-library/jest-dom/vitest'
import { configure } from '@testing-library/react'

configure({ asyncUtilTimeout: 20_000 }) // a busy machine is no failure

// Mantine asks for what jsdom lacks.
Object.defineProperty(window, 'matchMedia', {
  value: (query: string) => ({ matches: false, media: query, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {} }),
})
globalThis.ResizeObserver ??= class { observe() {} unobserve() {} disconnect() {} }
