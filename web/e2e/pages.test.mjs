// The pages in a real Chromium, against the server at DRIFTCAST_URL.
// Screenshots go to DRIFTCAST_SHOTS (default: nowhere).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

const url = process.env.DRIFTCAST_URL
const shots = process.env.DRIFTCAST_SHOTS
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

let browser
let page
const complaints = []

before(async () => {
  assert.ok(url, 'set DRIFTCAST_URL to a running server')
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
  page = await browser.newPage({ viewport: { width: 1500, height: 950 } })
  page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()))
  page.on('pageerror', (e) => complaints.push(String(e)))
})
after(() => browser?.close())

const shoot = (name) => (shots ? page.screenshot({ path: `${shots}/${name}.png`, fullPage: true }) : undefined)

test('ranked risks: highest first, with reasons, sparklines and the simulated badge', async () => {
  await page.goto(url)
  await page.locator('tbody tr').first().waitFor({ timeout: 90_000 })
  assert.equal(await page.getByText('simulated', { exact: true }).count(), 1)
  const risks = await page.locator('tbody tr td:first-child p').allInnerTexts()
  const numbers = risks.filter((r) => r !== '–').map((r) => parseFloat(r.replace(/[<>]/, '')))
  assert.ok(numbers.length > 5, `got ${risks.length} rows, ${numbers.length} with a risk`)
  assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a))
  assert.ok((await page.locator('tbody svg path').count()) > 5, 'no sparklines')
  await shoot('risks')
})

test('filters narrow the list and survive a reload', async () => {
  await page.getByLabel('Subject').fill('gpu')
  await page.waitForFunction(() => [...document.querySelectorAll('tbody tr td:nth-child(2)')].every((td) => td.textContent.includes('gpu')))
  assert.match(page.url(), /search=gpu/)
  await page.reload()
  await page.locator('tbody tr').first().waitFor()
  assert.equal(await page.getByLabel('Subject').inputValue(), 'gpu')
  await page.getByLabel('Subject').fill('')
})

test('a forecast: chart, table beside it, reasons, what became of earlier ones; by keyboard', async () => {
  const list = await (await fetch(`${url}/api/v1/forecasts?limit=1000`)).json()
  const level = list.items.find((i) => i.type === 'level' && i.objective) ?? list.items.find((i) => i.type === 'level')
  assert.ok(level, 'no level forecast')
  await page.goto(`${url}/#/?target=${level.target}`)
  const link = page.getByRole('link', { name: level.target }).first()
  await link.waitFor()
  await link.focus()
  await page.keyboard.press('Enter')
  await page.locator('[data-testid=forecast-chart] canvas').waitFor()
  const drawn = await page.locator('[data-testid=forecast-chart] canvas').evaluate((c) => {
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height)
    let orange = 0
    let blue = 0
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 0 && data[i] > 200 && data[i + 2] < 80) orange++
      if (data[i + 3] > 0 && data[i + 2] > 200 && data[i] < 80) blue++
    }
    return { orange, blue }
  })
  assert.ok(drawn.orange > 50, `the median is not drawn: ${JSON.stringify(drawn)}`)
  assert.ok(drawn.blue > 50, `the past is not drawn: ${JSON.stringify(drawn)}`)
  await page.getByText('Ahead', { exact: true }).waitFor()
  await page.getByText('Why', { exact: true }).waitFor()
  await page.getByText('Earlier forecasts and what became of them').waitFor()
  await page.getByText('The past most like now').waitFor()
  await page.locator('tbody a[href*="/forecasts/"]').first().waitFor({ timeout: 60_000 }) // the first look at a target's past takes a while
  await page.getByText(/^How forecasts of/).waitFor()
  await shoot('forecast')
  await page.getByLabel('Switch to dark mode').click()
  await page.waitForTimeout(300)
  await shoot('forecast-dark')
})

test('an event: the past most like now, and a reliability curve with its table once something has matured', async () => {
  const scored = (await (await fetch(`${url}/api/v1/scorecards`)).json()).items.filter((c) => c.reliability.length > 0)
  const list = await (await fetch(`${url}/api/v1/forecasts?limit=1000`)).json()
  const event = list.items.find((i) => i.type === 'event' && scored.some((c) => c.target === i.target)) ?? list.items.find((i) => i.type === 'event')
  assert.ok(event, 'no event forecast')
  await page.goto(`${url}/#/forecasts/${event.target}/${encodeURIComponent(event.subject.id)}`)
  await page.getByText('The past most like now').waitFor()
  await page.getByText(/most like it|nothing like it|too little history/).first().waitFor({ timeout: 60_000 })
  if (scored.some((c) => c.target === event.target)) {
    await page.getByTestId('reliability').waitFor()
    assert.ok((await page.getByTestId('reliability').locator('circle').count()) > 0, 'no point on the curve')
    await page.getByRole('table', { name: 'reliability curve' }).waitFor()
  }
  await shoot('event-dark')
  await page.getByLabel('Switch to light mode').click()
  await page.waitForTimeout(300)
  await shoot('event')
})

test('regressions: what stands with the change that it follows, or that nothing was found', async () => {
  await page.goto(url)
  await page.getByRole('navigation', { name: 'pages' }).getByRole('link', { name: 'Regressions' }).click()
  await page.getByRole('heading', { name: 'Regressions' }).waitFor()
  const table = page.getByRole('table', { name: 'regressions' })
  await table.or(page.getByText(/No latency has risen/)).first().waitFor()
  const { items } = await (await fetch(`${url}/api/v1/regressions`)).json()
  if (items.length > 0) await table.getByRole('link', { name: items[0].subjects[0].id }).first().waitFor()
  await page.getByText('Signals that left their baseline').waitFor()
  await shoot('regressions')
})

test('drift without a cluster says so, and never that all is well; reached by keyboard', async () => {
  await page.goto(url)
  const link = page.getByRole('navigation', { name: 'pages' }).getByRole('link', { name: 'Drift' })
  await link.focus()
  await page.keyboard.press('Enter')
  await page.getByText('No cluster is watched').waitFor()
  assert.match(page.url(), /#\/drift$/)
  assert.equal(await link.getAttribute('aria-current'), 'page')
  assert.equal(await page.getByText(/synced/).count(), 0)
  await shoot('drift')
  await page.getByLabel('Switch to dark mode').click()
  await page.waitForTimeout(300)
  await shoot('drift-dark')
  await page.getByLabel('Switch to light mode').click()
})

test('corrections: policies with outcomes, and a kill switch that asks first', async () => {
  await page.goto(`${url}/#/corrections`)
  await page.getByText('Policies and how they did').waitFor()
  await page.getByRole('button', { name: 'cordon', exact: true }).waitFor()
  await shoot('corrections')
  const engaged = async () => (await (await fetch(`${url}/api/v1/kill-switch`)).json()).engaged
  const stop = page.getByRole('button', { name: 'Stop all corrections…' })
  await stop.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Reason, for the audit trail').waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await engaged(), false, 'it stopped without being told')
  await stop.click()
  await page.getByRole('dialog').getByLabel('Reason, for the audit trail').fill('a look at the page')
  await page.getByRole('dialog').getByRole('button', { name: 'Stop them' }).click()
  await page.getByText('stopped', { exact: true }).waitFor()
  assert.equal(await engaged(), true)
  await page.getByText('corrections stopped').waitFor()
  await page.getByRole('button', { name: 'Let them go on…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Let them go on' }).click()
  await page.getByText('running', { exact: true }).waitFor()
  assert.equal(await engaged(), false)
})

test('a proposed correction is rejected after a confirmation, with its reason in the audit trail', async (t) => {
  const proposed = async () => (await (await fetch(`${url}/api/v1/corrections?state=proposed`)).json()).items
  for (let i = 0; i < 60 && (await proposed()).length === 0; i++) await page.waitForTimeout(1000)
  const [first] = await proposed()
  if (!first) return t.skip('the simulated cluster was quiet for a minute')
  await page.goto(`${url}/#/corrections?state=proposed`)
  const card = page.getByRole('article', { name: `${first.actuator} ${first.subject.id}` }).first()
  await card.getByText('Plan.').waitFor()
  await card.getByText(/guards passed$/).click()
  await card.getByRole('table', { name: 'guards that passed' }).getByText('kill switch').waitFor()
  await shoot('correction')
  await card.getByRole('button', { name: 'Reject…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Reason, for the audit trail').fill('maintenance tonight')
  await shoot('correction-reject')
  await dialog.getByRole('button', { name: 'Reject' }).click()
  await dialog.waitFor({ state: 'detached' })
  const after = await (await fetch(`${url}/api/v1/corrections/${first.id}`)).json()
  assert.equal(after.state, 'rejected')
  assert.match(after.reason, /maintenance tonight/)
})

test('nothing complained', () => assert.deepEqual(complaints, []))
