import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react'
import { MemoryRouter } from 'react-router-dom'
import { afterEach, expect, it, vi } from 'vitest'
import { CorrectionsPage } from './corrections'

const correction = {
  id: 'c1', policy: 'cordon', actuator: 'cordon', mode: 'approve', target: 'GpuRowRemap', subject: { id: 'gpu/gpu-17:3', kind: 'gpu', name: 'gpu-17:3' }, risk: 0.8,
  horizonSeconds: 21600, state: 'proposed', reason: 'risk 0.80 is over 0.70', plan: 'cordon node gpu-17', diff: '/spec/unschedulable: absent -> true', revision: '', namespace: '',
  drift: null, outcome: null, control: false, contested: '', actor: 'loop', proposed: '2026-11-23T05:00:00Z', changed: '2026-11-23T05:00:00Z', applied: null, expiresAt: null,
  guards: [{ guard: 'freshness', passed: true, says: 'newest sample 20s old' }, { guard: 'budget', passed: false, says: '2 of 2 in force' }],
}
const score = { text: 'cordon: 14 proposed, 9 approved, 7 helped', since: null, proposed: 14, approved: 9, applied: 9, verified: 8, helped: 7, notHelped: 1, takenBack: 0, failed: 0, rejected: 1, expired: 4, blocked: 0, contested: 0, waiting: 1, acted: { known: 8, happened: 1 }, control: { known: 3, happened: 2 }, left: { known: 0, happened: 0 } }

type Call = { path: string; method: string; body: unknown; match: string | null }

function show(items: unknown[], role = 'edit') {
  const calls: Call[] = []
  vi.stubGlobal('fetch', vi.fn(async (address: URL, init: RequestInit = {}) => {
    const path = address.pathname.replace('/api/v1', '')
    if (init.method) {
      calls.push({ path, method: init.method, body: JSON.parse(String(init.body)), match: new Headers(init.headers).get('If-Match') })
      return Response.json({ ...correction, state: 'applied' })
    }
    const answer = {
      '/corrections': { items }, '/corrections/c1': items[0], '/status': { role, problems: [] },
      '/kill-switch': { engaged: false, reason: '', actor: '', changed: null },
      '/policies': { items: [{ name: 'cordon', actuator: 'cordon', mode: 'approve', targets: ['GpuRowRemap'], drifts: [], minRisk: 0.7, score }] },
    }[path]
    return Response.json(answer, { headers: { ETag: '"v7"' } })
  }))
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <MemoryRouter><CorrectionsPage /></MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
  return calls
}

afterEach(() => { cleanup(); vi.unstubAllGlobals() })

it('shows a proposal with its plan, diff and guards, and how its policy did', async () => {
  show([correction])
  expect(await screen.findByText(/cordon node gpu-17/)).toBeInTheDocument()
  expect(screen.getByText('/spec/unschedulable: absent -> true')).toBeInTheDocument()
  expect(screen.getByText(/2 of 2 in force/)).toBeInTheDocument()
  expect(screen.getByText('1 guard passed')).toBeInTheDocument()
  expect(await screen.findByText('1 of 8, 2 of 3')).toBeInTheDocument()
})

it('applies nothing without a confirmation, and then what was seen', async () => {
  const calls = show([correction])
  const button = await screen.findByRole('button', { name: 'Approve…' })
  await waitFor(() => expect(button).toBeEnabled())
  fireEvent.click(button)
  const dialog = within(await screen.findByRole('dialog'))
  expect(calls).toEqual([])
  fireEvent.change(dialog.getByLabelText('Reason, for the audit trail'), { target: { value: 'looks right' } })
  const apply = dialog.getByRole('button', { name: 'Approve and apply' })
  await waitFor(() => expect(apply).toBeEnabled())
  fireEvent.click(apply)
  await waitFor(() => expect(calls).toEqual([{ path: '/corrections/c1/approve', method: 'POST', body: { reason: 'looks right' }, match: '"v7"' }]))
})

it('cancelling sends nothing', async () => {
  const calls = show([correction])
  const button = await screen.findByRole('button', { name: 'Reject…' })
  await waitFor(() => expect(button).toBeEnabled())
  fireEvent.click(button)
  fireEvent.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Cancel' }))
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument())
  expect(calls).toEqual([])
})

it('a recommendation cannot be approved here, and says so', async () => {
  show([{ ...correction, mode: 'recommend' }])
  expect(await screen.findByText(/only recommends/)).toBeInTheDocument()
  expect(screen.queryByRole('button', { name: 'Approve…' })).not.toBeInTheDocument()
})

it('what was applied can be reverted; who may only look can do nothing', async () => {
  show([{ ...correction, state: 'verified' }], 'view')
  expect(await screen.findByRole('button', { name: 'Revert…' })).toBeDisabled()
  expect(await screen.findByRole('button', { name: 'Stop all corrections…' })).toBeDisabled()
  expect(await screen.findByText(/You may look/)).toBeInTheDocument()
})
