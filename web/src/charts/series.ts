import type { Forecast, Outcome } from '../api/client'

/** Columns is one time axis with a column for each thing drawn; null is a gap. */
export interface Columns {
  times: number[]
  past: (number | null)[]
  bands: (number | null)[][] // one a quantile, ascending
  quantiles: number[]
  outcomes: (number | null)[] // medians of earlier forecasts at the horizon chosen
}

/** align lays past, path and earlier forecasts of one horizon on one ascending time axis. */
export function align(f: Pick<Forecast, 'past' | 'path'>, earlier: Outcome[]): Columns {
  const seconds = (text: string) => Date.parse(text) / 1000
  const times = [...new Set([...f.past.times, ...f.path.times, ...earlier.map((o) => seconds(o.at))])].sort((a, b) => a - b)
  const place = new Map(times.map((t, i) => [t, i]))
  const column = () => new Array<number | null>(times.length).fill(null)
  const past = column()
  f.past.times.forEach((t, i) => { past[place.get(t)!] = f.past.values[i] ?? null })
  const bands = f.path.values.map((values) => {
    const band = column()
    f.path.times.forEach((t, i) => { band[place.get(t)!] = values[i] ?? null })
    return band
  })
  // The path starts where the past ends, so that the two join.
  const last = past.findLastIndex((v) => v !== null)
  if (last >= 0) bands.forEach((band) => { band[last] ??= past[last] ?? null })
  const outcomes = column()
  earlier.forEach((o) => { outcomes[place.get(seconds(o.at))!] = o.median })
  return { times, past, bands, quantiles: f.path.quantiles, outcomes }
}

/**
 * range is what the value axis spans: everything in the core (past, median), the bound unless it is far off, and the
 * bands as far as three times that, so that one very wide quantile does not flatten the rest.
 */
export function range(core: (number | null)[], bands: (number | null)[][], bound?: number): [number, number] {
  const known = core.filter((v) => v !== null)
  if (known.length === 0) return [0, 1]
  let low = known.reduce((a, b) => Math.min(a, b))
  let high = known.reduce((a, b) => Math.max(a, b))
  const span = () => high - low || Math.abs(high) || 1
  if (bound !== undefined && bound < high + 2 * span() && bound > low - 2 * span()) [low, high] = [Math.min(low, bound), Math.max(high, bound)]
  const [floor, ceiling] = [low - span(), high + span()]
  for (const v of bands.flat()) {
    if (v !== null) [low, high] = [Math.min(low, Math.max(v, floor)), Math.max(high, Math.min(v, ceiling))]
  }
  const pad = span() * 0.05
  return [low - pad, high + pad]
}

/** moments are the times (Unix seconds) at which something changed on the subject, each once. */
export function moments(f: Pick<Forecast, 'changes'>): number[] {
  return [...new Set(f.changes.map((c) => Math.round(Date.parse(c.at) / 1000)))].sort((a, b) => a - b)
}
