import { Anchor, Badge, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type PolicyList, read } from '../api/client'
import { percent } from '../format'

const colours = { observe: 'gray', recommend: 'blue', approve: 'grape', auto: 'orange' }

/** Policies are what may be done, and how what was done came out. */
export function Policies({ choose }: { choose: (name: string) => void }) {
  const list = useQuery({ queryKey: ['policies'], queryFn: () => read<PolicyList>('policies') })
  if (list.isError) return <Text size="sm" c="red.7">{list.error.message}</Text>
  if (!list.data) return null
  if (list.data.items.length === 0) return <Text size="sm" c="dimmed">No policy is configured, so Driftcast only warns and changes nothing. Policies are in the configuration, under corrections.</Text>
  return (
    <Table.ScrollContainer minWidth={700}>
      <Table verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Policy</Table.Th><Table.Th>Mode</Table.Th><Table.Th>Answers</Table.Th><Table.Th ta="right">Proposed</Table.Th><Table.Th ta="right">Applied</Table.Th>
            <Table.Th ta="right">Helped</Table.Th><Table.Th ta="right" title="Of subjects that were corrected, and of those kept without action: to how many it happened">Happened: acted, control</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.data.items.map((p) => (
            <Table.Tr key={p.name} title={p.score.text}>
              <Table.Td><Anchor component="button" onClick={() => choose(p.name)}>{p.name}</Anchor><Text size="xs" c="dimmed">{p.actuator}</Text></Table.Td>
              <Table.Td><Badge variant="light" color={colours[p.mode]}>{p.mode}</Badge></Table.Td>
              <Table.Td><Text size="sm">{[...p.targets, ...p.drifts.map((d) => `drift of ${d}`)].join(', ') || 'targets that name it'}</Text><Text size="xs" c="dimmed">from {percent(p.minRisk)}</Text></Table.Td>
              <Table.Td ta="right">{p.score.proposed}</Table.Td>
              <Table.Td ta="right">{p.score.applied}</Table.Td>
              <Table.Td ta="right">{p.score.helped}{p.score.notHelped > 0 && <Text span size="xs" c="dimmed">, {p.score.notHelped} not</Text>}</Table.Td>
              <Table.Td ta="right">{share(p.score.acted)}, {share(p.score.control)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

const share = (t: { known: number; happened: number }) => (t.known === 0 ? '–' : `${t.happened} of ${t.known}`)
