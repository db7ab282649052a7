import { Alert, Button, Group, Loader, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type Correction, tagged, write } from '../api/client'
import { Diff } from './diff'

/** Verb is what a person says of a correction. */
export type Verb = 'approve' | 'reject' | 'revert'

const asks: Record<Verb, { title: string; button: string; colour: string; says: string }> = {
  approve: { title: 'Approve this correction?', button: 'Approve and apply', colour: 'blue', says: 'It is applied at once, unless a guard now forbids it.' },
  reject: { title: 'Reject this correction?', button: 'Reject', colour: 'gray', says: 'Nothing is changed. It is not proposed again until its cool-down has passed.' },
  revert: { title: 'Revert this correction?', button: 'Revert', colour: 'orange', says: 'What it changed is put back, and nothing else. Reverting is always allowed.' },
}

/**
 * Decision is the confirmation before anything is done. It reads the correction again when it opens and sends what it
 * read as If-Match, so that nobody decides on something else than what they saw.
 */
export function Decision({ correction, verb, close }: { correction: Correction; verb: Verb; close: () => void }) {
  const ask = asks[verb]
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const path = `corrections/${encodeURIComponent(correction.id)}`
  const seen = useQuery({ queryKey: ['deciding', correction.id], queryFn: () => tagged<Correction>(path), staleTime: Infinity, gcTime: 0, refetchInterval: false })
  const send = useMutation({
    mutationFn: () => write<Correction>('POST', `${path}/${verb}`, reason ? { reason } : {}, seen.data?.etag),
    onSuccess: () => { void client.invalidateQueries(); close() },
  })
  const c = seen.data?.value
  return (
    <Modal opened onClose={close} title={ask.title} size="lg">
      <Stack>
        {seen.isError && <Alert color="red" title="It cannot be read">{seen.error.message}</Alert>}
        {!c && !seen.isError && <Loader aria-label="loading" />}
        {c && (
          <>
            <Text><b>{c.actuator}</b> <Text span ff="monospace">{c.subject.id}</Text>, by policy {c.policy}</Text>
            {c.state !== correction.state && <Alert color="orange">It is {c.state} by now.</Alert>}
            {c.plan && <Text size="sm">{c.plan}</Text>}
            {c.diff && verb !== 'reject' && <Diff text={c.diff} />}
            <Text size="sm" c="dimmed">{ask.says}</Text>
          </>
        )}
        <TextInput label="Reason, for the audit trail" value={reason} maxLength={2000} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
        {send.isError && <Alert color="red" title="It was not done">{send.error.message}</Alert>}
        <Group justify="end">
          <Button variant="default" onClick={close}>Cancel</Button>
          <Button color={ask.colour} disabled={!c} loading={send.isPending} onClick={() => send.mutate()}>{ask.button}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
