/** percent prints a probability: 62 %, <1 %, >99 %, – where it is unknown. */
export function percent(p: number | null | undefined): string {
  if (p === null || p === undefined) return '–'
  if (p > 0 && p < 0.01) return '<1 %'
  if (p < 1 && p > 0.99) return '>99 %'
  return `${Math.round(p * 100)} %`
}

/** span prints seconds as Prometheus prints durations: 15m, 6h, 7d. */
export function span(seconds: number): string {
  const units: [number, string][] = [[86400, 'd'], [3600, 'h'], [60, 'm']]
  for (const [size, unit] of units) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`
  }
  return seconds >= 3600 ? `${(seconds / 3600).toFixed(1)}h` : seconds >= 60 ? `${(seconds / 60).toFixed(1)}m` : `${seconds}s`
}

/** quantity prints a value with its unit: 3 significant digits, – where it is missing. */
export function quantity(v: number | null | undefined, unit = ''): string {
  if (v === null || v === undefined) return '–'
  const space = unit ? '\u202f' : ''
  if (unit === 's' && v !== 0 && Math.abs(v) < 1) return `${Number((v * 1000).toPrecision(3))}\u202fms`
  if (unit === 'ratio') return `${Number((v * 100).toPrecision(3))}\u202f%`
  return `${Number(v.toPrecision(3))}${space}${unit}`
}

/** slower prints a relative rise: +60 %, 12 times. */
export function slower(effect: number | null | undefined): string {
  if (effect === null || effect === undefined) return '–'
  if (effect >= 9) return `${Math.round(1 + effect)} times`
  return `${effect < 0 ? '−' : '+'}${Math.round(100 * Math.abs(effect))} %`
}

/** clock prints a time of day with its date when that is not the same day as now. */
export function clock(time: string | number, now = Date.now()): string {
  const t = new Date(typeof time === 'number' ? time * 1000 : time)
  const hour = t.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return t.toDateString() === new Date(now).toDateString() ? hour : `${t.toLocaleDateString([], { month: 'short', day: 'numeric' })} ${hour}`
}

/** riskColour is the Mantine colour of a risk beside its threshold. */
export function riskColour(p: number | null | undefined, threshold: number): string {
  if (p === null || p === undefined) return 'gray'
  if (p >= threshold) return 'red'
  return p >= threshold / 2 ? 'yellow' : 'teal'
}

/** age prints how long something has lasted: 40s, 12m, 3h, 5d. */
export function age(since: string, now: string | number = Date.now()): string {
  const seconds = Math.max(0, Math.round(((typeof now === 'number' ? now : Date.parse(now)) - Date.parse(since)) / 1000))
  if (seconds < 90) return `${seconds}s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)}m`
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86400)}d`
}

/** plain prints a value that came as JSON: strings without their quotes, – where it is absent. */
export function plain(json: string | undefined): string {
  if (json === undefined || json === '') return '–'
  if (json.startsWith('redacted:')) return '(redacted)'
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string') return value.startsWith('redacted:') ? '(redacted)' : value === '' ? '""' : value
  } catch {
    // cut to 1 KiB, or a plain word: shown as it is
  }
  return json
}

/** revision shortens what looks like a hash. */
export const revision = (r: string) => (/^[0-9a-f]{40,64}$/.test(r) ? r.slice(0, 8) : r)
