import { Alert, Badge, Button, Card, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type KillSwitch, tagged, write } from '../api/client'
import { clock } from '../format'

/** KillSwitchCard says whether corrections are stopped, and stops them or lets them go on. */
export function KillSwitchCard({ may }: { may: boolean }) {
  const now = useQuery({ queryKey: ['kill-switch'], queryFn: () => tagged<KillSwitch>('kill-switch') })
  const [asking, ask] = useState(false)
  const k = now.data?.value
  if (now.isError) return <Alert color="red" title="The kill switch cannot be read">{now.error.message}</Alert>
  if (!k) return null
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between">
        <Group gap="xs">
          <Badge color={k.engaged ? 'red' : 'teal'}>{k.engaged ? 'stopped' : 'running'}</Badge>
          <Text size="sm">
            {k.engaged ? 'No correction is applied. Undoing stays allowed.' : 'Corrections go on within their policies and guards.'}
            {k.changed && ` Since ${clock(k.changed)}${k.actor && `, by ${k.actor}`}${k.reason && `: ${k.reason}`}.`}
          </Text>
        </Group>
        <Button size="xs" color={k.engaged ? 'teal' : 'red'} variant="light" disabled={!may} onClick={() => ask(true)}>{k.engaged ? 'Let them go on…' : 'Stop all corrections…'}</Button>
      </Group>
      {asking && <Ask k={k} etag={now.data!.etag} close={() => ask(false)} />}
    </Card>
  )
}

function Ask({ k, etag, close }: { k: KillSwitch; etag: string; close: () => void }) {
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const send = useMutation({
    mutationFn: () => write<KillSwitch>('PUT', 'kill-switch', { engaged: !k.engaged, reason }, etag),
    onSuccess: () => { void client.invalidateQueries(); close() },
  })
  return (
    <Modal opened onClose={close} title={k.engaged ? 'Let corrections go on?' : 'Stop all corrections?'}>
      <Stack>
        <Text size="sm">{k.engaged ? 'Policies apply again, each within its mode and its guards.' : 'Nothing is applied any more, by the loop or by people. What is in place stays; reverting stays allowed.'}</Text>
        <TextInput label="Reason, for the audit trail" value={reason} maxLength={2000} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
        {send.isError && <Alert color="red" title="It was not done">{send.error.message}</Alert>}
        <Group justify="end">
          <Button variant="default" onClick={close}>Cancel</Button>
          <Button color={k.engaged ? 'teal' : 'red'} loading={send.isPending} onClick={() => send.mutate()}>{k.engaged ? 'Let them go on' : 'Stop them'}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
