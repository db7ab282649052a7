import { Anchor, Badge, Card, Loader, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router-dom'
import { type Explanation, type Forecast, read } from '../api/client'
import { clock, quantity, span } from '../format'

/** Episodes are the past moments that a subject is most like now, and what followed them. */
export function Episodes({ f }: { f: Forecast }) {
  const explanation = useQuery({
    queryKey: ['explanation', f.target, f.subject.id],
    queryFn: () => read<Explanation>(`explanations/${encodeURIComponent(f.target)}/${encodeURIComponent(f.subject.id)}`),
    staleTime: 60_000,
    retry: false,
  })
  const x = explanation.isPlaceholderData ? undefined : explanation.data // of the page before
  return (
    <Card withBorder>
      <Title order={4} mb="xs">The past most like now</Title>
      {explanation.isError && <Text size="sm" c="dimmed">{explanation.error.message}</Text>}
      {!x && !explanation.isError && <Loader size="sm" aria-label="loading the past" />}
      {x && <Text size="sm" mb="xs">{summary(x)}</Text>}
      {x && x.episodes.length > 0 && (
        <Table verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr><Table.Th>when</Table.Th><Table.Th>where</Table.Th><Table.Th ta="right">{f.type === 'level' ? `then → ${span(x.horizonSeconds)} later` : `within ${span(x.horizonSeconds)}`}</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {x.episodes.map((e) => (
              <Table.Tr key={e.subject.id + e.origin} title={`distance ${e.distance?.toPrecision(2) ?? '–'}`}>
                <Table.Td>{clock(e.origin)}</Table.Td>
                <Table.Td><Anchor component={Link} size="sm" ff="monospace" to={`/forecasts/${f.target}/${encodeURIComponent(e.subject.id)}`}>{e.subject.id}</Anchor></Table.Td>
                <Table.Td ta="right">
                  {f.type === 'level' && `${quantity(e.value, f.unit)} → ${quantity(e.after, f.unit)} `}
                  {e.happened === true && <Badge miw="max-content" size="sm" color="red" variant="light">{f.type === 'level' ? 'broke the bound' : 'happened'}</Badge>}
                  {e.happened === false && <Badge miw="max-content" size="sm" color="gray" variant="light">{f.type === 'level' ? 'held' : 'did not'}</Badge>}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Card>
  )
}

/** summary is the text without the list that the table shows. */
const summary = (x: Explanation) => (x.episodes.length > 0 ? x.text.split(':')[0]! : x.text)
