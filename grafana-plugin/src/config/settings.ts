import type { Option } from '../ui/Choice';

// The app's jsonData; the backend checks it (grafana-plugin/pkg/plugin/settings.go).

/** PersonActor is a part that a person can act in. */
export type PersonActor = 'provider_analyst' | 'provider_lead' | 'customer_approver' | 'customer_admin';

export interface TargetClass {
  type: string;
  match: string;
  asset_class?: string;
  identity_class?: string;
  criticality?: string;
}

export interface AppSettings {
  url?: string;
  user?: string;
  tenant?: string;
  actors?: { logins?: Record<string, string>; roles?: Record<string, string> };
  hours?: { timezone?: string; days?: number[]; start?: string; end?: string };
  targets?: TargetClass[];
  tlsAuthWithCACert?: boolean;
  tlsSkipVerify?: boolean;
}

/** Secrets go to the backend and never come back. */
export interface Secrets {
  password?: string;
  apiKey?: string;
  tlsCACert?: string;
}

export const personActors: ReadonlyArray<Option<PersonActor>> = [
  { value: 'provider_analyst', label: 'Provider analyst' },
  { value: 'provider_lead', label: 'Provider lead' },
  { value: 'customer_approver', label: 'Customer approver' },
  { value: 'customer_admin', label: 'Customer admin' },
];

/** defaultRoles is what the backend takes when nothing is set. */
export const defaultRoles: Record<'Editor' | 'Admin', PersonActor> = { Editor: 'provider_analyst', Admin: 'provider_lead' };

const tenantForm = /^[a-z0-9][a-z0-9_]{0,39}$/;

/** problems says what is wrong with settings, by field, before they are sent. */
export function problems(settings: AppSettings): Partial<Record<'url' | 'tenant' | 'hours' | 'targets', string>> {
  const found: ReturnType<typeof problems> = {};
  const addresses = (settings.url ?? '').split(',').map((one) => one.trim());
  if (addresses.some((one) => !/^https?:\/\/[^\s/]+/.test(one))) {
    found.url = 'Enter one or more addresses, such as https://elasticsearch:9200, separated by commas.';
  }
  if (!tenantForm.test(settings.tenant ?? '')) {
    found.tenant = 'Lower-case letters, digits and _, at most 40, not beginning with _.';
  }
  const { start = '', end = '' } = settings.hours ?? {};
  if ([start, end].some((time) => time !== '' && !/^([01]\d|2[0-3]):[0-5]\d$/.test(time))) {
    found.hours = 'Times of day are written as 08:00.';
  } else if ((start || '08:00') >= (end || '18:00')) {
    found.hours = 'The hours must begin before they end.';
  }
  const blank = (settings.targets ?? []).findIndex((target) => target.match.trim() === '');
  if (blank >= 0) {
    found.targets = `Entry ${blank + 1} needs a value to match.`;
  }
  return found;
}
