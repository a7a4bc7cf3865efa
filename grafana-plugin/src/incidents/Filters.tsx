import { css } from '@emotion/css';
import type { GrafanaTheme2, TimeRange } from '@grafana/data';
import { dateTime } from '@grafana/data';
import { Button, FilterInput, Icon, Input, TimeRangeInput, useStyles2 } from '@grafana/ui';
import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';

import { CONFIDENCES, DOMAINS, SEVERITIES, STATUSES } from '../api/types';
import { Choices } from '../ui/Choice';
import { confidenceNames, plainName, severityNames, statusNames } from '../ui/words';
import { writeRange } from '../url/timeRange';
import type { Patch } from '../url/useUrlState';
import { filtered, noFilters } from './query';
import type { IncidentQuery } from './query';

interface FiltersProps {
  query: IncidentQuery;
  range: TimeRange | undefined;
  onChange: (patch: Patch, options?: { replace?: boolean }) => void;
}

/** ANY_TIME is the range input's way of having no range. */
const ANY_TIME: TimeRange = {
  from: dateTime(null),
  to: dateTime(null),
  raw: { from: dateTime(null), to: dateTime(null) },
};

/** Filters narrows the list down; every change goes into the address. */
export function Filters({ query, range, onChange }: FiltersProps) {
  const styles = useStyles2(getStyles);
  const change = (patch: Patch) => onChange({ ...patch, cursor: undefined });
  return (
    <div className={styles.bar} role="search" aria-label="Filter incidents">
      <div className={styles.wide}>
        <Typed
          value={query.q}
          onCommit={(q) => change({ q })}
          render={(value, set) => <FilterInput escapeRegex={false} placeholder="Search title and summary" value={value} onChange={set} aria-label="Search text" />}
        />
      </div>
      <div className={styles.range}>
        <TimeRangeInput
          value={range ?? ANY_TIME}
          onChange={(picked) => change(writeRange(picked))}
          clearable
          placeholder="Any time"
        />
      </div>
      <div className={styles.item}>
        <Choices
          label="Status"
          values={query.status}
          options={STATUSES.map((value) => ({ value, label: statusNames[value] }))}
          onChange={(values) => change({ status: values.join(',') })}
        />
      </div>
      <div className={styles.item}>
        <Choices
          label="Severity"
          values={query.severity}
          options={[...SEVERITIES].reverse().map((value) => ({ value, label: severityNames[value] }))}
          onChange={(values) => change({ severity: values.join(',') })}
        />
      </div>
      <div className={styles.item}>
        <Choices
          label="Confidence"
          values={query.confidence}
          options={[...CONFIDENCES].reverse().map((value) => ({ value, label: confidenceNames[value] }))}
          onChange={(values) => change({ confidence: values.join(',') })}
        />
      </div>
      <div className={styles.item}>
        <Choices<string>
          label="Domain"
          values={query.domain}
          options={DOMAINS.map((value) => ({ value, label: plainName(value) }))}
          onChange={(values) => change({ domain: values.join(',') })}
        />
      </div>
      <div className={styles.item}>
        <Typed
          value={query.entity}
          onCommit={(entity) => change({ entity })}
          render={(value, set) => (
            <Input prefix={<Icon name="crosshair" />} placeholder="Entity, as user:alice@…" aria-label="Entity" value={value} onChange={(event) => set(event.currentTarget.value)} />
          )}
        />
      </div>
      <div className={styles.item}>
        <Typed
          value={query.assignee}
          onCommit={(assignee) => change({ assignee })}
          render={(value, set) => (
            <Input prefix={<Icon name="user" />} placeholder="Owner" aria-label="Owner" value={value} onChange={(event) => set(event.currentTarget.value)} />
          )}
        />
      </div>
      {filtered(query) && (
        <Button variant="secondary" fill="text" icon="times" onClick={() => onChange(noFilters())}>
          Clear filters
        </Button>
      )}
    </div>
  );
}

interface TypedProps {
  value: string;
  onCommit: (value: string) => void;
  render: (value: string, set: (value: string) => void) => ReactNode;
}

/** Typed waits until typing stops before it hands the text on. */
function Typed({ value, onCommit, render }: TypedProps) {
  const [draft, setDraft] = useState(value);
  const commit = useRef(onCommit);
  const committed = useRef(value);
  useEffect(() => {
    commit.current = onCommit;
  });
  useEffect(() => {
    // The address changed by other means: back, a link, "Clear filters".
    if (value !== committed.current) {
      committed.current = value;
      setDraft(value);
    }
  }, [value]);
  useEffect(() => {
    const next = draft.trim();
    if (next === committed.current) {
      return undefined;
    }
    const timer = setTimeout(() => {
      committed.current = next;
      commit.current(next);
    }, 400);
    return () => clearTimeout(timer);
  }, [draft]);
  return <>{render(draft, setDraft)}</>;
}

const getStyles = (theme: GrafanaTheme2) => ({
  bar: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1),
    alignItems: 'center',
    marginBottom: theme.spacing(2),
  }),
  wide: css({ flex: '2 1 240px', minWidth: 180 }),
  range: css({ flex: '1 1 220px', minWidth: 200 }),
  item: css({ flex: '1 1 150px', minWidth: 140 }),
});
