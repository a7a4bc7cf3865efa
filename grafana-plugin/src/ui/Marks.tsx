import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

import { CONFIDENCES, SEVERITIES } from '../api/types';
import type { AuthorityVerdict, Confidence, Severity } from '../api/types';
import { authorityNames, confidenceNames, domainIcons, plainName, severityNames, shortAuthorityNames, tacticName } from './words';

// Marks say the same thing three times: by a word, by a shape and by a colour.

/** SeverityMark shows a severity as rising bars and its name. */
export function SeverityMark({ severity }: { severity: Severity }) {
  const styles = useStyles2(getStyles);
  const level = SEVERITIES.indexOf(severity) + 1;
  return (
    <span className={cx(styles.mark, styles.severity[severity])}>
      <svg width="16" height="14" viewBox="0 0 16 14" aria-hidden="true">
        {SEVERITIES.map((name, at) => (
          <rect
            key={name}
            x={at * 4}
            y={9 - at * 3}
            width="3"
            height={5 + at * 3}
            fill={at < level ? 'currentColor' : 'none'}
            stroke="currentColor"
            strokeWidth={at < level ? 0 : 0.75}
            opacity={at < level ? 1 : 0.5}
          />
        ))}
      </svg>
      {severityNames[severity] ?? severity}
    </span>
  );
}

/** ConfidenceMark shows a confidence as filled dots and its name. */
export function ConfidenceMark({ confidence }: { confidence: Confidence }) {
  const styles = useStyles2(getStyles);
  const level = CONFIDENCES.indexOf(confidence) + 1;
  return (
    <span className={styles.mark}>
      <svg width="26" height="10" viewBox="0 0 26 10" aria-hidden="true">
        {CONFIDENCES.map((name, at) => (
          <circle
            key={name}
            cx={4 + at * 9}
            cy="5"
            r="3.2"
            fill={at < level ? 'currentColor' : 'none'}
            stroke="currentColor"
            strokeWidth="1"
          />
        ))}
      </svg>
      {confidenceNames[confidence] ?? confidence}
    </span>
  );
}

const shapes: Record<AuthorityVerdict, ReactNode> = {
  act_alone: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M4.6 8.3 7 10.7l4.5-5" fill="none" stroke="var(--mark-hole)" strokeWidth="1.8" />
    </>
  ),
  needs_approval: (
    <>
      <path d="M8 .8 15.2 8 8 15.2.8 8z" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M8 4.6v4" stroke="currentColor" strokeWidth="1.8" />
      <circle cx="8" cy="11" r="1.1" fill="currentColor" />
    </>
  ),
  forbidden: (
    <>
      <path d="M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z" fill="currentColor" />
      <path d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6" stroke="var(--mark-hole)" strokeWidth="1.8" />
    </>
  ),
};

/** VerdictMark shows what authority says: a filled disc, an open diamond or an octagon, with its name. */
export function VerdictMark({ verdict, short = false }: { verdict: AuthorityVerdict; short?: boolean }) {
  const styles = useStyles2(getStyles);
  return (
    <span className={cx(styles.mark, styles.verdict[verdict])}>
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" className={styles.shape}>
        {shapes[verdict]}
      </svg>
      <span className={styles.word}>{(short ? shortAuthorityNames : authorityNames)[verdict] ?? verdict}</span>
    </span>
  );
}

/** DomainMark names a domain with its icon. */
export function DomainMark({ domain }: { domain: string }) {
  const styles = useStyles2(getStyles);
  const icon = domainIcons[domain];
  return (
    <span className={styles.chip}>
      {icon !== undefined && <Icon name={icon} size="sm" />}
      {plainName(domain)}
    </span>
  );
}

/** TacticMark names an ATT&CK tactic; its id is in the tooltip. */
export function TacticMark({ tactic }: { tactic: string }) {
  const styles = useStyles2(getStyles);
  return (
    <span className={cx(styles.chip, styles.tactic)} title={`ATT&CK ${tactic}`}>
      {tacticName(tactic)}
    </span>
  );
}

/** Chip is a small framed word. */
export function Chip({ children, title }: { children: ReactNode; title?: string }) {
  const styles = useStyles2(getStyles);
  return (
    <span className={styles.chip} title={title}>
      {children}
    </span>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const orange = theme.visualization.getColorByName(theme.isDark ? 'orange' : 'dark-orange');
  return {
    mark: css({ display: 'inline-flex', gap: theme.spacing(0.75), alignItems: 'center', whiteSpace: 'nowrap', fontWeight: theme.typography.fontWeightMedium }),
    shape: css({ flex: 'none', '--mark-hole': theme.colors.background.primary }),
    word: css({ color: theme.colors.text.primary }),
    severity: {
      low: css({ color: theme.colors.text.secondary }),
      medium: css({ color: theme.colors.warning.text }),
      high: css({ color: orange }),
      critical: css({ color: theme.colors.error.text }),
    },
    verdict: {
      act_alone: css({ color: theme.colors.success.text }),
      needs_approval: css({ color: theme.colors.warning.text }),
      forbidden: css({ color: theme.colors.error.text }),
    },
    chip: css({
      display: 'inline-flex',
      gap: theme.spacing(0.5),
      alignItems: 'center',
      padding: theme.spacing(0, 0.75),
      border: `1px solid ${theme.colors.border.medium}`,
      borderRadius: theme.shape.borderRadius(1),
      fontSize: theme.typography.bodySmall.fontSize,
      lineHeight: theme.typography.bodySmall.lineHeight,
      whiteSpace: 'nowrap',
      color: theme.colors.text.primary,
    }),
    tactic: css({ background: theme.colors.background.secondary, borderStyle: 'dashed' }),
  };
};
