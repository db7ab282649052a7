import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { eventsAddress, token } from './client'

const kinds = ['step', 'warning', 'run', 'correction', 'model', 'regression', 'shift', 'drift', 'reset']

/**
 * useLive refetches what is shown whenever the server says that something
 * happened, at most once a second. With a token the browser's EventSource
 * cannot authenticate, so the pages fall back on their polling.
 */
export function useLive() {
  const client = useQueryClient()
  useEffect(() => {
    if (token.read() || typeof EventSource === 'undefined') return
    const stream = new EventSource(eventsAddress())
    let timer: number | undefined
    const soon = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined
        void client.invalidateQueries()
      }, 1000)
    }
    kinds.forEach((kind) => stream.addEventListener(kind, soon))
    return () => {
      stream.close()
      window.clearTimeout(timer)
    }
  }, [client])
}
