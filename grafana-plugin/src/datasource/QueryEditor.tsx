import type { QueryEditorProps } from '@grafana/data';
import { InlineField, InlineFieldRow, Input, RadioButtonGroup } from '@grafana/ui';
import { useState } from 'react';

import { CONFIDENCES, DOMAINS, SEVERITIES, STATUSES } from '../api/types';
import { Choice, Choices } from '../ui/Choice';
import { plainName } from '../ui/words';
import type { DataSource } from './datasource';
import { complete, formats, METRICS, QUERY_TYPES } from './types';
import type { Metric, Query, QueryType, Settings } from './types';

// The names by which the backend counts and sorts (es-ingest/store).
const groupings: Record<Metric, readonly string[]> = {
  incidents: ['severity', 'confidence', 'domain', 'status', 'verdict', 'assignee', 'tactic', 'technique', 'state', 'rule'],
  signals: ['severity', 'domain', 'dataset', 'kind', 'status', 'rule', 'rule_name', 'tactic', 'technique', 'outcome', 'user', 'host', 'ip'],
  events: ['dataset', 'kind', 'module', 'category', 'action', 'outcome'],
};

const sorts = {
  incidents: ['last_seen', 'first_seen', 'score', 'severity', 'title', 'status', 'assignee', 'updated_at'],
  signals: ['time', 'severity', 'risk', 'confidence', 'rule_name'],
} as const;

const named = (values: readonly string[]) => values.map((value) => ({ value, label: plainName(value) }));

/** QueryEditor asks for incidents, signals, or their counts. */
export function QueryEditor({ query, onChange, onRunQuery }: QueryEditorProps<DataSource, Query, Settings>) {
  const { queryType, format } = complete(query);
  const change = (patch: Partial<Query>) => {
    onChange({ ...query, ...complete({ ...query, ...patch }) });
    onRunQuery();
  };
  const metric: Metric = query.metric ?? 'incidents';
  const incidents = queryType === 'incidents' || (queryType === 'metrics' && metric === 'incidents');
  const signals = queryType === 'signals' || (queryType === 'metrics' && metric === 'signals');
  return (
    <>
      <InlineFieldRow>
        <InlineField label="Show" labelWidth={12}>
          <RadioButtonGroup<QueryType>
            value={queryType}
            options={QUERY_TYPES.map((value) => ({ value, label: value === 'metrics' ? 'Counts' : plainName(value) }))}
            onChange={(picked) => change({ queryType: picked, sort: undefined, by: undefined })}
          />
        </InlineField>
        <InlineField label="As" labelWidth={8}>
          <RadioButtonGroup value={format} options={formats(queryType).map((value) => ({ value, label: plainName(value) }))} onChange={(picked) => change({ format: picked })} />
        </InlineField>
        {queryType === 'metrics' && (
          <>
            <InlineField label="Count" labelWidth={8}>
              <Choice<Metric> label="Count" width={16} value={metric} options={METRICS.map((value) => ({ value, label: plainName(value) }))} onChange={(picked) => change({ metric: picked, by: undefined })} />
            </InlineField>
            <InlineField label="By" labelWidth={6}>
              <Choice<string> label="By" width={18} value={query.by ?? ''} options={[{ value: '', label: 'All together' }, ...named(groupings[metric])]} onChange={(by) => change({ by })} />
            </InlineField>
          </>
        )}
      </InlineFieldRow>
      <InlineFieldRow>
        {(incidents || signals) && (
          <>
            <InlineField label="Severity" labelWidth={12}>
              <Choices<string> label="Severity" placeholder="Any" values={query.severities ?? []} options={named(SEVERITIES)} onChange={(severities) => change({ severities })} />
            </InlineField>
            <InlineField label="Domain" labelWidth={10}>
              <Choices<string> label="Domain" placeholder="Any" values={query.domains ?? []} options={named(DOMAINS)} onChange={(domains) => change({ domains })} />
            </InlineField>
          </>
        )}
        {incidents && (
          <>
            <InlineField label="Confidence" labelWidth={12}>
              <Choices<string> label="Confidence" placeholder="Any" values={query.confidence ?? []} options={named(CONFIDENCES)} onChange={(confidence) => change({ confidence })} />
            </InlineField>
            <InlineField label="Status" labelWidth={10}>
              <Choices<string> label="Status" placeholder="Any" values={query.statuses ?? []} options={named(STATUSES)} onChange={(statuses) => change({ statuses })} />
            </InlineField>
          </>
        )}
      </InlineFieldRow>
      {(incidents || signals) && (
        <InlineFieldRow>
          <InlineField label="Entities" labelWidth={12} tooltip="As type:value or a value; several with commas">
            <Words label="Entities" values={query.entities} placeholder="user:alice@example.com" onCommit={(entities) => change({ entities })} />
          </InlineField>
          <InlineField label="Techniques" labelWidth={12}>
            <Words label="Techniques" values={query.techniques} placeholder="T1078, T1114.003" onCommit={(techniques) => change({ techniques })} />
          </InlineField>
          {signals && (
            <InlineField label="Rules" labelWidth={10}>
              <Words label="Rules" values={query.ruleIds} placeholder="Ids of rules" onCommit={(ruleIds) => change({ ruleIds })} />
            </InlineField>
          )}
          <InlineField label="Text" labelWidth={8}>
            <Words label="Text" whole values={query.text ? [query.text] : []} placeholder="Words in title or reason" onCommit={(texts) => change({ text: texts[0] ?? '' })} />
          </InlineField>
        </InlineFieldRow>
      )}
      {queryType !== 'metrics' && (
        <InlineFieldRow>
          <InlineField label="Sort by" labelWidth={12}>
            <Choice<string> label="Sort by" width={18} value={query.sort ?? sorts[queryType][0]} options={named(sorts[queryType])} onChange={(sort) => change({ sort })} />
          </InlineField>
          <InlineField label="Order" labelWidth={8}>
            <RadioButtonGroup
              value={query.ascending === true}
              options={[
                { value: false, label: 'Falling' },
                { value: true, label: 'Rising' },
              ]}
              onChange={(ascending) => change({ ascending })}
            />
          </InlineField>
          <InlineField label="At most" labelWidth={10}>
            <Words label="At most" whole values={query.limit ? [String(query.limit)] : []} placeholder="100" onCommit={(texts) => change({ limit: limitOf(texts[0] ?? '') })} />
          </InlineField>
        </InlineFieldRow>
      )}
    </>
  );
}

/** limitOf reads a number of rows; what is none, or out of range, means the usual. */
export function limitOf(text: string): number | undefined {
  const limit = Number(text);
  return Number.isInteger(limit) && limit >= 1 && limit <= 500 ? limit : undefined;
}

interface WordsProps {
  label: string;
  values: string[] | undefined;
  placeholder: string;
  /** One value, commas and all. */
  whole?: boolean;
  onCommit: (values: string[]) => void;
}

/** Words is a field whose text is taken when one leaves it or presses Enter. */
function Words(props: WordsProps) {
  const text = (props.values ?? []).join(', ');
  // Another query's text begins a new draft.
  return <Draft key={text} {...props} text={text} />;
}

function Draft({ label, text, placeholder, whole = false, onCommit }: WordsProps & { text: string }) {
  const [draft, setDraft] = useState(text);
  const commit = () => {
    const next = (whole ? [draft] : draft.split(',')).map((word) => word.trim()).filter((word) => word !== '');
    if (next.join(', ') !== text) {
      onCommit(next);
    }
  };
  return (
    <Input
      aria-label={label}
      width={26}
      placeholder={placeholder}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  );
}
