import { Alert, Anchor, Badge, Group, Loader, Progress, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router-dom'
import { type ForecastItem, type ForecastList, read, type Target } from '../api/client'
import { Sparkline } from '../charts/sparkline'
import { clock, percent, riskColour, span } from '../format'

const kinds = ['node', 'gpu', 'workload', 'service', 'queue']
const horizons = ['15m', '1h', '6h', '24h', '7d']

/** RisksPage is the ranked list: what is likely to break next. */
export function RisksPage() {
  const [params, setParams] = useSearchParams()
  const set = (name: string, value: string | null) =>
    setParams((old) => { if (value) old.set(name, value); else old.delete(name); old.delete('cursor'); return old }, { replace: true })
  const query = Object.fromEntries(['target', 'kind', 'horizon', 'search', 'cursor'].map((name) => [name, params.get(name) ?? undefined]))
  const [asked] = useDebouncedValue(JSON.stringify(query), 250)
  const list = useQuery({ queryKey: ['forecasts', asked], queryFn: () => read<ForecastList>('forecasts', { ...JSON.parse(asked), limit: 50 }) })
  const targets = useQuery({ queryKey: ['targets'], queryFn: () => read<{ items: Target[] }>('targets'), refetchInterval: 60_000 })
  const items = list.data?.items ?? []
  return (
    <Stack>
      <Group justify="space-between" align="end">
        <Title order={2}>Risks</Title>
        <Group align="end">
          <TextInput label="Subject" placeholder="gpu-17" value={params.get('search') ?? ''} onChange={(e) => set('search', e.currentTarget.value)} />
          <Select label="Target" placeholder="all" clearable searchable data={targets.data?.items.map((t) => t.name) ?? []} value={params.get('target')} onChange={(v) => set('target', v)} />
          <Select label="Kind" placeholder="all" clearable data={kinds} w={130} value={params.get('kind')} onChange={(v) => set('kind', v)} />
          <Select label="Within" placeholder="any horizon" clearable data={horizons} w={140} value={params.get('horizon')} onChange={(v) => set('horizon', v)} />
        </Group>
      </Group>
      {list.isError && <Alert color="red" title="The list cannot be read">{list.error.message}</Alert>}
      {list.isPending && !list.isError && <Loader aria-label="loading" />}
      {list.data && items.length === 0 && <Alert title="No forecasts here">Nothing matches, or the first step has not ended yet. The status at the top right says what Driftcast waits for.</Alert>}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={900}>
          <Table highlightOnHover verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr><Table.Th>Risk</Table.Th><Table.Th>What and where</Table.Th><Table.Th>Within</Table.Th><Table.Th>Why</Table.Th><Table.Th>Past and ahead</Table.Th><Table.Th>As of</Table.Th></Table.Tr>
            </Table.Thead>
            <Table.Tbody>{items.map((item) => <Row key={item.target + item.subject.id} item={item} />)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Group justify="space-between">
        {params.has('cursor') ? <Anchor component="button" onClick={() => set('cursor', null)}>First page</Anchor> : <span />}
        {list.data?.nextCursor && <Anchor component="button" onClick={() => setParams((old) => { old.set('cursor', list.data.nextCursor!); return old })}>Next page</Anchor>}
      </Group>
    </Stack>
  )
}

function Row({ item }: { item: ForecastItem }) {
  const colour = riskColour(item.risk, item.threshold)
  return (
    <Table.Tr>
      <Table.Td w={110}>
        <Text fw={700} c={colour === 'gray' ? undefined : `${colour}.7`}>{percent(item.risk)}</Text>
        {item.risk !== null && <Progress value={item.risk * 100} color={colour} size="sm" aria-label={`risk ${percent(item.risk)}`} />}
      </Table.Td>
      <Table.Td>
        <Anchor component={Link} to={`/forecasts/${item.target}/${encodeURIComponent(item.subject.id)}`} fw={600}>{item.target}</Anchor>
        <Text size="sm" ff="monospace">{item.subject.id}</Text>
        {item.warning && <Badge color="red" size="xs">warning</Badge>}
      </Table.Td>
      <Table.Td>
        <Group gap={4} wrap="nowrap">
          {item.risks.map((r) => (
            <Badge key={r.horizonSeconds} variant="light" color={riskColour(r.probability, item.threshold)} tt="none" style={{ flexShrink: 0 }}>{span(r.horizonSeconds)} {percent(r.probability)}</Badge>
          ))}
        </Group>
      </Table.Td>
      <Table.Td maw={340}>{item.drivers.map((d) => <Text key={d.column} size="sm" lineClamp={1} title={d.text}>{d.text}</Text>)}</Table.Td>
      <Table.Td><Sparkline past={item.past} future={item.future} bound={item.objective?.bound} /></Table.Td>
      <Table.Td><Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{clock(item.origin)}</Text></Table.Td>
    </Table.Tr>
  )
}
