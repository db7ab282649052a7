import { Badge, Table, Text } from '@mantine/core'
import type { Outcome } from '../api/client'
import { clock, percent, quantity } from '../format'

/** Outcomes is the record of earlier forecasts: what was said, what happened. */
export function Outcomes({ outcomes, level, unit }: { outcomes: Outcome[]; level: boolean; unit: string }) {
  const matured = outcomes.filter((o) => o.matured !== null)
  if (matured.length === 0) return <Text size="sm" c="dimmed">None has matured yet: a forecast is judged once its horizon has passed.</Text>
  const known = matured.filter((o) => o.actual !== null && o.lower !== null && o.upper !== null)
  const inside = known.filter((o) => o.actual! >= o.lower! && o.actual! <= o.upper!).length
  return (
    <>
      {level && known.length > 0 && <Text size="sm" mb="xs">{inside} of {known.length} actual values lay within the 10–90 % band ({percent(inside / known.length)}; 80 % is right).</Text>}
      <Table.ScrollContainer minWidth={600} mah={420}>
        <Table verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Said at</Table.Th><Table.Th>Of</Table.Th>
              {level && <><Table.Th ta="right">Median (10–90 %)</Table.Th><Table.Th ta="right">Actual</Table.Th><Table.Th ta="right">Naive</Table.Th></>}
              <Table.Th ta="right">Risk</Table.Th><Table.Th>Happened</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {matured.slice(0, 50).map((o) => (
              <Table.Tr key={o.origin}>
                <Table.Td>{clock(o.origin)}</Table.Td>
                <Table.Td>{clock(o.at)}</Table.Td>
                {level && (
                  <>
                    <Table.Td ta="right">{quantity(o.median, unit)} ({quantity(o.lower, unit)}–{quantity(o.upper, unit)})</Table.Td>
                    <Table.Td ta="right">{quantity(o.actual, unit)}</Table.Td>
                    <Table.Td ta="right">{quantity(o.naive, unit)}</Table.Td>
                  </>
                )}
                <Table.Td ta="right">{percent(o.risk)}</Table.Td>
                <Table.Td><Verdict o={o} /></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  )
}

/** Verdict says whether what was warned of happened, in a word that needs no colour. */
function Verdict({ o }: { o: Outcome }) {
  if (o.happened === null || o.risk === null) return <Text size="sm" c="dimmed">–</Text>
  if (o.warned) return o.happened ? <Badge color="teal" variant="light">warned, happened</Badge> : <Badge color="orange" variant="light">false warning</Badge>
  return o.happened ? <Badge color="red" variant="light">missed</Badge> : <Text size="sm" c="dimmed">quiet</Text>
}
