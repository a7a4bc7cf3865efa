import { CONFIDENCES, DOMAINS, SEVERITIES, SORTS, STATUSES } from '../api/types';
import type { Confidence, Order, Severity, Sort, Status } from '../api/types';
import type { Params } from '../api/client';
import type { Patch } from '../url/useUrlState';

/** PAGE is how many incidents are asked for at a time. */
export const PAGE = 25;

/** IncidentQuery is what the list shows; its address is the whole of it. */
export interface IncidentQuery {
  from: string;
  to: string;
  status: Status[];
  severity: Severity[];
  confidence: Confidence[];
  domain: string[];
  entity: string;
  q: string;
  assignee: string;
  sort: Sort;
  order: Order;
  cursor: string;
}

function several<V extends string>(text: string, known: readonly V[]): V[] {
  const asked = text.split(',');
  return known.filter((value) => asked.includes(value));
}

/** readQuery reads an address; what it does not know it leaves out. */
export function readQuery(params: URLSearchParams): IncidentQuery {
  const get = (name: string) => params.get(name) ?? '';
  return {
    from: get('from'),
    to: get('to'),
    status: several(get('status'), STATUSES),
    severity: several(get('severity'), SEVERITIES),
    confidence: several(get('confidence'), CONFIDENCES),
    domain: several<string>(get('domain'), DOMAINS),
    entity: get('entity'),
    q: get('q'),
    assignee: get('assignee'),
    sort: SORTS.find((sort) => sort === get('sort')) ?? 'last_seen',
    order: get('order') === 'asc' ? 'asc' : 'desc',
    cursor: get('cursor'),
  };
}

/** filterNames are the parameters that narrow the list down. */
export const filterNames = ['from', 'to', 'status', 'severity', 'confidence', 'domain', 'entity', 'q', 'assignee'] as const;

/** filtered tells that something narrows the list down. */
export function filtered(query: IncidentQuery): boolean {
  return filterNames.some((name) => query[name].length > 0);
}

/** noFilters is the patch that shows everything again. */
export function noFilters(): Patch {
  return { ...Object.fromEntries(filterNames.map((name) => [name, undefined])), cursor: undefined };
}

/** askParams is the query as the backend is asked; times are already instants. */
export function askParams(query: IncidentQuery, range: { from?: string; to?: string }): Params {
  return {
    ...range,
    status: query.status.join(','),
    severity: query.severity.join(','),
    confidence: query.confidence.join(','),
    domain: query.domain.join(','),
    entity: query.entity,
    q: query.q,
    assignee: query.assignee,
    sort: query.sort,
    order: query.order,
    limit: PAGE,
    cursor: query.cursor,
  };
}
