import type { components } from './schema'

type Schemas = components['schemas']
export type Forecast = Schemas['Forecast']
export type ForecastItem = Schemas['ForecastItem']
export type ForecastList = Schemas['ForecastList']
export type Outcome = Schemas['Outcome']
export type Points = Schemas['Points']
export type Path = Schemas['Path']
export type Status = Schemas['Status']
export type Target = Schemas['Target']
export type Correction = Schemas['Correction']
export type CorrectionList = Schemas['CorrectionList']
export type CorrectionState = Schemas['CorrectionState']
export type PolicyList = Schemas['PolicyList']
export type KillSwitch = Schemas['KillSwitch']
export type DriftList = Schemas['DriftList']
export type DriftFinding = Schemas['DriftFinding']
export type DriftDifference = Schemas['DriftDifference']
export type DriftEpisodeList = Schemas['DriftEpisodeList']
export type BaselineList = Schemas['BaselineList']
export type ChangeList = Schemas['ChangeList']
export type FieldChange = Schemas['FieldChange']
export type Scorecard = Schemas['Scorecard']
export type ReliabilityBin = Schemas['ReliabilityBin']
export type Explanation = Schemas['Explanation']
export type ScorecardList = Schemas['ScorecardList']
export type Regression = Schemas['Regression']
export type RegressionList = Schemas['RegressionList']
export type ShiftList = Schemas['ShiftList']

/** Problem is an RFC 9457 answer, as an Error. */
export class Problem extends Error {
  constructor(readonly status: number, title: string, detail?: string) {
    super(detail ? `${title}: ${detail}` : title)
  }
}

const base = new URL('api/v1/', document.baseURI)
const tokenKey = 'driftcast-token'

export const token = {
  read: () => localStorage.getItem(tokenKey) ?? '',
  write: (value: string) => (value ? localStorage.setItem(tokenKey, value) : localStorage.removeItem(tokenKey)),
}

/** read GETs a resource of the API. */
export async function read<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
  return (await tagged<T>(path, query)).value
}

/** tagged GETs a resource with its ETag, so that a change can say what it was made from. */
export async function tagged<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<{ value: T; etag: string }> {
  const address = new URL(path, base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') address.searchParams.set(name, String(value))
  }
  const answer = await checked(await fetch(address, { headers: authorization() }))
  return { value: await answer.json(), etag: answer.headers.get('ETag') ?? '' }
}

/** write POSTs or PUTs a body; with an ETag only if the resource still has it. */
export async function write<T>(method: 'POST' | 'PUT', path: string, body: unknown, etag = ''): Promise<T> {
  const headers: Record<string, string> = { ...authorization(), 'Content-Type': 'application/json', ...(etag && { 'If-Match': etag }) }
  const answer = await checked(await fetch(new URL(path, base), { method, headers, body: JSON.stringify(body) }))
  return answer.json()
}

const authorization = (): Record<string, string> => (token.read() ? { Authorization: `Bearer ${token.read()}` } : {})

async function checked(answer: Response): Promise<Response> {
  if (answer.ok) return answer
  const problem = await answer.json().catch(() => ({ title: answer.statusText }))
  throw new Problem(answer.status, problem.title, problem.detail)
}

/** eventsAddress is where the event stream is. */
export const eventsAddress = () => new URL('events', base).toString()
