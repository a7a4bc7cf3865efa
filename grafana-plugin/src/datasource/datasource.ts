import type { CoreApp, DataSourceInstanceSettings, ScopedVars } from '@grafana/data';
import { DataSourceWithBackend, getTemplateSrv } from '@grafana/runtime';

import { complete } from './types';
import type { Query, Settings } from './types';

// The members that hold lists of values; a dashboard variable in one may stand for several.
const lists = [
  'severities',
  'domains',
  'techniques',
  'entities',
  'states',
  'statuses',
  'confidence',
  'tactics',
  'verdicts',
  'assignees',
  'kinds',
  'ruleIds',
  'datasets',
] as const;

/**
 * DataSource hands queries to the backend. Its constructor declares exactly
 * one parameter: Explore takes a class with another number for an old kind of
 * data source and silently uses a different one.
 */
export class DataSource extends DataSourceWithBackend<Query, Settings> {
  constructor(settings: DataSourceInstanceSettings<Settings>) {
    super(settings);
    this.annotations = {};
  }

  override getDefaultQuery(_app: CoreApp): Partial<Query> {
    return complete({});
  }

  override filterQuery(query: Query): boolean {
    return query.hide !== true;
  }

  override applyTemplateVariables(query: Query, scopedVars: ScopedVars): Query {
    const templates = getTemplateSrv();
    const filled: Query = { ...query, ...complete(query) };
    for (const name of lists) {
      const values = query[name];
      if (values !== undefined) {
        filled[name] = values.flatMap((value) => expand(value, (text, format) => templates.replace(text, scopedVars, format)));
      }
    }
    if (query.text !== undefined) {
      filled.text = templates.replace(query.text, scopedVars);
    }
    return filled;
  }
}

/** expand replaces variables; one with several values becomes several, "All" of a variable with .* becomes none. */
export function expand(value: string, replace: (text: string, format: (value: string | string[]) => string) => string): string[] {
  if (!value.includes('$') && !value.includes('[[')) {
    return [value];
  }
  let several: string[] | undefined;
  const replaced = replace(value, (found) => {
    const values = Array.isArray(found) ? found : [found];
    if (values.length !== 1) {
      several = values;
    }
    return values.join(',');
  });
  const results = several ?? [replaced];
  return results.filter((one) => one !== '' && one !== '.*');
}
