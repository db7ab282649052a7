import { Card, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type DriftEpisodeList, read } from '../api/client'
import { age, clock } from '../format'
import { Values } from './values'

/** DriftHistory is what drifted lately: onset, end, who, and how long it took to put right. */
export function DriftHistory() {
  const list = useQuery({ queryKey: ['drift-episodes'], queryFn: () => read<DriftEpisodeList>('drift/episodes', { limit: 30 }) })
  const items = list.data?.items ?? []
  return (
    <Card withBorder>
      <Title order={4} mb="xs">Lately</Title>
      {list.isError && <Text size="sm" c="red.7">{list.error.message}</Text>}
      {list.data && items.length === 0 && <Text size="sm" c="dimmed">No drift has been seen yet.</Text>}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={800} mah={420}>
          <Table verticalSpacing={4}>
            <Table.Thead><Table.Tr><Table.Th>Began</Table.Th><Table.Th>Lasted</Table.Th><Table.Th>Field</Table.Th><Table.Th>Declared → live</Table.Th><Table.Th>By</Table.Th><Table.Th>Put right by</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {items.map((e) => (
                <Table.Tr key={e.object.id + e.path + e.since} style={{ verticalAlign: 'top' }}>
                  <Table.Td>{clock(e.since)}</Table.Td>
                  <Table.Td>{e.until ? age(e.since, e.until) : `${age(e.since)}, still is`}</Table.Td>
                  <Table.Td><Text size="sm" ff="monospace">{e.object.id}</Text><Text size="xs" ff="monospace" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{e.path}</Text></Table.Td>
                  <Table.Td><Values from={e.declared} to={e.live} absent="not declared" /></Table.Td>
                  <Table.Td>{e.manager || '–'}</Table.Td>
                  <Table.Td>{e.until ? e.repairedBy || 'not known' : ''}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  )
}
