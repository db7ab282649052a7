import { Badge, Group, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { read, type Scorecard, type ScorecardList } from '../api/client'
import { Reliability } from '../charts/reliability'
import { percent, quantity, span } from '../format'

/** Scores is how all forecasts of a target came out at one horizon, of the model that serves and of the one that is tried. */
export function Scores({ target, model, horizon, level, unit }: { target: string; model: string; horizon?: number; level: boolean; unit: string }) {
  const scores = useQuery({ queryKey: ['scorecards', target], queryFn: () => read<ScorecardList>('scorecards', { target }) })
  if (scores.isError) return <Text size="sm" c="red.7">{scores.error.message}</Text>
  const cards = (scores.data?.items ?? []).filter((c) => c.target === target && c.horizonSeconds === horizon)
  const shown = [...cards.filter((c) => c.model === model && !c.shadow), ...cards.filter((c) => c.shadow), ...cards.filter((c) => c.model !== model && !c.shadow)].slice(0, 4)
  if (shown.length === 0) return <Text size="sm" c="dimmed">None has matured at this horizon yet.</Text>
  const curve = shown.find((c) => c.reliability.length > 0)
  return (
    <Group align="start" gap="xl">
      <Table.ScrollContainer minWidth={420} flex={1}>
        <Table verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th />
              {shown.map((c) => <Table.Th key={c.model + c.shadow} ta="right"><Name c={c} serves={c.model === model && !c.shadow} /></Table.Th>)}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows(level, unit).map(([name, hint, value]) => (
              <Table.Tr key={name}>
                <Table.Td title={hint}>{name}</Table.Td>
                {shown.map((c) => <Table.Td key={c.model + c.shadow} ta="right">{value(c)}</Table.Td>)}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {curve && (
        <Group align="start">
          <Reliability bins={curve.reliability} />
          <Table w="auto" verticalSpacing={2} aria-label="reliability curve">
            <Table.Thead><Table.Tr><Table.Th ta="right">said</Table.Th><Table.Th ta="right">came true</Table.Th><Table.Th ta="right">forecasts</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {curve.reliability.map((b) => (
                <Table.Tr key={b.risk}><Table.Td ta="right">{percent(b.risk)}</Table.Td><Table.Td ta="right">{percent(b.happened)}</Table.Td><Table.Td ta="right">{b.forecasts}</Table.Td></Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Group>
      )}
    </Group>
  )
}

function Name({ c, serves }: { c: Scorecard; serves: boolean }) {
  return (
    <Group gap={4} justify="end" wrap="nowrap">
      <span>{c.model.slice(0, 12)}</span>
      {serves && <Badge size="xs" color="teal" variant="light">serves</Badge>}
      {c.shadow && <Badge size="xs" color="grape" variant="light" title="tried beside the model that serves; nobody is warned by it">in shadow</Badge>}
    </Group>
  )
}

type Line = [name: string, hint: string, value: (c: Scorecard) => string]

function rows(level: boolean, unit: string): Line[] {
  const skill = (v: number | null) => (v === null ? '–' : `${v > 0 ? '+' : ''}${Math.round(v * 100)} %`)
  const small = (v: number | null) => (v === null ? '–' : Number(v.toPrecision(2)).toString())
  return [
    ['Forecasts', 'whose horizon has passed', (c) => String(c.forecasts)],
    ['Skill over naive', 'the share of the naive forecast’s loss that is gone; below 0 naive is better', (c) => skill(c.skill)],
    ...(level
      ? ([
          ['Pinball loss', 'mean over all nine quantiles', (c) => quantity(c.pinball, unit)],
          ['Within the 10–90 % band', '80 % is right', (c) => percent(c.coverage)],
        ] as Line[])
      : []),
    ['Brier score', 'mean squared distance of risks from what happened', (c) => small(c.brier)],
    ['Calibration error', 'mean distance of risks from the share that came true', (c) => small(c.calibration)],
    ['Came true', 'share of all forecasts', (c) => percent(c.baseRate)],
    ['Warnings right', 'precision', (c) => percent(c.precision)],
    ['Foreseen', 'recall', (c) => percent(c.recall)],
    ['Lead of warnings', 'median', (c) => (c.leadSeconds === null ? '–' : span(Math.round(c.leadSeconds / 60) * 60))],
    ['False warnings', 'a subject and week', (c) => small(c.falsePerWeek)],
  ]
}
