import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { Button, IconButton, useStyles2 } from '@grafana/ui';
import { useMemo, useState } from 'react';

import { list } from '../api/types';
import type { IncidentPage } from '../api/types';
import { useResource } from '../api/useResource';
import { Faint } from '../ui/HostileText';
import { Row } from '../ui/Layout';
import { Notice, WhenReady } from '../ui/PageState';
import { count } from '../ui/words';
import { askRange, readRange } from '../url/timeRange';
import { useUrlState } from '../url/useUrlState';
import { Filters } from './Filters';
import { IncidentTable } from './IncidentTable';
import { askParams, filtered, noFilters, readQuery } from './query';

/** IncidentsPage is the list of incidents: filtered, sorted, page by page. */
export function IncidentsPage() {
  const styles = useStyles2(getStyles);
  const url = useUrlState();
  const query = readQuery(url.params);
  const [round, setRound] = useState(0);
  // A range such as "last 6 hours" becomes two instants once per question, not
  // once per rendering; round makes "Refresh" ask about the time until now.
  const range = useMemo(() => {
    void round;
    return readRange(query.from, query.to);
  }, [query.from, query.to, round]);
  const page = useResource<IncidentPage>('/incidents', askParams(query, askRange(range)), true);
  const trail = useTrail();

  const refresh = () => {
    setRound(round + 1);
    page.reload();
  };

  return (
    <PluginPage pageNav={{ text: 'Incidents', subTitle: 'What happened, how sure it is, and who is on it' }}>
      <Filters query={query} range={range} onChange={url.set} />
      <WhenReady resource={page} what="incidents">
        {(answer) => {
          const items = list(answer.items);
          return (
            <>
              <div className={styles.bar}>
                <Row justify="between">
                  <span role="status" aria-live="polite">
                    {count(answer.total, 'incident')}
                    {filtered(query) && <Faint> match the filters</Faint>}
                    {page.loading && <Faint> · reading …</Faint>}
                  </span>
                  <Row>
                    <span className={styles.keys}>
                      <kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> opens
                    </span>
                    <IconButton name="sync" tooltip="Refresh" onClick={refresh} />
                  </Row>
                </Row>
              </div>
              {items.length === 0 ? (
                <Nothing narrowed={filtered(query)} beyond={query.cursor !== ''} onClear={() => url.set(noFilters())} />
              ) : (
                <IncidentTable
                  items={items}
                  sort={query.sort}
                  order={query.order}
                  onSort={(sort, order) => url.set({ sort, order, cursor: undefined })}
                />
              )}
              <nav className={styles.pages} aria-label="Pages">
                {query.cursor !== '' && (
                  <Button variant="secondary" size="sm" onClick={() => url.set({ cursor: undefined })}>
                    First page
                  </Button>
                )}
                {trail.before(query.cursor) !== undefined && (
                  <Button variant="secondary" size="sm" icon="angle-left" onClick={() => url.set({ cursor: trail.before(query.cursor) })}>
                    Previous page
                  </Button>
                )}
                {answer.next_cursor !== undefined && answer.next_cursor !== '' && (
                  <Button
                    variant="secondary"
                    size="sm"
                    icon="angle-right"
                    onClick={() => {
                      trail.step(query.cursor, answer.next_cursor ?? '');
                      url.set({ cursor: answer.next_cursor });
                    }}
                  >
                    Next page
                  </Button>
                )}
              </nav>
            </>
          );
        }}
      </WhenReady>
    </PluginPage>
  );
}

function Nothing({ narrowed, beyond, onClear }: { narrowed: boolean; beyond: boolean; onClear: () => void }) {
  if (narrowed) {
    return (
      <Notice icon="search" title="No incident matches">
        <p>Other incidents may exist outside these filters.</p>
        <Button variant="secondary" onClick={onClear}>
          Clear filters
        </Button>
      </Notice>
    );
  }
  return beyond ? (
    <Notice icon="info-circle" title="This page is empty">
      <p>The list has become shorter. Go back to the first page.</p>
    </Notice>
  ) : (
    <Notice icon="shield" title="No incidents yet">
      <p>
        An incident appears here once signals that belong together weigh enough. If you expected one, check that the collector
        writes to the Elasticsearch and the tenant in this app’s configuration.
      </p>
    </Notice>
  );
}

/** useTrail remembers which page came before which; a cursor only leads on. */
function useTrail() {
  const [previous, setPrevious] = useState<ReadonlyMap<string, string>>(new Map());
  return {
    before: (cursor: string) => previous.get(cursor),
    step: (from: string, to: string) => setPrevious(new Map(previous).set(to, from)),
  };
}

const getStyles = (theme: GrafanaTheme2) => ({
  keys: css({ color: theme.colors.text.secondary, [theme.breakpoints.down('md')]: { display: 'none' } }),
  bar: css({ marginBottom: theme.spacing(1) }),
  pages: css({ display: 'flex', gap: theme.spacing(1), marginTop: theme.spacing(2) }),
});
