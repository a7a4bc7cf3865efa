// What the backend answers. The incident's members are those of an incident
// revision (docs/schema.md). Lists may be null: Go writes an empty one so.

/** List is a list as the backend sends it. */
export type List<T> = readonly T[] | null | undefined;

/** list reads a list that may be null. */
export function list<T>(items: List<T>): readonly T[] {
  return items ?? [];
}

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export const CONFIDENCES = ['low', 'medium', 'high'] as const;
export const STATUSES = ['new', 'in_progress', 'resolved', 'closed'] as const;
export const VERDICTS = ['', 'true_positive', 'benign', 'false_positive'] as const;
export const DOMAINS = ['endpoint', 'network', 'cloud', 'email', 'identity', 'saas'] as const;
export const SORTS = ['last_seen', 'first_seen', 'score', 'severity'] as const;

export type Severity = (typeof SEVERITIES)[number];
export type Confidence = (typeof CONFIDENCES)[number];
export type Status = (typeof STATUSES)[number];
export type TriageVerdict = (typeof VERDICTS)[number];
export type Sort = (typeof SORTS)[number];
export type Order = 'asc' | 'desc';

/** Entity is somebody or something that an incident is about. */
export interface Entity {
  type: string;
  value: string;
  role?: string;
  aliases?: List<string>;
  /** How many signals name it. */
  signals?: number;
}

/** IncidentSummary is one row of the list. */
export interface IncidentSummary {
  id: string;
  title: string;
  state: string;
  severity: Severity;
  confidence: Confidence;
  score: number;
  domains: List<string>;
  tactics: List<string>;
  entities: List<Entity>;
  first_seen: string;
  last_seen: string;
  signal_count: number;
  revision: number;
  status: Status;
  assignee: string;
  verdict: TriageVerdict;
}

export interface IncidentPage {
  items: List<IncidentSummary>;
  total: number;
  next_cursor?: string;
}

/** EventRef names one original event. */
export interface EventRef {
  id: string;
  dataset?: string;
  time?: string;
}

export interface MatchedField {
  field: string;
  /** What the event held: a text, or a list where the field has several values. */
  value: unknown;
}

export interface IncidentSignal {
  id: string;
  kind: string;
  rule_id: string;
  rule_name: string;
  /** 0 to 100. */
  severity: number;
  /** 0 to 100. */
  confidence: number;
  domain: string;
  dataset: string;
  time: string;
  reason: string;
  outcome?: string;
  tactics?: List<string>;
  techniques?: List<string>;
  entities?: List<Entity>;
  matched?: List<MatchedField>;
  events?: List<EventRef>;
  events_total?: number;
}

/** Edge says why two signals belong together. */
export interface Edge {
  from: string;
  to: string;
  /** As type:value. */
  entity: string;
  strength: 'strong' | 'weak';
  /** 0 to 1. */
  weight: number;
  reason: string;
}

export interface ScorePart {
  label: string;
  points: number;
  /** The signal that the points come from, where they come from one. */
  signal?: string;
}

export interface StoryStep {
  time: string;
  text: string;
  signal?: string;
  tactic?: string;
}

export interface Incident {
  id: string;
  title: string;
  summary: string;
  state: 'open' | 'merged' | 'dissolved';
  merged_into?: string;
  severity: Severity;
  confidence: Confidence;
  score: number;
  revision?: number;
  first_seen: string;
  last_seen: string;
  domains: List<string>;
  tactics: List<string>;
  techniques: List<string>;
  entities: List<Entity>;
  signals: List<IncidentSignal>;
  edges: List<Edge>;
  score_parts: List<ScorePart>;
  story: List<StoryStep>;
}

export interface Comment {
  time: string;
  author: string;
  text: string;
}

/** Triage is the people's part of an incident. */
export interface Triage {
  status: Status;
  assignee: string;
  verdict: TriageVerdict;
  comments: List<Comment>;
  updated_at?: string;
  updated_by?: string;
  /** Sent back with a change; a change on an old version is refused. */
  version: string;
}

export interface IncidentDetail {
  incident: Incident;
  triage: Triage;
}

/** TriageChange names what changes; what it leaves out stays. */
export interface TriageChange {
  status?: Status;
  assignee?: string;
  verdict?: TriageVerdict;
  comment?: string;
  version: string;
}

export interface OriginalEvent {
  id: string;
  dataset: string;
  index: string;
  time: string;
  signal_ids: List<string>;
  document: Record<string, unknown>;
}

export interface IncidentEvents {
  items: List<OriginalEvent>;
  /** Ids that signals name and Elasticsearch does not hold. */
  missing: List<string>;
  /** How many were left out because the answer would be too large. */
  omitted?: number;
}

export type AuthorityVerdict = 'act_alone' | 'needs_approval' | 'forbidden';

/** Decision is what authority says and the clause that says so. */
export interface Decision {
  actor: string;
  verdict: AuthorityVerdict;
  reason: string;
  policy_id: string;
  /** The policy's text; empty when no policy decided. */
  clause: string;
  /** File and line of the clause. */
  clause_at?: string;
  approvers?: List<string>;
  approvals_needed?: number;
  ttl_seconds?: number;
  on_timeout?: string;
}

export interface ResponseOption {
  action: string;
  action_name: string;
  /** What the action does, in one sentence. */
  does?: string;
  /** How it is taken back, or why it cannot be. */
  undo?: string;
  risk?: string;
  /** The nearest D3FEND technique. */
  d3fend?: string;
  target: ResponseTarget;
  verdicts: List<Decision>;
}

/** ResponseTarget is an entity and what it is to the business. */
export interface ResponseTarget {
  type: string;
  value: string;
  asset_class?: string;
  identity_class?: string;
  criticality?: string;
  /** Where the classes come from. */
  classified_by?: string;
}

export interface ResponseAuthority {
  items: List<ResponseOption>;
  policy_version: string;
  /** What the verdicts are for. */
  severity?: string;
  confidence?: string;
  hours?: string;
  /** How many entities were left out because the incident has too many. */
  omitted?: number;
}

/** Named is an id, or an id with the name that people use. */
export type Named = string | { id: string; name: string };

export interface MatrixCell extends Decision {
  action: string;
  target_class: string;
  severity: string;
  confidence: string;
  hours: string;
}

export interface AuthorityMatrix {
  policy_version: string;
  actors: List<Named>;
  actions: List<Named>;
  target_classes: List<Named>;
  severities: List<Named>;
  confidences: List<Named>;
  hours?: List<Named>;
  cells: List<MatrixCell>;
}

export interface PolicyFiles {
  version: string;
  files: List<{ name: string; text: string }>;
}

export interface WhoAmI {
  login: string;
  name: string;
  role: string;
  actor: string;
  may: { triage: boolean; reason?: string };
}
