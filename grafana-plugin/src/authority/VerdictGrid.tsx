import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';

import type { AuthorityVerdict, Decision } from '../api/types';
import { VerdictMark } from '../ui/Marks';
import { authorityNames } from '../ui/words';

export interface GridRow {
  key: string;
  /** Read out together with the column's title. */
  name: string;
  head: ReactNode;
  /** One decision for each column; undefined where the question makes no sense. */
  cells: ReadonlyArray<Decision | undefined>;
}

interface GridProps {
  label: string;
  corner: string;
  columns: ReadonlyArray<{ key: string; title: string }>;
  rows: readonly GridRow[];
  selected: string;
  onSelect: (row: GridRow, column: string) => void;
}

/** cellKey names a cell in an address. */
export function cellKey(row: string, column: string): string {
  return `${column}|${row}`;
}

/**
 * VerdictGrid shows verdicts as a grid with one tab stop: arrow keys, Home and
 * End move in it, Enter opens the decision.
 */
export function VerdictGrid({ label, corner, columns, rows, selected, onSelect }: GridProps) {
  const styles = useStyles2(getStyles);
  const table = useRef<HTMLTableElement>(null);
  const [place, setPlace] = useState({ row: 0, column: 0 });
  const row = Math.min(place.row, rows.length - 1);
  const column = Math.min(place.column, columns.length - 1);

  const move = (event: KeyboardEvent) => {
    const next = moved(event.key, { row, column }, rows.length, columns.length);
    if (next === undefined) {
      return;
    }
    event.preventDefault();
    setPlace(next);
    table.current?.querySelector<HTMLElement>(`[data-cell="${next.row}-${next.column}"]`)?.focus();
  };

  return (
    <div className={styles.frame}>
      <table ref={table} className={styles.table} role="grid" aria-label={label} onKeyDown={move}>
        <thead>
          <tr>
            <th scope="col" className={styles.corner}>
              {corner}
            </th>
            {columns.map((one) => (
              <th key={one.key} scope="col">
                {one.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((one, rowAt) => (
            <tr key={one.key}>
              <th scope="row" className={styles.rowHead}>
                {one.head}
              </th>
              {columns.map((head, columnAt) => {
                const decision = one.cells[columnAt];
                const here = rowAt === row && columnAt === column;
                const open = selected !== '' && selected === cellKey(one.key, head.key);
                const text = decision === undefined ? 'does not apply' : authorityNames[decision.verdict];
                return (
                  <td key={head.key} role="gridcell">
                    <button
                      type="button"
                      data-cell={`${rowAt}-${columnAt}`}
                      tabIndex={here ? 0 : -1}
                      disabled={decision === undefined}
                      aria-label={`${one.name}, ${head.title}: ${text}`}
                      aria-haspopup="dialog"
                      className={cx(styles.cell, decision === undefined ? styles.none : styles.verdict[decision.verdict], open && styles.open)}
                      onFocus={() => setPlace({ row: rowAt, column: columnAt })}
                      onClick={() => onSelect(one, head.key)}
                    >
                      {decision === undefined ? '–' : <VerdictMark verdict={decision.verdict} short />}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** moved is the place that a key leads to; undefined for keys that do not move. */
export function moved(key: string, at: { row: number; column: number }, rows: number, columns: number) {
  const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
  switch (key) {
    case 'ArrowUp':
      return { row: clamp(at.row - 1, rows), column: at.column };
    case 'ArrowDown':
      return { row: clamp(at.row + 1, rows), column: at.column };
    case 'ArrowLeft':
      return { row: at.row, column: clamp(at.column - 1, columns) };
    case 'ArrowRight':
      return { row: at.row, column: clamp(at.column + 1, columns) };
    case 'Home':
      return { row: at.row, column: 0 };
    case 'End':
      return { row: at.row, column: columns - 1 };
    default:
      return undefined;
  }
}

const order: AuthorityVerdict[] = ['act_alone', 'needs_approval', 'forbidden'];

/** Legend explains the three marks and counts them. */
export function Legend({ decisions }: { decisions: ReadonlyArray<Decision | undefined> }) {
  const styles = useStyles2(getStyles);
  return (
    <ul className={styles.legend} aria-label="Legend">
      {order.map((verdict) => (
        <li key={verdict} className={cx(styles.cell, styles.legendItem, styles.verdict[verdict])}>
          <VerdictMark verdict={verdict} />
          <span className={styles.count}>{decisions.filter((decision) => decision?.verdict === verdict).length.toLocaleString()}</span>
        </li>
      ))}
    </ul>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ overflow: 'auto', maxWidth: '100%', border: `1px solid ${theme.colors.border.weak}`, borderRadius: theme.shape.borderRadius(1) }),
  table: css({
    borderCollapse: 'separate',
    borderSpacing: 0,
    // Columns are equally wide, so that grids below each other line up.
    tableLayout: 'fixed',
    width: '100%',
    minWidth: 940,
    [theme.breakpoints.down('md')]: { minWidth: 820 },
    background: theme.colors.background.primary,
    'th, td': { borderBottom: `1px solid ${theme.colors.border.weak}`, padding: theme.spacing(0.5) },
    'tr:last-child > *': { borderBottom: 0 },
    'thead th': {
      background: theme.colors.background.secondary,
      fontWeight: theme.typography.fontWeightMedium,
      textAlign: 'left',
      padding: theme.spacing(1),
      verticalAlign: 'bottom',
    },
    'tbody tr:hover > *': { background: theme.colors.action.hover },
  }),
  corner: css({ position: 'sticky', left: 0, zIndex: 1, width: '22%', [theme.breakpoints.down('md')]: { width: 140 } }),
  rowHead: css({
    position: 'sticky',
    left: 0,
    zIndex: 1,
    background: theme.colors.background.primary,
    textAlign: 'left',
    fontWeight: theme.typography.fontWeightRegular,
    '&&': { padding: theme.spacing(0.5, 1) },
    overflowWrap: 'anywhere',
  }),
  cell: css({
    width: '100%',
    minHeight: 32,
    padding: theme.spacing(0.25, 1),
    borderRadius: theme.shape.borderRadius(1),
    textAlign: 'left',
    background: 'transparent',
    '&:hover:not(:disabled)': { filter: 'brightness(1.12)' },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 1 },
  }),
  none: css({ border: 0, color: theme.colors.text.disabled }),
  verdict: {
    act_alone: css({ border: `1px solid ${theme.colors.success.border}`, background: theme.colors.success.transparent }),
    needs_approval: css({ border: `1px dashed ${theme.colors.warning.border}`, background: theme.colors.warning.transparent }),
    forbidden: css({ border: `1px solid ${theme.colors.border.weak}` }),
  },
  open: css({ outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 1 }),
  legend: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), listStyle: 'none', margin: 0, padding: 0 }),
  legendItem: css({ width: 'auto', minHeight: 0, display: 'inline-flex', gap: theme.spacing(1), alignItems: 'center' }),
  count: css({ color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums' }),
});
