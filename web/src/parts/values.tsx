import { Text } from '@mantine/core'
import { plain } from '../format'

/** Values is one field from → to; what is absent is a word, not an empty place. */
export function Values({ from, to, absent = 'absent' }: { from?: string; to?: string; absent?: string }) {
  return (
    <Text size="sm" ff="monospace" lineClamp={4} style={{ overflowWrap: 'anywhere' }}>
      <Value v={from} absent={absent} /> <span aria-label="to">→</span> <Value v={to} absent="absent" />
    </Text>
  )
}

function Value({ v, absent }: { v?: string; absent: string }) {
  return v === undefined || v === '' ? <Text span c="dimmed" fs="italic">{absent}</Text> : <span title={plain(v)}>{plain(v)}</span>
}
