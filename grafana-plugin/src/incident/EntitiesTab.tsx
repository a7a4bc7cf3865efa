import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { ClipboardButton, Icon, useStyles2 } from '@grafana/ui';

import { list } from '../api/types';
import type { Entity, Incident } from '../api/types';
import { AppLink } from '../ui/AppLink';
import { Faint, HostileText } from '../ui/HostileText';
import { Notice } from '../ui/PageState';
import { entityIcons, plainName } from '../ui/words';
import { incidentsAddress } from '../url/routes';

/** EntitiesTab lists who and what the incident is about, the most named first. */
export function EntitiesTab({ incident }: { incident: Incident }) {
  const styles = useStyles2(getStyles);
  const entities = [...list(incident.entities)].sort((a, b) => (b.signals ?? 0) - (a.signals ?? 0));
  if (entities.length === 0) {
    return <Notice icon="info-circle" title="No entities" />;
  }
  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Entity</th>
            <th scope="col">Role</th>
            <th scope="col">Signals</th>
            <th scope="col">Elsewhere</th>
          </tr>
        </thead>
        <tbody>
          {entities.map((entity) => (
            <tr key={`${entity.type}:${entity.value}:${entity.role ?? ''}`}>
              <td className={styles.kind}>
                <Icon name={entityIcons[entity.type] ?? 'cube'} /> {plainName(entity.type)}
              </td>
              <td>
                <Value entity={entity} />
              </td>
              <td>{entity.role ? plainName(entity.role) : <Faint>none</Faint>}</td>
              <td className={styles.number}>{entity.signals ?? 0}</td>
              <td>
                <AppLink to={incidentsAddress({ entity: `${entity.type}:${entity.value}` })}>Its incidents</AppLink>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Value({ entity }: { entity: Entity }) {
  const aliases = list(entity.aliases);
  return (
    <>
      <HostileText text={entity.value} />{' '}
      <ClipboardButton size="sm" variant="secondary" fill="text" icon="copy" aria-label="Copy" getText={() => entity.value} />
      {aliases.length > 0 && (
        <div>
          <Faint>
            also{' '}
            {aliases.map((alias, at) => (
              <span key={alias}>
                {at > 0 && ', '}
                <HostileText text={alias} />
              </span>
            ))}
          </Faint>
        </div>
      )}
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ overflowX: 'auto' }),
  table: css({
    width: '100%',
    'th, td': { textAlign: 'left', verticalAlign: 'top', padding: theme.spacing(1, 2, 1, 0), borderBottom: `1px solid ${theme.colors.border.weak}` },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
  }),
  kind: css({ whiteSpace: 'nowrap' }),
  number: css({ fontVariantNumeric: 'tabular-nums' }),
});
