import { Anchor, Badge, Button, Card, Code, Collapse, Group, Stack, Table, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import type { Correction, CorrectionState } from '../api/client'
import { clock, percent, revision, span } from '../format'
import type { Verb } from './decision'
import { Diff } from './diff'

const colours: Record<CorrectionState, string> = {
  proposed: 'blue', approved: 'blue', applied: 'grape', verified: 'teal', blocked: 'orange', failed: 'red', reverted: 'yellow',
  rejected: 'gray', expired: 'gray', observed: 'gray', unchanged: 'gray',
}

/** CorrectionCard is one correction: what, on what, why, what it would change, who judged it, and what came of it. */
export function CorrectionCard({ c, may, decide }: { c: Correction; may: boolean; decide: (verb: Verb) => void }) {
  const [open, setOpen] = useState(c.state === 'proposed')
  const details = `details-${c.id}`
  return (
    <Card withBorder padding="sm" component="article" aria-label={`${c.actuator} ${c.subject.id}`}>
      <Group justify="space-between" align="start">
        <Stack gap={2} flex={1} miw={300}>
          <Group gap="xs">
            <Badge color={colours[c.state]}>{c.state}</Badge>
            <Text fw={600}>{c.actuator}</Text>
            <Text ff="monospace" size="sm">{c.subject.id}</Text>
            {c.control && <Badge size="xs" variant="outline" title="kept without action, to compare with">control group</Badge>}
            {c.outcome && <OutcomeBadge c={c} />}
          </Group>
          <Text size="sm" c="dimmed">
            <Cause c={c} /> policy {c.policy} ({c.mode}); {c.proposed && `proposed ${clock(c.proposed)}`}{c.changed && c.changed !== c.proposed && `, ${c.state} ${clock(c.changed)}`}{c.actor && ` by ${c.actor}`}
          </Text>
          {c.reason && <Text size="sm">{c.reason}</Text>}
        </Stack>
        <Group gap="xs">
          {c.state === 'proposed' && c.mode === 'approve' && <Button size="xs" disabled={!may} onClick={() => decide('approve')}>Approve…</Button>}
          {c.state === 'proposed' && <Button size="xs" variant="default" disabled={!may} onClick={() => decide('reject')}>Reject…</Button>}
          {(c.state === 'applied' || c.state === 'verified') && <Button size="xs" variant="light" color="orange" disabled={!may} onClick={() => decide('revert')}>Revert…</Button>}
          <Button size="xs" variant="subtle" aria-expanded={open} aria-controls={details} onClick={() => setOpen(!open)}>{open ? 'Less' : 'More'}</Button>
        </Group>
      </Group>
      <Collapse expanded={open} id={details}>
        <Stack gap="xs" mt="xs">
          {c.state === 'proposed' && c.mode === 'recommend' && <Text size="sm" c="dimmed">This policy only recommends: do it yourself, or set its mode to approve.</Text>}
          {c.plan && <Text size="sm"><b>Plan.</b> {c.plan}{c.revision && !c.plan.includes('revision') && <>; to revision <Code>{revision(c.revision)}</Code></>}</Text>}
          {c.diff && <Diff text={c.diff} />}
          {c.drift && c.drift.paths.length > 0 && <Text size="xs" ff="monospace" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{c.drift.paths.join(', ')}</Text>}
          {c.contested && <Text size="sm" c="orange.8">Contested: {c.contested} changes it back. It is left alone until somebody looks.</Text>}
          {c.outcome && <Text size="sm"><b>Outcome.</b> {c.outcome.says}</Text>}
          {c.guards.length > 0 && <Guards c={c} />}
          <Text size="xs" c="dimmed">{c.id}{c.applied && `; applied ${clock(c.applied)}`}{c.state === 'proposed' && c.expiresAt && `; expires ${clock(c.expiresAt)}`}</Text>
        </Stack>
      </Collapse>
    </Card>
  )
}

/** Cause is the risk or the drift that a correction answers. */
function Cause({ c }: { c: Correction }) {
  if (c.drift) return <>{c.drift.kinds.join(', ')} drifted{c.drift.by && ` by ${c.drift.by}`}{c.drift.source && ` from ${c.drift.source}`}{c.drift.revision && ` ${revision(c.drift.revision)}`};{' '}</>
  if (!c.target) return null
  return <><Anchor component={Link} size="sm" to={`/forecasts/${encodeURIComponent(c.target)}/${encodeURIComponent(c.subject.id)}`}>{c.target}</Anchor> {percent(c.risk)}{c.horizonSeconds > 0 && ` within ${span(c.horizonSeconds)}`};{' '}</>
}

/** Guards shows who refused at once, and who passed when asked. */
function Guards({ c }: { c: Correction }) {
  const refused = c.guards.filter((g) => !g.passed)
  const passed = c.guards.filter((g) => g.passed)
  return (
    <div>
      {refused.map((g) => <Text key={g.guard} size="sm"><Badge component="span" size="xs" color="red" variant="light">refused</Badge> <b>{g.guard}</b>: {g.says}</Text>)}
      {passed.length > 0 && (
        <details>
          <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>{passed.length === 1 ? '1 guard' : `${passed.length} guards`} passed</Text>
          <Table verticalSpacing={2} w="auto" aria-label="guards that passed">
            <Table.Tbody>
              {passed.map((g) => <Table.Tr key={g.guard}><Table.Td>{g.guard}</Table.Td><Table.Td><Text size="sm" c="dimmed">{g.says}</Text></Table.Td></Table.Tr>)}
            </Table.Tbody>
          </Table>
        </details>
      )}
    </div>
  )
}

function OutcomeBadge({ c }: { c: Correction }) {
  const colour = { helped: 'teal', 'not-helped': 'red', 'taken-back': 'yellow', happened: 'red', spared: 'teal', inconclusive: 'gray' }[c.outcome!.verdict]
  return <Badge size="sm" variant="light" color={colour} title={c.outcome!.says}>{c.outcome!.verdict.replace('-', ' ')}</Badge>
}
