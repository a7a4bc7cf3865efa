import type { AuthorityMatrix, Decision, IncidentDetail, IncidentEvents, IncidentSummary, ResponseAuthority, Triage, WhoAmI } from '../../src/api/types';

/** Hostile is what attackers write into logs. */
export const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) https://evil.example/ \u202egnp.exe';

export const triage: Triage = { status: 'new', assignee: '', verdict: '', comments: null, version: 'v1' };

export const summary: IncidentSummary = {
  id: 'i-1',
  title: 'Account taken over',
  state: 'open',
  severity: 'critical',
  confidence: 'high',
  score: 118.5,
  domains: ['email', 'identity'],
  tactics: ['TA0001'],
  entities: [{ type: 'user', value: 'nina@contoso.example', role: 'actor' }],
  first_seen: '2026-03-04T10:00:00Z',
  last_seen: '2026-03-04T11:00:00Z',
  signal_count: 2,
  revision: 3,
  status: 'new',
  assignee: '',
  verdict: '',
};

export const detail: IncidentDetail = {
  incident: {
    id: 'i-1',
    title: `Account taken over ${HOSTILE}`,
    summary: HOSTILE,
    state: 'open',
    severity: 'critical',
    confidence: 'high',
    score: 60,
    first_seen: '2026-03-04T10:00:00Z',
    last_seen: '2026-03-04T11:00:00Z',
    domains: ['email', 'identity'],
    tactics: ['TA0001'],
    techniques: ['T1078'],
    entities: [{ type: 'user', value: HOSTILE, role: 'actor', aliases: [HOSTILE], signals: 2 }],
    signals: [
      {
        id: 's-1',
        kind: 'behavior',
        rule_id: 'first_seen',
        rule_name: 'Unusual sign-in',
        severity: 45,
        confidence: 70,
        domain: 'identity',
        dataset: 'azure.signinlogs',
        time: '2026-03-04T10:00:00Z',
        reason: HOSTILE,
        entities: [{ type: 'user', value: HOSTILE, role: 'actor' }],
        matched: [{ field: 'user_agent.original', value: HOSTILE }],
        events: [{ id: 'e-1' }],
        events_total: 1,
      },
      {
        id: 's-2',
        kind: 'rule',
        rule_id: 'fwd',
        rule_name: 'Forwarding rule',
        severity: 75,
        confidence: 90,
        domain: 'email',
        dataset: 'o365.audit',
        time: '2026-03-04T11:00:00Z',
        reason: 'Mail is forwarded.',
        matched: null,
        events: null,
      },
    ],
    edges: [{ from: 's-1', to: 's-2', entity: 'user:nina', strength: 'strong', weight: 1, reason: 'the same user' }],
    score_parts: [
      { label: 'Unusual sign-in', points: 22.5, signal: 's-1' },
      { label: 'Forwarding rule', points: 37.5, signal: 's-2' },
    ],
    story: [
      { time: '2026-03-04T10:00:00Z', text: HOSTILE, signal: 's-1', tactic: 'TA0001' },
      { time: '2026-03-04T11:00:00Z', text: 'Mail is forwarded.', signal: 's-2', tactic: 'TA0009' },
    ],
  },
  triage,
};

export const events: IncidentEvents = {
  items: [
    {
      id: 'e-1',
      dataset: 'azure.signinlogs',
      index: 'logs-azure.signinlogs-acme',
      time: '2026-03-04T10:00:00Z',
      signal_ids: ['s-1'],
      document: { event: { action: HOSTILE, original: `{"a":${JSON.stringify(HOSTILE)}}` }, user: { name: HOSTILE } },
    },
  ],
  missing: ['e-2'],
};

function decision(actor: string, verdict: Decision['verdict']): Decision {
  return {
    actor,
    verdict,
    reason: `${actor}: ${verdict}`,
    policy_id: `policy-${actor}`,
    clause: `permit (principal == Actor::"${actor}", action, resource);`,
    clause_at: '10-x.cedar:3',
    approvers: verdict === 'needs_approval' ? ['customer_approver'] : [],
    approvals_needed: verdict === 'needs_approval' ? 2 : 0,
    ttl_seconds: verdict === 'needs_approval' ? 14400 : 0,
    on_timeout: verdict === 'needs_approval' ? 'deny' : '',
  };
}

export const authority: ResponseAuthority = {
  policy_version: 'abcdef0123456789',
  severity: 'critical',
  confidence: 'high',
  hours: 'business',
  items: [
    {
      action: 'disable_account',
      action_name: 'Disable account',
      d3fend: 'D3-AL',
      target: { type: 'user', value: 'nina', asset_class: 'none', identity_class: 'standard', criticality: 'normal', classified_by: 'settings' },
      verdicts: [decision('automation', 'forbidden'), decision('provider_analyst', 'needs_approval'), decision('customer_admin', 'act_alone')],
    },
  ],
};

export const matrix: AuthorityMatrix = {
  policy_version: 'abcdef0123456789',
  actors: ['automation', 'provider_analyst', 'customer_admin'],
  actions: [
    { id: 'isolate_endpoint', name: 'Isolate endpoint' },
    { id: 'kill_process', name: 'Kill process' },
  ],
  target_classes: [
    { id: 'workstation', name: 'Workstation' },
    { id: 'server', name: 'Server' },
  ],
  severities: ['high'],
  confidences: ['high'],
  cells: ['isolate_endpoint', 'kill_process'].flatMap((action) =>
    (['forbidden', 'needs_approval', 'act_alone'] as const).map((verdict, at) => ({
      ...decision(['automation', 'provider_analyst', 'customer_admin'][at] ?? '', verdict),
      action,
      target_class: 'workstation',
      severity: 'high',
      confidence: 'high',
      hours: 'business',
    }))
  ),
};

export const lead: WhoAmI = { login: 'lena', name: 'Lena', role: 'Admin', actor: 'provider_lead', may: { triage: true } };
export const viewer: WhoAmI = { login: 'vera', name: 'Vera', role: 'Viewer', actor: '', may: { triage: false, reason: 'Viewers only read.' } };
