import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import type { Forecast, Outcome } from '../api/client'
import { quantity } from '../format'
import { align, moments, range } from './series'

/**
 * ForecastChart draws the past, a "now" line, the median ahead (dashed) within
 * its shaded quantile bands, the bound, the predicted crossing, what earlier
 * forecasts had said, and when something changed on the subject.
 */
export function ForecastChart({ forecast, earlier }: { forecast: Forecast; earlier: Outcome[] }) {
  const { ref, width } = useElementSize()
  const scheme = useComputedColorScheme('light')
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!box.current || width === 0) return
    const { times, past, bands, quantiles, outcomes } = align(forecast, earlier)
    const ink = scheme === 'dark' ? '#c9c9c9' : '#333'
    const grid = { stroke: scheme === 'dark' ? '#333' : '#e9ecef', width: 1 }
    const axis = { stroke: ink, grid, ticks: grid }
    const value = (_: uPlot, v: number | null) => quantity(v, forecast.unit)
    const first = 3 // time, past, outcomes, then the bands
    const middle = quantiles.findIndex((q) => Math.abs(q - 0.5) < 1e-9)
    const series: uPlot.Series[] = [
      {},
      { label: 'measured', stroke: '#228be6', width: 1.5, value, spanGaps: false },
      { label: 'earlier forecasts', stroke: '#868e96', width: 0, points: { show: true, size: 4, fill: '#868e96' }, value },
      ...quantiles.map((q, i): uPlot.Series => ({
        label: i === middle ? 'median' : `q${Math.round(q * 100)}`,
        stroke: i === middle ? '#fd7e14' : 'transparent',
        width: i === middle ? 2 : 0,
        dash: i === middle ? [6, 4] : undefined,
        points: { show: false },
        spanGaps: true,
        value,
      })),
    ]
    const fills: uPlot.Band[] = []
    for (let low = 0, high = quantiles.length - 1; low < high; low++, high--) {
      fills.push({ series: [first + high, first + low], fill: 'rgba(253, 126, 20, 0.12)' })
    }
    const chart = new uPlot(
      {
        width,
        height: 360,
        series,
        bands: fills,
        axes: [axis, { ...axis, size: 70, values: (_, ticks) => ticks.map((v) => quantity(v, forecast.unit)) }],
        scales: { y: { range: () => range([...past, ...outcomes, ...(bands[middle] ?? [])], bands, forecast.objective?.bound) } },
        hooks: { draw: [(u) => marks(u, forecast, ink)] },
        legend: { live: true },
      },
      [times, past, outcomes, ...bands] as uPlot.AlignedData,
      box.current,
    )
    // The legend keeps what a person reads: not a line for each of nine quantiles.
    chart.root.querySelectorAll<HTMLElement>('.u-legend .u-series').forEach((row, i) => {
      const q = quantiles[i - first]
      if (q !== undefined && ![0.1, 0.5, 0.9].some((keep) => Math.abs(q - keep) < 1e-9)) row.style.display = 'none'
    })
    return () => chart.destroy()
  }, [forecast, earlier, width, scheme])
  return <div ref={ref} style={{ width: '100%' }}><div ref={box} data-testid="forecast-chart" /></div>
}

/** marks draws changes, now, the bound and the predicted crossing over the chart. */
function marks(u: uPlot, f: Forecast, ink: string) {
  const { ctx, bbox } = u
  const line = (x0: number, y0: number, x1: number, y1: number, colour: string, dash: number[]) => {
    ctx.save()
    ctx.strokeStyle = colour
    ctx.lineWidth = devicePixelRatio
    ctx.setLineDash(dash)
    ctx.beginPath()
    ctx.moveTo(x0, y0)
    ctx.lineTo(x1, y1)
    ctx.stroke()
    ctx.restore()
  }
  const write = (text: string, x: number, y: number, colour: string) => {
    ctx.save()
    ctx.fillStyle = colour
    ctx.textAlign = 'left'
    ctx.textBaseline = 'alphabetic'
    ctx.font = `${12 * devicePixelRatio}px sans-serif`
    ctx.fillText(text, x, y)
    ctx.restore()
  }
  for (const at of moments(f)) {
    const x = u.valToPos(at, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    line(x, bbox.top, x, bbox.top + bbox.height, 'rgba(190, 75, 219, 0.45)', [1, 3])
    write('◆', x - 4 * devicePixelRatio, bbox.top + bbox.height - 2 * devicePixelRatio, '#be4bdb')
  }
  const now = u.valToPos(Date.parse(f.origin) / 1000, 'x', true)
  line(now, bbox.top, now, bbox.top + bbox.height, ink, [2, 2])
  write('now', now + 4, bbox.top + 12 * devicePixelRatio, ink)
  if (f.objective) {
    const y = u.valToPos(f.objective.bound, 'y', true)
    if (y >= bbox.top && y <= bbox.top + bbox.height) {
      line(bbox.left, y, bbox.left + bbox.width, y, '#fa5252', [])
      write(`objective ${f.objective.op} ${quantity(f.objective.bound, f.unit)}`, bbox.left + 6, y - 4 * devicePixelRatio, '#fa5252')
    }
  }
  if (f.crossing) {
    const x = u.valToPos(Date.parse(f.crossing) / 1000, 'x', true)
    line(x, bbox.top, x, bbox.top + bbox.height, '#fa5252', [4, 4])
    write('predicted crossing', x + 4, bbox.top + 28 * devicePixelRatio, '#fa5252')
  }
}
