import { useCallback } from 'react';
import { useLocation, useNavigate } from 'react-router-dom';

/** Patch names the parameters to change; undefined and '' remove one. */
export type Patch = Record<string, string | undefined>;

export interface UrlState {
  params: URLSearchParams;
  get: (name: string) => string;
  /** set changes the address. replace leaves no entry in the browser's history. */
  set: (patch: Patch, options?: { replace?: boolean }) => void;
  /** href is the address that set would lead to. */
  href: (patch: Patch) => string;
}

/** patched applies a patch to a query string and returns it with its "?". */
export function patched(search: string, patch: Patch): string {
  const params = new URLSearchParams(search);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || value === '') {
      params.delete(name);
    } else {
      params.set(name, value);
    }
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** useUrlState keeps a page's state in its address, so that it can be shared. */
export function useUrlState(): UrlState {
  const location = useLocation();
  const navigate = useNavigate();
  const { pathname, search } = location;

  const set = useCallback(
    (patch: Patch, options?: { replace?: boolean }) => {
      navigate({ pathname, search: patched(search, patch) }, { replace: options?.replace ?? false });
    },
    [navigate, pathname, search]
  );
  const params = new URLSearchParams(search);
  return {
    params,
    get: (name) => params.get(name) ?? '',
    set,
    href: (patch) => `${pathname}${patched(search, patch)}`,
  };
}
