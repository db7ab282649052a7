import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen } from '@testing-library/react'
import { MemoryRouter } from 'react-router-dom'
import { afterEach, expect, it, vi } from 'vitest'
import { RisksPage } from './risks'

const item = {
  target: 'NodeNotReady', type: 'event', subject: { id: 'node/gpu-17', kind: 'node', name: 'gpu-17' }, model: 'logistic', origin: '2026-11-23T05:00:00Z',
  unit: '', risk: 0.62, threshold: 0.5, warning: true, risks: [{ horizonSeconds: 21600, probability: 0.62 }],
  drivers: [{ column: 'row_remaps_change_6h', text: 'row remaps +3 in 6 h', value: 3, contribution: 1.2 }], past: { times: [], values: [] }, future: { times: [], values: [] },
}

function show(answer: () => Response) {
  vi.stubGlobal('fetch', vi.fn(async (address: URL) => (address.pathname.endsWith('/targets') ? Response.json({ items: [{ name: 'NodeNotReady' }] }) : answer())))
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <MemoryRouter><RisksPage /></MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
}

afterEach(() => { cleanup(); vi.unstubAllGlobals() })

it('ranks a risk with its horizon, its reason and a link to its page', async () => {
  show(() => Response.json({ items: [item] }))
  expect(await screen.findByText('62 %')).toBeInTheDocument()
  expect(screen.getByText('6h 62 %')).toBeInTheDocument()
  expect(screen.getByText('row remaps +3 in 6 h')).toBeInTheDocument()
  expect(screen.getByRole('link', { name: 'NodeNotReady' })).toHaveAttribute('href', '/forecasts/NodeNotReady/node%2Fgpu-17')
})

it('says what the server said when the list cannot be read', async () => {
  show(() => Response.json({ title: 'Unauthorized', detail: 'send a bearer token' }, { status: 401 }))
  expect(await screen.findByText(/send a bearer token/)).toBeInTheDocument()
})
