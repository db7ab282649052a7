import { Anchor, Badge, Card, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router-dom'
import { read, type ShiftList } from '../api/client'
import { age, clock } from '../format'

/** Shifts are signals whose distribution has left its baseline, or came back lately. */
export function Shifts({ now }: { now?: string }) {
  const list = useQuery({ queryKey: ['shifts'], queryFn: () => read<ShiftList>('shifts') })
  const items = list.data?.items ?? []
  return (
    <Card withBorder>
      <Title order={4} mb="xs">Signals that left their baseline</Title>
      {list.isError && <Text size="sm" c="red.7">{list.error.message}</Text>}
      {list.data && items.length === 0 && <Text size="sm" c="dimmed">None: what comes in looks like what the models have learned from.</Text>}
      {items.length > 0 && (
        <Table verticalSpacing={4} aria-label="signals that left their baseline">
          <Table.Thead><Table.Tr><Table.Th>Signal</Table.Th><Table.Th>Why</Table.Th><Table.Th>Since</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((s) => (
              <Table.Tr key={s.target + s.subject.id + s.onset}>
                <Table.Td>
                  <Anchor size="sm" component={Link} to={`/forecasts/${s.target}/${encodeURIComponent(s.subject.id)}`}>{s.target}</Anchor> <Text span size="sm" ff="monospace">{s.subject.id}</Text>
                  {s.state === 'gone' && <> <Badge size="xs" color="teal" variant="light">gone</Badge></>}
                </Table.Td>
                <Table.Td><Text size="sm">{s.why}</Text></Table.Td>
                <Table.Td><Text size="sm" title={clock(s.onset)}>{age(s.onset, now)} ago</Text></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Card>
  )
}
