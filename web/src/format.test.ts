import { describe, expect, it } from 'vitest'
import { age, percent, plain, quantity, revision, riskColour, slower, span } from './format'

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

describe('slower', () => {
  it.each([[0.6, '+60 %'], [-0.1, '−10 %'], [0, '+0 %'], [11, '12 times'], [null, '–']])('%s is %s', (effect, want) => {
    expect(slower(effect)).toBe(want)
  })
})

describe('riskColour', () => {
  it.each([[0.8, 'red'], [0.4, 'yellow'], [0.1, 'teal'], [null, 'gray']])('%s of threshold 0.7 is %s', (p, want) => {
    expect(riskColour(p, 0.7)).toBe(want)
  })
})

describe('age', () => {
  it.each([[40, '40s'], [600, '10m'], [7200, '2h'], [40 * 3600, '2d'], [-5, '0s']])('%s s ago is %s', (s, want) => {
    expect(age(new Date(1e12 - s * 1000).toISOString(), 1e12)).toBe(want)
  })
})

describe('plain', () => {
  it.each([['"shop:1"', 'shop:1'], ['3', '3'], ['{"a":1}', '{"a":1}'], [undefined, '–'], ['""', '""'], ['"redacted:4f2c"', '(redacted)'], ['OOMKilled', 'OOMKilled']])('%s is %s', (json, want) => {
    expect(plain(json)).toBe(want)
  })
})

describe('revision', () => {
  it('shortens a commit', () => expect(revision('4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a')).toBe('4f2c1e9a'))
  it('keeps a number', () => expect(revision('12')).toBe('12'))
})
