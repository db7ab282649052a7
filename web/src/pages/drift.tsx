import { Alert, Anchor, Badge, Code, Group, Loader, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router-dom'
import { type DriftFinding, type DriftList, read } from '../api/client'
import { age, clock, percent, revision } from '../format'
import { Baselines } from '../parts/baselines'
import { DriftHistory } from '../parts/drift-history'
import { Values } from '../parts/values'

const verdicts = ['drifted', 'unknown', 'synced']
const kinds = ['spec', 'image', 'replicas', 'environment', 'metadata', 'deletion', 'unobserved', 'version-skew', 'label-skew', 'resources']
const sources = ['git', 'directory', 'apply', 'last-applied', 'revision', 'baseline', 'pool', 'status']

/** DriftPage is what differs from its declared state now, field by field. */
export function DriftPage() {
  const [params, setParams] = useSearchParams()
  const set = (name: string, value: string | null) =>
    setParams((old) => { if (value) old.set(name, value); else old.delete(name); old.delete('cursor'); return old }, { replace: true })
  const query = Object.fromEntries(['verdict', 'kind', 'namespace', 'source', 'search', 'subject', 'cursor'].map((name) => [name, params.get(name) ?? undefined]))
  const [asked] = useDebouncedValue(JSON.stringify(query), 250)
  const list = useQuery({ queryKey: ['drift', asked], queryFn: () => read<DriftList>('drift', { ...JSON.parse(asked), limit: 50 }) })
  return (
    <Stack>
      <Group justify="space-between" align="end">
        <Title order={2}>Drift</Title>
        {list.data?.watched && (
          <Group align="end">
            <TextInput label="Object" placeholder="Deployment/web/shop" value={params.get('search') ?? ''} onChange={(e) => set('search', e.currentTarget.value)} />
            <Select label="Verdict" placeholder="all" clearable data={verdicts} w={130} value={params.get('verdict')} onChange={(v) => set('verdict', v)} />
            <Select label="Kind" placeholder="all" clearable data={kinds} w={150} value={params.get('kind')} onChange={(v) => set('kind', v)} />
            <TextInput label="Namespace" placeholder="all" w={140} value={params.get('namespace') ?? ''} onChange={(e) => set('namespace', e.currentTarget.value)} />
            <Select label="Declared by" placeholder="all" clearable data={sources} w={140} value={params.get('source')} onChange={(v) => set('source', v)} />
          </Group>
        )}
      </Group>
      {list.isError && <Alert color="red" title="The comparison cannot be read">{list.error.message}</Alert>}
      {list.isPending && !list.isError && <Loader aria-label="loading" />}
      {list.data && (list.data.watched ? <Compared list={list.data} filtered={Object.values(query).some((v) => v !== undefined)} /> : <Unwatched />)}
      {list.data?.watched && (
        <>
          <Group justify="space-between">
            {params.has('cursor') ? <Anchor component="button" onClick={() => set('cursor', null)}>First page</Anchor> : <span />}
            {list.data.nextCursor && <Anchor component="button" onClick={() => setParams((old) => { old.set('cursor', list.data.nextCursor!); return old })}>Next page</Anchor>}
          </Group>
          <DriftHistory />
          <Baselines />
        </>
      )}
    </Stack>
  )
}

/** Unwatched is what one sees where no cluster is configured: not "no drift". */
function Unwatched() {
  return (
    <Alert title="No cluster is watched" color="gray">
      <Stack gap="xs">
        <Text size="sm">Drift is the difference between what was declared and what is live, so it takes a cluster to look at. This server watches none; nothing is known about drift, which is not the same as none.</Text>
        <Text size="sm">To look once, with your own kubeconfig and reading only: <Code>driftcast drift</Code> or <Code>kubectl driftcast drift</Code>. To watch, forecast and keep the history, give <Code>driftcast serve</Code> a configuration with a <Code>cluster</Code> section.</Text>
      </Stack>
    </Alert>
  )
}

function Compared({ list, filtered }: { list: DriftList; filtered: boolean }) {
  if (!list.comparedAt) return <Alert title="Not compared yet" color="blue">The first comparison has not ended. Nothing is known about drift until then.</Alert>
  const { drifted, unknown, synced } = list.counts
  return (
    <>
      <Group gap="xs">
        <Badge color={drifted ? 'red' : 'gray'} variant="light" tt="none">{drifted} drifted</Badge>
        <Badge color={unknown ? 'orange' : 'gray'} variant="light" tt="none" title="Could not be compared; not counted as synced">{unknown} unknown</Badge>
        <Badge color="teal" variant="light" tt="none">{synced} synced</Badge>
        <Text size="sm" c="dimmed">{list.objects} objects looked at, compared {clock(list.comparedAt)} in {list.tookSeconds?.toPrecision(2)} s, {list.calls} calls to the API server</Text>
      </Group>
      {list.items.length === 0 && filtered && <Alert title="Nothing here">No object matches these filters.</Alert>}
      {list.items.length > 0 && (
        <Table.ScrollContainer minWidth={1000}>
          <Table verticalSpacing="xs" aria-label="drift">
            <Table.Thead>
              <Table.Tr><Table.Th>Object</Table.Th><Table.Th>What differs: declared → live</Table.Th><Table.Th>Since</Table.Th><Table.Th>Declared by</Table.Th><Table.Th>Sure</Table.Th></Table.Tr>
            </Table.Thead>
            <Table.Tbody>{list.items.map((f) => <Row key={f.object.id + f.source + f.origin} f={f} now={list.comparedAt!} />)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </>
  )
}

const colours = { drifted: 'red', unknown: 'orange', synced: 'teal' }

function Row({ f, now }: { f: DriftFinding; now: string }) {
  return (
    <Table.Tr style={{ verticalAlign: 'top' }}>
      <Table.Td maw={320}>
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>{f.object.id || f.origin}</Text>
        <Group gap="xs">
          <Badge size="xs" color={colours[f.verdict]} variant={f.verdict === 'synced' ? 'light' : 'filled'}>{f.verdict}</Badge>
          {f.subject && <Anchor size="xs" component={Link} to={`/?search=${encodeURIComponent(f.subject.id)}`}>its risks</Anchor>}
        </Group>
      </Table.Td>
      <Table.Td>
        {f.reason && <Text size="sm" c={f.verdict === 'unknown' ? 'orange.8' : undefined}>{f.reason}</Text>}
        <Stack gap={6}>
          {f.differences.map((d) => (
            <div key={d.path + d.manager}>
              <Text size="xs" ff="monospace" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{d.path} <Badge component="span" size="xs" variant="outline" color="gray">{d.kind}</Badge></Text>
              <Values from={d.declared} to={d.live} absent="not declared" />
              <Text size="xs" c="dimmed">{d.manager ? `by ${d.manager}` : 'by whom is not known'}{d.since && `, ${clock(d.since)}`}</Text>
            </div>
          ))}
        </Stack>
      </Table.Td>
      <Table.Td>
        {f.since && <Text size="sm" title={clock(f.since)}>{age(f.since, now)}</Text>}
        {f.recurrences > 1 && <Badge size="xs" color="orange" variant="light" tt="none" title="onsets in the last 30 days">{f.recurrences} times in 30 d</Badge>}
      </Table.Td>
      <Table.Td maw={220}>
        <Text size="sm">{f.source}{f.revision && <> <Code title={f.revision}>{revision(f.revision)}</Code></>}</Text>
        {f.origin && <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{f.origin}</Text>}
      </Table.Td>
      <Table.Td>{f.verdict === 'drifted' && <Text size="sm" title="how sure that somebody must act">{percent(f.confidence)}</Text>}</Table.Td>
    </Table.Tr>
  )
}
