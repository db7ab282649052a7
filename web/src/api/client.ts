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
export type CorrectionList = Schemas['CorrectionList']
export type Scorecard = Schemas['Scorecard']
export type ReliabilityBin = Schemas['ReliabilityBin']
export type Explanation = Schemas['Explanation']
export type ScorecardList = Schemas['ScorecardList']

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
  const address = new URL(path, base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') address.searchParams.set(name, String(value))
  }
  const headers: Record<string, string> = token.read() ? { Authorization: `Bearer ${token.read()}` } : {}
  const answer = await fetch(address, { headers })
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ title: answer.statusText }))
    throw new Problem(answer.status, problem.title, problem.detail)
  }
  return answer.json()
}

/** eventsAddress is where the event stream is. */
export const eventsAddress = () => new URL('events', base).toString()
