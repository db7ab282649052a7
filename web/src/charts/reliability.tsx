import type { ReliabilityBin } from '../api/client'
import { percent } from '../format'

const size = 180
const edge = 26

/**
 * Reliability draws what came true against what was said: on the diagonal a risk of 20 % comes true one time in five. Both axes
 * are square roots, because most risks are small. The larger a dot, the more forecasts it stands for.
 */
export function Reliability({ bins }: { bins: ReliabilityBin[] }) {
  const most = Math.max(...bins.map((b) => b.forecasts))
  const x = (p: number) => edge + Math.sqrt(p) * (size - edge - 6)
  const y = (p: number) => size - edge - Math.sqrt(p) * (size - edge - 6)
  const words = bins.map((b) => `${percent(b.risk)} said, ${percent(b.happened)} came true`).join('; ')
  return (
    <svg width={size} height={size} role="img" aria-label={`reliability: ${words}`} data-testid="reliability">
      <g stroke="currentColor" opacity={0.25}>
        {[0.01, 0.1, 0.25, 0.5, 1].map((p) => (
          <g key={p}>
            <line x1={x(p)} x2={x(p)} y1={y(0)} y2={y(1)} strokeWidth={0.5} />
            <line x1={x(0)} x2={x(1)} y1={y(p)} y2={y(p)} strokeWidth={0.5} />
          </g>
        ))}
      </g>
      <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} stroke="currentColor" opacity={0.6} strokeDasharray="4 3" />
      <polyline fill="none" stroke="var(--mantine-color-orange-6)" strokeWidth={1.3} points={bins.map((b) => `${x(b.risk)},${y(b.happened)}`).join(' ')} />
      {bins.map((b) => (
        <circle key={b.risk} cx={x(b.risk)} cy={y(b.happened)} r={2 + 4 * Math.sqrt(b.forecasts / most)} fill="var(--mantine-color-orange-6)">
          <title>{`${percent(b.risk)} said, ${percent(b.happened)} came true, ${b.forecasts} forecasts`}</title>
        </circle>
      ))}
      <g fill="currentColor" fontSize={9} opacity={0.8}>
        {[0, 0.1, 0.5, 1].map((p) => (
          <g key={p}>
            <text x={x(p)} y={size - edge + 11} textAnchor={p === 1 ? 'end' : 'middle'}>{p * 100} %</text>
            {p > 0 && <text x={edge - 3} y={y(p) + 3} textAnchor="end">{p * 100}</text>}
          </g>
        ))}
        <text x={(size + edge) / 2} y={size - 3} textAnchor="middle">said</text>
        <text x={9} y={(size - edge) / 2} textAnchor="middle" transform={`rotate(-90 9 ${(size - edge) / 2})`}>came true</text>
      </g>
    </svg>
  )
}
