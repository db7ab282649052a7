import '@testing-library/jest-dom/vitest'

// Mantine asks for what jsdom lacks.
Object.defineProperty(window, 'matchMedia', {
  value: (query: string) => ({ matches: false, media: query, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {} }),
})
globalThis.ResizeObserver ??= class { observe() {} unobserve() {} disconnect() {} }
