import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen, within } from '@testing-library/react'
import { MemoryRouter } from 'react-router-dom'
import { afterEach, expect, it, vi } from 'vitest'
import { RegressionsPage } from './regressions'

const service = (name: string) => ({ id: `service/ai/${name}`, kind: 'service', namespace: 'ai', name })
const regression = {
  id: 'Latency/service/ai/chat/20261123T020000Z', target: 'Latency', subjects: ['a', 'b', 'c', 'd', 'e', 'f'].map((n) => service(`chat-${n}`)), state: 'standing', shape: 'step',
  onset: '2026-11-23T02:00:00Z', detected: '2026-11-23T02:20:00Z', ended: null, before: 0.2, after: 0.32, effect: 0.6, lower: 0.5, upper: 0.7, confidence: 0.97,
  follows: [{ signal: 'deployment_revision', labels: { deployment: 'chat', namespace: 'ai' }, at: '2026-11-23T01:58:00Z', from: 1, to: 2, text: 'deployment_revision of ai/chat 1 → 2, 2m before' }],
}
const shift = {
  target: 'KvCache', subject: service('chat-a'), state: 'new', kind: 'drifted', why: 'PSI 0.41 (usual up to 0.1), median 0.3 → 0.6', onset: '2026-11-23T01:00:00Z', detected: '2026-11-23T03:00:00Z', ended: null,
  psi: 0.41, usualPsi: 0.1, ks: 0.5, p: 0.001, wasserstein: 0.2, normalised: 1, before: 0.3, after: 0.6, baselineSamples: 100, recentSamples: 20, likeHours: true,
}

function show(regressions: unknown[], shifts: unknown[]) {
  const answers: Record<string, unknown> = {
    '/regressions': { items: regressions }, '/shifts': { items: shifts }, '/targets': { items: [{ name: 'Latency', unit: 's' }] }, '/status': { now: '2026-11-23T05:00:00Z', problems: [], state: 'ok' },
  }
  vi.stubGlobal('fetch', vi.fn(async (address: URL) => Response.json(answers[address.pathname.replace('/api/v1', '')])))
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <MemoryRouter><RegressionsPage /></MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
}

afterEach(() => { cleanup(); vi.unstubAllGlobals() })

it('says how much slower, since when, and which change it follows', async () => {
  show([regression], [shift])
  const table = within(await screen.findByRole('table', { name: 'regressions' }))
  expect(table.getByText('+60 %')).toBeInTheDocument()
  expect(await table.findByText('200 ms → 320 ms')).toBeInTheDocument()
  expect(await table.findByText('3h ago')).toBeInTheDocument()
  expect(table.getByText('deployment_revision of ai/chat 1 → 2, 2m before')).toBeInTheDocument()
  expect(table.getByRole('link', { name: 'service/ai/chat-a' })).toHaveAttribute('href', '/forecasts/Latency/service%2Fai%2Fchat-a')
  expect(table.getByText('and 1 more')).toBeInTheDocument()
  expect(await screen.findByText(/PSI 0.41/)).toBeInTheDocument()
})

it('tells nothing found from nothing known', async () => {
  show([], [])
  expect(await screen.findByText(/No latency has risen/)).toBeInTheDocument()
  expect(await screen.findByText(/looks like what the models have learned from/)).toBeInTheDocument()
})
