import type { IconName } from '@grafana/data';

import type { AuthorityVerdict, Confidence, Named, Severity, Status, TriageVerdict } from '../api/types';

// Ids and the words people read. An id that is not here is shown as it is, so
// that a newer backend never leaves a hole in the page.

const tactics: Record<string, string> = {
  TA0043: 'Reconnaissance',
  TA0042: 'Resource development',
  TA0001: 'Initial access',
  TA0002: 'Execution',
  TA0003: 'Persistence',
  TA0004: 'Privilege escalation',
  TA0005: 'Defense evasion',
  TA0006: 'Credential access',
  TA0007: 'Discovery',
  TA0008: 'Lateral movement',
  TA0009: 'Collection',
  TA0011: 'Command and control',
  TA0010: 'Exfiltration',
  TA0040: 'Impact',
};

/** tacticName is the name of an ATT&CK tactic. */
export function tacticName(id: string): string {
  return tactics[id.toUpperCase()] ?? plainName(id);
}

export const severityNames: Record<Severity, string> = { low: 'Low', medium: 'Medium', high: 'High', critical: 'Critical' };
export const confidenceNames: Record<Confidence, string> = { low: 'Low', medium: 'Medium', high: 'High' };
export const statusNames: Record<Status, string> = { new: 'New', in_progress: 'In progress', resolved: 'Resolved', closed: 'Closed' };
export const triageVerdictNames: Record<TriageVerdict, string> = {
  '': 'No verdict yet',
  true_positive: 'True positive',
  benign: 'Benign',
  false_positive: 'False positive',
};
export const authorityNames: Record<AuthorityVerdict, string> = {
  act_alone: 'May act alone',
  needs_approval: 'Needs approval',
  forbidden: 'Forbidden',
};
/** shortAuthorityNames fit into a cell. */
export const shortAuthorityNames: Record<AuthorityVerdict, string> = {
  act_alone: 'Alone',
  needs_approval: 'Approval',
  forbidden: 'Forbidden',
};

const special: Record<string, string> = {
  ai_agent: 'AI agent',
  saas: 'SaaS',
  ip: 'IP address',
  host: 'Host',
  user: 'User',
  mail_message: 'Mail message',
  file_hash: 'File hash',
  cloud_principal: 'Cloud principal',
  url: 'URL',
  ot_device: 'OT device',
  vip: 'VIP',
  out_of_hours: 'Out of hours',
  business: 'Business hours',
  reset_mfa: 'Reset multi-factor methods',
  block_ip: 'Block IP address',
  block_url: 'Block URL',
};

/** plainName makes words of an id: provider_lead becomes "Provider lead". */
export function plainName(id: string): string {
  const known = special[id];
  if (known !== undefined) {
    return known;
  }
  if (!/^[a-z0-9]+([_-][a-z0-9]+)*$/.test(id)) {
    return id;
  }
  const words = id.replace(/[_-]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const domainIcons: Record<string, IconName> = {
  endpoint: 'monitor',
  network: 'sitemap',
  cloud: 'cloud',
  email: 'envelope',
  identity: 'user',
  saas: 'apps',
};

export const entityIcons: Record<string, IconName> = {
  user: 'user',
  host: 'monitor',
  ip: 'sitemap',
  domain: 'sitemap',
  mail_message: 'envelope',
  file_hash: 'file-alt',
  session: 'key-skeleton-alt',
  cloud_principal: 'cloud',
  process: 'process',
};

/** idOf and nameOf read what the backend names either way. */
export function idOf(named: Named): string {
  return typeof named === 'string' ? named : named.id;
}

export function nameOf(named: Named): string {
  return typeof named === 'string' ? plainName(named) : named.name || plainName(named.id);
}

/** count writes "1 signal", "2 signals". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

/** lifetime writes seconds as people say them: "30 minutes", "2 hours". */
export function lifetime(seconds: number): string {
  if (seconds >= 86400 && seconds % 86400 === 0) {
    return count(seconds / 86400, 'day');
  }
  if (seconds >= 3600 && seconds % 3600 === 0) {
    return count(seconds / 3600, 'hour');
  }
  if (seconds >= 60 && seconds % 60 === 0) {
    return count(seconds / 60, 'minute');
  }
  return count(seconds, 'second');
}

/** points writes a score without needless decimals. */
export function points(value: number): string {
  return (Math.round(value * 10) / 10).toLocaleString();
}
