import { MantineProvider } from '@mantine/core'
import { cleanup, render, screen } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import type { FieldChange } from '../api/client'
import { Changes } from './changes'

const object = { id: 'Deployment/web/shop', group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'web', name: 'shop' }
const subject = { id: 'workload/web/shop', kind: 'workload', namespace: 'web', name: 'shop' } as const
const change: FieldChange = {
  id: 'x1', at: '2026-11-23T04:00:00Z', kind: 'updated', object, subject, path: '/spec/template/spec/containers/name=c/image',
  before: '"shop:1"', after: '"shop:2"', manager: 'kubectl-edit', verb: 'Update', missed: false,
}

const show = (changes: FieldChange[]) => render(<MantineProvider><Changes changes={changes} empty="nothing changed" /></MantineProvider>)

afterEach(cleanup)

it('says which field of which object went from what to what, and by whom', () => {
  show([change, { ...change, id: 'x2', kind: 'restart', path: '', before: undefined, after: 'OOMKilled', manager: '', missed: true }])
  expect(screen.getByText('shop:1')).toBeInTheDocument()
  expect(screen.getByText('shop:2')).toBeInTheDocument()
  expect(screen.getByText('by kubectl-edit (Update)')).toBeInTheDocument()
  expect(screen.getByText('OOMKilled')).toBeInTheDocument()
  expect(screen.getByText(/^before/)).toBeInTheDocument() // the watch had a gap
})

it('never shows a redacted digest', () => {
  show([{ ...change, before: '"redacted:4f2c"', after: '"redacted:9a01"' }])
  expect(screen.getAllByText('(redacted)')).toHaveLength(2)
})

it('says where nothing changed', () => {
  show([])
  expect(screen.getByText('nothing changed')).toBeInTheDocument()
})
