import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, ClipboardButton, useStyles2 } from '@grafana/ui';
import { useState } from 'react';

import { incidentPath } from '../api/client';
import { list } from '../api/types';
import type { Incident, IncidentEvents, OriginalEvent } from '../api/types';
import { useResource } from '../api/useResource';
import { Code, Faint, HostileText } from '../ui/HostileText';
import { Row } from '../ui/Layout';
import { Notice, WhenReady } from '../ui/PageState';
import { Instant } from '../ui/Time';
import { count } from '../ui/words';
import { useUrlState } from '../url/useUrlState';
import { pretty } from './pretty';

/** EventsTab shows the original events behind the signals, as table and as they are stored. */
export function EventsTab({ incident }: { incident: Incident }) {
  const url = useUrlState();
  const events = useResource<IncidentEvents>(incidentPath(incident.id, '/events'));
  const signal = url.get('signal');
  const names = new Map(list(incident.signals).map((one) => [one.id, one.rule_name || one.rule_id]));
  return (
    <WhenReady resource={events} what="the original events">
      {(answer) => {
        const all = list(answer.items);
        const missing = list(answer.missing);
        const items = signal === '' ? all : all.filter((event) => list(event.signal_ids).includes(signal));
        return (
          <>
            {missing.length > 0 && (
              <Alert severity="warning" title={`${count(missing.length, 'event')} not in Elasticsearch`}>
                <p>The lifecycle of their index removed them, or they are not written yet.</p>
                <details>
                  <summary>Their ids</summary>
                  {missing.map((id) => (
                    <div key={id}>
                      <HostileText mono text={id} />
                    </div>
                  ))}
                </details>
              </Alert>
            )}
            {(answer.omitted ?? 0) > 0 && (
              <Alert severity="info" title={`${count(answer.omitted ?? 0, 'more event')} not shown, because the answer would be too large`} />
            )}
            {signal !== '' && (
              <Row>
                <span>
                  Events of <strong>{names.get(signal) ?? signal}</strong>
                </span>
                <Button size="sm" variant="secondary" fill="text" icon="times" onClick={() => url.set({ signal: undefined })}>
                  All events
                </Button>
              </Row>
            )}
            {items.length === 0 ? (
              <Notice icon="search" title="No original events" />
            ) : (
              <EventTable
                items={items}
                names={names}
                selected={url.get('event')}
                onSelect={(event) => url.set({ event }, { replace: true })}
              />
            )}
          </>
        );
      }}
    </WhenReady>
  );
}

interface TableProps {
  items: readonly OriginalEvent[];
  names: ReadonlyMap<string, string>;
  selected: string;
  onSelect: (id: string | undefined) => void;
}

function EventTable({ items, names, selected, onSelect }: TableProps) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Data</th>
            <th scope="col">Action</th>
            <th scope="col">Who</th>
            <th scope="col">From</th>
            <th scope="col">Signals</th>
            <th scope="col">
              <span className={styles.hidden}>Document</span>
            </th>
          </tr>
        </thead>
        {items.map((event) => {
          const open = event.id === selected;
          return (
            <tbody key={event.id} className={cx(open && styles.open)}>
              <tr>
                <td>
                  <Instant time={event.time} />
                </td>
                <td>
                  <Code>{event.dataset}</Code>
                </td>
                <td>
                  <Value event={event} path="event.action" />
                </td>
                <td>
                  <Value event={event} path="user.name" or="user.email" />
                </td>
                <td>
                  <Value event={event} path="source.ip" or="host.name" />
                </td>
                <td>
                  {list(event.signal_ids).map((id) => (
                    <div key={id}>{names.get(id) ?? id}</div>
                  ))}
                </td>
                <td>
                  <Button
                    size="sm"
                    variant="secondary"
                    aria-expanded={open}
                    icon={open ? 'angle-up' : 'angle-down'}
                    onClick={() => onSelect(open ? undefined : event.id)}
                  >
                    Document
                  </Button>
                </td>
              </tr>
              {open && (
                <tr>
                  <td colSpan={7}>
                    <Document event={event} />
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

/** at reads a dotted path in a nested document, or the same name written flat. */
export function at(document: Record<string, unknown>, path: string): unknown {
  if (path in document) {
    return document[path];
  }
  let value: unknown = document;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function textAt(event: OriginalEvent, path: string): string {
  const value = at(event.document ?? {}, path);
  return value === undefined ? '' : Array.isArray(value) ? value.join(', ') : String(value);
}

function Value({ event, path, or }: { event: OriginalEvent; path: string; or?: string }) {
  const text = textAt(event, path) || (or === undefined ? '' : textAt(event, or));
  return text === '' ? <Faint>none</Faint> : <HostileText text={text} />;
}

function Document({ event }: { event: OriginalEvent }) {
  const styles = useStyles2(getStyles);
  const [view, setView] = useState<'document' | 'original'>('document');
  const original = at(event.document ?? {}, 'event.original');
  const source = typeof original === 'string' ? original : (JSON.stringify(original) ?? '');
  const text = view === 'document' ? JSON.stringify(event.document, null, 2) : pretty(source);
  return (
    <div>
      <Row justify="between">
        <Row>
          <Button size="sm" variant={view === 'document' ? 'primary' : 'secondary'} fill="outline" aria-pressed={view === 'document'} onClick={() => setView('document')}>
            As stored
          </Button>
          {original !== undefined && (
            <Button size="sm" variant={view === 'original' ? 'primary' : 'secondary'} fill="outline" aria-pressed={view === 'original'} onClick={() => setView('original')}>
              As the vendor sent it
            </Button>
          )}
        </Row>
        <Row>
          <Faint>
            <HostileText mono text={event.index} /> / <HostileText mono text={event.id} />
          </Faint>
          <ClipboardButton size="sm" variant="secondary" icon="copy" getText={() => (view === 'document' ? text : source)}>
            Copy
          </ClipboardButton>
        </Row>
      </Row>
      {/* Plain text on purpose: a JSON viewer would make links of what attackers write. */}
      <pre className={styles.document}>
        <HostileText mono text={text} />
      </pre>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ overflowX: 'auto' }),
  table: css({
    width: '100%',
    'th, td': { textAlign: 'left', verticalAlign: 'top', padding: theme.spacing(0.75, 2, 0.75, 0) },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
    // Room for a dataset, an action, a user and an address on one line.
    'th:nth-child(2)': { minWidth: 160 },
    'th:nth-child(3)': { minWidth: 150 },
    'th:nth-child(4)': { minWidth: 220 },
    'th:nth-child(5)': { minWidth: 130 },
    tbody: { borderTop: `1px solid ${theme.colors.border.weak}` },
  }),
  open: css({ background: theme.colors.background.secondary }),
  document: css({ margin: theme.spacing(1, 0), maxHeight: '60vh', overflow: 'auto', background: theme.colors.background.canvas }),
  hidden: css({ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clip: 'rect(0 0 0 0)' }),
});
