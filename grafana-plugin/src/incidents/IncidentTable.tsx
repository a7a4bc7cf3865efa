import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import { useEffect, useRef } from 'react';
import type { RefObject } from 'react';
import { Link } from 'react-router-dom';

import { list } from '../api/types';
import type { Entity, IncidentSummary, Order, Sort } from '../api/types';
import { Faint, HostileText } from '../ui/HostileText';
import { ConfidenceMark, DomainMark, SeverityMark, TacticMark } from '../ui/Marks';
import { Ago } from '../ui/Time';
import { count, entityIcons, plainName, points, statusNames, triageVerdictNames } from '../ui/words';
import { incidentAddress } from '../url/routes';

interface TableProps {
  items: readonly IncidentSummary[];
  sort: Sort;
  order: Order;
  onSort: (sort: Sort, order: Order) => void;
}

/** MOST_ENTITIES is how many entities a row names. */
const MOST_ENTITIES = 3;

/** IncidentTable lists incidents; j and k move between them, Enter opens one. */
export function IncidentTable({ items, sort, order, onSort }: TableProps) {
  const styles = useStyles2(getStyles);
  const body = useRef<HTMLTableSectionElement>(null);
  useRowKeys(body);
  const head = (name: Sort, title: string) => <SortHead name={name} title={title} sort={sort} order={order} onSort={onSort} />;
  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <thead>
          <tr>
            {head('severity', 'Severity')}
            <th scope="col">Incident</th>
            <th scope="col">Confidence</th>
            {head('score', 'Score')}
            <th scope="col">Entities</th>
            <th scope="col">Status</th>
            {head('first_seen', 'Age')}
            {head('last_seen', 'Last seen')}
          </tr>
        </thead>
        <tbody ref={body}>
          {items.map((incident) => (
            <Row key={incident.id} incident={incident} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ incident }: { incident: IncidentSummary }) {
  const styles = useStyles2(getStyles);
  return (
    <tr>
      <td data-label="Severity">
        <SeverityMark severity={incident.severity} />
      </td>
      <td data-label="Incident" className={styles.title}>
        <Link to={incidentAddress(incident.id)} data-row-link className={styles.link}>
          <HostileText text={short(incident.title)} />
        </Link>
        <div className={styles.chips}>
          {list(incident.domains).map((domain) => (
            <DomainMark key={domain} domain={domain} />
          ))}
          {list(incident.tactics).map((tactic) => (
            <TacticMark key={tactic} tactic={tactic} />
          ))}
          <Faint>{count(incident.signal_count, 'signal')}</Faint>
        </div>
      </td>
      <td data-label="Confidence">
        <ConfidenceMark confidence={incident.confidence} />
      </td>
      <td data-label="Score" className={styles.number}>
        {points(incident.score)}
      </td>
      <td data-label="Entities">
        <Entities entities={list(incident.entities)} />
      </td>
      <td data-label="Status">
        <div>
          {statusNames[incident.status] ?? incident.status}
          {incident.state !== 'open' && <Faint> · {plainName(incident.state)}</Faint>}
          <div className={styles.small}>{incident.assignee ? <HostileText text={incident.assignee} /> : 'No owner'}</div>
          {incident.verdict && <div className={styles.small}>{triageVerdictNames[incident.verdict] ?? incident.verdict}</div>}
        </div>
      </td>
      <td data-label="Age">
        <Ago time={incident.first_seen} />
      </td>
      <td data-label="Last seen">
        <Ago time={incident.last_seen} />
      </td>
    </tr>
  );
}

/** short cuts a title that nobody could read in a row; the incident's page has all of it. */
function short(title: string): string {
  return title.length > 300 ? `${title.slice(0, 300)}…` : title;
}

function Entities({ entities }: { entities: readonly Entity[] }) {
  const styles = useStyles2(getStyles);
  const shown = entities.slice(0, MOST_ENTITIES);
  return (
    <ul className={styles.entities}>
      {shown.map((entity) => (
        <li key={`${entity.type}:${entity.value}`} title={plainName(entity.type)}>
          <Icon name={entityIcons[entity.type] ?? 'cube'} size="sm" />
          <HostileText text={entity.value} />
        </li>
      ))}
      {entities.length > shown.length && (
        <li>
          <Faint>and {entities.length - shown.length} more</Faint>
        </li>
      )}
    </ul>
  );
}

function SortHead({ name, title, sort, order, onSort }: { name: Sort; title: string } & Omit<TableProps, 'items'>) {
  const styles = useStyles2(getStyles);
  const active = sort === name;
  const next: Order = active && order === 'desc' ? 'asc' : 'desc';
  return (
    <th scope="col" aria-sort={active ? (order === 'asc' ? 'ascending' : 'descending') : 'none'}>
      <button type="button" className={cx(styles.sort, active && styles.sorted)} onClick={() => onSort(name, next)}>
        {title}
        {active && <Icon name={order === 'asc' ? 'arrow-up' : 'arrow-down'} size="sm" />}
      </button>
    </th>
  );
}

/** useRowKeys moves the focus between rows by j and k, wherever it is on the page except in a field. */
function useRowKeys(body: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target;
      if ((event.key !== 'j' && event.key !== 'k') || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      if (target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))) {
        return;
      }
      const links = Array.from(body.current?.querySelectorAll<HTMLElement>('[data-row-link]') ?? []);
      if (links.length === 0) {
        return;
      }
      const at = links.findIndex((link) => link === document.activeElement);
      const to = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + (event.key === 'j' ? 1 : -1)));
      links[to]?.focus();
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [body]);
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ overflowX: 'auto', border: `1px solid ${theme.colors.border.weak}`, borderRadius: theme.shape.borderRadius(1) }),
  table: css({
    width: '100%',
    background: theme.colors.background.primary,
    'th, td': { padding: theme.spacing(1, 1.5), textAlign: 'left', verticalAlign: 'top' },
    thead: { background: theme.colors.background.secondary },
    th: { fontWeight: theme.typography.fontWeightMedium, whiteSpace: 'nowrap', color: theme.colors.text.secondary },
    'tbody tr': { borderTop: `1px solid ${theme.colors.border.weak}` },
    'tbody tr:hover': { background: theme.colors.action.hover },
    'tbody tr:focus-within': { background: theme.colors.action.selected, boxShadow: `inset 3px 0 0 ${theme.colors.primary.main}` },
    // On a narrow screen each incident is a block of named values.
    [theme.breakpoints.down('md')]: {
      'thead': { position: 'absolute', width: 1, height: 1, overflow: 'hidden', clip: 'rect(0 0 0 0)' },
      'tbody tr': { display: 'block', padding: theme.spacing(1, 0) },
      td: { display: 'grid', gridTemplateColumns: '96px 1fr', padding: theme.spacing(0.25, 1.5) },
      'td::before': { content: 'attr(data-label)', color: theme.colors.text.secondary },
    },
  }),
  title: css({
    minWidth: 260,
    [theme.breakpoints.down('md')]: { '&&': { display: 'block' }, '&&::before': { content: 'none' } },
  }),
  link: css({
    fontWeight: theme.typography.fontWeightMedium,
    color: theme.colors.text.primary,
    '&:hover': { textDecoration: 'underline' },
  }),
  chips: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5), marginTop: theme.spacing(0.5), alignItems: 'center' }),
  number: css({ fontVariantNumeric: 'tabular-nums' }),
  small: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize, minWidth: 64 }),
  entities: css({
    listStyle: 'none',
    margin: 0,
    padding: 0,
    maxWidth: 320,
    minWidth: 230,
    li: { display: 'flex', gap: theme.spacing(0.5), alignItems: 'baseline' },
  }),
  sort: css({
    background: 'none',
    border: 0,
    padding: 0,
    color: 'inherit',
    fontWeight: 'inherit',
    display: 'inline-flex',
    gap: theme.spacing(0.5),
    alignItems: 'center',
    '&:hover': { color: theme.colors.text.primary },
  }),
  sorted: css({ color: theme.colors.text.primary }),
});
