import { Badge, Card, Code, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type BaselineList, read } from '../api/client'
import { age, revision } from '../format'

/** Baselines are the declared states that the cluster is compared with. */
export function Baselines() {
  const list = useQuery({ queryKey: ['baselines'], queryFn: () => read<BaselineList>('baselines') })
  const items = list.data?.items ?? []
  return (
    <Card withBorder>
      <Title order={4} mb="xs">Declared in Git and folders</Title>
      {list.isError && <Text size="sm" c="red.7">{list.error.message}</Text>}
      {list.data && items.length === 0 && <Text size="sm" c="dimmed">None is configured: objects are compared with what their own managers applied and with their recorded baseline.</Text>}
      {items.length > 0 && (
        <Table verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th>Name</Table.Th><Table.Th>Where</Table.Th><Table.Th>Revision</Table.Th><Table.Th ta="right">Objects</Table.Th><Table.Th>Looked at</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((b) => (
              <Table.Tr key={b.name}>
                <Table.Td>{b.name}</Table.Td>
                <Table.Td><Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>{b.location}</Text></Table.Td>
                <Table.Td>{b.revision ? <Code title={b.revision}>{revision(b.revision)}</Code> : '–'}{b.revised && <Text size="xs" c="dimmed">{age(b.revised)} old</Text>}</Table.Td>
                <Table.Td ta="right">{b.objects}</Table.Td>
                <Table.Td>{b.checked ? `${age(b.checked)} ago` : 'never'} {b.error && <><Badge size="xs" color="red">error</Badge><Text size="sm" c="red.7">{b.error}</Text></>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Card>
  )
}
