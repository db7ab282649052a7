import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen, within } from '@testing-library/react'
import { MemoryRouter } from 'react-router-dom'
import { afterEach, expect, it, vi } from 'vitest'
import { DriftPage } from './drift'

const object = (kind: string, name: string) => ({ id: `${kind}/web/${name}`, group: 'apps', version: 'v1', kind, namespace: 'web', name })
const subject = { id: 'workload/web/shop', kind: 'workload', namespace: 'web', name: 'shop' }
const drifted = {
  object: object('Deployment', 'shop'), subject, verdict: 'drifted', reason: '', source: 'git', origin: 'main: shop.yaml', revision: '4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a',
  confidence: 0.9, comparedAt: '2026-11-23T05:00:00Z', since: '2026-11-23T02:00:00Z', recurrences: 3,
  differences: [
    { path: '/spec/template/spec/containers/name=c/image', kind: 'image', declared: '"shop:1"', live: '"shop:2"', manager: 'kubectl-edit', since: '2026-11-23T02:00:00Z' },
    { path: '/metadata/labels/team', kind: 'metadata', live: '"x"', manager: '', since: null },
  ],
}
const unknown = { ...drifted, object: object('ConfigMap', 'shop'), verdict: 'unknown', reason: 'may not patch configmaps: grant the dry-run role', differences: [], since: null, recurrences: 0, source: 'apply', origin: '', revision: '' }
const list = { watched: true, comparedAt: '2026-11-23T05:00:00Z', tookSeconds: 1.5, objects: 42, calls: 2, counts: { synced: 40, drifted: 1, unknown: 1 }, items: [drifted, unknown] }

function show(drift: unknown) {
  const answers: Record<string, unknown> = {
    '/drift': drift,
    '/drift/episodes': { items: [{ object: drifted.object, subject, path: '/spec/replicas', kind: 'replicas', manager: 'kubectl-scale', source: 'git', revision: '', declared: '2', live: '5', since: '2026-11-22T02:00:00Z', until: '2026-11-22T05:00:00Z', repairedBy: 'driftcast' }] },
    '/baselines': { items: [{ name: 'main', source: 'git', location: 'https://git.example/shop', revision: '4f2c1e', objects: 12, revised: null, checked: null, error: 'connection refused (check the URL)' }] },
  }
  vi.stubGlobal('fetch', vi.fn(async (address: URL) => Response.json(answers[address.pathname.replace('/api/v1', '')])))
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <MemoryRouter><DriftPage /></MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
}

afterEach(() => { cleanup(); vi.unstubAllGlobals() })

it('shows each field: declared, live, by whom, since, and what declared it', async () => {
  show(list)
  const table = within(await screen.findByRole('table', { name: 'drift' }))
  expect(table.getByText('shop:1')).toBeInTheDocument()
  expect(table.getByText('shop:2')).toBeInTheDocument()
  expect(table.getByText(/by kubectl-edit/)).toBeInTheDocument()
  expect(table.getByText('not declared')).toBeInTheDocument() // the label was added
  expect(table.getByText('3h')).toBeInTheDocument()
  expect(table.getByText('3 times in 30 d')).toBeInTheDocument()
  expect(table.getByText('4f2c1e9a')).toBeInTheDocument()
  expect(table.getByText('90 %')).toBeInTheDocument()
})

it('shows unknown as such, with the remedy, and never among the synced', async () => {
  show(list)
  expect(await screen.findByText('may not patch configmaps: grant the dry-run role')).toBeInTheDocument()
  expect(screen.getByText('1 unknown')).toBeInTheDocument()
  expect(screen.getByText('40 synced')).toBeInTheDocument()
})

it('shows how long past drift lasted and who put it right, and a baseline that cannot be read', async () => {
  show(list)
  expect(await screen.findByText('driftcast')).toBeInTheDocument()
  expect(await screen.findByText('connection refused (check the URL)')).toBeInTheDocument()
})

it('does not say that all is well where no cluster is watched', async () => {
  show({ ...list, watched: false, comparedAt: null, objects: 0, counts: { synced: 0, drifted: 0, unknown: 0 }, items: [] })
  expect(await screen.findByText('No cluster is watched')).toBeInTheDocument()
  expect(screen.queryByText(/synced/)).not.toBeInTheDocument()
})

it('does not say that all is well before the first comparison', async () => {
  show({ ...list, comparedAt: null, items: [], counts: { synced: 0, drifted: 0, unknown: 0 } })
  expect(await screen.findByText('Not compared yet')).toBeInTheDocument()
  expect(screen.queryByText('0 synced')).not.toBeInTheDocument()
})
