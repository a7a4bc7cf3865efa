import { getBackendSrv } from '@grafana/runtime';
import { lastValueFrom, map } from 'rxjs';
import type { Observable } from 'rxjs';

import { RESOURCE_ROOT } from '../constants';
import type { Triage, TriageChange } from './types';

/** Params are query parameters; empty ones are left out. */
export type Params = Record<string, string | number | undefined>;

/** ApiError is why the backend did not answer as asked, in words for people. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer at all. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** What to do about it. */
    readonly hint: string,
    /** The whole body, for answers that carry more (409). */
    readonly body: unknown
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** denied tells that the user, not the request, is the problem. */
  get denied(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const fallbackHints: Record<number, string> = {
  0: 'Check that Grafana can be reached, then try again.',
  401: 'Sign in to Grafana again.',
  403: 'Ask an administrator of this Grafana organization for access.',
  404: 'It may have been merged into another incident, or removed.',
  502: 'Check the plugin process in Grafana’s log.',
  503: 'Check that the app is enabled and configured, and that Elasticsearch answers.',
  504: 'Elasticsearch took too long. Narrow the time range, or try again.',
};

/** toApiError reads whatever Grafana or the backend said about a failure. */
export function toApiError(err: unknown): ApiError {
  if (err instanceof ApiError) {
    return err;
  }
  if (!isRecord(err)) {
    return new ApiError(0, 'unreachable', text(err) || 'Grafana did not answer.', fallbackHints[0] ?? '', undefined);
  }
  const status = typeof err.status === 'number' ? err.status : 0;
  const body = err.data;
  const inner = isRecord(body) && isRecord(body.error) ? body.error : {};
  const message =
    text(inner.message) ||
    (isRecord(body) ? text(body.message) : '') ||
    text(err.statusText) ||
    (err instanceof Error ? err.message : '') ||
    (status > 0 ? `The request failed with status ${status}.` : 'Grafana did not answer.');
  return new ApiError(status, text(inner.code), message, text(inner.hint) || (fallbackHints[status] ?? ''), body);
}

function clean(params: Params): Record<string, string | number> {
  const kept: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') {
      kept[name] = value;
    }
  }
  return kept;
}

/** get reads one resource. Unsubscribing cancels the request. */
export function get<T>(path: string, params: Params = {}): Observable<T> {
  return getBackendSrv()
    .fetch<T>({ url: `${RESOURCE_ROOT}${path}`, method: 'GET', params: clean(params), showErrorAlert: false })
    .pipe(map((response) => response.data as T));
}

/** incidentPath is the resource of one incident, whatever its id holds. */
export function incidentPath(id: string, rest = ''): string {
  return `/incidents/${encodeURIComponent(id)}${rest}`;
}

/** saveTriage changes the people's part of an incident. It throws an ApiError. */
export async function saveTriage(id: string, change: TriageChange): Promise<Triage> {
  try {
    const response = await lastValueFrom(
      getBackendSrv().fetch<{ triage: Triage }>({
        url: `${RESOURCE_ROOT}${incidentPath(id, '/triage')}`,
        method: 'POST',
        data: change,
        showErrorAlert: false,
        showSuccessAlert: false,
      })
    );
    return response.data.triage;
  } catch (err) {
    throw toApiError(err);
  }
}

function isTriage(value: unknown): value is Triage {
  return isRecord(value) && typeof value.status === 'string' && 'version' in value;
}

/** currentTriage is what a 409 says the triage is by now. */
export function currentTriage(err: ApiError): Triage | undefined {
  if (err.status !== 409 || !isRecord(err.body)) {
    return undefined;
  }
  return isTriage(err.body.triage) ? err.body.triage : undefined;
}
