import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, useStyles2 } from '@grafana/ui';

import { list } from '../api/types';
import type { Incident } from '../api/types';
import { AppLink } from '../ui/AppLink';
import { HostileText } from '../ui/HostileText';
import { Notice } from '../ui/PageState';
import { points } from '../ui/words';
import { incidentAddress } from '../url/routes';

/** ScoreTab adds the score up, part by part, and says so when the sum is another. */
export function ScoreTab({ incident }: { incident: Incident }) {
  const styles = useStyles2(getStyles);
  const parts = list(incident.score_parts);
  if (parts.length === 0) {
    return <Notice icon="info-circle" title="The score has no parts" />;
  }
  const sum = parts.reduce((total, part) => total + part.points, 0);
  const most = Math.max(...parts.map((part) => Math.abs(part.points)), 1);
  const signals = new Map(list(incident.signals).map((signal) => [signal.id, signal]));
  return (
    <>
      {Math.abs(sum - incident.score) > 0.05 && (
        <Alert severity="warning" title={`The parts add up to ${points(sum)}, the score is ${points(incident.score)}`}>
          The incident was written by a version that counts differently.
        </Alert>
      )}
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Why</th>
            <th scope="col">Signal</th>
            <th scope="col" className={styles.number}>
              Points
            </th>
            <th scope="col" className={styles.number}>
              Sum
            </th>
            <td className={styles.barCell} />
          </tr>
        </thead>
        <tbody>
          {parts.map((part, at) => {
            const running = parts.slice(0, at + 1).reduce((total, one) => total + one.points, 0);
            const signal = part.signal === undefined ? undefined : signals.get(part.signal);
            return (
              <tr key={at}>
                <td>
                  <HostileText text={part.label} />
                </td>
                <td>
                  {signal !== undefined && (
                    <AppLink to={incidentAddress(incident.id, { tab: 'signals', signal: signal.id })}>{signal.rule_name || signal.rule_id}</AppLink>
                  )}
                </td>
                <td className={styles.number}>{part.points > 0 ? `+${points(part.points)}` : points(part.points)}</td>
                <td className={styles.number}>{points(running)}</td>
                <td className={styles.barCell} aria-hidden="true">
                  <div className={part.points < 0 ? styles.less : styles.more} style={{ width: `${(Math.abs(part.points) / most) * 100}%` }} />
                </td>
              </tr>
            );
          })}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={2}>
              Score
            </th>
            <td className={styles.number}>
              <strong>{points(sum)}</strong>
            </td>
            <td />
            <td className={styles.barCell} />
          </tr>
        </tfoot>
      </table>
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  table: css({
    width: '100%',
    maxWidth: 1100,
    'th, td': { textAlign: 'left', verticalAlign: 'top', padding: theme.spacing(1, 2, 1, 0), borderBottom: `1px solid ${theme.colors.border.weak}` },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
  }),
  number: css({ '&&': { textAlign: 'right' }, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }),
  barCell: css({ width: '26%', minWidth: 80, [theme.breakpoints.down('md')]: { display: 'none' } }),
  more: css({ height: 12, marginTop: 4, background: theme.colors.primary.main, borderRadius: theme.shape.borderRadius(1) }),
  less: css({ height: 12, marginTop: 4, border: `1px dashed ${theme.colors.text.secondary}`, borderRadius: theme.shape.borderRadius(1) }),
});
