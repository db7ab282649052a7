import { Badge, Stack, Text } from '@mantine/core'
import type { FieldChange } from '../api/client'
import { clock } from '../format'
import { Values } from './values'

const words: Record<FieldChange['kind'], string> = {
  created: 'created', updated: 'changed', deleted: 'deleted', rollout: 'rollout', restart: 'restarted', evicted: 'evicted', event: 'event',
}

/** Changes is the field-level history: when, which object, which field, from what to what, by whom. */
export function Changes({ changes, empty }: { changes: FieldChange[]; empty: string }) {
  if (changes.length === 0) return <Text size="sm" c="dimmed">{empty}</Text>
  return (
    <Stack gap="xs" component="ul" p={0} m={0} mah={420} style={{ listStyle: 'none', overflowY: 'auto' }} tabIndex={0} aria-label="changes">
      {changes.map((c) => (
        <li key={c.id}>
          <Text size="sm">
            {c.missed && <span title="The watch had a gap: it happened at some time before.">before </span>}{clock(c.at)}{' '}
            <Badge component="span" size="xs" variant="light" color={colour(c)}>{words[c.kind]}</Badge>{' '}
            <Text span ff="monospace" size="sm">{c.object.id}</Text>
          </Text>
          {c.path && <Text size="xs" ff="monospace" style={{ overflowWrap: 'anywhere' }}>{c.path}</Text>}
          {(c.before || c.after) && <Values from={c.before} to={c.after} />}
          {c.manager && <Text size="xs" c="dimmed">by {c.manager}{c.verb && ` (${c.verb})`}</Text>}
        </li>
      ))}
    </Stack>
  )
}

const colour = (c: FieldChange) => ({ created: 'teal', updated: 'blue', deleted: 'red', rollout: 'grape', restart: 'orange', evicted: 'orange', event: 'gray' })[c.kind]
