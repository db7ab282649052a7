import { Alert, Anchor, Badge, Card, Group, Loader, Select, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router-dom'
import { type Correction, type CorrectionList, read, type Status } from '../api/client'
import { CorrectionCard } from '../parts/correction-card'
import { Decision, type Verb } from '../parts/decision'
import { KillSwitchCard } from '../parts/kill-switch'
import { Policies } from '../parts/policies'
import { useState } from 'react'

const states = ['proposed', 'approved', 'applied', 'verified', 'blocked', 'failed', 'reverted', 'rejected', 'expired', 'observed', 'unchanged']

/** CorrectionsPage is what Driftcast would do, did, and how it came out; nothing is done without a confirmation. */
export function CorrectionsPage() {
  const [params, setParams] = useSearchParams()
  const set = (name: string, value: string | null) =>
    setParams((old) => { if (value) old.set(name, value); else old.delete(name); old.delete('cursor'); return old }, { replace: true })
  const query = Object.fromEntries(['state', 'policy', 'cursor'].map((name) => [name, params.get(name) ?? undefined]))
  const list = useQuery({ queryKey: ['corrections', query], queryFn: () => read<CorrectionList>('corrections', { ...query, limit: 25 }) })
  const status = useQuery({ queryKey: ['status'], queryFn: () => read<Status>('status') })
  const [deciding, decide] = useState<{ correction: Correction; verb: Verb }>()
  const may = status.data?.role === 'edit'
  const items = list.data?.items ?? []
  return (
    <Stack>
      <Group justify="space-between" align="end">
        <Title order={2}>Corrections</Title>
        <Group align="end">
          <Select label="State" placeholder="all" clearable data={states} w={150} value={params.get('state')} onChange={(v) => set('state', v)} />
          {params.has('policy') && <Badge size="lg" variant="light" tt="none">policy {params.get('policy')} <Anchor component="button" onClick={() => set('policy', null)} aria-label="all policies">×</Anchor></Badge>}
        </Group>
      </Group>
      <KillSwitchCard may={may} />
      {list.isError && <Alert color="red" title="The corrections cannot be read">{list.error.message}</Alert>}
      {list.isPending && !list.isError && <Loader aria-label="loading" />}
      {list.data && items.length === 0 && (
        <Alert title={params.has('state') || params.has('policy') ? 'Nothing here' : 'Nothing has been proposed'} color="gray">
          {params.has('state') || params.has('policy') ? 'No correction matches.' : 'A correction is proposed once a risk or a drift passes a policy and its guards. Without policies Driftcast only warns.'}
        </Alert>
      )}
      {items.map((c) => <CorrectionCard key={c.id} c={c} may={may} decide={(verb) => decide({ correction: c, verb })} />)}
      <Group justify="space-between">
        {params.has('cursor') ? <Anchor component="button" onClick={() => set('cursor', null)}>First page</Anchor> : <span />}
        {list.data?.nextCursor && <Anchor component="button" onClick={() => setParams((old) => { old.set('cursor', list.data.nextCursor!); return old })}>Next page</Anchor>}
      </Group>
      <Card withBorder>
        <Title order={4} mb="xs">Policies and how they did</Title>
        <Policies choose={(name) => set('policy', name)} />
      </Card>
      {!may && status.data && <Text size="sm" c="dimmed">You may look; approving, rejecting and reverting needs the role edit.</Text>}
      {deciding && <Decision {...deciding} close={() => decide(undefined)} />}
    </Stack>
  )
}
