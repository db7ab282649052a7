import { ActionIcon, Anchor, AppShell, Badge, Group, Text, Title, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, Route, Routes, useLocation } from 'react-router-dom'
import { read, type Status } from './api/client'
import { useLive } from './api/live'
import { clock } from './format'
import { CorrectionsPage } from './pages/corrections'
import { DriftPage } from './pages/drift'
import { ForecastPage } from './pages/forecast'
import { RegressionsPage } from './pages/regressions'
import { RisksPage } from './pages/risks'

/** App is the frame around the pages: where one is, and how the service is. */
export function App() {
  useLive()
  const status = useQuery({ queryKey: ['status'], queryFn: () => read<Status>('status') })
  return (
    <AppShell header={{ height: 56 }} padding="md">
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between">
          <Group gap="lg">
            <Anchor component={Link} to="/" underline="never" c="inherit"><Title order={3}>Driftcast</Title></Anchor>
            <Pages />
            {status.data?.simulated && <Badge color="grape" variant="light" title="The cluster, its faults and its clock are simulated">simulated</Badge>}
          </Group>
          <Group gap="md">
            <Health status={status.data} failed={status.isError} />
            <ColourScheme />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Main>
        <Routes>
          <Route path="/" element={<RisksPage />} />
          <Route path="/regressions" element={<RegressionsPage />} />
          <Route path="/drift" element={<DriftPage />} />
          <Route path="/corrections" element={<CorrectionsPage />} />
          <Route path="/forecasts/:target/:subject" element={<ForecastPage />} />
          <Route path="*" element={<Text>There is no such page. <Anchor component={Link} to="/">All risks</Anchor></Text>} />
        </Routes>
      </AppShell.Main>
    </AppShell>
  )
}

function Pages() {
  const { pathname } = useLocation()
  return (
    <Group component="nav" gap="md" aria-label="pages">
      {[['/', 'Risks'], ['/regressions', 'Regressions'], ['/drift', 'Drift'], ['/corrections', 'Corrections']].map(([path, name]) => (
        <Anchor key={path} component={Link} to={path!} fw={pathname === path ? 700 : undefined} aria-current={pathname === path ? 'page' : undefined}>{name}</Anchor>
      ))}
    </Group>
  )
}

function Health({ status, failed }: { status?: Status; failed: boolean }) {
  if (failed || !status) return <Badge color={failed ? 'red' : 'gray'} variant="dot">{failed ? 'unreachable' : 'connecting'}</Badge>
  const colour = { ok: 'teal', starting: 'blue', degraded: 'orange' }[status.state]
  return (
    <Group gap="xs">
      <Text size="sm" c="dimmed">{clock(status.now)}</Text>
      <Tooltip label={status.problems.length ? status.problems.join('; ') : 'All targets are forecast from fresh data'} multiline maw={480}>
        <Badge color={colour} variant="dot" tabIndex={0}>{status.state}</Badge>
      </Tooltip>
      {status.killSwitch && <Badge color="red">corrections stopped</Badge>}
    </Group>
  )
}

function ColourScheme() {
  const { setColorScheme } = useMantineColorScheme()
  const now = useComputedColorScheme('light')
  const other = now === 'dark' ? 'light' : 'dark'
  return (
    <ActionIcon variant="default" aria-label={`Switch to ${other} mode`} onClick={() => setColorScheme(other)}>
      {now === 'dark' ? '☀' : '☾'}
    </ActionIcon>
  )
}
