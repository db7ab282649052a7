import { expect, it } from 'vitest'
import type { Outcome } from '../api/client'
import { align } from './series'

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
