import type { Points } from '../api/client'

const width = 180
const height = 32

/** Sparkline draws the recent past as a line and the median ahead of it dashed. */
export function Sparkline({ past, future, bound }: { past: Points; future: Points; bound?: number }) {
  const points = [...zip(past), ...zip(future)]
  const values = points.map(([, v]) => v).filter((v) => v !== null)
  if (values.length < 2) return null
  const times = points.map(([t]) => t)
  const [t0, t1] = [Math.min(...times), Math.max(...times)]
  let [low, high] = [Math.min(...values), Math.max(...values)]
  if (bound !== undefined && bound <= high + (high - low)) [low, high] = [Math.min(low, bound), Math.max(high, bound)]
  const x = (t: number) => ((t - t0) / (t1 - t0 || 1)) * width
  const y = (v: number) => height - 2 - ((v - low) / (high - low || 1)) * (height - 4)
  const draw = (list: [number, number | null][]) => list.map(([t, v], i) => (v === null ? '' : `${i && list[i - 1]![1] !== null ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v).toFixed(1)}`)).join('')
  const last = zip(past).filter(([, v]) => v !== null).at(-1)
  return (
    <svg width={width} height={height} role="img" aria-label={`from ${values[0]} to ${values.at(-1)}`}>
      {bound !== undefined && bound >= low && bound <= high && <line x1={0} x2={width} y1={y(bound)} y2={y(bound)} stroke="var(--mantine-color-red-6)" strokeWidth={0.7} />}
      <path d={draw(zip(past))} fill="none" stroke="var(--mantine-color-blue-6)" strokeWidth={1.3} />
      <path d={draw(last ? [last, ...zip(future)] : zip(future))} fill="none" stroke="var(--mantine-color-orange-6)" strokeWidth={1.3} strokeDasharray="3 2" />
    </svg>
  )
}

function zip(p: Points): [number, number | null][] {
  return p.times.map((t, i) => [t, p.values[i] ?? null])
}
