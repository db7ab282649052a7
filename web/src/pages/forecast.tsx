import { Alert, Anchor, Badge, Card, Grid, Group, Loader, SegmentedControl, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { type Forecast, type Outcome, read, type Status } from '../api/client'
import { ForecastChart } from '../charts/forecast-chart'
import { clock, percent, quantity, riskColour, span } from '../format'
import { Changes } from '../parts/changes'
import { Episodes } from '../parts/episodes'
import { Outcomes } from '../parts/outcomes'
import { Scores } from '../parts/scores'

/** ForecastPage is one subject's forecast: past, now, ahead, why, and how earlier ones came out. */
export function ForecastPage() {
  const { target = '', subject = '' } = useParams()
  const forecast = useQuery({
    queryKey: ['forecast', target, subject],
    queryFn: () => read<Forecast>(`forecasts/${encodeURIComponent(target)}/${encodeURIComponent(subject)}`),
  })
  if (forecast.isError && !forecast.data) return <Alert color="red" title={`No forecast of ${target} for ${subject}`}>{forecast.error.message} <Anchor component={Link} to="/">All risks</Anchor></Alert>
  if (!forecast.data || forecast.isPlaceholderData) return <Loader aria-label="loading" />
  return <Page f={forecast.data} />
}

function Page({ f }: { f: Forecast }) {
  const horizons = useMemo(() => [...new Set(f.issued.map((o) => o.horizonSeconds))].sort((a, b) => a - b), [f.issued])
  const [chosen, choose] = useState<number>()
  const horizon = chosen !== undefined && horizons.includes(chosen) ? chosen : horizons[0]
  const status = useQuery({ queryKey: ['status'], queryFn: () => read<Status>('status') })
  const earlier = useMemo(() => f.issued.filter((o) => o.horizonSeconds === horizon), [f.issued, horizon])
  return (
    <Stack>
      <Group justify="space-between">
        <div>
          <Title order={2}>{f.target}</Title>
          <Text ff="monospace">{f.subject.id}</Text>
          {f.annotations?.summary && <Text c="dimmed">{f.annotations.summary}</Text>}
        </div>
        <Group>
          {f.warning && <Badge color="red" size="lg">warning</Badge>}
          {f.risks.map((r) => (
            <Badge key={r.horizonSeconds} size="lg" variant="light" tt="none" color={riskColour(r.probability, f.threshold)}>{span(r.horizonSeconds)} {percent(r.probability)}</Badge>
          ))}
        </Group>
      </Group>
      <Grid>
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack>
            <Card withBorder>
              <ForecastChart forecast={f} earlier={f.type === 'level' ? earlier : none} />
              <Text size="xs" c="dimmed">
                Forecast at {clock(f.origin)} by {f.model.slice(0, 19)}; {f.fresh ? `newest sample ${clock(f.fresh)}` : 'no sample yet'}.
                {f.risks.length > 0 && ` Warns from ${percent(f.threshold)}${f.because ? `, from ${f.because}` : ''}.`}
                {f.changes.length > 0 && ' ◆ marks what changed on it.'}
                {f.type === 'level' ? ' Shaded: from the 0.1 to the 0.9 quantile.' : ' An event: 1 while its condition holds. Its risks are above.'}
              </Text>
            </Card>
            <Episodes f={f} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Stack>
            <Drivers f={f} />
            <Ahead f={f} />
            {(status.data?.clusterWatched || f.changes.length > 0) && (
              <Card withBorder>
                <Title order={4} mb="xs">What changed</Title>
                <Changes changes={f.changes} empty="Nothing changed on it within the past shown." />
              </Card>
            )}
          </Stack>
        </Grid.Col>
      </Grid>
      <Card withBorder>
        <Group justify="space-between" mb="sm">
          <Title order={4}>Earlier forecasts and what became of them</Title>
          {horizons.length > 1 && <SegmentedControl aria-label="horizon" data={horizons.map((h) => ({ value: String(h), label: span(h) }))} value={String(horizon)} onChange={(v) => choose(Number(v))} />}
        </Group>
        <Outcomes outcomes={earlier} level={f.type === 'level'} unit={f.unit} />
      </Card>
      <Card withBorder>
        <Title order={4} mb="xs">How forecasts of {f.target} came out {horizon !== undefined && `within ${span(horizon)}`}</Title>
        <Scores target={f.target} model={f.model} horizon={horizon} level={f.type === 'level'} unit={f.unit} />
      </Card>
    </Stack>
  )
}

const none: Outcome[] = []

function Drivers({ f }: { f: Forecast }) {
  return (
    <Card withBorder>
      <Title order={4} mb="xs">Why</Title>
      {f.drivers.length === 0 && <Text size="sm" c="dimmed">This model forecasts from the series alone and names no drivers.</Text>}
      {f.drivers.map((d) => (
        <Group key={d.column} justify="space-between" wrap="nowrap">
          <Text size="sm">{d.text}</Text>
          <Text size="sm" c={(d.contribution ?? 0) > 0 ? 'red.7' : 'teal.7'} title="contribution on the model's own scale">
            {d.contribution === null ? '' : `${d.contribution > 0 ? '▲' : '▼'} ${Math.abs(d.contribution).toPrecision(2)}`}
          </Text>
        </Group>
      ))}
    </Card>
  )
}

/** Ahead is the table beside the chart: the path at a few times. */
function Ahead({ f }: { f: Forecast }) {
  const { times, values, quantiles } = f.path
  if (times.length === 0) return null
  const origin = Date.parse(f.origin) / 1000
  const at = f.risks.length ? f.risks.map((r) => times.findLastIndex((t) => t <= origin + r.horizonSeconds + 1)) : [0, 0.25, 0.5, 1].map((p) => Math.floor(p * (times.length - 1)))
  const shown = [0.1, 0.5, 0.9].map((q) => quantiles.findIndex((x) => Math.abs(x - q) < 1e-9))
  return (
    <Card withBorder>
      <Title order={4} mb="xs">Ahead</Title>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>in</Table.Th><Table.Th ta="right">10 %</Table.Th><Table.Th ta="right">median</Table.Th><Table.Th ta="right">90 %</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {[...new Set(at)].filter((i) => i >= 0).map((i) => (
            <Table.Tr key={i}>
              <Table.Td>{span(Math.round(times[i]! - origin))}</Table.Td>
              {shown.map((q) => <Table.Td key={q} ta="right">{quantity(values[q]?.[i], f.unit)}</Table.Td>)}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {f.crossing && <Text size="sm" c="red.7">The median crosses the objective at {clock(f.crossing)}.</Text>}
    </Card>
  )
}
