import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { useEffect, useRef } from 'react';

import { list } from '../api/types';
import type { Edge, Incident, IncidentSignal } from '../api/types';
import { AppLink } from '../ui/AppLink';
import { asText, Code, Faint, HostileText } from '../ui/HostileText';
import { Column, Facts } from '../ui/Layout';
import { Chip, DomainMark, TacticMark } from '../ui/Marks';
import { Notice } from '../ui/PageState';
import { Instant } from '../ui/Time';
import { count, plainName } from '../ui/words';
import { incidentAddress } from '../url/routes';

/** SignalsTab shows each signal: what matched, about whom, and why it belongs here. */
export function SignalsTab({ incident, selected }: { incident: Incident; selected: string }) {
  const signals = list(incident.signals);
  if (signals.length === 0) {
    return <Notice icon="info-circle" title="No signals" />;
  }
  return (
    <Column gap={2}>
      {signals.map((signal) => (
        <Signal key={signal.id} incident={incident} signal={signal} selected={signal.id === selected} />
      ))}
    </Column>
  );
}

function Signal({ incident, signal, selected }: { incident: Incident; signal: IncidentSignal; selected: boolean }) {
  const styles = useStyles2(getStyles);
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    if (selected) {
      place.current?.scrollIntoView?.({ block: 'center' });
      place.current?.focus({ preventScroll: true });
    }
  }, [selected]);
  const events = list(signal.events);
  const total = signal.events_total ?? events.length;
  return (
    <section ref={place} tabIndex={-1} className={cx(styles.signal, selected && styles.selected)} aria-label={signal.rule_name} aria-current={selected || undefined}>
      <header className={styles.head}>
        <h2 className={styles.title}>
          <AppLink to={incidentAddress(incident.id, { tab: 'signals', signal: signal.id })}>{signal.rule_name || signal.rule_id}</AppLink>
        </h2>
        <DomainMark domain={signal.domain} />
        <Chip>{plainName(signal.kind)}</Chip>
        {list(signal.tactics).map((tactic) => (
          <TacticMark key={tactic} tactic={tactic} />
        ))}
        {list(signal.techniques).map((technique) => (
          <Chip key={technique} title="ATT&CK technique">
            {technique}
          </Chip>
        ))}
      </header>
      <p className={styles.reason}>
        <HostileText text={signal.reason} />
      </p>
      <div className={styles.columns}>
        <div>
          <h3 className={styles.subtitle}>What matched</h3>
          <Matched signal={signal} />
        </div>
        <div>
          <h3 className={styles.subtitle}>Facts</h3>
          <Facts
            facts={[
              ['Time', <Instant key="time" time={signal.time} />],
              ['Rule', <Code key="rule">{signal.rule_id}</Code>],
              ['Data', <Code key="data">{signal.dataset}</Code>],
              ['Severity', `${signal.severity} of 100`],
              ['Confidence', `${signal.confidence} of 100`],
              ...(signal.outcome ? ([['Outcome', plainName(signal.outcome)]] as const) : []),
              [
                'Events',
                <AppLink key="events" to={incidentAddress(incident.id, { tab: 'events', signal: signal.id })}>
                  {count(total, 'event')}
                  {total > events.length && `, the first ${events.length} kept`}
                </AppLink>,
              ],
              [
                'Entities',
                <ul key="entities" className={styles.plain}>
                  {list(signal.entities).map((entity) => (
                    <li key={`${entity.type}:${entity.value}:${entity.role ?? ''}`}>
                      <Faint>
                        {plainName(entity.type)}
                        {entity.role ? ` (${plainName(entity.role).toLowerCase()})` : ''}:
                      </Faint>{' '}
                      <HostileText text={entity.value} />
                    </li>
                  ))}
                </ul>,
              ],
            ]}
          />
        </div>
      </div>
      <Joins incident={incident} signal={signal} />
    </section>
  );
}

function Matched({ signal }: { signal: IncidentSignal }) {
  const styles = useStyles2(getStyles);
  const matched = list(signal.matched);
  if (matched.length === 0) {
    return <Faint>This detector names no single values.</Faint>;
  }
  return (
    <table className={styles.matched}>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {matched.map((pair, at) => (
          <tr key={at}>
            <td>
              <Code>{pair.field}</Code>
            </td>
            <td>
              <HostileText mono text={asText(pair.value)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Joins says why a signal is part of this incident: the edges that touch it. */
function Joins({ incident, signal }: { incident: Incident; signal: IncidentSignal }) {
  const styles = useStyles2(getStyles);
  const edges = list(incident.edges).filter((edge) => edge.from === signal.id || edge.to === signal.id);
  const names = new Map(list(incident.signals).map((other) => [other.id, other.rule_name || other.rule_id]));
  const other = (edge: Edge) => (edge.from === signal.id ? edge.to : edge.from);
  return (
    <div>
      <h3 className={styles.subtitle}>Why it belongs to this incident</h3>
      {edges.length === 0 ? (
        <Faint>{list(incident.signals).length === 1 ? 'It is the only signal.' : 'No join is recorded for it.'}</Faint>
      ) : (
        <ul className={styles.plain}>
          {edges.map((edge, at) => (
            <li key={at} className={styles.edge}>
              <Chip title={`Join weight ${edge.weight} of 1`}>
                {edge.strength === 'strong' ? '━━ Strong' : '╌╌ Weak'} {Math.round(edge.weight * 100)} %
              </Chip>
              <span>
                shares <HostileText text={edge.entity} /> with{' '}
                <AppLink to={incidentAddress(incident.id, { tab: 'signals', signal: other(edge) })}>{names.get(other(edge)) ?? other(edge)}</AppLink>
                {edge.reason !== '' && (
                  <>
                    : <HostileText text={edge.reason} />
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  signal: css({
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.borderRadius(1),
    padding: theme.spacing(2),
    scrollMarginTop: 200,
  }),
  selected: css({ borderColor: theme.colors.primary.border, boxShadow: `inset 3px 0 0 ${theme.colors.primary.main}` }),
  head: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center' }),
  title: css({ ...theme.typography.h5, margin: 0 }),
  subtitle: css({ ...theme.typography.h6, color: theme.colors.text.secondary, margin: theme.spacing(1, 0) }),
  reason: css({ margin: theme.spacing(1, 0), maxWidth: '90ch' }),
  columns: css({
    display: 'grid',
    gap: theme.spacing(1, 4),
    gridTemplateColumns: 'minmax(0, 3fr) minmax(0, 2fr)',
    [theme.breakpoints.down('lg')]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  matched: css({
    width: '100%',
    'th, td': { textAlign: 'left', verticalAlign: 'top', padding: theme.spacing(0.5, 1.5, 0.5, 0), borderBottom: `1px solid ${theme.colors.border.weak}` },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular },
    'td:first-child': { width: '38%' },
  }),
  plain: css({ listStyle: 'none', margin: 0, padding: 0 }),
  edge: css({ display: 'flex', gap: theme.spacing(1), alignItems: 'baseline', padding: theme.spacing(0.25, 0), flexWrap: 'wrap' }),
});
