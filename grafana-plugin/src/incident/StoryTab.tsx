import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';

import { list } from '../api/types';
import type { Incident } from '../api/types';
import { AppLink } from '../ui/AppLink';
import { HostileText } from '../ui/HostileText';
import { DomainMark, TacticMark } from '../ui/Marks';
import { Notice } from '../ui/PageState';
import { Instant, known } from '../ui/Time';
import { domainIcons, lifetime } from '../ui/words';
import { incidentAddress } from '../url/routes';

/** StoryTab tells what happened, in order of event time. */
export function StoryTab({ incident }: { incident: Incident }) {
  const styles = useStyles2(getStyles);
  const steps = list(incident.story);
  const signals = new Map(list(incident.signals).map((signal) => [signal.id, signal]));
  if (steps.length === 0) {
    return (
      <Notice icon="info-circle" title="No story">
        <p>This revision of the incident tells none. Its signals say what was found.</p>
      </Notice>
    );
  }
  return (
    <ol className={styles.story}>
      {steps.map((step, at) => {
        const signal = step.signal === undefined ? undefined : signals.get(step.signal);
        const icon = signal === undefined ? undefined : domainIcons[signal.domain];
        const gap = gapBetween(step.time, steps[at + 1]?.time);
        return (
          <li key={at} className={styles.step}>
            <span className={styles.dot} aria-hidden="true">
              <Icon name={icon ?? 'circle'} size="sm" />
            </span>
            <div className={styles.head}>
              <strong>
                <Instant time={step.time} />
              </strong>
              {step.tactic !== undefined && step.tactic !== '' && <TacticMark tactic={step.tactic} />}
              {signal !== undefined && <DomainMark domain={signal.domain} />}
            </div>
            <p className={styles.text}>
              <HostileText text={step.text} />
            </p>
            {signal !== undefined && (
              <p className={styles.source}>
                Signal: <AppLink to={incidentAddress(incident.id, { tab: 'signals', signal: signal.id })}>{signal.rule_name || signal.rule_id}</AppLink>
              </p>
            )}
            {gap !== '' && <p className={styles.gap}>{gap} later</p>}
          </li>
        );
      })}
    </ol>
  );
}

/** gapBetween names a pause of a minute or more, rounded to its largest unit. */
export function gapBetween(before: string, after: string | undefined): string {
  if (!known(before) || !known(after)) {
    return '';
  }
  const seconds = Math.floor((Date.parse(after) - Date.parse(before)) / 1000);
  for (const unit of [86400, 3600, 60]) {
    if (seconds >= unit) {
      return lifetime(Math.floor(seconds / unit) * unit);
    }
  }
  return '';
}

const getStyles = (theme: GrafanaTheme2) => ({
  story: css({ listStyle: 'none', margin: 0, padding: theme.spacing(0, 0, 0, 2.5) }),
  step: css({
    position: 'relative',
    borderLeft: `2px solid ${theme.colors.border.medium}`,
    padding: theme.spacing(0, 0, 2.5, 3.5),
    '&:last-child': { borderLeftColor: 'transparent', paddingBottom: 0 },
  }),
  gap: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize, margin: theme.spacing(2, 0, 0) }),
  dot: css({
    position: 'absolute',
    left: -14,
    width: 26,
    height: 26,
    borderRadius: '50%',
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    background: theme.colors.background.secondary,
    border: `2px solid ${theme.colors.border.strong}`,
  }),
  head: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center', minHeight: 26 }),
  text: css({ margin: theme.spacing(0.5, 0), maxWidth: '90ch' }),
  source: css({ margin: 0, color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
