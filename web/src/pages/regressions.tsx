import { Alert, Anchor, Badge, Card, Group, Loader, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router-dom'
import { read, type Regression, type RegressionList, type Status, type Target } from '../api/client'
import { age, clock, percent, quantity, slower } from '../format'
import { Shifts } from '../parts/shifts'

/** RegressionsPage is what became slower after a change and stays so, and which signals have left their baseline. */
export function RegressionsPage() {
  const list = useQuery({ queryKey: ['regressions'], queryFn: () => read<RegressionList>('regressions') })
  const targets = useQuery({ queryKey: ['targets'], queryFn: () => read<{ items: Target[] }>('targets') })
  const status = useQuery({ queryKey: ['status'], queryFn: () => read<Status>('status') })
  const units = new Map(targets.data?.items.map((t) => [t.name, t.unit]))
  const items = list.data?.items ?? []
  return (
    <Stack>
      <Title order={2}>Regressions</Title>
      {list.isError && <Alert color="red" title="Regressions cannot be read">{list.error.message}</Alert>}
      {list.isPending && !list.isError && <Loader aria-label="loading" />}
      {list.data && items.length === 0 && <Text c="dimmed">No latency has risen for its load and stayed up in the last days. Targets with a regression section are looked at every five minutes.</Text>}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={900}>
          <Table verticalSpacing="xs" aria-label="regressions">
            <Table.Thead>
              <Table.Tr><Table.Th>What and where</Table.Th><Table.Th>How much slower</Table.Th><Table.Th>Since</Table.Th><Table.Th>Follows</Table.Th><Table.Th>Sure</Table.Th></Table.Tr>
            </Table.Thead>
            <Table.Tbody>{items.map((r) => <Row key={r.id} r={r} unit={units.get(r.target) ?? ''} now={status.data?.now} />)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Shifts now={status.data?.now} />
      <Card withBorder>
        <Text size="sm" c="dimmed">
          Load and hour are taken into account: more requests alone are no regression. A policy with <code>drift: [latency-regression]</code> proposes to take the rollout back;
          its <Anchor component={Link} to="/corrections" size="sm">corrections</Anchor> wait there for a person unless the policy says otherwise.
        </Text>
      </Card>
    </Stack>
  )
}

function Row({ r, unit, now }: { r: Regression; unit: string; now?: string }) {
  return (
    <Table.Tr style={{ verticalAlign: 'top' }}>
      <Table.Td maw={340}>
        <Group gap="xs">
          <Text fw={600}>{r.target}</Text>
          <Badge size="xs" color={r.state === 'gone' ? 'teal' : 'red'} variant={r.state === 'gone' ? 'light' : 'filled'}>{r.state}</Badge>
        </Group>
        {r.subjects.slice(0, 5).map((s) => (
          <div key={s.id}><Anchor size="sm" ff="monospace" component={Link} to={`/forecasts/${r.target}/${encodeURIComponent(s.id)}`}>{s.id}</Anchor></div>
        ))}
        {r.subjects.length > 5 && <Text size="xs" c="dimmed">and {r.subjects.length - 5} more</Text>}
      </Table.Td>
      <Table.Td>
        <Text fw={700}>{slower(r.effect)}</Text>
        <Text size="sm">{quantity(r.before, unit)} → {quantity(r.after, unit)}</Text>
        <Text size="xs" c="dimmed" title="95 % interval of the effect">{slower(r.lower)} … {slower(r.upper)}</Text>
      </Table.Td>
      <Table.Td>
        <Text size="sm" title={clock(r.onset)}>{age(r.onset, now)} ago</Text>
        {r.ended && <Text size="xs" c="dimmed">gone since {clock(r.ended)}</Text>}
      </Table.Td>
      <Table.Td maw={360}>
        {r.follows.length === 0 && <Text size="sm" c="dimmed">no change found before it</Text>}
        {r.follows.map((c) => <Text key={c.text + c.at} size="sm" style={{ overflowWrap: 'anywhere' }}>{c.text}</Text>)}
      </Table.Td>
      <Table.Td>{percent(r.confidence)}</Table.Td>
    </Table.Tr>
  )
}
