import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

// Grafana 10.1 has no Stack and newer ones drop what it has, so these two are ours.

interface LayoutProps {
  children: ReactNode;
  /** In steps of the theme's spacing. */
  gap?: number;
  align?: 'start' | 'center' | 'end' | 'stretch' | 'baseline';
  justify?: 'start' | 'between' | 'end';
  wrap?: boolean;
}

/** Row sets its children side by side; they wrap unless told not to. */
export function Row({ children, gap = 1, align = 'center', justify = 'start', wrap = true }: LayoutProps) {
  const styles = useStyles2(getStyles);
  return (
    <div
      className={styles.row}
      style={{
        gap: `${gap * 8}px`,
        alignItems: flex[align],
        justifyContent: justify === 'between' ? 'space-between' : flex[justify],
        flexWrap: wrap ? 'wrap' : 'nowrap',
      }}
    >
      {children}
    </div>
  );
}

/** Column sets its children below each other. */
export function Column({ children, gap = 1 }: Pick<LayoutProps, 'children' | 'gap'>) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.column} style={{ gap: `${gap * 8}px` }}>
      {children}
    </div>
  );
}

/** Panel is a framed part of a page with a heading. */
export function Panel({ title, aside, children }: { title?: ReactNode; aside?: ReactNode; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <section className={styles.panel}>
      {title !== undefined && (
        <header className={styles.panelHeader}>
          <h2 className={styles.panelTitle}>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

/** Facts is a list of names and values. */
export function Facts({ facts }: { facts: ReadonlyArray<readonly [string, ReactNode]> }) {
  const styles = useStyles2(getStyles);
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name} className={styles.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const flex = { start: 'flex-start', center: 'center', end: 'flex-end', stretch: 'stretch', baseline: 'baseline' } as const;

const getStyles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', minWidth: 0 }),
  column: css({ display: 'flex', flexDirection: 'column', minWidth: 0 }),
  panel: css({
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.borderRadius(1),
    padding: theme.spacing(2),
    minWidth: 0,
  }),
  panelHeader: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1),
    alignItems: 'center',
    justifyContent: 'space-between',
    marginBottom: theme.spacing(1.5),
  }),
  panelTitle: css({ ...theme.typography.h5, margin: 0 }),
  facts: css({ display: 'grid', gap: theme.spacing(0.75), margin: 0 }),
  fact: css({
    display: 'grid',
    gridTemplateColumns: 'minmax(90px, 160px) 1fr',
    gap: theme.spacing(1.5),
    dt: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular },
    dd: { margin: 0, minWidth: 0, overflowWrap: 'anywhere' },
  }),
});
