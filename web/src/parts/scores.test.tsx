import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen } from '@testing-library/react'
import { MemoryRouter } from 'react-router-dom'
import { afterEach, expect, it, vi } from 'vitest'
import type { Forecast } from '../api/client'
import { Episodes } from './episodes'
import { Scores } from './scores'

const card = {
  target: 'NodeNotReady', horizonSeconds: 21600, model: 'hazard', shadow: false, forecasts: 420, skill: 0.12, pinball: null, coverage: null, brier: 0.02,
  baseRate: 0.03, calibration: 0.01, reliability: [{ risk: 0.02, happened: 0.03, forecasts: 400 }, { risk: 0.5, happened: 0.4, forecasts: 20 }],
  falsePerWeek: 0.2, leadSeconds: 5400, precision: 0.5, recall: 0.25, from: null, through: null,
}

function show(answers: Record<string, unknown>, what: React.ReactNode) {
  vi.stubGlobal('fetch', vi.fn(async (address: URL) => Response.json(Object.entries(answers).find(([path]) => address.pathname.includes(path))?.[1])))
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <MemoryRouter>{what}</MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
}

afterEach(() => { cleanup(); vi.unstubAllGlobals() })

it('shows the model that serves, the one in shadow, and the reliability curve with its table', async () => {
  const other = { ...card, model: 'trees', shadow: true, skill: -0.05, reliability: [] }
  show({ scorecards: { items: [{ ...card, horizonSeconds: 60 }, other, card] } }, <Scores target="NodeNotReady" model="hazard" horizon={21600} level={false} unit="" />)
  expect(await screen.findByText('+12 %')).toBeInTheDocument()
  expect(screen.getByText('-5 %')).toBeInTheDocument()
  expect(screen.getByText('serves')).toBeInTheDocument()
  expect(screen.getByText('in shadow')).toBeInTheDocument()
  expect(screen.getAllByText('90m')).toHaveLength(2)
  expect(screen.getByRole('img', { name: 'reliability: 2 % said, 3 % came true; 50 % said, 40 % came true' })).toBeInTheDocument()
  expect(screen.getByRole('table', { name: 'reliability curve' })).toHaveTextContent('400')
})

it('says that nothing has matured yet', async () => {
  show({ scorecards: { items: [] } }, <Scores target="T" model="m" horizon={60} level unit="s" />)
  expect(await screen.findByText(/None has matured/)).toBeInTheDocument()
})

it('lists the past episodes with what followed', async () => {
  const subject = { id: 'node/gpu-03', kind: 'node', name: 'gpu-03' }
  const explanation = {
    target: 'NodeNotReady', subject, origin: '2026-11-23T05:00:00Z', horizonSeconds: 21600, known: 2, happened: 1, text: '1 of 2 most like it came to the event within 6h: node/gpu-03 on 14 Nov 02:10',
    episodes: [{ subject, origin: '2026-11-14T02:10:00Z', distance: 0.4, happened: true, value: null, after: null }, { subject: { ...subject, id: 'node/gpu-07' }, origin: '2026-11-12T02:10:00Z', distance: 0.5, happened: false, value: null, after: null }],
  }
  show({ explanations: explanation }, <Episodes f={{ target: 'NodeNotReady', type: 'event', subject, unit: '' } as Forecast} />)
  expect(await screen.findByText('1 of 2 most like it came to the event within 6h')).toBeInTheDocument()
  expect(screen.getByText('happened')).toBeInTheDocument()
  expect(screen.getByText('did not')).toBeInTheDocument()
  expect(screen.getByRole('link', { name: 'node/gpu-03' })).toHaveAttribute('href', '/forecasts/NodeNotReady/node%2Fgpu-03')
})
