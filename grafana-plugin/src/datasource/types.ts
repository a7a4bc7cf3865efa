import type { DataQuery, DataSourceJsonData } from '@grafana/data';

// What the query editor writes; the backend checks it
// (grafana-plugin/pkg/plugin/query.go). Empty members choose all.

export const QUERY_TYPES = ['incidents', 'signals', 'metrics'] as const;
export type QueryType = (typeof QUERY_TYPES)[number];

export const METRICS = ['incidents', 'signals', 'events'] as const;
export type Metric = (typeof METRICS)[number];

export type Format = 'table' | 'logs' | 'timeseries';

export interface Query extends DataQuery {
  queryType?: QueryType;
  format?: Format;
  severities?: string[];
  domains?: string[];
  techniques?: string[];
  entities?: string[];
  text?: string;
  states?: string[];
  statuses?: string[];
  confidence?: string[];
  tactics?: string[];
  verdicts?: string[];
  assignees?: string[];
  kinds?: string[];
  ruleIds?: string[];
  datasets?: string[];
  sort?: string;
  ascending?: boolean;
  limit?: number;
  metric?: Metric;
  by?: string;
}

export interface Settings extends DataSourceJsonData {
  url?: string;
  user?: string;
  tenant?: string;
  tlsAuthWithCACert?: boolean;
}

export interface SecureSettings {
  password?: string;
  apiKey?: string;
  tlsCACert?: string;
}

/** formats lists what a query type can answer with, the usual one first. */
export function formats(type: QueryType): readonly Format[] {
  return type === 'metrics' ? ['timeseries', 'table'] : ['table', 'logs'];
}

/** complete fills in what a query leaves out. */
export function complete(query: Partial<Query>): Partial<Query> & { queryType: QueryType; format: Format } {
  const queryType = QUERY_TYPES.find((type) => type === query.queryType) ?? 'incidents';
  const allowed = formats(queryType);
  const format = allowed.find((one) => one === query.format) ?? allowed[0] ?? 'table';
  return { ...query, queryType, format, ...(queryType === 'metrics' ? { metric: query.metric ?? 'incidents' } : {}) };
}
