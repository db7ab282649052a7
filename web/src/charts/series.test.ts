import { expect, it } from 'vitest'
import type { FieldChange, Outcome } from '../api/client'
import { align, moments, range } from './series'

const path = { quantiles: [0.1, 0.5, 0.9], times: [30, 40], values: [[1, 1], [2, 2], [3, 3]] }

it('joins the path to the last known value and keeps gaps', () => {
  const got = align({ past: { times: [10, 20], values: [5, null] }, path }, [])
  expect(got.times).toEqual([10, 20, 30, 40])
  expect(got.past).toEqual([5, null, null, null])
  expect(got.bands[0]).toEqual([5, null, 1, 1])
})

it('lays earlier medians where they spoke of', () => {
  const earlier = [{ at: new Date(20_000).toISOString(), median: 7 }] as Outcome[]
  const got = align({ past: { times: [10, 20], values: [5, 6] }, path }, earlier)
  expect(got.outcomes).toEqual([null, 7, null, null])
})

it('keeps one very wide quantile from flattening the rest', () => {
  const [low, high] = range([1, 2, null], [[0.5, 1], [5, 1e6]], 2.5)
  expect(low).toBeGreaterThan(-1)
  expect(high).toBeLessThan(5)
})

it('takes a near bound in and leaves a far one out', () => {
  expect(range([1, 2], [], 3)[1]).toBeGreaterThan(3)
  expect(range([1, 2], [], 100)[1]).toBeLessThan(3)
})

it('marks each moment of change once', () => {
  const at = (s: number) => ({ at: new Date(s * 1000).toISOString() }) as FieldChange
  expect(moments({ changes: [at(30), at(10), at(10.2)] })).toEqual([10, 30])
})
