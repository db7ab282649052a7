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
