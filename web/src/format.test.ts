import { describe, expect, it } from 'vitest'
import { percent, quantity, riskColour, span } from './format'

describe('percent', () => {
  it.each([[0, '0 %'], [0.004, '<1 %'], [0.62, '62 %'], [0.997, '>99 %'], [1, '100 %'], [null, '–']])('%s is %s', (p, want) => {
    expect(percent(p)).toBe(want)
  })
})

describe('span', () => {
  it.each([[900, '15m'], [3600, '1h'], [604800, '7d'], [90, '1.5m'], [5400, '90m'], [45, '45s']])('%s s is %s', (s, want) => {
    expect(span(s)).toBe(want)
  })
})

describe('quantity', () => {
  it('prints short latencies in milliseconds', () => expect(quantity(0.01234, 's')).toBe('12.3\u202fms'))
  it('prints ratios as percent', () => expect(quantity(0.5, 'ratio')).toBe('50\u202f%'))
  it('prints missing as a dash', () => expect(quantity(null, 's')).toBe('–'))
})

describe('riskColour', () => {
  it.each([[0.8, 'red'], [0.4, 'yellow'], [0.1, 'teal'], [null, 'gray']])('%s of threshold 0.7 is %s', (p, want) => {
    expect(riskColour(p, 0.7)).toBe(want)
  })
})
