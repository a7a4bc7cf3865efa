import { Observable } from 'rxjs';
import type { ReactNode } from 'react';

// Stands in for @grafana/runtime: a backend that answers from a table.

export interface Asked {
  method: string;
  path: string;
  params: Record<string, unknown>;
  data: unknown;
}

type Answer = (asked: Asked) => unknown;

/** Refusal is an answer with an error status. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly data: unknown
  ) {}
}

/** NEVER is an answer that does not come. */
export const NEVER = Symbol('never');

const table = new Map<string, Answer>();
export const asked: Asked[] = [];

/** answer says what "GET /incidents" and the like return from now on. */
export function answer(what: string, with_: unknown): void {
  table.set(what, typeof with_ === 'function' ? (with_ as Answer) : () => with_);
}

export function forget(): void {
  table.clear();
  asked.length = 0;
}

export function getBackendSrv() {
  return {
    fetch: (request: { url: string; method?: string; params?: Record<string, unknown>; data?: unknown }) =>
      new Observable((subscriber) => {
        const path = request.url.replace('api/plugins/openmxdr-app/resources', '').replace('api/plugins/openmxdr-app', '@plugin');
        const one = { method: request.method ?? 'GET', path, params: request.params ?? {}, data: request.data };
        asked.push(one);
        const found = table.get(`${one.method} ${path}`);
        const result = found === undefined ? new Refusal(404, { error: { code: 'not_found', message: `nothing at ${path}`, hint: '' } }) : found(one);
        if (result === NEVER) {
          return undefined;
        }
        const timer = setTimeout(() => {
          if (result instanceof Refusal) {
            subscriber.error({ status: result.status, statusText: '', data: result.data });
          } else {
            subscriber.next({ data: result, status: 200 });
            subscriber.complete();
          }
        }, 0);
        return () => clearTimeout(timer);
      }),
  };
}

export function PluginPage({ children }: { children?: ReactNode }) {
  return <main>{children}</main>;
}

export const templates: Record<string, string | string[]> = {};

export function getTemplateSrv() {
  return {
    replace: (text: string, _scoped?: unknown, format?: (value: string | string[]) => string) =>
      text.replace(/\$(\w+)/g, (_all, name: string) => {
        const value = templates[name] ?? '';
        return format ? format(value) : String(value);
      }),
  };
}

export class DataSourceWithBackend {
  annotations: unknown;
  constructor(readonly settings: unknown) {}
}
