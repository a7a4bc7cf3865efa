import { APP_ROOT } from '../constants';

/** Route is which page of the app an address means. */
export type Route =
  | { page: 'incidents' }
  | { page: 'incident'; id: string }
  | { page: 'authority' }
  | { page: 'unknown' };

/**
 * routeOf reads the address. It matches whole addresses, because Grafana 10
 * mounts the app outside any route of the router and later ones inside one.
 */
export function routeOf(pathname: string): Route {
  const path = pathname.replace(/\/+$/, '');
  if (path === APP_ROOT || path === `${APP_ROOT}/incidents`) {
    return { page: 'incidents' };
  }
  if (path === `${APP_ROOT}/authority`) {
    return { page: 'authority' };
  }
  const prefix = `${APP_ROOT}/incidents/`;
  const id = path.startsWith(prefix) ? decoded(path.slice(prefix.length)) : '';
  return id === '' ? { page: 'unknown' } : { page: 'incident', id };
}

/** decoded is one segment of an address as it was before it was escaped; '' if it is not one. */
function decoded(segment: string): string {
  try {
    return segment.includes('/') ? '' : decodeURIComponent(segment);
  } catch {
    return '';
  }
}

function address(path: string, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `${APP_ROOT}${path}${search === '' ? '' : `?${search}`}`;
}

/** incidentsAddress is the list, filtered. */
export function incidentsAddress(query: Record<string, string> = {}): string {
  return address('/incidents', query);
}

/** incidentAddress is one incident's page, on a tab and with something selected. */
export function incidentAddress(id: string, query: Record<string, string> = {}): string {
  return address(`/incidents/${encodeURIComponent(id)}`, query);
}

/** authorityAddress is the authority page. */
export function authorityAddress(query: Record<string, string> = {}): string {
  return address('/authority', query);
}
