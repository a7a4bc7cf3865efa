import { useCallback, useEffect, useState } from 'react';

import { get, toApiError } from './client';
import type { ApiError, Params } from './client';

/** Resource is what a page knows about something it asked for. */
export interface Resource<T> {
  /** The last answer to this very question; stays while it is asked again. */
  data?: T;
  error?: ApiError;
  loading: boolean;
  /** Asks again. */
  reload: () => void;
  /** Puts in an answer that came another way. */
  replace: (data: T) => void;
}

interface State<T> {
  key: string;
  /** Which asking of the same question it answers. */
  round: number;
  data?: T;
  error?: ApiError;
}

/**
 * useResource asks the backend and keeps the answer. A changed question
 * cancels the old request, so a late answer never overwrites a newer one.
 * With keep, the answer to the previous question stays visible until the new
 * one is there. An undefined path asks nothing.
 */
export function useResource<T>(path: string | undefined, params: Params = {}, keep = false): Resource<T> {
  const key = path === undefined ? '' : JSON.stringify([path, params]);
  const [state, setState] = useState<State<T>>({ key: '', round: 0 });
  const [round, setRound] = useState(0);

  useEffect(() => {
    if (key === '') {
      return undefined;
    }
    const [askedPath, askedParams] = JSON.parse(key) as [string, Params];
    const subscription = get<T>(askedPath, askedParams).subscribe({
      next: (data) => setState({ key, round, data }),
      error: (err: unknown) => setState({ key, round, error: toApiError(err) }),
    });
    return () => subscription.unsubscribe();
  }, [key, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const replace = useCallback((data: T) => setState({ key, round, data }), [key, round]);

  const current = state.key === key && key !== '';
  return {
    data: current || keep ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: key !== '' && !(current && state.round === round),
    reload,
    replace,
  };
}
