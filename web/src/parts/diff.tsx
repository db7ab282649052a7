import { Code } from '@mantine/core'

/** Diff shows what the API server says would change, a line a field. */
export function Diff({ text }: { text: string }) {
  return <Code block aria-label="what would change" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{text}</Code>
}
